// What publish promises with the journal: the event is stored when it resolves, and has its one outcome whatever happens
// to the process; memory is a window over it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import type { KeylaneError } from '../dist/src/index.js';
import { Gate, makeFolder, makeProcessor, readOutcomes } from './processor-fixture.js';

const libraryUrl = new URL('../dist/src/index.js', import.meta.url).href;

interface Pending {
  readonly position: number;
  readonly key: string | null;
  readonly handler: string;
  readonly state: string;
}

const pendingIn = (store: string): Pending[] => {
  return readOutcomes<Pending>(store, 'SELECT position, key, handler, state FROM pending_events ORDER BY position');
};

test('an event is stored when publish resolves, before any handler has seen it', async () => {
  const store = join(makeFolder(), 'test.db');
  const processor = await makeProcessor({ store, autoStart: false });
  const { identity, duplicate } = await processor.publish({ type: 'echo', key: 'k', data: [1] });
  expect({ identity, duplicate }).toEqual({ identity: { partition: 'journal', position: 1 }, duplicate: false });
  expect(pendingIn(store)).toEqual([{ position: 1, key: 'k', handler: 'echo', state: 'waiting' }]);
  const [row] = readOutcomes(store, 'SELECT data, extras FROM event');
  expect(row).toEqual({ data: '[1]', extras: null });
});

test('publishMany resolves when the last event is stored', async () => {
  const store = join(makeFolder(), 'test.db');
  const processor = await makeProcessor({ store, autoStart: false });
  const events = Array.from({ length: 3000 }, (_, n) => ({ type: 'echo', data: n }));
  expect(await processor.publishMany(events)).toEqual({ accepted: 3000, duplicates: 0 });
  expect(pendingIn(store)).toHaveLength(3000);
});

test('what stop leaves is owed, and the next processor runs it in order, from every kind of data', async () => {
  const store = join(makeFolder(), 'test.db');
  const first = await makeProcessor({ store, autoStart: false });
  const time = '2026-11-23T10:00:00Z';
  await first.publish({ type: 'echo', key: 'lone \ud800', id: 'a', data: { n: 1 }, time, headers: { h: 'v' } });
  await first.publish({ type: 'echo', key: 'lone \ud800', data: Uint8Array.of(1, 2) });
  await first.publish({ type: 'echo', key: '' });
  expect(await first.stop()).toEqual({ left: 3 });
  const second = await makeProcessor({ store });
  expect(second.recovery).toEqual({ pending: 3, suspects: 0, wasClean: true });
  await second.drain();
  expect(second.stats()).toMatchObject({ recovered: 3, accepted: 0, succeeded: 3, backlog: 0 });
  expect(readOutcomes(store, 'SELECT position, result FROM outcomes')).toEqual([
    { position: 1, result: '{"n":1}' },
    { position: 2, result: Buffer.of(1, 2) },
    { position: 3, result: 'null' },
  ]);
  expect(pendingIn(store)).toEqual([]);
});

test('a ring that is full holds no publisher: the rest waits in the store and is run in order', async () => {
  const store = join(makeFolder(), 'test.db');
  const processor = await makeProcessor({ store, autoStart: false, ringSize: 16 });
  const outcomes: number[] = [];
  processor.on('outcome', ({ key, identity }) => key === 'k1' && outcomes.push(identity.position));
  await processor.publishMany(Array.from({ length: 1000 }, (_, n) => ({ type: 'echo', key: `k${n % 3}`, data: n })));
  expect(processor.stats()).toMatchObject({ waiting: 16, backlog: 984, accepted: 1000 });
  processor.start();
  const more = processor.publishMany(Array.from({ length: 500 }, (_, n) => ({ type: 'echo', key: `k${n % 3}` })));
  await more;
  await processor.drain();
  expect(processor.stats()).toMatchObject({ succeeded: 1500, backlog: 0, duplicatesIgnored: 0 });
  expect(outcomes).toEqual([...outcomes].sort((a, b) => a - b));
  expect(outcomes).toHaveLength(500);
});

test('at backlogMax publishers wait, and go on as the backlog shrinks', async () => {
  const processor = await makeProcessor({ autoStart: false, ringSize: 16, backlogMax: 100, groupSizeMax: 10 });
  let accepted = 0;
  for (let taken = processor.tryPublish({ type: 'echo' }); taken !== null; ) {
    await taken;
    accepted += 1;
    taken = processor.tryPublish({ type: 'echo' });
  }
  expect(accepted).toBe(116);
  expect(processor.stats()).toMatchObject({ waiting: 16, backlog: 100, succeeded: 0 });
  const all = processor.publishMany(Array.from({ length: 2000 }, () => ({ type: 'echo' })));
  processor.start();
  expect(await all).toMatchObject({ accepted: 2000 });
  await processor.drain();
  expect(processor.stats()).toMatchObject({ succeeded: 2116, backlog: 0 });
});

test('publishers that do not wait for one another are held at backlogMax as well', async () => {
  const processor = await makeProcessor({ autoStart: false, ringSize: 16, backlogMax: 100 });
  const all = Array.from({ length: 500 }, () => processor.publish({ type: 'echo' }));
  await all[115];
  expect(processor.stats()).toMatchObject({ waiting: 16, backlog: 100, accepted: 116, publishersWaiting: 384 });
  let most = 0;
  processor.on('outcome', () => {
    most = Math.max(most, processor.stats().backlog);
  });
  processor.start();
  await Promise.all(all);
  await processor.drain();
  expect(processor.stats()).toMatchObject({ succeeded: 500, backlog: 0 });
  expect(most).toBeLessThanOrEqual(100);
});

test('an id that was accepted before is not accepted again, and brings the outcome it had', async () => {
  const store = join(makeFolder(), 'test.db');
  const first = await makeProcessor({ store, autoStart: false });
  const event = { type: 'echo', id: 'once', data: 7 };
  const [one, two] = await Promise.all([first.publish(event), first.publish(event)]);
  expect(one).toMatchObject({ identity: { position: 1 }, duplicate: false });
  expect(two).toEqual({ identity: { partition: 'journal', position: 1 }, duplicate: true, storedOutcome: null });
  expect(await first.publishMany([event, { type: 'echo', id: 'other' }, event])).toEqual({
    accepted: 1,
    duplicates: 2,
  });
  await first.drain();
  expect(first.stats()).toMatchObject({ accepted: 2, succeeded: 2 });
  const second = await makeProcessor({ store });
  const three = await second.publish({ ...event, data: 'ignored' });
  expect(three).toMatchObject({ identity: { position: 1 }, duplicate: true });
  expect(three.storedOutcome).toMatchObject({ id: 'once', handler: 'echo', status: 'succeeded', result: 7 });
  await second.drain();
  expect(readOutcomes(store)).toHaveLength(2);
});

test('events of a handler that is gone are parked and visible, and run once it is back', async () => {
  const folder = makeFolder();
  const store = join(folder, 'test.db');
  const module = (name: string, types: readonly string[]): URL => {
    const path = join(folder, `${name}.mjs`);
    writeFileSync(path, `export default { ${types.map((type) => `'${type}': (event) => event.data`).join(', ')} };`);
    return pathToFileURL(path);
  };
  const [both, one] = [module('both', ['a', 'b']), module('one', ['b'])];
  const first = await makeProcessor({ handlers: both, store, autoStart: false });
  await first.publishMany(['a', 'b', 'a', 'b'].map((type, n) => ({ type, key: 'k', data: n })));
  await first.stop();

  const second = await makeProcessor({ handlers: one, store });
  const warnings: KeylaneError[] = [];
  second.on('warning', (warning) => warnings.push(warning));
  await second.publish({ type: 'b', key: 'k', data: 4 });
  await second.drain();
  expect(second.stats()).toMatchObject({ recovered: 4, succeeded: 3, parked: 2 });
  expect(warnings.map(({ message }) => message)).toEqual([
    expect.stringContaining('2 stored events are owed to handler "a"'),
  ]);
  expect(pendingIn(store).map(({ position, state }) => [position, state])).toEqual([
    [1, 'parked'],
    [3, 'parked'],
  ]);

  const third = await makeProcessor({ handlers: both, store });
  await third.drain();
  expect(third.stats()).toMatchObject({ recovered: 2, succeeded: 2, parked: 0, duplicatesIgnored: 0 });
  expect(readOutcomes(store)).toHaveLength(5);
});

test('intake memory stores no events, and runs what the journal is owed first', async () => {
  const store = join(makeFolder(), 'test.db');
  const first = await makeProcessor({ store, autoStart: false });
  await first.publishMany(Array.from({ length: 100 }, (_, n) => ({ type: 'echo', key: 'k', data: n })));
  await first.stop();
  const second = await makeProcessor({ store, intake: 'memory', ringSize: 16 });
  const order: number[] = [];
  second.on('outcome', ({ result }) => order.push(result as number));
  await second.publish({ type: 'echo', key: 'k', data: 100 });
  await second.drain();
  expect(order).toEqual(Array.from({ length: 101 }, (_, n) => n));
  expect(readOutcomes(store, 'SELECT count(*) AS events FROM event')).toEqual([{ events: 100 }]);
});

test('abort refuses who waits, and what was stored stays owed', async () => {
  const store = join(makeFolder(), 'test.db');
  const processor = await makeProcessor({ store });
  const gate = new Gate();
  await processor.publish({ ...gate.event, key: 'k' });
  await gate.reached;
  const publishing = processor.publish({ type: 'echo' });
  const aborted = processor.abort();
  await expect(publishing).rejects.toMatchObject({ code: 'aborted' });
  await aborted;
  const next = await makeProcessor({ store, autoStart: false });
  expect(next.recovery).toMatchObject({ wasClean: false, suspects: 0 });
  expect(next.recovery.pending).toBeGreaterThanOrEqual(1);
});

test('publishMany that abort overtakes rejects, whatever it waits for then', async () => {
  const processor = await makeProcessor();
  const many = processor.publishMany(Array.from({ length: 512 }, () => ({ type: 'echo' })));
  const aborted = processor.abort();
  await expect(many).rejects.toMatchObject({ code: 'aborted' });
  await aborted;
});

test('a process that exits by its own code suspects nobody, whatever was running', async () => {
  const folder = makeFolder();
  const [store, handlers] = [join(folder, 'test.db'), join(folder, 'handlers.mjs')];
  writeFileSync(handlers, 'export default { work: () => { for (;;); } };');
  const script = `
    const processor = await createProcessor({ handlers: ${JSON.stringify(handlers)}, store: ${JSON.stringify(store)},
      threads: 1 });
    await processor.publish({ type: 'work' });
    process.exitCode = 7;
    process.exit();`;
  expect((await runScript(script)).end).toBe(7);
  const next = await makeProcessor({ handlers, store, autoStart: false });
  expect(next.recovery).toEqual({ pending: 1, suspects: 0, wasClean: false });
});

test('publishMany that rejects has stored what came before', async () => {
  const store = join(makeFolder(), 'test.db');
  const processor = await makeProcessor({ store, autoStart: false });
  function* events() {
    for (let n = 0; n < 10; n += 1) yield { type: 'echo', data: n };
    throw new Error('no more');
  }
  await expect(processor.publishMany(events())).rejects.toThrow('no more');
  expect(pendingIn(store)).toHaveLength(10);
});

/** Runs a script with the library in a process of its own; gives its exit code or signal and what it printed. */
async function runScript(script: string): Promise<{ end: number | string | null; printed: string }> {
  const text = `import { createProcessor } from ${JSON.stringify(libraryUrl)};\n${script}`;
  const path = join(makeFolder(), 'script.mjs');
  writeFileSync(path, text);
  const child = spawn(process.execPath, [path], { stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  child.stdout.on('data', (chunk) => {
    printed += chunk;
  });
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  return { end: code ?? signal, printed };
}

test('an event that ends the process is found, dead-lettered after attemptsMax deaths, and nobody else is', async () => {
  const folder = makeFolder();
  const [store, handlers] = [join(folder, 'test.db'), join(folder, 'handlers.mjs')];
  writeFileSync(
    handlers,
    `export default { work: (event, { attempt }) => {
       if (event.data === 'kill') process.kill(process.pid, 'SIGKILL');
       return attempt;
     } };`,
  );
  const script = `
    const processor = await createProcessor({ handlers: ${JSON.stringify(handlers)}, store: ${JSON.stringify(store)},
      threads: 2, attemptsMax: 2 });
    if (processor.recovery.wasClean) {
      const events = Array.from({ length: 200 }, (_, n) => ({ type: 'work', key: 'k' + (n % 5), data: n === 77 ? 'kill' : n }));
      await processor.publishMany(events);
    }
    console.log(processor.recovery.suspects > 0);
    await processor.drain();`;
  const ends = [];
  for (let start = 0; start < 4; start += 1) ends.push((await runScript(script)).end);
  expect(ends).toEqual(['SIGKILL', 'SIGKILL', 'SIGKILL', 0]);
  const outcomes = readOutcomes(store, 'SELECT position, status, attempts, error FROM outcomes ORDER BY position');
  expect(outcomes).toHaveLength(200);
  expect(outcomes.filter(({ status }) => status !== 'succeeded')).toEqual([
    { position: 78, status: 'dead-lettered', attempts: 2, error: expect.stringContaining('"code":"killed-process"') },
  ]);
  expect(outcomes.every(({ attempts }, index) => index === 77 || attempts === 1)).toBe(true);
  expect(readOutcomes(store, 'SELECT * FROM suspect')).toEqual([]);
});
