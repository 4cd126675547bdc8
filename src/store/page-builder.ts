// Puts a page of the journal together, row by row: a row is an event as one of its handlers has it. An event comes
// whole, with all of its handlers that are owed its outcome still, or with the next page.

import type { EncodedEvent } from '../event.js';
import { EventsJoiner } from '../joined-events.js';
import type { JournalPage, PageRequest } from './messages.js';
import { textFrom, textOrNullFrom } from './stored-text.js';

/** An event as one of its handlers has it. */
export interface EventRow {
  readonly position: number;
  readonly handler: number;
  readonly id: string | Buffer | null;
  readonly type: string | Buffer;
  readonly key: string | Buffer | null;
  readonly extras: string | null;
  /** Left out, as it may be large, where the event is done. */
  readonly data: string | Buffer | null;
  /** 1 when it has its outcome, or waits in its lane. */
  readonly done: number;
}

/** Events of one handler that the module does not have, by its id. */
interface Parked {
  count: number;
  readonly positionFirst: number;
}

export class PageBuilder {
  readonly #request: PageRequest;
  readonly #indexOf: (handler: number) => number | undefined;
  readonly #rows: EventRow[] = [];
  readonly #handlers: number[] = [];
  readonly #counts: number[] = [];
  readonly #parked = new Map<number, Parked>();
  #size = 0;
  #next: number;
  /** The event that is being looked at: its first row that is not done, and its handlers that are owed its outcome. */
  #position = -1;
  #row: EventRow | null = null;
  readonly #owed: number[] = [];
  readonly #gone: number[] = [];

  /** @param indexOf gives the index of a handler by its id; undefined where it is not there. */
  constructor(request: PageRequest, indexOf: (handler: number) => number | undefined) {
    this.#request = request;
    this.#indexOf = indexOf;
    this.#next = request.from;
  }

  /** Takes a row in; false when the page has no room for the event before it, or for another. */
  look(row: EventRow): boolean {
    if (row.position !== this.#position) {
      if (!this.#takeEvent() || this.#isFull) return false;
      this.#position = row.position;
    }
    if (row.done === 1) return true;
    const index = this.#indexOf(row.handler);
    if (index === undefined) {
      this.#gone.push(row.handler);
      return true;
    }
    this.#row ??= row;
    this.#owed.push(index);
    return true;
  }

  /** Takes in that there are no more rows. Gives whether there was room for all of them. */
  end(): boolean {
    return this.#takeEvent() && !this.#isFull;
  }

  finish(isLast: boolean, nameOf: (handler: number) => string): JournalPage {
    const rows = this.#rows;
    const joiner = new EventsJoiner(rows.length);
    for (const row of rows) joiner.add(eventFrom(row));
    const parked = [...this.#parked].map(([handler, of]) => ({ handler: nameOf(handler), ...of }));
    return {
      events: joiner.finish(),
      positions: Float64Array.from(rows, ({ position }) => position),
      handlers: Int32Array.from(this.#handlers),
      owedCounts: this.#handlers.length === rows.length ? null : Int32Array.from(this.#counts),
      ...{ next: this.#next, isLast, parked },
    };
  }

  get #isFull(): boolean {
    return this.#handlers.length >= this.#request.countMax || this.#size >= this.#request.bytesMax;
  }

  /** Takes in the event that was looked at, whose rows have all come; false when it has no room. */
  #takeEvent(): boolean {
    if (this.#position === -1) return true;
    if (this.#handlers.length + this.#owed.length > this.#request.countMax) return false;
    const row = this.#row;
    if (row !== null) {
      this.#rows.push(row);
      this.#counts.push(this.#owed.length);
      for (const index of this.#owed) this.#handlers.push(index);
      this.#size += row.data?.length ?? 0;
      this.#owed.length = 0;
      this.#row = null;
    }
    for (const handler of this.#gone) this.#park(handler);
    this.#gone.length = 0;
    this.#next = this.#position + 1;
    return true;
  }

  #park(handler: number): void {
    const known = this.#parked.get(handler);
    if (known === undefined) this.#parked.set(handler, { count: 1, positionFirst: this.#position });
    else known.count += 1;
  }
}

function eventFrom(row: EventRow): EncodedEvent {
  const { id, type, key, extras, data } = row;
  return { type: textFrom(type), key: textOrNullFrom(key), id: textOrNullFrom(id), extras, data };
}
