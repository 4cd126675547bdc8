// The journal as the main thread sees it: the ring is a window over it. It gives out positions, lets stored events into
// the ring in their order, and knows where memory ends and the backlog on disk begins. It reads nothing itself: it says
// which page it wants, and is told what came.
//
// - `in-step`: every stored event that is owed its outcome is in the ring, or parked. The next one goes there at once.
// - `behind`: from the cursor on, events are on disk only; pages bring them as room appears. New ones stay on disk too,
//   so that the order holds. A page that ends where the journal does ends this.

import type { Dispatcher } from './dispatch/dispatcher.js';
import { notMeasured } from './dispatch/ring-buffer.js';
import { KeylaneError, shown } from './errors.js';
import { type EncodedEvent, journalPartition } from './event.js';
import type { Owed } from './group.js';
import { invariant } from './invariant.js';
import { JoinedEventsReader } from './joined-events.js';
import type { Partitions } from './partitions.js';
import type { JournalPage, JournalStart, PageRequest, ParkedEvents } from './store/messages.js';

interface Parts {
  readonly dispatcher: Dispatcher;
  readonly partitions: Partitions;
  readonly pageBytesMax: number;
  /** The most handlers that one event may be owed to: so much room is a page asked for with, at least. */
  widest(): number;
  /** How many slots may be taken now, besides those that others have asked for. */
  room(): number;
  onWarning(error: KeylaneError): void;
}

/** The most events one page asks for. */
const pageSizeMax = 4096;

export class Journal {
  readonly partition: number;
  readonly #parts: Parts;
  #state: 'in-step' | 'behind';
  /** The next position to admit: everything below it is in the ring, parked, or done. */
  #cursor: number;
  #positionNext: number;
  /** One above the highest position that was sent to be stored before the page that is under way was asked for. */
  #sentNext = 0;
  /** Room kept for the page that is under way; 0 when none is. */
  #reserved = 0;
  #backlog: number;
  #parked: number;
  #withdrawn = 0;
  #unmatched = 0;
  /** Parked events by handler, as far as they are found and not yet told of. */
  readonly #untold = new Map<string, number>();
  /** Handlers that somebody has removed. */
  readonly #expected = new Set<string>();
  /** Read by the dispatcher at once, and used again for every event. */
  readonly #place: { partition: number; position: number; handler: number; acceptedMs: number };

  constructor(start: JournalStart, parts: Parts) {
    this.partition = start.partition;
    this.#place = { partition: start.partition, position: 0, handler: 0, acceptedMs: notMeasured };
    this.#parts = parts;
    this.#backlog = start.pending;
    this.#parked = start.parked;
    this.#state = start.pending > 0 ? 'behind' : 'in-step';
    this.#positionNext = start.positionUnused;
    // Without anything pending, what lies below the first new position is done or was never used.
    this.#cursor = start.pending > 0 ? start.watermark : start.positionUnused;
    parts.partitions.open(journalPartition, { ...start, watermark: this.#cursor });
  }

  /** Whether nothing waits on disk only. */
  get isInStep(): boolean {
    return this.#state === 'in-step';
  }

  /** Everything below it is in memory, parked, or done. */
  get cursor(): number {
    return this.#cursor;
  }

  /** The position that the next event is given. */
  get positionNext(): number {
    return this.#positionNext;
  }

  /** Outcomes owed to accepted events that are on disk only and can run: as many as there are handlers to each. */
  get backlog(): number {
    return this.#backlog;
  }

  /** Events owed to handlers that are not there: of the journal, and of any partition if they wait in lanes. */
  get parked(): number {
    return this.#parked;
  }

  /** Events that were decided while they were on disk only. */
  get withdrawn(): number {
    return this.#withdrawn;
  }

  /** Events that were stored and owe nothing, as no handler took them. */
  get unmatched(): number {
    return this.#unmatched;
  }

  /** Room in the ring that a page under way will need. */
  get reserved(): number {
    return this.#reserved;
  }

  /** Gives out a position. */
  take(): number {
    const position = this.#positionNext;
    this.#positionNext += 1;
    return position;
  }

  /**
   * Takes in that an event was stored, which was accepted at `acceptedMs` by the pump's clock. Call it in the order of
   * positions.
   */
  stored(owed: Owed, position: number, acceptedMs: number = notMeasured): void {
    const { event, route } = owed;
    if (route.length === 0) this.#unmatched += 1;
    this.#backlog += route.length;
    // A page that was asked for again, as the thread that had been asked died, may have brought it already.
    if (this.#state === 'behind' || position < this.#cursor) return;
    // An event is admitted whole, or not yet.
    if (this.#parts.room() >= route.length) {
      this.#place.acceptedMs = acceptedMs;
      for (const handler of route) this.#admit(event, handler, position);
      this.#place.acceptedMs = notMeasured;
    } else this.#state = 'behind';
  }

  /** What is on disk only is not told of where it is owed to a handler that somebody has removed. */
  expectParked(handler: string): void {
    this.#expected.add(handler);
  }

  /** Takes in that an event waits in the lane of a handler that is not there. */
  parkedAt(position: number): void {
    // Of one that lies before the cursor a page has told so.
    if (position < this.#cursor) return;
    this.#backlog -= 1;
    this.#parked += 1;
  }

  /** Takes in that an event that was in the journal only is owed one outcome less. */
  left(position: number): void {
    // What lies before the cursor and is not in the ring is owed to a handler that is not there.
    if (position < this.#cursor) this.#parked -= 1;
    else this.#backlog -= 1;
    this.#withdrawn += 1;
  }

  /** Takes in that an event that waited in the lane of a handler that is not there is owed nothing more. */
  leftLane(): void {
    this.#parked -= 1;
    this.#withdrawn += 1;
  }

  /** The page to ask for now, or null. `sentNext`: one above the highest position sent to be stored so far. */
  wish(at: { room: number; sentNext: number }): PageRequest | null {
    if (this.#state === 'in-step' || this.#reserved > 0) return null;
    const room = Math.min(at.room, Math.max(pageSizeMax, this.#parts.widest()));
    // With less, a page could be empty for want of room for its first event.
    if (room < this.#parts.widest()) return null;
    this.#reserved = room;
    this.#sentNext = at.sentNext;
    return { from: this.#cursor, countMax: room, bytesMax: this.#parts.pageBytesMax };
  }

  /** Takes in the page that was asked for. */
  turn(page: JournalPage): void {
    invariant(this.#reserved > 0 && this.#state === 'behind', 'a page comes only when it was asked for');
    this.#reserved = 0;
    const reader = new JoinedEventsReader(page.events);
    let next = 0;
    for (let index = 0; index < page.events.count; index += 1) {
      reader.advance();
      const event = reader.event();
      const end = page.owedCounts === null ? next + 1 : next + page.owedCounts[index]!;
      for (; next < end; next += 1) this.#admit(event, page.handlers[next]!, page.positions[index]!);
    }
    for (const parked of page.parked) this.#park(parked);
    this.#cursor = page.next;
    if (!page.isLast) return;
    // The writer keeps the order of calls: the page has seen at least all that was sent before it. Positions above its
    // last row were never stored, such as those of duplicates.
    this.#cursor = Math.max(page.next, this.#sentNext);
    this.#state = 'in-step';
    this.#tellParked();
  }

  #park({ handler, count, positionFirst }: ParkedEvents): void {
    this.#parked += count;
    this.#backlog -= count;
    this.#parts.partitions.pin(this.partition, positionFirst);
    if (!this.#expected.has(handler)) this.#untold.set(handler, (this.#untold.get(handler) ?? 0) + count);
  }

  /** Once for each handler, however many pages its events were on. */
  #tellParked(): void {
    for (const [handler, count] of this.#untold) {
      const what = `${count} stored events are owed to handler ${shown(handler)}, which the module does not have`;
      const advice = 'they stay in the store; start with a module that has it to run them';
      this.#parts.onWarning(new KeylaneError('bad-handlers', `${what}: ${advice}`));
    }
    this.#untold.clear();
  }

  #admit(event: EncodedEvent, handler: number, position: number): void {
    this.#backlog -= 1;
    this.#cursor = position + 1;
    this.#place.position = position;
    this.#place.handler = handler;
    this.#parts.dispatcher.admit(event, this.#place);
  }
}
