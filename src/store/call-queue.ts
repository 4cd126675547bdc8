// The calls to the writer thread, each kept until it is answered, so that they can be sent again: to the same thread
// after a full disk, to the next one after a death. Whatever happens, they are carried out in the order in which they
// were made. Knows nothing of threads, timers or SQL.
//
// 1. Calls are numbered as they are sent. Two and more may be on the wire.
// 2. The thread has no room for call 7, and says so. It refuses 8, which is there already, as 7 has not passed.
// 3. Both stay here. When `resume` is called, 7 and 8 are sent again, under the same numbers.

import type { KeylaneError } from '../errors.js';
import type { Repeat } from './messages.js';
import type { Verbs } from './store-thread.js';
import { errorIn, type InTurn, openReply, type Reply } from './writer-api.js';

/** How a call is sent. */
export interface Sending extends Repeat {
  readonly turn: number;
}

export interface CallOptions {
  /** What becomes of a call for which the disk has no room. */
  readonly whenFull: 'wait' | 'reject';
  /** How long it may take: as usual, or as long as there are rows in the store. */
  readonly takes: 'moments' | 'long';
}

/** Who is told of the queue's fortunes. */
export interface QueueHearers {
  /** The first call found no room; nothing is sent until `resume`. */
  onFull(error: KeylaneError): void;
  onAnswer(reply: { readonly ok: boolean }): void;
  /** A call could not be sent at all. */
  onBroken(error: unknown): void;
}

interface Call extends CallOptions {
  send(verbs: Verbs, sending: Sending): Promise<InTurn<unknown>>;
  answer(reply: Reply<unknown>): void;
  reject(error: KeylaneError): void;
  /** Whether a thread had it that died before it could answer. */
  isRepeat: boolean;
}

/** `cut`: there is no thread. `held`: the disk is full. Written by `connect`, `disconnect`, `resume` and `#hold`. */
type Wire =
  | { readonly state: 'cut' }
  | { readonly state: 'held'; readonly verbs: Verbs }
  | { readonly state: 'flowing'; readonly verbs: Verbs };

export class CallQueue {
  readonly #hearers: QueueHearers;
  /** The oldest first. */
  readonly #calls: Call[] = [];
  /** How many of them, from the first on, are on the wire. */
  #sentCount = 0;
  /** Of the next call to be sent. */
  #turn = 0;
  #wire: Wire = { state: 'cut' };

  constructor(hearers: QueueHearers) {
    this.#hearers = hearers;
  }

  get length(): number {
    return this.#calls.length;
  }

  /** Whether the thread owes an answer that it should give within moments. */
  get isWaiting(): boolean {
    return this.#sentCount > 0 && this.#calls[0]!.takes === 'moments';
  }

  /** Adds a call; settles with its answer, or with the error given to `rejectAll`. */
  ask<Value>(
    send: (verbs: Verbs, sending: Sending) => Promise<InTurn<Value>>,
    { whenFull = 'wait', takes = 'moments' }: Partial<CallOptions> = {},
  ): Promise<Value> {
    return new Promise((resolve, reject) => {
      const answer = (reply: Reply<unknown>): void => {
        try {
          resolve(openReply(reply as Reply<Value>));
        } catch (error) {
          reject(error);
        }
      };
      this.#calls.push({ whenFull, takes, send, answer, reject, isRepeat: false });
      this.#flow();
    });
  }

  /** Sends everything to a new thread. */
  connect(verbs: Verbs): void {
    this.#turn = 0;
    this.#sentCount = 0;
    this.#wire = { state: 'flowing', verbs };
    this.#flow();
  }

  /** Keeps everything until there is a thread again. */
  disconnect(): void {
    for (const call of this.#calls.slice(0, this.#sentCount)) call.isRepeat = true;
    this.#sentCount = 0;
    this.#wire = { state: 'cut' };
  }

  /** Tries again what found no room. */
  resume(): void {
    if (this.#wire.state !== 'held') return;
    this.#wire = { state: 'flowing', verbs: this.#wire.verbs };
    this.#flow();
  }

  /** Gives up on every call. */
  rejectAll(error: KeylaneError): void {
    this.disconnect();
    for (const { reject } of this.#calls.splice(0)) reject(error);
  }

  #flow(): void {
    while (this.#wire.state === 'flowing' && this.#sentCount < this.#calls.length) {
      this.#post(this.#calls[this.#sentCount]!, this.#wire.verbs);
    }
  }

  #post(call: Call, verbs: Verbs): void {
    const sending = { turn: this.#turn, isRepeat: call.isRepeat };
    this.#turn += 1;
    this.#sentCount += 1;
    call.send(verbs, sending).then(
      (reply) => {
        if (this.#wire.state === 'cut' || this.#wire.verbs !== verbs) return;
        // It was sent again, or will be, by what became of the call before it.
        if (reply !== 'out-of-turn') this.#take(call, { reply, verbs, turn: sending.turn });
      },
      (error) => this.#hearers.onBroken(error),
    );
  }

  /** Takes an answer in. Answers come in order: it is the first call's. */
  #take(call: Call, { reply, verbs, turn }: { reply: Reply<unknown>; verbs: Verbs; turn: number }): void {
    if (!reply.ok && reply.code === 'store-full') {
      this.#turn = turn;
      this.#sentCount = 0;
      if (call.whenFull === 'wait') {
        this.#wire = { state: 'held', verbs };
        this.#hearers.onFull(errorIn(reply));
        return;
      }
    } else {
      this.#sentCount -= 1;
    }
    this.#calls.shift();
    call.answer(reply);
    this.#hearers.onAnswer(reply);
    this.#flow();
  }
}
