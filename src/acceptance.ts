// Whether a published event can be accepted now, and where it goes then: to the journal, or straight into memory. It is
// also what holds everything new back while the store is short of room, and looks again from time to time.

import type { Clock } from './clock.js';
import type { Dispatcher } from './dispatch/dispatcher.js';
import type { KeylaneError } from './errors.js';
import type { Owed } from './group.js';
import type { Journal } from './journal.js';
import type { IntakeMode } from './options.js';
import type { Pump } from './pump.js';
import { type StoreLimits, StoreRoom } from './room.js';

interface Parts {
  readonly limits: StoreLimits & {
    readonly intake: IntakeMode;
    readonly ringSize: number;
    readonly ringBytesMax: number;
  };
  readonly dispatcher: Dispatcher;
  readonly journal: Journal;
  readonly pump: Pump;
  readonly clock: Clock;
  onWarning(error: KeylaneError): void;
}

/** How often the store is asked for its sizes while intake waits for room in it. */
const probeMs = 500;

export class Acceptance {
  readonly #parts: Parts;
  readonly #room: StoreRoom;
  #cancelProbe: (() => void) | null = null;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#room = new StoreRoom(parts.limits, (error) => parts.onWarning(error));
  }

  /** Takes a published event in if there is room for it now; says whether it did. */
  accept(owed: Owed): boolean {
    return this.#parts.limits.intake === 'journal' ? this.#toJournal(owed) : this.#toMemory(owed);
  }

  /** How many events of sources may be admitted now. */
  get roomForSources(): number {
    const { dispatcher, journal } = this.#parts;
    return this.#room.isShort ? 0 : Math.max(0, dispatcher.room - journal.reserved);
  }

  /** Takes in how the store is. Called once a turn. */
  look(): void {
    const { journal, pump, clock } = this.#parts;
    this.#room.look({ backlog: journal.backlog, gauges: pump.counts().gauges });
    if (!this.#room.isShort) return;
    // While nothing comes in, no group may go out that would tell when there is room again.
    this.#cancelProbe ??= clock.alarm(probeMs, () => {
      this.#cancelProbe = null;
      pump.probe();
    });
  }

  close(): void {
    this.#cancelProbe?.();
    this.#cancelProbe = null;
  }

  /** Sends it to the store, unless too much is on its way there already. */
  #toJournal(owed: Owed): boolean {
    const { limits, pump } = this.#parts;
    const { events, bytes } = pump.unstored;
    if (this.#room.isFull || events >= limits.ringSize || bytes >= limits.ringBytesMax) return false;
    pump.journal(owed);
    return true;
  }

  /** Takes it into memory, once what the store is owed from before is there too. */
  #toMemory({ event, handler, waiter }: Owed): boolean {
    const { dispatcher, journal } = this.#parts;
    if (this.#room.isShort || !journal.isInStep || dispatcher.room === 0) return false;
    const position = journal.take();
    dispatcher.admit(event, { partition: journal.partition, position, handler });
    waiter?.resolve({ position, duplicate: false, outcome: null });
    return true;
  }
}
