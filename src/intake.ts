// Who may come in, and when: publishers that wait for room, first come first served, and sources, which are asked for
// as much as there is room for. It admits events; it runs none and stores none. The pump calls `letIn` once a turn.

import { KeylaneError, shown } from './errors.js';
import type { EncodedEvent, Identity } from './event.js';
import { type Fed, Feed } from './feed.js';
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
  readonly journal: { readonly name: string; readonly partition: number; readonly positionNext: number };
}

interface Publisher {
  readonly event: EncodedEvent;
  readonly handler: number;
  readonly resolve: (identity: Identity) => void;
  readonly reject: (error: unknown) => void;
}

export class Intake {
  readonly #parts: IntakeParts;
  #positionNext: number;
  /** In order of arrival; a Set, so that one that gives up is taken out wherever it stands. */
  readonly #publishers = new Set<Publisher>();
  readonly #feeds = new Set<Feed>();
  /** Why nothing is taken in any more, and whether it is trouble; null while events are taken in. */
  #closed: { readonly by: KeylaneError; readonly fatal: boolean } | null = null;

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
   * Takes an event in at once; null when it must wait. It jumps no queue: room comes only in a turn, and the same turn
   * lets those in who wait.
   */
  offer(event: EncodedEvent): Identity | null {
    const handler = this.#check(event);
    if (this.#parts.room() === 0) return null;
    return this.#admit(event, handler);
  }

  /** Takes an event in as soon as there is room, in order of arrival. Rejects when it never will be. */
  wait(event: EncodedEvent, signal?: AbortSignal): Promise<Identity> {
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
        resolve: (identity) => {
          signal?.removeEventListener('abort', giveUp);
          resolve(identity);
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
  async feed(source: Source, from: { partition: number; signal?: AbortSignal | undefined }): Promise<Fed> {
    const feed = new Feed({ source, partition: from.partition, wake: this.#parts.wake });
    const cut = (): void => feed.cut();
    from.signal?.addEventListener('abort', cut, { once: true });
    if (from.signal?.aborted) feed.cut();
    // The end of the processor may have overtaken the opening of the source.
    if (this.#closed !== null) this.#refuse(feed, this.#closed);
    this.#feeds.add(feed);
    this.#parts.wake();
    try {
      return await feed.done;
    } finally {
      this.#feeds.delete(feed);
      from.signal?.removeEventListener('abort', cut);
    }
  }

  /** Admits those who wait, as far as there is room, and asks the sources for more. Called once a turn. */
  letIn(): void {
    for (const publisher of this.#publishers) {
      if (this.#parts.room() === 0) break;
      this.#publishers.delete(publisher);
      publisher.resolve(this.#admit(publisher.event, publisher.handler));
    }
    for (const feed of this.#feeds) {
      this.#takeFrom(feed);
      feed.ask(this.#parts.room());
      feed.confirm(this.#parts.watermark(feed.partition));
    }
  }

  /** Takes nothing in from here on. Those who wait are refused; sources are cut, or fail with a fatal `error`. */
  close(error: KeylaneError, how: { fatal: boolean }): void {
    this.#closed = { by: error, fatal: how.fatal };
    for (const publisher of this.#publishers) publisher.reject(error);
    this.#publishers.clear();
    for (const feed of this.#feeds) this.#refuse(feed, this.#closed);
  }

  /** Settles the feeds that are left once nothing more will become durable. */
  settleFeeds(): void {
    for (const feed of this.#feeds) feed.settle();
  }

  #refuse(feed: Feed, closed: { by: KeylaneError; fatal: boolean }): void {
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
        feed.stopWith(noHandler(record.event.type, 'bad-input'));
        return;
      }
      admit(record.event, { partition: feed.partition, position: record.position, handler });
      feed.took(record.position);
    }
  }

  #admit(event: EncodedEvent, handler: number): Identity {
    const { name, partition } = this.#parts.journal;
    const position = this.#positionNext;
    this.#positionNext += 1;
    this.#parts.admit(event, { partition, position, handler });
    return { partition: name, position };
  }

  #check(event: EncodedEvent): number {
    this.refuseIfClosed();
    const handler = this.#parts.handlerOf(event.type);
    if (handler === null) throw noHandler(event.type, 'bad-event');
    return handler;
  }
}

function noHandler(type: string, code: 'bad-event' | 'bad-input'): KeylaneError {
  return new KeylaneError(
    code,
    `event.type must be a type that a handler takes, got ${shown(type)}: add a handler for it to the handlers module`,
  );
}
