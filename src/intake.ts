// Who may come in, and when: publishers that wait for room, first come first served, and sources, which are asked for
// as much as there is room for. It admits events; it runs none and stores none. The pump calls `letIn` once a turn.

import { KeylaneError, shown } from './errors.js';
import type { EncodedEvent } from './event.js';
import { type Fed, Feed } from './feed.js';
import type { Closed } from './interrupt.js';
import type { PositionRuns } from './position-runs.js';
import type { Source } from './sources/source.js';

/** What the intake needs of the rest. */
export interface IntakeParts {
  /** How many events may be admitted now. */
  room(): number;
  admit(event: EncodedEvent, owed: { partition: number; position: number; handler: number }): void;
  watermark(partition: number): number;
  /** The index of the handler that takes a type, or null. */
  handlerOf(type: string): number | null;
  /** Says that there is something to do. */
  wake(): void;
  readonly publishersMax: number;
  /** The partition of published events. */
  readonly journal: { readonly partition: number; readonly positionNext: number };
}

/** Where a feed begins, and what may cut it short. */
export interface FeedStart {
  readonly partition: number;
  readonly watermark: number;
  readonly durable: PositionRuns;
  readonly signal: AbortSignal | undefined;
}

interface Publisher {
  readonly event: EncodedEvent;
  readonly handler: number;
  readonly resolve: (position: number) => void;
  readonly reject: (error: unknown) => void;
}

export class Intake {
  readonly #parts: IntakeParts;
  #positionNext: number;
  /** In order of arrival; a Set, so that one that gives up is taken out wherever it stands. */
  readonly #publishers = new Set<Publisher>();
  readonly #feeds = new Set<Feed>();
  /** Whether sources come before publishers in the next turn; they take turns, so that neither starves. */
  #sourcesFirst = false;
  /** Null while events are taken in. */
  #closed: Closed | null = null;
  readonly #whenClosed = new Set<(closed: Closed) => void>();

  constructor(parts: IntakeParts) {
    this.#parts = parts;
    this.#positionNext = parts.journal.positionNext;
  }

  /** Publishers that wait for room. */
  get publishersWaiting(): number {
    return this.#publishers.size;
  }

  /** Throws what `close` was given, once it was. */
  refuseIfClosed(): void {
    if (this.#closed !== null) throw this.#closed.by;
  }

  /**
   * Takes an event in at once and gives its position; null when it must wait. It jumps no queue: room comes only in a
   * turn, and the same turn lets those in who wait.
   */
  offer(event: EncodedEvent): number | null {
    const handler = this.#check(event);
    if (this.#parts.room() === 0) return null;
    return this.#admit(event, handler);
  }

  /** Takes an event in as soon as there is room, in order of arrival. Rejects when it never will be. */
  wait(event: EncodedEvent, signal?: AbortSignal): Promise<number> {
    const handler = this.#check(event);
    const { publishersMax } = this.#parts;
    if (this.#publishers.size >= publishersMax) {
      const held = `${publishersMax} publishers wait for room already (option publishersMax)`;
      return Promise.reject(
        new KeylaneError('overloaded', `${held}: await each publish before the next, or use publishMany`),
      );
    }
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const giveUp = (): void => {
        this.#publishers.delete(publisher);
        reject(signal?.reason);
      };
      const publisher: Publisher = {
        event,
        handler,
        resolve: (position) => {
          signal?.removeEventListener('abort', giveUp);
          resolve(position);
        },
        reject: (error) => {
          signal?.removeEventListener('abort', giveUp);
          reject(error);
        },
      };
      signal?.addEventListener('abort', giveUp, { once: true });
      this.#publishers.add(publisher);
    });
  }

  /** Takes in what a source gives until it ends. Settles once everything it gave is durable. */
  async feed(source: Source, from: FeedStart): Promise<Fed> {
    const { signal } = from;
    const feed = new Feed({ ...from, source, wake: () => this.#parts.wake() });
    const cut = (): void => feed.cut();
    signal?.addEventListener('abort', cut, { once: true });
    if (signal?.aborted) feed.cut();
    // The end of the processor may have overtaken the opening of the source.
    if (this.#closed !== null) this.#refuse(feed, this.#closed);
    this.#feeds.add(feed);
    this.#parts.wake();
    try {
      return await feed.done;
    } finally {
      this.#feeds.delete(feed);
      signal?.removeEventListener('abort', cut);
    }
  }

  /** Admits those who wait, as far as there is room, and asks the sources for more. Called once a turn. */
  letIn(): void {
    if (this.#sourcesFirst) {
      this.#letSourcesIn();
      this.#letPublishersIn();
    } else {
      this.#letPublishersIn();
      this.#letSourcesIn();
    }
    this.#sourcesFirst = !this.#sourcesFirst;
  }

  /** Takes nothing in from here on. Those who wait are refused; sources are cut, or fail with a fatal `error`. */
  close(error: KeylaneError, how: { fatal: boolean }): void {
    this.#closed = { by: error, fatal: how.fatal };
    for (const callback of [...this.#whenClosed]) callback(this.#closed);
    for (const publisher of this.#publishers) publisher.reject(error);
    this.#publishers.clear();
    for (const feed of this.#feeds) this.#refuse(feed, this.#closed);
  }

  /** See `OnClosed`. */
  onClosed(callback: (closed: Closed) => void): () => void {
    if (this.#closed !== null) callback(this.#closed);
    this.#whenClosed.add(callback);
    return () => this.#whenClosed.delete(callback);
  }

  /** Settles the feeds that are left once nothing more will become durable. */
  settleFeeds(): void {
    for (const feed of this.#feeds) feed.settle();
  }

  #letPublishersIn(): void {
    for (const publisher of this.#publishers) {
      if (this.#parts.room() === 0) return;
      this.#publishers.delete(publisher);
      publisher.resolve(this.#admit(publisher.event, publisher.handler));
    }
  }

  #letSourcesIn(): void {
    for (const feed of this.#feeds) {
      this.#takeFrom(feed);
      feed.ask(this.#parts.room());
      feed.confirm(this.#parts.watermark(feed.partition));
    }
  }

  #refuse(feed: Feed, closed: Closed): void {
    if (closed.fatal) {
      feed.fail(closed.by);
      return;
    }
    feed.cut();
    feed.confirm(this.#parts.watermark(feed.partition));
  }

  #takeFrom(feed: Feed): void {
    const { admit, handlerOf, room } = this.#parts;
    for (let record = feed.peek(); record !== null && room() > 0; record = feed.peek()) {
      const handler = handlerOf(record.event.type);
      if (handler === null) {
        const where = `position ${record.position} of ${shown(feed.name)}: `;
        feed.stopWith(noHandler(record.event.type, { code: 'bad-input', where }));
        return;
      }
      admit(record.event, { partition: feed.partition, position: record.position, handler });
      feed.took(record.position);
    }
  }

  #admit(event: EncodedEvent, handler: number): number {
    const { partition } = this.#parts.journal;
    const position = this.#positionNext;
    this.#positionNext += 1;
    this.#parts.admit(event, { partition, position, handler });
    return position;
  }

  #check(event: EncodedEvent): number {
    this.refuseIfClosed();
    const handler = this.#parts.handlerOf(event.type);
    if (handler === null) throw noHandler(event.type, { code: 'bad-event', where: '' });
    return handler;
  }
}

function noHandler(type: string, of: { code: 'bad-event' | 'bad-input'; where: string }): KeylaneError {
  return new KeylaneError(
    of.code,
    `${of.where}event.type must be a type that a handler takes, got ${shown(type)}: add a handler for it to the module`,
  );
}
