// State per key: what a handler sees is what the last event of its key that succeeded has left, whatever became of the
// others, and it is stored with that event's outcome.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { defineHandlers, type HandlerContext, type Processor, RetryLater } from '../dist/src/index.js';
import { createTestProcessor } from '../dist/src/testing/test-processor.js';
import { sized } from './long-form.js';
import { makeFolder, makeProcessor, readOutcomes } from './processor-fixture.js';

const handlers = new URL('./fixtures/handlers/stateful.js', import.meta.url);

/** Publishes what is said under a key, all at once, so that it runs as runs do. */
async function say(processor: Processor, key: string | null, words: readonly string[]): Promise<void> {
  const events = words.map((text) => {
    const [word, what = 'add'] = text.split('!');
    return { type: 'said', ...(key !== null && { key }), data: { word, do: what } };
  });
  await Promise.all(events.map((event) => processor.publish(event)));
  await processor.whenIdle();
}

const statesIn = (store: string) => {
  return readOutcomes<{ key: string; value: string }>(store, 'SELECT key, value FROM states ORDER BY key').map(
    ({ key, value }) => `${key} ${value}`,
  );
};

const errorsIn = (store: string) => {
  return readOutcomes<{ error: string }>(store, 'SELECT error FROM dead_letters ORDER BY position').map(
    ({ error }) => (JSON.parse(error) as { message: string }).message,
  );
};

test('a try that throws, runs out of time or loses its thread leaves the state as it was', {
  timeout: 60_000,
}, async () => {
  const store = join(makeFolder(), 'states.db');
  const processor = await makeProcessor({ handlers, store, threads: 2, stateSizeMax: 150 });
  await Promise.all([
    say(processor, 'a', ['1', '2', '3!throw', '4', '5!once', '6', '7!exit', '8', '9!loop', '10']),
    say(processor, 'b', ['1', '2!mutate', '3']),
    say(processor, 'c', ['1', '2!circle', '3!large', '4']),
    say(processor, 'd', ['1', '2!forget', '3']),
  ]);
  await say(processor, null, ['1']);
  await processor.publish({ type: 'stateless', key: 'a', data: null });
  await processor.whenIdle();
  expect(await processor.state('list', 'd')).toEqual({ version: 0, value: ['d:', '3'] });
  expect(await processor.state('list', 'nobody')).toBeNull();
  const named = 'handler must be one of "list", "none", got "lists"';
  await expect(processor.state('lists', 'd')).rejects.toMatchObject({ code: 'bad-option', message: named });
  await expect(processor.state('list', 7 as never)).rejects.toThrow('key must be a string, got 7');
  await processor.drain();
  await expect(processor.state('list', 'd')).rejects.toMatchObject({ code: 'not-running' });
  expect(statesIn(store)).toEqual([
    'a ["a:","1","2","4","5","6","8","10"]',
    'b ["b:","1","3"]',
    'c ["c:","1","4"]',
    'd ["d:","3"]',
  ]);
  const errors = errorsIn(store);
  expect(errors.find((said) => said.startsWith('a state must be at most 150'))).toContain('got 200');
  for (const name of ['list', 'none']) {
    const said = `handler "${name}" must declare the state it keeps, and its event must have a key`;
    expect(errors).toContainEqual(expect.stringContaining(said));
  }
});

test('a state is read back from the store, and every key has its own', { timeout: 60_000 }, async () => {
  const store = join(makeFolder(), 'states.db');
  const keys = Array.from({ length: 400 }, (_, n) => `k${n}`);
  for (const word of ['1', '2', '3']) {
    // So little memory that most keys are forgotten between two words of theirs.
    const processor = await makeProcessor({ handlers, store, stateBytesMax: 65_536 });
    await Promise.all(keys.map((key) => processor.publish({ type: 'said', key, data: { word } })));
    await Promise.all(keys.map((key) => processor.publish({ type: 'said', key, data: { word: `${word}b` } })));
    await processor.drain();
  }
  const expected = keys.map((key) => `${key} ${JSON.stringify([`${key}:`, '1', '1b', '2', '2b', '3', '3b'])}`);
  expect(statesIn(store)).toEqual(expected.sort());
});

test('a state that is frozen cannot be changed in place', async () => {
  const store = join(makeFolder(), 'states.db');
  const processor = await makeProcessor({ handlers, store, freezeState: true });
  await say(processor, 'a', ['1', '2!mutate']);
  await processor.drain();
  expect(errorsIn(store)).toEqual([expect.stringContaining('not extensible')]);
});

test('a handler that keeps state needs order per key', async () => {
  const refused = makeProcessor({ handlers, order: 'none' });
  await expect(refused).rejects.toMatchObject({ code: 'bad-handlers' });
  await expect(refused).rejects.toThrow('handler "list" must have the order "key"');
});

const deaths = sized({ short: 2, long: 6 });

test(`after ${deaths} deaths states and outcomes are those of a sequential run`, { timeout: 120_000 }, async () => {
  const main = fileURLToPath(new URL('../dist/scripts/crash-test/main.js', import.meta.url));
  const seed = process.env['KEYLANE_SEED'] ?? String(Date.now() % 1_000_000);
  const child = spawn(process.execPath, [main, '--state', '--kills', String(deaths), '--seed', seed], {
    stdio: 'pipe',
  });
  onTestFinished(() => void child.kill());
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      printed += chunk;
    });
  }
  const [code] = await once(child, 'close');
  expect(code, printed).toBe(0);
  expect(printed).toContain(`${deaths} kills, 0 things wrong`);
});

describe('states of keys that may not run', () => {
  /** Bytes of states that a processor has in memory. */
  const heldBy = (processor: object): number =>
    (processor as { engine: { dispatcher: { states: { bytes: number } } } }).engine.dispatcher.states.bytes;
  const big = 'x'.repeat(10_000);
  const stateBytesMax = 65_536;

  test.each([
    ['wait for their next try', 'throw new RetryLater(60_000);', {}],
    ['are paused', 'return 1;', {}],
    [
      'wait for their breaker',
      "throw new Error('ill');",
      { breaker: { triesMin: 2, windowMs: 1000, pauseMs: 60_000 } },
    ],
  ] as const)('leave memory to others while they %s', async (how, body, options) => {
    let isIll = false;
    const handlers = defineHandlers([
      {
        ...{ name: 'big', on: 'n', attemptsMax: 1000, backoffMsMin: 60_000, backoffMsMax: 60_000 },
        state: { initial: () => '' },
        run: (_, context: HandlerContext) => {
          if (isIll && body.includes('RetryLater')) throw new RetryLater(60_000);
          if (isIll && body.includes('ill')) throw new Error('ill');
          context.setState(big);
        },
      },
    ]);
    await using bus = await createTestProcessor({ handlers, stateBytesMax, ringSize: 1024, ...options });
    const { processor } = bus;
    const keys = Array.from({ length: 100 }, (_, n) => `k${n}`);
    await processor.publishMany(keys.map((key) => ({ type: 'n', key })));
    await bus.settle();
    isIll = true;
    if (how === 'are paused') processor.pause();
    await processor.publishMany(keys.map((key) => ({ type: 'n', key })));
    await bus.settle();
    expect(heldBy(processor)).toBeLessThanOrEqual(2 * stateBytesMax);
    isIll = false;
    processor.resume();
    await bus.advance(600_000);
    await bus.settle();
    expect(processor.stats()).toMatchObject({ succeeded: 200, waiting: 0, backlog: 0 });
    expect(await processor.state('big', 'k7')).toMatchObject({ value: big });
  });
});

test('what migrate gives is what the handler sees from then on, and an async one is refused', async () => {
  const handlers = (body: string) => {
    const path = join(makeFolder(), 'handlers.mjs');
    writeFileSync(
      path,
      `export default [{ name: 'kept', on: 'n', attemptsMax: 1, state: { initial: () => ({ n: 5 }), ${body} },
        run: (_, context) => { const { state } = context; context.setState(state); return Object.keys(state).join() + typeof state.at; } }];`,
    );
    return path;
  };
  const store = join(makeFolder(), 'test.db');
  const first = await makeProcessor({ store, handlers: handlers('version: 0') });
  await first.publish({ type: 'n', key: 'k' });
  await first.drain();
  const given = 'version: 1, migrate: ({ n }) => ({ n, at: new Date(0), none: undefined })';
  const second = await makeProcessor({ store, handlers: handlers(given) });
  expect(await second.process({ type: 'n', key: 'k' })).toMatchObject({ result: 'n,atstring' });
  await second.drain();
  const promised = await makeProcessor({ store, handlers: handlers('version: 2, migrate: () => Promise.resolve(1)') });
  expect(await promised.process({ type: 'n', key: 'k' })).toMatchObject({ status: 'dead-lettered' });
  expect(await promised.state('kept', 'k')).toMatchObject({ version: 1 });
  const refused = makeProcessor({ handlers: handlers('version: 2, migrate: async () => 1') });
  await expect(refused).rejects.toThrow('a function that gives the state itself as handler "kept".state.migrate');
});
