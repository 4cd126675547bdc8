// What a judge found wrong: how often, by kind, and the first few in words.

export type Fault = 'lost' | 'duplicates' | 'outOfOrder' | 'other';

const examplesMax = 5;

export class Findings {
  readonly counts: Record<Fault, number> = { lost: 0, duplicates: 0, outOfOrder: 0, other: 0 };
  readonly examples: string[] = [];

  add(fault: Fault, what: string): void {
    this.counts[fault] += 1;
    if (this.counts[fault] <= examplesMax) this.examples.push(what);
  }
}
