// For any handlers that fail, postpone, keep, forget and emit as they please, on any interleaving of keys: the state of a
// key is the fold of its succeeded events in their order, and what they emitted is what came of them.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  defineHandlers,
  type HandlerContext,
  type HandlerEvent,
  PermanentError,
  RetryLater,
} from '../dist/src/index.js';
import { createTestProcessor } from '../dist/src/testing/test-processor.js';
import { readOutcomes } from './processor-fixture.js';

/** What one call of a handler does: it succeeds (and adds to its state, keeps it, or gives it up), or does not. */
const deeds = ['adds', 'keeps', 'forgets', 'throws', 'gives-up', 'postpones', 'sets-too-much'] as const;
type Deed = (typeof deeds)[number];

interface Planned {
  readonly key: string;
  readonly type: 'one' | 'two';
  /** Call by call; the last of them for all that follow. */
  readonly deeds: readonly Deed[];
}

const attemptsMax = 3;

const planned = fc.record<Planned>({
  key: fc.constantFrom('a', 'b', 'c'),
  type: fc.constantFrom('one', 'two'),
  // The last may not be one that never ends.
  deeds: fc
    .tuple(fc.array(fc.constantFrom(...deeds), { maxLength: 3 }), fc.constantFrom(...deeds))
    .map(([first, last]) => [...first, last === 'postpones' ? 'adds' : last]),
});

/** Whether an event succeeds in the end, and by which deed. */
function endOf({ deeds }: Planned): Deed | null {
  let attempt = 1;
  for (let call = 0; attempt <= attemptsMax; call += 1) {
    const deed = deeds[Math.min(call, deeds.length - 1)]!;
    if (deed === 'gives-up') return null;
    if (deed === 'throws' || deed === 'sets-too-much') attempt += 1;
    else if (deed !== 'postpones') return deed;
  }
  return null;
}

/** The states that a sequential run comes to, by handler and key; null where one was given up. */
function folded(events: readonly Planned[]): Map<string, number[] | null> {
  const states = new Map<string, number[] | null>();
  const add = (name: string, n: number): void => void states.set(name, [...(states.get(name) ?? []), n]);
  for (const [n, event] of events.entries()) {
    const end = endOf(event);
    if (end === null) continue;
    const name = `${event.type} ${event.key}`;
    if (end === 'adds') add(name, n);
    if (end === 'forgets') states.set(name, null);
    // What it emitted is of a key of its lane, and so comes in the order of the events.
    add(`tail ${name}`, n);
  }
  return states;
}

function handlersOf(events: readonly Planned[]) {
  const calls = new Map<number, number>();
  const run = ({ data, key }: HandlerEvent<{ n: number }>, context: HandlerContext): unknown => {
    const { n } = data;
    const call = calls.get(n) ?? 0;
    calls.set(n, call + 1);
    const plan = events[n]!.deeds;
    const deed = plan[Math.min(call, plan.length - 1)]!;
    const before = context.state as number[];
    // Before it fails, if it does: none of it may be there then.
    if (deed !== 'keeps') context.setState(deed === 'forgets' ? undefined : [...before, n]);
    context.emit({ type: 'tail', key: `${context.handler} ${key}`, data: { n } });
    if (deed === 'throws') throw new Error('as planned');
    if (deed === 'gives-up') throw new PermanentError('as planned');
    if (deed === 'postpones') throw new RetryLater(7);
    if (deed === 'sets-too-much') context.setState('x'.repeat(5000));
    return before.length;
  };
  const state = { initial: (): number[] => [] };
  const policy = { state, attemptsMax, backoffMsMin: 1, backoffMsMax: 20 };
  return defineHandlers([
    { name: 'one', on: 'one', run, ...policy },
    { name: 'two', on: 'two', run, ...policy },
    {
      ...{ name: 'tail', on: 'tail', state },
      run: ({ data }: HandlerEvent<{ n: number }>, context: HandlerContext) => {
        context.setState([...(context.state as number[]), data.n]);
      },
    },
  ]);
}

test('the state after any run is the fold of its succeeded events, and so is that of what they emitted', async () => {
  const settings = fc.record({
    ...{ seed: fc.nat(), threads: fc.integer({ min: 1, max: 4 }), batchSizeMax: fc.integer({ min: 1, max: 20 }) },
    // Small: states are forgotten, and read from the store again.
    ...{ ringSize: fc.constantFrom(16, 64), stateBytesMax: fc.constantFrom(64 * 1024, 1024 * 1024) },
  });
  await fc.assert(
    fc.asyncProperty(fc.array(planned, { maxLength: 40 }), settings, async (events, options) => {
      await using bus = await createTestProcessor({ handlers: handlersOf(events), stateSizeMax: 1000, ...options });
      await bus.processor.publishMany(events.map(({ key, type }, n) => ({ type, key, data: { n } })));
      await bus.drain();
      const found = readOutcomes<{ name: string; value: string }>(
        bus.path,
        `SELECT handler || ' ' || key AS name, value FROM states ORDER BY name`,
      );
      const expected = [...folded(events)].flatMap(([name, state]) => {
        return state === null ? [] : [{ name, value: JSON.stringify(state) }];
      });
      expect(found).toEqual(expected.sort((a, b) => (a.name < b.name ? -1 : 1)));
    }),
    { numRuns: 60 },
  );
}, 60_000);
