// Who may come in, and when: publishers that wait for room, first come first served, and sources, which are asked for
// as much as there is room for. It runs no event and stores none. The pump calls `letIn` once a turn.

import type { DonePositions } from './done-positions.js';
import { KeylaneError, shown } from './errors.js';
import type { EncodedEvent } from './event.js';
import { type Fed, Feed } from './feed.js';
import type { Owed, Waiter } from './group.js';
import type { Closed } from './interrupt.js';
import { emptyRoute, type Route } from './routes.js';
import type { Source } from './sources/source.js';

/** What the intake needs of the rest. */
export interface IntakeParts {
  /** How many slots events of sources may take now. */
  room(): number;
  admit(event: EncodedEvent, owed: { partition: number; position: number; handler: number }): void;
  /** Whether a published event that is owed to so many handlers would be taken in now. */
  hasRoomFor(route: Route): boolean;
  /** Takes a published event in if there is room for it now; says whether it did. */
  accept(owed: Owed): boolean;
  /** Asks for what waits on disk, as far as there is room. */
  refill(): void;
  watermark(partition: number): number;
  /** The handlers that take a type, or null. */
  routeOf(type: string): Route | null;
  /** Whether a published event that no handler takes is refused; it is taken in otherwise, and owes nothing. */
  readonly refusesUnmatched: boolean;
  /** Says that there is something to do. */
  wake(): void;
  readonly publishersMax: number;
}

/** Where a feed begins, and what may cut it short. */
export interface FeedStart {
  readonly partition: number;
  readonly watermark: number;
  readonly done: DonePositions;
  readonly signal: AbortSignal | undefined;
}

/** A published event that waits for room: what it owes is not known before there is some. */
interface Publisher extends Omit<Owed, 'route'> {
  letIn(): void;
  refuse(error: unknown): void;
}

export class Intake {
  readonly #parts: IntakeParts;
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
  }

  /** Publishers that wait for room. */
  get publishersWaiting(): number {
    return this.#publishers.size;
  }

  /** The handlers that a published event is owed to. Throws where it would be refused. */
  routeOf(event: EncodedEvent): Route {
    this.refuseIfClosed();
    const route = this.#parts.routeOf(event.type);
    if (route === null && this.#parts.refusesUnmatched) throw noHandler(event.type, { code: 'bad-event', where: '' });
    return route ?? emptyRoute;
  }

  /** Throws what `close` was given, once it was. */
  refuseIfClosed(): void {
    if (this.#closed !== null) throw this.#closed.by;
  }

  /**
   * Takes an event in at once and says whether it did; if not it must wait. It jumps no queue: room comes only in a
   * turn, and the same turn lets those in who wait.
   */
  offer(event: EncodedEvent, waiter: Waiter | null): boolean {
    const route = this.routeOf(event);
    return this.#publishers.size === 0 && this.#parts.accept({ event, route, waiter });
  }

  /** Whether an event that is offered now would be taken in. Throws where it would be refused. */
  hasRoomFor(event: EncodedEvent): boolean {
    const route = this.routeOf(event);
    return this.#publishers.size === 0 && this.#parts.hasRoomFor(route);
  }

  /**
   * Takes an event in as soon as there is room, in order of arrival; resolves then, not when it is stored, which its
   * waiter hears of. Rejects when it never will be taken in: then the waiter hears of nothing.
   */
  wait(event: EncodedEvent, of: { waiter: Waiter | null; signal: AbortSignal | undefined }): Promise<void> {
    const { waiter, signal } = of;
    this.routeOf(event);
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
        ...{ event, waiter },
        letIn: () => {
          signal?.removeEventListener('abort', giveUp);
          resolve();
        },
        refuse: (error) => {
          signal?.removeEventListener('abort', giveUp);
          reject(error);
        },
      };
      signal?.addEventListener('abort', giveUp, { once: true });
      this.#publishers.add(publisher);
      // What it waits for may be something that only a turn sends off.
      this.#parts.wake();
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
    if (this.#sourcesFirst) this.#letSourcesIn();
    this.#parts.refill();
    this.#letPublishersIn();
    if (!this.#sourcesFirst) this.#letSourcesIn();
    this.#sourcesFirst = !this.#sourcesFirst;
  }

  /** Takes nothing in from here on. Those who wait are refused; sources are cut, or fail with a fatal `error`. */
  close(error: KeylaneError, how: { fatal: boolean }): void {
    this.#closed = { by: error, fatal: how.fatal };
    for (const callback of [...this.#whenClosed]) callback(this.#closed);
    for (const publisher of this.#publishers) publisher.refuse(error);
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
      const { event, waiter } = publisher;
      let route: Route;
      try {
        // Handlers may have come or gone since it was published.
        route = this.routeOf(event);
      } catch (error) {
        this.#publishers.delete(publisher);
        publisher.refuse(error);
        continue;
      }
      if (!this.#parts.accept({ event, route, waiter })) return;
      this.#publishers.delete(publisher);
      publisher.letIn();
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
    const { admit, routeOf, room } = this.#parts;
    const { partition } = feed;
    for (let record = feed.peek(); record !== null; record = feed.peek()) {
      const { event, position } = record;
      const route = routeOf(event.type);
      const owed = feed.owed(position, route);
      if (owed === null) {
        const where = `position ${position} of ${shown(feed.name)}: `;
        feed.stopWith(noHandler(event.type, { code: 'bad-input', where }));
        return;
      }
      // An event is admitted whole, or not yet.
      if (room() < owed.length) return;
      for (const handler of owed) admit(event, { partition, position, handler });
      feed.took(position, { isOwed: owed.length > 0 });
    }
  }
}

function noHandler(type: string, of: { code: 'bad-event' | 'bad-input'; where: string }): KeylaneError {
  return new KeylaneError(
    of.code,
    `${of.where}event.type must be a type that a handler takes, got ${shown(type)}: add a handler for it to the module`,
  );
}
