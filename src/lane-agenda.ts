// When lanes that wait in the store are asked for: those that are due in turn, and when the next one will be. What it
// does in a turn does not grow with the lanes there are.

import { LaneHeap } from './dispatch/lane-heap.js';

interface Entry {
  /** When it is to be asked for. */
  readonly dueMs: number;
  /** The group that must have been sent before. */
  readonly barrier: number;
}

/** Stands for an entry until it is due; of one that has been taken out since, it means nothing. */
interface Ticket<Of> {
  readonly entry: Of;
  rank: number;
}

/** How many of those that are due are looked at for one that no group holds back; the next time it is others. */
const looksMax = 64;

export class LaneAgenda<Of extends Entry> {
  readonly #due = new Set<Of>();
  readonly #later = new LaneHeap<Ticket<Of>>();
  readonly #tickets = new Map<Of, Ticket<Of>>();

  /** Whether some are due, as far as it was seen by the last call. */
  get isAnyDue(): boolean {
    return this.#due.size > 0;
  }

  put(entry: Of, nowMs: number): void {
    this.delete(entry);
    if (entry.dueMs <= nowMs) {
      this.#due.add(entry);
      return;
    }
    const ticket = { entry, rank: 0 };
    this.#tickets.set(entry, ticket);
    this.#later.push(ticket, entry.dueMs);
  }

  /** Has one that stands here stand where its time says. */
  move(entry: Of, nowMs: number): void {
    if (this.#due.has(entry) || this.#tickets.has(entry)) this.put(entry, nowMs);
  }

  delete(entry: Of): void {
    this.#due.delete(entry);
    this.#tickets.delete(entry);
  }

  /** When the next one is due that is not due yet; infinity when there is none. */
  nextMs(nowMs: number): number {
    this.#look(nowMs);
    return this.#later.leastRank;
  }

  /** Takes out one that is due and that no group after `sent` holds back; null when none is found. */
  take(nowMs: number, sent: number): Of | null {
    this.#look(nowMs);
    let looks = Math.min(looksMax, this.#due.size);
    for (const entry of this.#due) {
      if (looks === 0) return null;
      looks -= 1;
      this.#due.delete(entry);
      if (entry.barrier <= sent) return entry;
      this.#due.add(entry);
    }
    return null;
  }

  /** Takes in which are due by now. */
  #look(nowMs: number): void {
    for (let ticket = this.#later.least; ticket !== null; ticket = this.#later.least) {
      const isStale = this.#tickets.get(ticket.entry) !== ticket;
      if (!isStale && ticket.rank > nowMs) return;
      this.#later.pop();
      if (isStale) continue;
      this.#tickets.delete(ticket.entry);
      this.#due.add(ticket.entry);
    }
  }
}
