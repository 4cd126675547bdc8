// What the store knows of events that were tried before this process: looked up when they are admitted, and forgotten
// then. It keeps what it is told and decides nothing.

/** What became of an event before. */
export interface History {
  /** Deaths of a process it is charged with; null when it is no suspect. */
  readonly deaths: number | null;
  /** Tries counted besides. */
  readonly tries: number;
  readonly postponed: number;
  /** When its next try is due; null when it need not wait. */
  readonly dueMs: number | null;
}

const none: History = { deaths: null, tries: 0, postponed: 0, dueMs: null };

export class Histories {
  /** By partition and position. */
  readonly #known = new Map<number, Map<number, History>>();

  /** Adds what is known of an event to what was known of it already. */
  add(partition: number, position: number, more: Partial<History>): void {
    let events = this.#known.get(partition);
    if (events === undefined) {
      events = new Map();
      this.#known.set(partition, events);
    }
    events.set(position, { ...(events.get(position) ?? none), ...more });
  }

  /** Gives what is known of an event; null when nothing is. */
  of(partition: number, position: number): History | null {
    return this.#known.size === 0 ? null : (this.#known.get(partition)?.get(position) ?? null);
  }

  /** The event is decided. */
  forget(partition: number, position: number): void {
    const events = this.#known.get(partition);
    if (events?.delete(position) && events.size === 0) this.#known.delete(partition);
  }
}
