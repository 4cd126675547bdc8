// A set of positions as the runs they form: what is durable above a watermark is mostly consecutive, however much it
// is, so its size follows the gaps and not the positions.

/** Runs as pairs: first position, and the one after the last; rising. */
export class PositionRuns {
  readonly #runs: Float64Array;

  constructor(runs: Float64Array) {
    this.#runs = runs;
  }

  has(position: number): boolean {
    const runs = this.#runs;
    // Finds the last run that begins at or below the position.
    let [low, high] = [0, runs.length / 2];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (runs[2 * middle]! <= position) low = middle + 1;
      else high = middle;
    }
    return low > 0 && position < runs[2 * low - 1]!;
  }
}

/** Gathers positions that rise into runs; one may come more than once. */
export class RunsGatherer {
  readonly #runs: number[] = [];

  add(position: number): void {
    const runs = this.#runs;
    const end = runs.at(-1) ?? Number.NEGATIVE_INFINITY;
    if (end === position) runs[runs.length - 1] = position + 1;
    else if (end < position) runs.push(position, position + 1);
  }

  finish(): Float64Array {
    return Float64Array.from(this.#runs);
  }
}
