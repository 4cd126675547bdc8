// Looks at a processor from time to time while it runs.

import type { Processor } from '../src/index.js';

/** Seldom enough to cost nothing: a look goes through all lanes. */
const sampleMs = 50;

export interface Sampled {
  /** Means over the samples: of the size of the batch chosen last, and of the group stored last. */
  readonly batchSizeMean: number;
  readonly groupSizeMean: number;
  /** The largest seen. */
  readonly rssBytes: number;
  readonly walBytes: number;
}

export class Sampler {
  readonly #processor: Pick<Processor, 'stats'>;
  readonly #timer: NodeJS.Timeout;
  #count = 0;
  #batchSizes = 0;
  #groupSizes = 0;
  #rssBytes = 0;
  #walBytes = 0;

  constructor(processor: Pick<Processor, 'stats'>) {
    this.#processor = processor;
    this.#timer = setInterval(() => this.#sample(), sampleMs);
  }

  finish(): Sampled {
    clearInterval(this.#timer);
    this.#sample();
    return {
      batchSizeMean: this.#batchSizes / this.#count,
      groupSizeMean: this.#groupSizes / this.#count,
      rssBytes: this.#rssBytes,
      walBytes: this.#walBytes,
    };
  }

  #sample(): void {
    const { batchSize, groupSize, walBytes } = this.#processor.stats();
    this.#count += 1;
    this.#batchSizes += batchSize;
    this.#groupSizes += groupSize;
    this.#rssBytes = Math.max(this.#rssBytes, process.memoryUsage.rss());
    this.#walBytes = Math.max(this.#walBytes, walBytes);
  }
}
