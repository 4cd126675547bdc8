// Events without an order that wait for a time while memory is short: others go on, and they come back when they are
// due. Whole processors between a scripted thread and a simulated writer, on a clock that is moved by hand.

import { expect, test } from 'vitest';
import { handlerResult } from '../src/handler.js';
import { configFrom, type OrderMode } from '../src/options.js';
import { type OutcomeRow, verdict } from '../src/outcome.js';
import { Processor } from '../src/processor.js';
import { Trouble } from '../src/trouble.js';
import { Random } from './simulation/random.js';
import { type Script, ScriptedThreads, type ScriptedTry } from './simulation/scripted-threads.js';
import { SimulatedClock } from './simulation/simulated-clock.js';
import { SimulatedStore } from './simulation/simulated-store.js';
import { SimulatedWriter } from './simulation/simulated-writer.js';

const handlers = ['later', 'now'];
const succeeded = { result: handlerResult.succeeded, delayMs: 0 };

/** A store, a clock, and processors on it, one after another. */
class World {
  readonly clock = new SimulatedClock({ tickMs: 0.001 });
  readonly store = new SimulatedStore();
  readonly #random = new Random(7);
  readonly #of: { readonly order: OrderMode; readonly script: Script; readonly breaker: object | null };
  readonly #threads: ScriptedThreads[] = [];
  /** How often an event was sent to the store to wait there. */
  sentAway = 0;

  constructor(of: { order: OrderMode; script: Script; breaker: object | null }) {
    this.#of = of;
  }

  async begin(): Promise<Processor> {
    const { clock, store } = this;
    const { order, script, breaker } = this.#of;
    const random = this.#random;
    const threads = new ScriptedThreads({ clock, random, script });
    this.#threads.push(threads);
    const writer = new SimulatedWriter({
      emits: false,
      ...{ clock, random, store, handlers, orderOf: () => order, onRedrive: () => {}, onRead: () => {} },
      ...{ onEmitted: () => {}, onRow: (_, row) => this.#hear(row), emittersOf: () => [], keepsState: () => false },
      missing: () => undefined,
    });
    return new Processor({
      schemas: null,
      config: configFrom({
        ...{ handlers: 'simulated', store: 'simulated', threads: 1, ringSize: 16, attemptsMax: 99, order },
        ...(breaker !== null && { breaker }),
      }),
      ...{ clock, writer, pool: threads, trouble: new Trouble() },
      table: { names: handlers, takes: 'its-own-type', policies: handlers.map(() => ({ backoffMsMax: 86_400_000 })) },
      journal: await writer.openJournal({ isVolatile: false }),
      opened: { epoch: 1, wasClean: true, path: 'simulated', file: { device: 0, inode: 0 } },
      flight: { depart: () => {}, arrive: () => {}, addHandlers: () => {}, close: () => {} },
    });
  }

  #hear(row: OutcomeRow): void {
    if (row.verdict === verdict.waiting) this.sentAway += 1;
  }

  /** Moves the clock until a promise has settled. */
  async until<Value>(promise: Promise<Value>): Promise<Value> {
    let isSettled = false;
    promise.finally(() => (isSettled = true)).catch(() => {});
    for (let steps = 0; !isSettled; steps += 1) {
      for (let hop = 0; hop < 24; hop += 1) await null;
      if (isSettled) break;
      expect(steps, 'it does not come to an end').toBeLessThan(50_000);
      expect(this.clock.step(), 'nothing moves any more').toBe(true);
    }
    return promise;
  }

  /** The tries of each event of a type, and how long it was to wait after the first. */
  triesOf(type: string): { tries: ScriptedTry[]; waitMs: number }[] {
    const byIdentity = new Map<string, { tries: ScriptedTry[]; waitMs: number }>();
    for (const one of this.#threads.flatMap(({ tries }) => tries)) {
      const stored = this.store.events.get(Number(one.identity.split('/')[1]));
      if (stored?.handlers[0] !== type) continue;
      const found = byIdentity.get(one.identity) ?? { tries: [], waitMs: Number(stored.event.data) };
      found.tries.push(one);
      byIdentity.set(one.identity, found);
    }
    return [...byIdentity.values()];
  }
}

/** Resolves when so many events of a type have succeeded. */
function outcomesOf(processor: Processor, type: string, count: number): Promise<void> {
  let left = count;
  return new Promise((resolve) => {
    processor.on('outcome', (outcome) => {
      if (outcome.type === type) left -= 1;
      if (left === 0) resolve();
    });
  });
}

const postponing: Script = ({ type, postponed, data }) =>
  type === 'now' || postponed > 0 ? succeeded : { result: handlerResult.postponed, delayMs: Number(data) };
const failing: Script = ({ type, attempt, data }) =>
  type === 'now' || attempt > 1 ? succeeded : { result: handlerResult.retrying, delayMs: Number(data) };

const kinds = [
  { kind: 'postponed, without a key', order: 'key', key: null, script: postponing },
  { kind: 'backing off, without a key', order: 'key', key: null, script: failing },
  { kind: 'postponed, with keys under order none', order: 'none', key: 'k', script: postponing },
] as const;

const ends = ['none', 'stop', 'abort'] as const;
const cases = kinds.flatMap((kind) => ends.map((end) => ({ ...kind, end })));

test.each(cases)('many events $kind hold nobody up, and come when they are due (end in between: $end)', async (of) => {
  const world = new World({ ...of, breaker: null });
  let processor = await world.begin();
  const count = 60;
  const shared = of.key === null ? {} : { key: of.key };
  // The first to be published is the last to be due.
  const later = Array.from({ length: count }, (_, at) => ({ type: 'later', data: 120_000 - at * 1000, ...shared }));
  await world.until(processor.publishMany(later));
  const others = outcomesOf(processor, 'now', count);
  await world.until(processor.publishMany(Array.from({ length: count }, () => ({ type: 'now', ...shared }))));
  await world.until(others);
  expect(world.clock.nowMs()).toBeLessThan(20_000);
  expect(world.store.outcomes.size).toBe(count);
  expect(processor.stats().backlog).toBeGreaterThan(count / 2);
  if (of.end !== 'none') {
    await world.until<unknown>(processor[of.end]());
    processor = await world.begin();
    expect(processor.stats().backlog).toBe(count);
  }
  await world.until(processor.drain());
  const tries = world.triesOf('later');
  expect(tries.map(({ tries }) => tries.length)).toEqual(Array.from({ length: count }, () => 2));
  // A wait begins when the batch ends that the try was in.
  const lateMs = tries.map(({ tries: [first, second], waitMs }) => second!.startMs - first!.endMs - waitMs);
  expect(Math.min(...lateMs)).toBeGreaterThanOrEqual(-0.001);
  expect(Math.max(...lateMs)).toBeLessThan(120_000 / 32);
  expect([world.store.outcomes.size, world.store.waiting.size, world.store.objections]).toEqual([2 * count, 0, []]);
  expect(processor.stats()).toMatchObject({ waiting: 0, backlog: 0, bytesHeld: 0 });
});

test('events without a key of a handler that is paused hold nobody up', async () => {
  const wellMs = 30_000;
  const script: Script = ({ type }, nowMs) =>
    type === 'now' || nowMs >= wellMs ? succeeded : { result: handlerResult.retrying, delayMs: 5 };
  const world = new World({ order: 'key', script, breaker: { triesMin: 4, windowMs: 1000, pauseMs: 500 } });
  const processor = await world.begin();
  const count = 60;
  const others = outcomesOf(processor, 'now', count);
  await world.until(processor.publishMany(Array.from({ length: count }, () => ({ type: 'later' }))));
  await world.until(processor.publishMany(Array.from({ length: count }, () => ({ type: 'now' }))));
  await world.until(others);
  expect(world.clock.nowMs()).toBeLessThan(wellMs);
  expect(processor.stats().paused).toEqual(['later']);
  await world.until(processor.drain());
  expect([world.store.outcomes.size, world.store.objections]).toEqual([2 * count, []]);
  expect(world.clock.nowMs()).toBeLessThan(wellMs + 2000);
});

const heldBy = [
  { by: 'its key', pause: { key: 'held' }, resume: { key: 'held' } },
  { by: 'the key of its handler', pause: { handler: 'later', key: 'held' }, resume: undefined },
] as const;

test.each(heldBy.flatMap((held) => ends.map((end) => ({ ...held, end }))))(
  'events without an order of a paused key hold nobody up and stay where they are ($by, end: $end)',
  async (of) => {
    const world = new World({ order: 'none', script: () => succeeded, breaker: null });
    let processor = await world.begin();
    const count = 60;
    processor.pause(of.pause);
    const events = (type: string, key: string) => Array.from({ length: count }, () => ({ type, key }));
    await world.until(processor.publishMany(events('later', 'held')));
    const others = Promise.all([outcomesOf(processor, 'later', count), outcomesOf(processor, 'now', count)]);
    const [laterOfOthers, now] = [events('later', 'other+1'), events('now', 'other')];
    await world.until(processor.publishMany(laterOfOthers.flatMap((event, at) => [event, now[at]!])));
    await world.until(others);
    expect(world.clock.nowMs()).toBeLessThan(20_000);
    // One goes for each that finds no room, and those few again that a quarter of the memory had taken back.
    expect(world.sentAway).toBeLessThan(2 * count);
    expect(processor.stats()).toMatchObject({ succeeded: 2 * count, pausedByHand: [of.pause] });
    // Of what waits in the store it is known whose it is.
    await world.until(processor.whenIdle({ key: 'other' }));
    const laterMs = world.clock.nowMs() + 60_000;
    await world.until(new Promise<void>((resolve) => world.clock.alarmAt(laterMs, resolve)));
    expect(world.sentAway).toBeLessThan(2 * count);
    if (of.end === 'none') {
      processor.resume(of.resume);
    } else {
      await world.until<unknown>(processor[of.end]());
      // The pause went with the processor.
      processor = await world.begin();
    }
    await world.until(processor.drain());
    expect([world.store.outcomes.size, world.store.waiting.size, world.store.objections]).toEqual([3 * count, 0, []]);
    expect(processor.stats()).toMatchObject({ waiting: 0, backlog: 0, bytesHeld: 0 });
  },
);

test('events of a paused key that came to wait for a breaker as well hold nobody up once it is closed', async () => {
  const wellMs = 30_000;
  const script: Script = (_, nowMs) => (nowMs >= wellMs ? succeeded : { result: handlerResult.retrying, delayMs: 5 });
  const world = new World({ order: 'none', script, breaker: { triesMin: 4, windowMs: 1000, pauseMs: 500 } });
  const processor = await world.begin();
  const count = 60;
  const mixed = Array.from({ length: count }, (_, at) => ({ type: 'later', key: at % 2 === 0 ? 'held' : 'other' }));
  await world.until(processor.publishMany(mixed));
  processor.pause({ handler: 'later', key: 'held' });
  await world.until(outcomesOf(processor, 'later', count / 2));
  expect(world.clock.nowMs()).toBeLessThan(wellMs + 10_000);
  expect(processor.stats()).toMatchObject({ succeeded: count / 2 });
  processor.resume();
  await world.until(processor.drain());
  expect([world.store.outcomes.size, world.store.waiting.size, world.store.objections]).toEqual([count, 0, []]);
});
