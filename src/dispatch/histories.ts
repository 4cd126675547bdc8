// What the store knows of events that were tried before this process: looked up when they are admitted, and forgotten
// then. It keeps what it is told and decides nothing.

/** An event as one handler has it. */
export interface OwedPlace {
  readonly partition: number;
  readonly position: number;
  readonly handler: number;
  /** When it was accepted, by the pump's clock; left out where nobody measures that. */
  readonly acceptedMs?: number;
}

/** What became of an event before. */
export interface History {
  /** Deaths of a process it is charged with; null when it is no suspect. */
  readonly deaths: number | null;
  /** Tries counted besides. */
  readonly tries: number;
  readonly postponed: number;
  /** When its next try is due; null when it need not wait. */
  readonly dueMs: number | null;
  /** Whether it was a dead letter, and is run again. */
  readonly isRedriven: boolean;
}

/** `handler` of what is known of an event that had one handler alone, whichever that was. */
export const anyHandler = -1;

/** Of the handlers of one event that anything is known of. */
type Known = Map<number, History>;

const none: History = { deaths: null, tries: 0, postponed: 0, dueMs: null, isRedriven: false };

export class Histories {
  /** By partition and position, then by handler. */
  readonly #known = new Map<number, Map<number, Known>>();

  /** Adds what is known of an event to what was known of it already. */
  add({ partition, position, handler }: OwedPlace, more: Partial<History>): void {
    const events = this.#known.get(partition) ?? new Map<number, Known>();
    this.#known.set(partition, events);
    const known = events.get(position) ?? new Map<number, History>();
    events.set(position, known);
    known.set(handler, { ...(known.get(handler) ?? none), ...more });
  }

  /** Gives what is known of an event; null when nothing is. */
  of({ partition, position, handler }: OwedPlace): History | null {
    if (this.#known.size === 0) return null;
    const known = this.#known.get(partition)?.get(position);
    if (known === undefined) return null;
    const [own, any] = [known.get(handler), known.get(anyHandler)];
    if (own === undefined || any === undefined) return own ?? any ?? null;
    return { ...own, deaths: any.deaths };
  }

  /** The event is decided. */
  forget({ partition, position, handler }: OwedPlace): void {
    if (this.#known.size === 0) return;
    const events = this.#known.get(partition);
    const known = events?.get(position);
    if (events === undefined || known === undefined) return;
    known.delete(handler);
    known.delete(anyHandler);
    if (known.size === 0) events.delete(position);
    if (events.size === 0) this.#known.delete(partition);
  }
}
