// The handler threads of a life, with somebody who looks at what is asked of them: no more at once than there are places
// for, a doubted event on a fresh thread and nowhere else, and nothing else there.

import { handlerResult } from '../../src/handler.js';
import { BatchReader } from '../../src/pool/batch-reader.js';
import type { BatchMessage, BatchReport } from '../../src/pool/messages.js';
import type { HandlerThreads } from '../../src/threads.js';

export class WatchedPool implements HandlerThreads {
  readonly #pool: HandlerThreads;
  readonly #wrong: string[];
  /** Of the handlers. */
  readonly #names: readonly string[];
  #underWay = 0;
  readonly #doubted = new Set<string>();
  /** Doubted ones of which the store was asked again: memory alone knows the doubt, and may have let go of them. */
  readonly #perhapsDoubted = new Set<string>();
  /** What is to run on a fresh thread, until it has. */
  readonly #fresh = new Set<string>();

  constructor(pool: HandlerThreads, { wrong, names }: { wrong: string[]; names: readonly string[] }) {
    this.#pool = pool;
    this.#wrong = wrong;
    this.#names = names;
  }

  get threads(): number {
    return this.#pool.threads;
  }

  get threadIds(): readonly number[] {
    return this.#pool.threadIds;
  }

  get places(): number {
    return this.#pool.places;
  }

  run(message: BatchMessage): Promise<BatchReport> {
    const events = identitiesOf(message, this.#names);
    for (const identity of events) {
      if (this.#doubted.has(identity)) this.#wrong.push(`${identity} is doubted and ran where others had`);
    }
    return this.#watch(events, () => this.#pool.run(message));
  }

  async runFresh(message: BatchMessage): Promise<BatchReport> {
    const events = identitiesOf(message, this.#names);
    for (const identity of events) {
      const isDoubted = this.#doubted.has(identity) || this.#perhapsDoubted.has(identity);
      if (events.length > 1 || !isDoubted) this.#wrong.push(`${identity} ran on a fresh thread`);
      this.#fresh.add(identity);
    }
    try {
      return await this.#watch(events, () => this.#pool.runFresh(message));
    } finally {
      for (const identity of events) this.#fresh.delete(identity);
    }
  }

  /** Whether an event is to run where nothing has run before. */
  isFresh(identity: string): boolean {
    return this.#fresh.has(identity);
  }

  /** The store has given an event to memory, which had let go of it or has it still. */
  comesAgain(identity: string): void {
    if (this.#doubted.delete(identity)) this.#perhapsDoubted.add(identity);
  }

  cancel(place: number, index: number): void {
    this.#pool.cancel(place, index);
  }

  running(place: number): ReturnType<HandlerThreads['running']> {
    return this.#pool.running(place);
  }

  setThreads(threads: number): Promise<void> {
    return this.#pool.setThreads(threads);
  }

  setHandlers(...given: Parameters<HandlerThreads['setHandlers']>): Promise<void> {
    return this.#pool.setHandlers(...given);
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  abort(): Promise<void> {
    return this.#pool.abort();
  }

  async #watch(events: readonly string[], run: () => Promise<BatchReport>): Promise<BatchReport> {
    this.#underWay += 1;
    if (this.#underWay > this.places) this.#wrong.push('more batches in flight than places');
    try {
      const report = await run();
      events.forEach((identity, index) => {
        if (report.results[index] === handlerResult.skipped) return;
        this.#perhapsDoubted.delete(identity);
        if (report.results[index] === handlerResult.doubted) this.#doubted.add(identity);
        else this.#doubted.delete(identity);
      });
      return report;
    } finally {
      this.#underWay -= 1;
    }
  }
}

/** With the names of handlers. */
function identitiesOf(message: BatchMessage, names: readonly string[]): string[] {
  const reader = new BatchReader(message);
  return Array.from({ length: message.count }, () => {
    reader.advance();
    return `${message.partitions[reader.partition]}/${reader.position}/${names[reader.handler]}`;
  });
}
