// When events came into memory, by their sequence: one entry for all that came within some milliseconds, so that an
// event costs nothing. Old entries become coarser, as there is a limit to how many there are.

interface Entry {
  end: number;
  readonly atMs: number;
}

/** What came within so long has one time. */
const grainMs = 10;

const entriesMax = 1024;

export class AdmissionTimes {
  /** Events below this sequence, and not below that of the entry before, came at this time. */
  #entries: Entry[] = [];

  /** Takes in that the next event to come has this sequence. Called once a turn. */
  note(sequenceNext: number, nowMs: number): void {
    const last = this.#entries.at(-1);
    if (last !== undefined && (last.end >= sequenceNext || nowMs - last.atMs < grainMs)) {
      last.end = Math.max(last.end, sequenceNext);
      return;
    }
    this.#entries.push({ end: sequenceNext, atMs: nowMs });
    if (this.#entries.length > entriesMax) this.#entries = halved(this.#entries);
  }

  /** How long an event has been in memory, in milliseconds; 0 for one that is newer than what was noted. */
  ageMs(sequence: number, nowMs: number): number {
    let [low, high] = [0, this.#entries.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#entries[middle]!.end <= sequence) low = middle + 1;
      else high = middle;
    }
    const entry = this.#entries[low];
    return entry === undefined ? 0 : Math.max(0, nowMs - entry.atMs);
  }
}

/** Of two that become one, the earlier time stands for both. */
function halved(entries: readonly Entry[]): Entry[] {
  return entries.flatMap(({ end, atMs }, at) => (at % 2 === 0 ? [{ end: entries[at + 1]?.end ?? end, atMs }] : []));
}
