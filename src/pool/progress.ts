// How far the batch in each place of the pool has come, in memory that all threads see. It is what remains of a thread
// that died: a batch it had begun is told from one that only waited there, and from one whose report got lost.

const bytesPerPlace = Float64Array.BYTES_PER_ELEMENT + Int32Array.BYTES_PER_ELEMENT;

const markOf = { waiting: 0, begun: 1, finished: 2 } as const;

/** `waiting`: no event was tried. `begun`: some may have been. `finished`: all were, and the report was on its way. */
export type BatchProgress = keyof typeof markOf;

export class Progress {
  readonly shared: SharedArrayBuffer;
  /** When the thread began the batch; written by the thread before its mark, read after it. */
  readonly #beganAtUs: Float64Array;
  /** Set to waiting by the main thread before a batch leaves, and moved on by the thread that has the batch. */
  readonly #marks: Int32Array;

  constructor(shared: SharedArrayBuffer) {
    const places = shared.byteLength / bytesPerPlace;
    this.shared = shared;
    this.#beganAtUs = new Float64Array(shared, 0, places);
    this.#marks = new Int32Array(shared, places * Float64Array.BYTES_PER_ELEMENT, places);
  }

  static ofPlaces(places: number): Progress {
    return new Progress(new SharedArrayBuffer(places * bytesPerPlace));
  }

  /** Main thread: a batch is about to take this place. */
  reset(place: number): void {
    Atomics.store(this.#marks, place, markOf.waiting);
  }

  /** Handler thread: the first handler of the batch is about to be called. */
  begin(place: number, atUs: number): void {
    this.#beganAtUs[place] = atUs;
    Atomics.store(this.#marks, place, markOf.begun);
  }

  /** Handler thread: the last handler of the batch is done. */
  finish(place: number): void {
    Atomics.store(this.#marks, place, markOf.finished);
  }

  of(place: number): BatchProgress {
    const mark = Atomics.load(this.#marks, place);
    return mark === markOf.waiting ? 'waiting' : mark === markOf.begun ? 'begun' : 'finished';
  }

  /** When the batch in this place was begun, in microseconds since the Unix epoch. Only while it is not waiting. */
  beganAtUs(place: number): number {
    return this.#beganAtUs[place]!;
  }
}
