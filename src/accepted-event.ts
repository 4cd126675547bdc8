// What a call of publish is given once its event is accepted, and how that comes to be known.

import type { Identity } from './event.js';
import type { Accepted, Waiter } from './group.js';
import { signalOf, type WithSignal } from './option-spec.js';
import type { Outcome } from './outcome.js';
import { onlyOne, type Receipt, type Receipts } from './receipts.js';

/** What a receipt is made of, besides what became of the event. */
interface Parts {
  /** Name of the partition of published events. */
  readonly partition: string;
  readonly receipts: Receipts;
}

/** Of the event that was taken in last. */
export class AtOnce implements Waiter {
  accepted: Accepted | null = null;

  resolve(accepted: Accepted): void {
    this.accepted = accepted;
  }

  reject(): void {}
}

/** Gives the receipt of one event once it is accepted. */
export class ReceiptWaiter implements Waiter {
  readonly #parts: Parts;
  #receipt: Receipt | null = null;
  #refusal: { readonly error: unknown } | null = null;
  #asked: { resolve(receipt: Receipt): void; reject(error: unknown): void } | null = null;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  resolve(accepted: Accepted): void {
    const receipt = new AcceptedEvent(accepted, this.#parts.partition, this.#parts.receipts);
    if (this.#asked === null) this.#receipt = receipt;
    else this.#asked.resolve(receipt);
  }

  reject(error: unknown): void {
    if (this.#asked === null) this.#refusal = { error };
    else this.#asked.reject(error);
  }

  /** To be asked for once the event is taken in. */
  receipt(): Promise<Receipt> {
    if (this.#receipt !== null) return Promise.resolve(this.#receipt);
    if (this.#refusal !== null) return Promise.reject(this.#refusal.error);
    const receipt = new Promise<Receipt>((resolve, reject) => {
      this.#asked = { resolve, reject };
    });
    // Who lets go of it hears of what went wrong by the processor's event.
    receipt.catch(() => {});
    return receipt;
  }
}

export class AcceptedEvent implements Receipt {
  readonly identity: Identity;
  readonly duplicate: boolean;
  readonly storedOutcome: Outcome | null;
  readonly #receipts: Receipts;

  constructor({ position, duplicate, outcome }: Accepted, partition: string, receipts: Receipts) {
    this.#receipts = receipts;
    this.identity = { partition, position };
    this.duplicate = duplicate;
    this.storedOutcome = outcome;
  }

  async outcome(options?: WithSignal): Promise<Outcome> {
    return onlyOne(await this.outcomes(options));
  }

  async outcomes(options?: WithSignal): Promise<readonly Outcome[]> {
    return this.#receipts.outcomes(this.identity.position, signalOf(options));
  }
}
