// One source while it is being consumed: what it gave and is not admitted yet, whether it has been asked for more, and
// how it came to its end. It holds at most one request's records. Its callbacks only note what came and wake the pump.

import type { KeylaneError } from './errors.js';
import { invariant } from './invariant.js';
import type { Source, SourceRecord } from './sources/source.js';

/** How the consumption of a source ended. */
export interface Fed {
  /** Events it gave that were accepted. All of them are durable, but for those that `stop` left. */
  readonly accepted: number;
  /** Whether the source came to its end, rather than being cut short by drain, stop, abort or a signal. */
  readonly ended: boolean;
}

/**
 * - `open`: may be asked. `asked`: its answer is under way.
 * - `over`: it gives no more, and `ending` says why; it is done once what it gave is durable.
 * - `done`: its promise has settled.
 */
type FeedState = 'open' | 'asked' | 'over' | 'done';

type Ending = { readonly ended: boolean } | { readonly error: unknown };

/** The most records one request asks for. */
const demandMax = 1024;

export class Feed {
  readonly partition: number;
  /** Settles once the feed is over and everything it gave is durable; rejects with the source's own error. */
  readonly done: Promise<Fed>;
  readonly #source: Source;
  readonly #wake: () => void;
  #state: FeedState = 'open';
  #ending: Ending = { ended: false };
  #records: readonly SourceRecord[] = [];
  #next = 0;
  #accepted = 0;
  #positionLast = -1;
  #committed = -1;
  #resolve: (fed: Fed) => void = () => {};
  #reject: (error: unknown) => void = () => {};

  constructor(of: { source: Source; partition: number; wake: () => void }) {
    this.#source = of.source;
    this.partition = of.partition;
    this.#wake = of.wake;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** The next record to admit, or null. */
  peek(): SourceRecord | null {
    return this.#records[this.#next] ?? null;
  }

  /** Notes that the record last peeked at was admitted. */
  took(position: number): void {
    this.#next += 1;
    this.#accepted += 1;
    this.#positionLast = position;
  }

  /** Asks the source for more if it has been used up and there is room. */
  ask(room: number): void {
    if (this.#state !== 'open' || room === 0 || this.peek() !== null) return;
    this.#state = 'asked';
    this.#source.request(Math.min(room, demandMax)).then(
      (records) => this.#answered(records === null ? { ended: true } : records),
      (error) => this.#answered({ error }),
    );
  }

  /** Takes in how far the partition is durable; settles `done` once the feed is over and all of it is. */
  confirm(watermark: number): void {
    if (watermark > this.#committed) {
      this.#committed = watermark;
      this.#source.commit?.(watermark);
    }
    if (this.#state !== 'over' || watermark <= this.#positionLast) return;
    this.settle();
  }

  /** Settles `done` as the feed ended, whether or not all that was admitted is durable. */
  settle(): void {
    if (this.#state === 'done') return;
    this.#state = 'done';
    const ending = this.#ending;
    if ('error' in ending) this.#reject(ending.error);
    else this.#resolve({ accepted: this.#accepted, ended: ending.ended });
  }

  /** Takes no more of the source; what was admitted is finished. */
  cut(): void {
    this.#end({ ended: false });
  }

  /** Takes no more of the source because of what it gave; what was admitted is finished. */
  stopWith(error: KeylaneError): void {
    this.#end({ error });
  }

  /** Ends at once, whatever is still under way. */
  fail(error: KeylaneError): void {
    if (this.#state === 'done') return;
    this.#state = 'done';
    this.#records = [];
    this.#reject(error);
  }

  #answered(answer: readonly SourceRecord[] | Ending): void {
    // It may have been cut, or failed, since it was asked: then the answer comes too late.
    if (this.#state !== 'asked') return;
    if ('ended' in answer || 'error' in answer) {
      this.#end(answer);
      return;
    }
    invariant(this.peek() === null, 'a source is asked again only when what it gave is used up');
    this.#records = answer;
    this.#next = 0;
    this.#state = 'open';
    this.#wake();
  }

  #end(ending: Ending): void {
    if (this.#state === 'over' || this.#state === 'done') return;
    this.#state = 'over';
    this.#ending = ending;
    this.#records = [];
    this.#wake();
  }
}
