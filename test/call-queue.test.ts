// Calls to a writer thread that has no room or dies at any step: each is answered, carried out once, and in order.

import { setImmediate as nextRound } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeylaneError } from '../dist/src/errors.js';
import { CallQueue } from '../dist/src/store/call-queue.js';
import type { Verbs } from '../dist/src/store/store-thread.js';
import { type InTurn, Turnstile } from '../dist/src/store/writer-api.js';

type Fate = 'done' | 'full' | 'dies-before' | 'dies-after';

interface FakeVerbs {
  call(turn: number, id: number): Promise<InTurn<number>>;
}

/** A thread after a thread, each of which carries calls out until it meets the fate that ends it. */
class FakeWriter {
  /** What was carried out; a call that comes again after it was is ignored, as the store does. */
  readonly done: number[] = [];
  readonly #fates: Fate[];
  #current: Verbs | null = null;
  readonly queue = new CallQueue({
    onFull: () => void nextRound().then(() => this.queue.resume()),
    onAnswer: () => {},
    onBroken: (error) => {
      throw error;
    },
  });

  constructor(fates: readonly Fate[]) {
    this.#fates = [...fates];
    this.#start();
  }

  #start(): void {
    const turnstile = new Turnstile();
    let isDead = false;
    const die = (): void => {
      isDead = true;
    };
    const call = (turn: number, id: number): Promise<InTurn<number>> => {
      const reply = isDead ? null : turnstile.pass(turn, () => this.#carryOut(id, die));
      if (!isDead && reply !== null) return Promise.resolve(reply);
      void nextRound().then(() => this.#replace(verbs));
      return new Promise(() => {});
    };
    const verbs = { call } as unknown as Verbs;
    this.#current = verbs;
    this.queue.connect(verbs);
  }

  #replace(dead: Verbs): void {
    if (this.#current !== dead) return;
    this.queue.disconnect();
    this.#start();
  }

  #carryOut(id: number, die: () => void): number {
    const fate = this.#fates.shift() ?? 'done';
    if (fate === 'full') throw new KeylaneError('store-full', 'full');
    if (fate !== 'dies-before' && !this.done.includes(id)) this.done.push(id);
    if (fate !== 'done') die();
    return id;
  }

  ask(id: number): Promise<number> {
    return this.queue.ask((verbs, { turn }) => (verbs as unknown as FakeVerbs).call(turn, id));
  }
}

describe('the queue of calls', () => {
  it('has each carried out once and in order, and answered, whatever the threads meet', () => {
    const fate = fc.constantFrom<Fate>('done', 'full', 'dies-before', 'dies-after');
    return fc.assert(
      fc.asyncProperty(fc.array(fate, { maxLength: 12 }), fc.integer({ min: 1, max: 8 }), async (fates, count) => {
        const writer = new FakeWriter(fates);
        const ids = Array.from({ length: count }, (_, id) => id);
        expect(await Promise.all(ids.map((id) => writer.ask(id)))).toEqual(ids);
        expect(writer.done).toEqual(ids);
        expect(writer.queue.length).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  it('rejects what waits, and only that, when it gives up', async () => {
    const writer = new FakeWriter(['done', 'full']);
    const calls = [0, 1, 2].map((id) => writer.ask(id));
    await calls[0];
    const reason = new KeylaneError('aborted', 'given up');
    writer.queue.rejectAll(reason);
    const settled = await Promise.allSettled(calls);
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
    expect(settled[2]).toMatchObject({ reason });
  });
});

describe('a call that may take long', () => {
  it('is not taken for a thread that hangs; one behind it is, once it is first', async () => {
    const answers: ((reply: InTurn<number>) => void)[] = [];
    const queue = new CallQueue({ onFull: () => {}, onAnswer: () => {}, onBroken: () => {} });
    const send = () => new Promise<InTurn<number>>((resolve) => answers.push(resolve));
    queue.connect({} as Verbs);
    const long = queue.ask(send, { takes: 'long' });
    const usual = queue.ask(send);
    expect(queue.isWaiting).toBe(false);
    const turnstile = new Turnstile();
    answers[0]?.(turnstile.pass(0, () => 1));
    await long;
    expect(queue.isWaiting).toBe(true);
    answers[1]?.(turnstile.pass(1, () => 2));
    await usual;
    expect(queue.isWaiting).toBe(false);
  });
});
