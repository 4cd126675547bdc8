// One source while it is being consumed: what it gave and is not admitted yet, whether it has been asked for more, and
// how it came to its end. It holds at most one request's records. Its callbacks only note what came and wake the pump.

import type { DonePositions } from './done-positions.js';
import { KeylaneError, shown } from './errors.js';
import { isEncodedEvent } from './event.js';
import type { Route } from './routes.js';
import type { Source, SourceRecord } from './sources/source.js';

/** How the consumption of a source ended. */
export interface Fed {
  /** Events it gave that were accepted. All of them are durable, but for those that `stop` left. */
  readonly accepted: number;
  /** Whether the source came to its end, rather than being cut short by drain, stop, abort or a signal. */
  readonly ended: boolean;
}

/**
 * - `open`: may be asked. `asked`: its answer is under way.
 * - `over`: it gives no more, and `ending` says why; it is done once what it gave is durable.
 * - `done`: its promise has settled.
 */
type FeedState = 'open' | 'asked' | 'over' | 'done';

type Ending = { readonly ended: boolean } | { readonly error: unknown };

/** The most records one request asks for. */
const demandMax = 1024;

export interface FeedOptions {
  readonly source: Source;
  readonly partition: number;
  readonly watermark: number;
  readonly done: DonePositions;
  wake(): void;
}

export class Feed {
  readonly partition: number;
  /** Settles once the feed is over and everything it gave is durable; rejects with the source's own error. */
  readonly done: Promise<Fed>;
  readonly #source: Source;
  readonly #wake: () => void;
  /** Positions that have outcomes already. */
  readonly #done: DonePositions;
  /** The highest position the source has given. */
  #positionSeen: number;
  #state: FeedState = 'open';
  #ending: Ending = { ended: false };
  #records: readonly SourceRecord[] = [];
  #next = 0;
  #accepted = 0;
  #positionLast = -1;
  #committed = -1;
  #resolve: (fed: Fed) => void = () => {};
  #reject: (error: unknown) => void = () => {};

  constructor(of: FeedOptions) {
    this.#source = of.source;
    this.partition = of.partition;
    this.#done = of.done;
    this.#positionSeen = Math.max(0, of.watermark) - 1;
    this.#wake = () => of.wake();
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** The source's partition by name. */
  get name(): string {
    return this.#source.partition;
  }

  /** The next record to admit, or null. */
  peek(): SourceRecord | null {
    return this.#records[this.#next] ?? null;
  }

  /** What of a route is not done at a position; null where no handler takes what is there and nothing was done. */
  owed(position: number, route: Route | null): Route | null {
    return this.#done.owed(position, route);
  }

  /** Notes that the record last peeked at was admitted, or had nothing left that is owed. */
  took(position: number, { isOwed }: { isOwed: boolean }): void {
    this.#next += 1;
    if (!isOwed) return;
    this.#accepted += 1;
    this.#positionLast = position;
  }

  /** Asks the source for more if it has been used up and there is room. */
  ask(room: number): void {
    if (this.#state !== 'open' || room === 0 || this.peek() !== null) return;
    this.#state = 'asked';
    const demand = Math.min(room, demandMax);
    requesting(this.#source, demand).then(
      (answer) => this.#answered(answer, demand),
      (error) => this.#endAsked({ error }),
    );
  }

  /** Takes in how far the partition is durable; settles `done` once the feed is over and all of it is. */
  confirm(watermark: number): void {
    if (watermark > this.#committed) {
      this.#committed = watermark;
      this.#commit(watermark);
    }
    if (this.#state !== 'over' || watermark <= this.#positionLast) return;
    this.settle();
  }

  /** Settles `done` as the feed ended, whether or not all that was admitted is durable. */
  settle(): void {
    if (this.#state === 'done') return;
    this.#state = 'done';
    const ending = this.#ending;
    if ('error' in ending) this.#reject(ending.error);
    else this.#resolve({ accepted: this.#accepted, ended: ending.ended });
  }

  /** Takes no more of the source; what was admitted is finished. */
  cut(): void {
    this.#end({ ended: false });
  }

  /** Takes no more of the source because of what it gave; what was admitted is finished. */
  stopWith(error: KeylaneError): void {
    this.#end({ error });
  }

  /** Ends at once, whatever is still under way. */
  fail(error: KeylaneError): void {
    if (this.#state === 'done') return;
    this.#state = 'done';
    this.#records = [];
    this.#reject(error);
  }

  #commit(watermark: number): void {
    try {
      this.#source.commit?.(watermark);
    } catch (error) {
      this.#end({ error });
    }
  }

  #answered(answer: unknown, demand: number): void {
    // It may have been cut, or failed, since it was asked: then the answer comes too late.
    if (this.#state !== 'asked') return;
    if (answer === null) {
      this.#end({ ended: true });
      return;
    }
    try {
      this.#records = this.#checked(answer, demand);
    } catch (error) {
      this.#end({ error });
      return;
    }
    this.#next = 0;
    this.#state = 'open';
    this.#wake();
  }

  #endAsked(ending: Ending): void {
    if (this.#state === 'asked') this.#end(ending);
  }

  /** A source is not taken on trust: what it gives wrong costs its own call, not the processor. */
  #checked(answer: unknown, demand: number): readonly SourceRecord[] {
    if (!Array.isArray(answer) || answer.length === 0 || answer.length > demand) {
      const found = Array.isArray(answer) ? `${answer.length} records` : shown(answer);
      throw this.#wrong(`request(${demand}) must give 1 to ${demand} records or null, got ${found}`);
    }
    const records: SourceRecord[] = [];
    for (const record of answer as (SourceRecord | undefined)[]) {
      const position = record?.position;
      if (!Number.isSafeInteger(position) || (position as number) <= this.#positionSeen) {
        throw this.#wrong(
          `positions must be whole numbers that rise, got ${shown(position)} after ${this.#positionSeen}`,
        );
      }
      this.#positionSeen = position as number;
      if (!isEncodedEvent(record?.event)) {
        throw this.#wrong(`the event at position ${position} must be an encoded one, got ${shown(record?.event)}`);
      }
      if (!this.#done.has(this.#positionSeen)) records.push(record as SourceRecord);
    }
    return records;
  }

  #wrong(what: string): KeylaneError {
    return new KeylaneError('bad-input', `source ${shown(this.#source.partition)}: ${what}`);
  }

  #end(ending: Ending): void {
    if (this.#state === 'over' || this.#state === 'done') return;
    this.#state = 'over';
    this.#ending = ending;
    this.#records = [];
    this.#wake();
  }
}

/** A source may throw where it should reject. */
async function requesting(source: Source, demand: number): Promise<unknown> {
  return source.request(demand);
}
