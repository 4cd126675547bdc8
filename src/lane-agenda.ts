// When lanes that wait in the store are asked for: those that are due in turn, and when the next one will be. Lanes of
// one group can be held back together until a time. What it does in a turn does not grow with the lanes there are.

import { LaneHeap } from './dispatch/lane-heap.js';

interface Entry {
  /** Those of one are held back together. */
  readonly group: number;
  /** When it is to be asked for. */
  readonly dueMs: number;
  /** The group of rows that must have been sent before. */
  readonly barrier: number;
}

/** Stands for an entry until it is due; of one that has been taken out since, it means nothing. */
interface Ticket<Of> {
  readonly entry: Of;
  rank: number;
}

/** How many of those that are due are looked at for one that nothing holds back; the next time it is others. */
const looksMax = 64;

export class LaneAgenda<Of extends Entry> {
  /** By group, those that are due; none is empty, and the one that was taken from last comes last. */
  readonly #due = new Map<number, Set<Of>>();
  readonly #heldUntilMs = new Map<number, number>();
  readonly #later = new LaneHeap<Ticket<Of>>();
  readonly #tickets = new Map<Of, Ticket<Of>>();

  /** Whether some are due that are not held, as far as it was seen by the last call. */
  get isAnyDue(): boolean {
    for (const group of this.#due.keys()) if (!this.#heldUntilMs.has(group)) return true;
    return false;
  }

  put(entry: Of, nowMs: number): void {
    this.delete(entry);
    if (entry.dueMs <= nowMs) {
      this.#addDue(entry);
      return;
    }
    const ticket = { entry, rank: 0 };
    this.#tickets.set(entry, ticket);
    this.#later.push(ticket, entry.dueMs);
  }

  /** Has one that stands here stand where its time says. */
  move(entry: Of, nowMs: number): void {
    if (this.#due.get(entry.group)?.has(entry) || this.#tickets.has(entry)) this.put(entry, nowMs);
  }

  delete(entry: Of): void {
    this.#deleteDue(entry);
    this.#tickets.delete(entry);
  }

  /** Takes none of a group before that time. */
  hold(group: number, untilMs: number): void {
    this.#heldUntilMs.set(group, untilMs);
  }

  /** When the next one is due that is not due yet; infinity when there is none. */
  nextMs(nowMs: number): number {
    this.#look(nowMs);
    let nextMs = this.#later.leastRank;
    for (const [group, untilMs] of this.#heldUntilMs) if (this.#due.has(group)) nextMs = Math.min(nextMs, untilMs);
    return nextMs;
  }

  /** Takes out one that is due and that nothing holds back, of the groups in turn; null when none is found. */
  take(nowMs: number, sent: number): Of | null {
    this.#look(nowMs);
    let looks = looksMax;
    for (const [group, due] of this.#due) {
      if (this.#heldUntilMs.has(group)) continue;
      for (let left = Math.min(looks, due.size); left > 0; left -= 1) {
        const [entry] = due as Iterable<Of> as [Of];
        looks -= 1;
        if (entry.barrier <= sent) {
          this.#deleteDue(entry);
          this.#moveLast(group);
          return entry;
        }
        due.delete(entry);
        due.add(entry);
      }
      if (looks === 0) {
        this.#moveLast(group);
        return null;
      }
    }
    return null;
  }

  #addDue(entry: Of): void {
    const due = this.#due.get(entry.group);
    if (due === undefined) this.#due.set(entry.group, new Set([entry]));
    else due.add(entry);
  }

  #deleteDue(entry: Of): void {
    const due = this.#due.get(entry.group);
    if (due?.delete(entry) && due.size === 0) this.#due.delete(entry.group);
  }

  #moveLast(group: number): void {
    const due = this.#due.get(group);
    if (due === undefined) return;
    this.#due.delete(group);
    this.#due.set(group, due);
  }

  /** Takes in which are due by now, and which groups are not held any more. */
  #look(nowMs: number): void {
    for (const [group, untilMs] of this.#heldUntilMs) if (untilMs <= nowMs) this.#heldUntilMs.delete(group);
    for (let ticket = this.#later.least; ticket !== null; ticket = this.#later.least) {
      const isStale = this.#tickets.get(ticket.entry) !== ticket;
      if (!isStale && ticket.rank > nowMs) return;
      this.#later.pop();
      if (isStale) continue;
      this.#tickets.delete(ticket.entry);
      this.#addDue(ticket.entry);
    }
  }
}
