// How far the batch in each place has come, and what came of its events, in memory that all threads see. It is what
// remains of a thread that died: even one that was ended in an endless loop, where no code of it runs any more, leaves
// here which event was running and the results of those before it.
//
// The thread writes with plain stores, as an atomic one costs more than all of them, in an order that is right whenever
// it stops: what is said of an event comes before the count that takes the event in. Atomics are for the flags, which
// the main thread writes while the thread reads them.

import type { KeyState, StateAt } from '../keyed-state.js';
import { emittedFrom, emittedText } from './emitted-text.js';
import type { EndedTry } from './ended-try.js';
import {
  bytesPerPlace,
  ledgerBytesMax,
  markOf,
  marksPerPlace,
  numbersPerState,
  stateLength,
  stateOf,
  timeOf,
  timesPerEvent,
} from './place-layout.js';
import { writeShort } from './short-text.js';
import { kindOf, readTryCode, tryCode } from './try-code.js';

/** Why a try is to end. */
export const abortFlag = { none: 0, timedOut: 1, cancelled: 2 } as const;

/** The memory of all places of some threads. */
export class Progress {
  readonly shared: SharedArrayBuffer;
  readonly #places: readonly Place[];

  constructor(shared: SharedArrayBuffer, { batchSizeMax }: { batchSizeMax: number }) {
    this.shared = shared;
    const bytes = bytesPerPlace(batchSizeMax);
    const count = shared.byteLength / bytes;
    this.#places = Array.from(
      { length: count },
      (_, index) => new Place(shared, { from: index * bytes, batchSizeMax }),
    );
  }

  static ofPlaces(count: number, { batchSizeMax }: { batchSizeMax: number }): Progress {
    return new Progress(new SharedArrayBuffer(count * bytesPerPlace(batchSizeMax)), { batchSizeMax });
  }

  place(index: number): Place {
    return this.#places[index]!;
  }
}

/** The memory of one place. Main thread and handler thread each have an object of their own over it. */
export class Place {
  readonly #marks: Int32Array;
  readonly #times: Float64Array;
  readonly #from: Int32Array;
  readonly #lengths: Int32Array;
  readonly #emittedLengths: Int32Array;
  readonly #states: Int32Array;
  readonly #codes: Uint8Array;
  readonly #flags: Uint8Array;
  readonly #area: Buffer;
  /** Where the next result or state goes; known to the thread that has the batch. */
  #areaAt = 0;

  constructor(shared: SharedArrayBuffer, { from, batchSizeMax }: { from: number; batchSizeMax: number }) {
    let at = from;
    const next = (bytes: number): number => {
      at += bytes;
      return at - bytes;
    };
    this.#marks = new Int32Array(shared, next(marksPerPlace * 4), marksPerPlace);
    this.#times = new Float64Array(shared, next(batchSizeMax * timesPerEvent * 8), batchSizeMax * timesPerEvent);
    this.#from = new Int32Array(shared, next(batchSizeMax * 4), batchSizeMax);
    this.#lengths = new Int32Array(shared, next(batchSizeMax * 4), batchSizeMax);
    this.#emittedLengths = new Int32Array(shared, next(batchSizeMax * 4), batchSizeMax);
    this.#states = new Int32Array(shared, next(batchSizeMax * numbersPerState * 4), batchSizeMax * numbersPerState);
    this.#codes = new Uint8Array(shared, next(batchSizeMax), batchSizeMax);
    this.#flags = new Uint8Array(shared, next(batchSizeMax), batchSizeMax);
    this.#area = Buffer.from(shared, from + bytesPerPlace(batchSizeMax) - ledgerBytesMax, ledgerBytesMax);
  }

  /** Main thread: a batch is about to take this place. */
  reset(count: number): void {
    this.#flags.fill(abortFlag.none, 0, count);
    this.#times.fill(0, 0, count * timesPerEvent);
    Atomics.store(this.#marks, markOf.awaited, 0);
    Atomics.store(this.#marks, markOf.finished, 0);
    Atomics.store(this.#marks, markOf.begun, 0);
  }

  /** Handler thread: a batch is about to be run; its thread has run so many events before. */
  open(ranBefore: number): void {
    this.#areaAt = 0;
    this.#marks[markOf.ranBefore] = Math.min(ranBefore, 1_000_000);
  }

  /** Main thread, when the thread is gone: how many events it had run before the batch. */
  get ranBefore(): number {
    return this.#marks[markOf.ranBefore]!;
  }

  /** Handler thread: this event's handler is about to be called, with so many events from this one on. */
  begin(index: number, atUs: number, count = 1): void {
    this.#times[index * timesPerEvent + timeOf.startedAtUs] = atUs;
    this.#marks[markOf.callEnd] = index + count;
    this.#marks[markOf.begun] = index + 1;
  }

  /** Handler thread: this event's handler gave a promise, so from here on the thread may run what others left. */
  awaits(index: number): void {
    this.#marks[markOf.awaited] = index + 1;
  }

  /** Main thread, when the thread is gone: whether the event that was running had given a promise. */
  isAwaited(index: number): boolean {
    return this.#marks[markOf.awaited] === index + 1;
  }

  /**
   * Handler thread: what came of an event. False when it does not fit: then the batch is to be reported at once, as
   * only the report has it. `isLast`: it takes in what was finished before and not yet taken in, from `first` on.
   */
  finish(index: number, ended: EndedTry, { first = index, isLast = true } = {}): boolean {
    const encoded = ended.error ?? ended.value;
    this.#from[index] = this.#areaAt;
    const emitted = ended.emitted === null ? 0 : this.#write(emittedText(ended.emitted, this.room));
    const length = encoded === null || emitted < 0 ? emitted : this.#write(encoded);
    if (length < 0) {
      // It has ended: a death before the report leaves is not charged to it, though it has to run again.
      this.#marks[markOf.begun] = first;
      return false;
    }
    const t = index * timesPerEvent;
    this.#times[t + timeOf.startedAtUs] = ended.startedAtUs;
    this.#times[t + timeOf.durationUs] = ended.durationUs;
    if (ended.delayMs !== 0) this.#times[t + timeOf.delayMs] = ended.delayMs;
    this.#lengths[index] = encoded === null ? 0 : length;
    if (emitted > 0) this.#emittedLengths[index] = emitted;
    this.#codes[index] = tryCode(ended);
    this.#states[index * numbersPerState + stateOf.length] = stateLength.unchanged;
    if (isLast) this.takeIn(index);
    return true;
  }

  /** Handler thread: all events up to this one have ended, and what came of them is here. */
  takeIn(index: number): void {
    this.#marks[markOf.finished] = index + 1;
  }

  /**
   * Handler thread: what an event that is finished, and not taken in yet, has changed the state of its key to; false as
   * in `finish`, with the `first` event that is not taken in.
   */
  keepState({ index, state }: StateAt, { first = index } = {}): boolean {
    const s = index * numbersPerState;
    if (state === null) {
      this.#states[s + stateOf.length] = stateLength.none;
      return true;
    }
    const from = this.#areaAt;
    const length = this.#write(state.value);
    if (length < 0) {
      this.#marks[markOf.begun] = first;
      return false;
    }
    this.#states[s + stateOf.from] = from;
    this.#states[s + stateOf.version] = state.version;
    this.#states[s + stateOf.isText] = typeof state.value === 'string' ? 1 : 0;
    this.#states[s + stateOf.length] = length;
    return true;
  }

  /** Main thread, when the thread is gone: what was kept of an event of a batch that had states, and had finished. */
  stateOf(index: number): KeyState | null | undefined {
    const s = index * numbersPerState;
    const length = this.#states[s + stateOf.length]!;
    if (length === stateLength.none) return null;
    if (length === stateLength.unchanged) return undefined;
    const from = this.#states[s + stateOf.from]!;
    const to = from + length;
    const isText = this.#states[s + stateOf.isText] === 1;
    const value = isText ? this.#area.toString('utf8', from, to) : new Uint8Array(this.#area.subarray(from, to));
    return { version: this.#states[s + stateOf.version]!, value };
  }

  /** Either thread: why this event's try is to end. Atomic, as a plain read may be moved out of a handler's loop. */
  flagOf(index: number): number {
    return Atomics.load(this.#flags, index);
  }

  /** Either thread: why the call that began with this event is to end; one of several events, as any of them is. */
  flagOfCall(index: number): number {
    const end = Atomics.load(this.#marks, markOf.callEnd);
    let flag = this.flagOf(index);
    for (let n = index + 1; n < end && flag === abortFlag.none; n += 1) flag = this.flagOf(n);
    return flag;
  }

  /** The runner, between two events, where a plain read will do. */
  peekFlag(index: number): number {
    return this.#flags[index]!;
  }

  /** Main thread: tells the thread that a try is to end. A cancelled one stays cancelled. */
  abort(index: number, why: typeof abortFlag.timedOut | typeof abortFlag.cancelled): void {
    if (why === abortFlag.cancelled) Atomics.store(this.#flags, index, why);
    else Atomics.compareExchange(this.#flags, index, abortFlag.none, why);
    Atomics.add(this.#marks, markOf.aborts, 1);
    Atomics.notify(this.#marks, markOf.aborts);
  }

  /** Handler thread: what ran out of time is tried anew by itself; whoever sees it untold sees when that began. */
  pardon(index: number, atUs: number): void {
    this.begin(index, atUs);
    Atomics.compareExchange(this.#flags, index, abortFlag.timedOut, abortFlag.none);
  }

  /** Handler thread: how many tries were told to end in this place. */
  get aborts(): number {
    return Atomics.load(this.#marks, markOf.aborts);
  }

  /** Handler thread: resolves once `aborts` is no longer what it was. */
  async abortSince(aborts: number): Promise<void> {
    await Atomics.waitAsync(this.#marks, markOf.aborts, aborts).value;
  }

  /** Main thread: what runs, or has ended without being taken in, and since when. Nothing of what changes meanwhile. */
  running(): { readonly index: number; readonly startedAtUs: number; readonly batchAtUs: number } | null {
    const begun = Atomics.load(this.#marks, markOf.begun);
    if (begun <= this.finished) return null;
    const startedAtUs = this.#times[(begun - 1) * timesPerEvent + timeOf.startedAtUs]!;
    if (startedAtUs === 0 || begun !== Atomics.load(this.#marks, markOf.begun)) return null;
    return { index: begun - 1, startedAtUs, batchAtUs: this.#times[timeOf.startedAtUs]! };
  }

  /** Main thread: whether this event runs, by itself or in a call with others. */
  runs(index: number): boolean {
    const first = this.running()?.index ?? Number.POSITIVE_INFINITY;
    return first <= index && index < Atomics.load(this.#marks, markOf.callEnd);
  }

  /** Main thread: how many events of the batch have ended and are taken in. */
  get finished(): number {
    return Atomics.load(this.#marks, markOf.finished);
  }

  /** Main thread, when the thread is gone: what came of the events before the one that was running, in order. */
  *ledger(): Generator<EndedTry> {
    for (let index = 0; index < this.finished; index += 1) {
      const t = index * timesPerEvent;
      const { kind, emits, ...code } = readTryCode(this.#codes[index]!);
      // What an event has emitted is before its result.
      const emittedAt = this.#from[index]!;
      const from = emittedAt + (emits ? this.#emittedLengths[index]! : 0);
      const emitted = emits ? emittedFrom(this.#area.toString('utf8', emittedAt, from)) : null;
      const to = from + this.#lengths[index]!;
      const text = kind === kindOf.text || kind === kindOf.error ? this.#area.toString('utf8', from, to) : null;
      const bytes = kind === kindOf.bytes ? new Uint8Array(this.#area.subarray(from, to)) : null;
      const times = { startedAtUs: this.#times[t + timeOf.startedAtUs]!, delayMs: this.#times[t + timeOf.delayMs]! };
      const durationUs = this.#times[t + timeOf.durationUs]!;
      const isError = kind === kindOf.error;
      yield {
        ...code,
        ...times,
        durationUs,
        emitted,
        value: isError ? null : (bytes ?? text),
        error: isError ? text : null,
      };
    }
  }

  /** Handler thread: bytes that are left for what comes of events. */
  get room(): number {
    return this.#area.byteLength - this.#areaAt;
  }

  /** How many bytes were written; -1 when they do not fit, or are not known as they do not. */
  #write(encoded: string | Uint8Array | null): number {
    if (encoded === null) return -1;
    const at = this.#areaAt;
    const room = this.room;
    let length: number;
    if (typeof encoded === 'string') {
      if (encoded.length <= room && writeShort(encoded, this.#area, at)) length = encoded.length;
      // No UTF-16 unit takes more than three bytes.
      else if (encoded.length * 3 > room && Buffer.byteLength(encoded) > room) return -1;
      else length = this.#area.write(encoded, at);
    } else {
      if (encoded.byteLength > room) return -1;
      this.#area.set(encoded, at);
      length = encoded.byteLength;
    }
    this.#areaAt = at + length;
    return length;
  }
}
