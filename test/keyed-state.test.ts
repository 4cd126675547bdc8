// State per key: what a handler sees is what the last event of its key that succeeded has left, whatever became of the
// others, and it is stored with that event's outcome.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import type { Processor } from '../dist/src/index.js';
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
  expect(errors.find((said) => said.startsWith('a state must be at most 150'))).toContain('got 202');
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

test('after three deaths states and outcomes are those of a sequential run', { timeout: 120_000 }, async () => {
  const main = fileURLToPath(new URL('../dist/scripts/crash-test/main.js', import.meta.url));
  const seed = process.env['KEYLANE_SEED'] ?? String(Date.now() % 1_000_000);
  const child = spawn(process.execPath, [main, '--state', '--kills', '3', '--seed', seed], { stdio: 'pipe' });
  onTestFinished(() => void child.kill());
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      printed += chunk;
    });
  }
  const [code] = await once(child, 'close');
  expect(code, printed).toBe(0);
  expect(printed).toContain('3 kills, 0 things wrong');
});
