// Receipts on real threads and a real store: what became of an event, whenever it is asked for, and what is said when
// the processor ends before that.

import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { KeylaneError, Processor, ProcessorOptions, Receipt } from '../dist/src/index.js';
import { Gate, makeFolder, makeProcessor } from './processor-fixture.js';

const once = { attemptsMax: 1 } as const;
const codeOf = (error: KeylaneError): string => error.code;

/** Fails while the file named by `data.until` does not exist. */
function stubbornHandlers(): string {
  const path = join(makeFolder(), 'handlers.mjs');
  const text = `
    import { existsSync } from 'node:fs';
    export default { t: ({ data }) => {
      if (data.until !== undefined && !existsSync(data.until)) throw new TypeError('not yet');
      return data.n;
    } };`;
  writeFileSync(path, text);
  return path;
}

test('outcome gives what is durable, to a call that comes before it as to one that comes long after', async () => {
  const processor = await makeProcessor(once);
  const gate = new Gate();
  const receipt = await processor.publish({ ...gate.event, key: 'k', id: 'one' });
  expect(receipt).toEqual({ identity: { partition: 'journal', position: 1 }, duplicate: false, storedOutcome: null });
  const early = receipt.outcome();
  await gate.reached;
  const late = Promise.all([receipt.outcome(), receipt.outcomes()]);
  gate.open();
  expect(await early).toMatchObject({ identity: receipt.identity, id: 'one', status: 'succeeded', result: 'opened' });
  const [one, all] = await late;
  expect([one, all]).toEqual([await early, [one]]);
  await processor.whenIdle();
  expect(await receipt.outcome()).toEqual(one);
});

test('a dead letter is an outcome, bytes come back as bytes, and many receipts at once are answered', async () => {
  const processor = await makeProcessor({ ...once, threads: 2 });
  const failed = await processor.publish({ type: 'fail', key: 'k' });
  const bytes = await processor.publish({ type: 'echo', data: Uint8Array.of(1, 2, 3) });
  expect(await failed.outcome()).toMatchObject({ status: 'dead-lettered', error: { message: 'as asked' } });
  expect([...((await bytes.outcome()).result as Uint8Array)]).toEqual([1, 2, 3]);
  const publishing = Array.from({ length: 3000 }, (_, n) =>
    processor.publish({ type: 'echo', key: `k${n % 7}`, data: n }),
  );
  const receipts = await Promise.all(publishing);
  const outcomes = await Promise.all(receipts.map((receipt) => receipt.outcome()));
  expect(outcomes.map(({ result }) => result)).toEqual(outcomes.map((_, n) => n));
  await processor.whenIdle();
  const again = await Promise.all(receipts.map((receipt) => receipt.outcome()));
  expect(again).toEqual(outcomes);
});

test('answers larger than a batch come in parts', async () => {
  const processor = await makeProcessor({ batchBytesMax: 65_536 });
  const data = 'x'.repeat(20_000);
  const receipts = await Promise.all(Array.from({ length: 20 }, () => processor.publish({ type: 'echo', data })));
  await processor.whenIdle();
  const outcomes = await Promise.all(receipts.map((receipt) => receipt.outcome()));
  expect(outcomes.map(({ result }) => result)).toEqual(outcomes.map(() => data));
});

test('a duplicate has the outcome of the event that has its id, stored or still to come', async () => {
  const processor = await makeProcessor();
  const gate = new Gate();
  const first = await processor.publish({ ...gate.event, id: 'one' });
  const second = await processor.publish({ type: 'echo', id: 'one' });
  expect(second).toMatchObject({ duplicate: true, identity: first.identity, storedOutcome: null });
  const asked = [second.outcome(), processor.process({ type: 'echo', id: 'one' })];
  await gate.reached;
  gate.open();
  for (const outcome of await Promise.all(asked)) expect(outcome).toMatchObject({ result: 'opened', type: 'gated' });
  expect(await processor.process({ type: 'echo', id: 'one' })).toMatchObject({ result: 'opened', id: 'one' });
});

test('process gives the outcome, whatever its status, in either intake; a bad event rejects', async () => {
  for (const intake of ['journal', 'memory'] as const) {
    const processor = await makeProcessor({ ...once, intake });
    expect(await processor.process({ type: 'echo', data: 7 })).toMatchObject({ status: 'succeeded', result: 7 });
    expect(await processor.process({ type: 'fail' })).toMatchObject({ status: 'dead-lettered' });
    await expect(processor.process({ type: 'nobody' })).rejects.toMatchObject({ code: 'bad-event' });
    const receipt = await processor.publish({ type: 'echo', data: 8 });
    expect(await receipt.outcome()).toMatchObject({ result: 8 });
    expect(await receipt.outcome()).toMatchObject({ result: 8 });
    await processor.drain();
  }
});

test('in memory an event that the store knows nothing of is waited for', async () => {
  const processor = await makeProcessor({ intake: 'memory' });
  const gate = new Gate();
  const receipt = await processor.publish(gate.event);
  await gate.reached;
  const told = receipt.outcome();
  // Once this one is durable, the store has been asked about the first.
  expect(await processor.cancel({ partition: 'journal', position: 99 })).toBe('unknown');
  gate.open();
  expect(await told).toMatchObject({ result: 'opened' });
});

test('an event behind a dead letter has its outcome when that was redriven, and so has the dead letter again', async () => {
  const until = join(makeFolder(), 'now');
  const options = { onDeadLetter: 'park', ...once, handlers: stubbornHandlers() } as const;
  const processor = await makeProcessor(options);
  const dead = await processor.publish({ type: 't', key: 'k', data: { n: 1, until } });
  const behind = await processor.publish({ type: 't', key: 'k', data: { n: 2 } });
  expect(await dead.outcome()).toMatchObject({ status: 'dead-lettered' });
  await processor.whenIdle();
  const states: unknown[] = [];
  const told = behind.outcome().then((outcome) => states.push(outcome.result));
  expect(await (await processor.publish({ type: 't', key: 'other', data: { n: 3 } })).outcome()).toMatchObject({
    result: 3,
  });
  expect([states, existsSync(until)]).toEqual([[], false]);
  writeFileSync(until, '');
  await processor.redrive({});
  const again = await dead.outcome();
  await told;
  expect([again.status, again.result, states]).toEqual(['succeeded', 1, [2]]);
});

describe('cancelled', () => {
  test('while it waits in memory, and while it runs', async () => {
    const processor = await makeProcessor({ graceMs: 0 });
    const gate = new Gate();
    const running = await processor.publish({ ...gate.event, key: 'k' });
    const waiting = await processor.publish({ type: 'gated', key: 'k', data: 'never' });
    await gate.reached;
    const told = [waiting.outcome(), running.outcome()];
    await processor.cancel(waiting.identity);
    await processor.cancel(running.identity);
    for (const outcome of await Promise.all(told))
      expect(outcome).toMatchObject({ status: 'cancelled', result: undefined });
    expect((await waiting.outcome()).status).toBe('cancelled');
  });

  test('while it is in the store only: receipts, listeners and subscriptions are told', async () => {
    const processor = await makeProcessor({ onDeadLetter: 'park', ...once });
    const seen: unknown[] = [];
    processor.on('outcome', ({ status }) => seen.push(status));
    processor.subscribe({ status: 'cancelled' }, ({ identity }) => seen.push(identity.position));
    const dead = await processor.publish({ type: 'fail', key: 'k' });
    const behind = await processor.publish({ type: 'fail', key: 'k' });
    await dead.outcome();
    await processor.whenIdle();
    const told = behind.outcome();
    expect(await processor.cancel(behind.identity)).toBe('cancelled');
    expect(seen).toEqual(['dead-lettered', 'cancelled', behind.identity.position]);
    expect(await told).toMatchObject({ status: 'cancelled', identity: behind.identity });
  });

  test('while it is in the store only, and nobody listens', async () => {
    const processor = await makeProcessor({ onDeadLetter: 'park', ...once });
    await processor.process({ type: 'fail', key: 'k' });
    const behind = await processor.publish({ type: 'fail', key: 'k' });
    await processor.whenIdle();
    const told = behind.outcome();
    // The store has been asked by the time it has answered this.
    expect(await processor.cancel({ partition: 'journal', position: 99 })).toBe('unknown');
    expect(await processor.cancel(behind.identity)).toBe('cancelled');
    expect(await told).toMatchObject({ status: 'cancelled', identity: behind.identity });
  });
});

test('a dead letter that was given up is told as discarded', async () => {
  const processor = await makeProcessor(once);
  const receipt = await processor.publish({ type: 'fail' });
  await receipt.outcome();
  await processor.discard({}, 'enough');
  expect(await receipt.outcome()).toMatchObject({ status: 'discarded', error: { name: 'TypeError' } });
});

test('a signal ends one wait and no other', async () => {
  const processor = await makeProcessor();
  const gate = new Gate();
  const receipt = await processor.publish(gate.event);
  await gate.reached;
  const controller = new AbortController();
  const given = receipt.outcome({ signal: controller.signal });
  const kept = receipt.outcome();
  const processing = processor.process({ ...gate.event }, { signal: controller.signal });
  controller.abort(new Error('changed my mind'));
  await expect(given).rejects.toThrow('changed my mind');
  await expect(processing).rejects.toThrow('changed my mind');
  await expect(receipt.outcome({ signal: controller.signal })).rejects.toThrow('changed my mind');
  gate.open();
  expect(await kept).toMatchObject({ result: 'opened' });
  await processor.abort();
});

/** An event under way, one parked, and one whose outcome is durable. */
async function three(
  options: Partial<ProcessorOptions> = {},
): Promise<{ processor: Processor; gate: Gate } & Record<'running' | 'parked' | 'done', Receipt>> {
  const processor = await makeProcessor({ onDeadLetter: 'park', ...once, ...options });
  const done = await processor.publish({ type: 'fail', key: 'k' });
  const parked = await processor.publish({ type: 'fail', key: 'k' });
  await done.outcome();
  await processor.whenIdle();
  const gate = new Gate();
  const running = await processor.publish(gate.event);
  await gate.reached;
  return { processor, gate, running, parked, done };
}

describe('when the processor ends, a receipt', () => {
  test('of what drain finishes is answered, others reject with not-running and say where to look', async () => {
    const { processor, gate, running, parked, done } = await three();
    const [told, left] = [running.outcome(), parked.outcome().catch((error) => error)];
    const drained = processor.drain();
    const during = done.outcome();
    gate.open();
    await drained;
    expect(await told).toMatchObject({ result: 'opened' });
    expect(await during).toMatchObject({ status: 'dead-lettered' });
    expect(await left).toMatchObject({ code: 'not-running', message: expect.stringContaining('openStore') });
    expect(await done.outcome().catch(codeOf)).toBe('not-running');
  });

  test('of what stop leaves rejects with not-running', async () => {
    const processor = await makeProcessor({ autoStart: false });
    const receipt = await processor.publish({ type: 'echo' });
    const [told, processed] = [receipt.outcome(), processor.process({ type: 'echo' })].map((one) => one.catch(codeOf));
    await processor.whenIdle({ key: 'other' });
    expect(await processor.stop()).toEqual({ left: 2 });
    expect(await Promise.all([told, processed])).toEqual(['not-running', 'not-running']);
  });

  test('rejects with aborted after abort, and with the trouble after a failure', async () => {
    const first = await three();
    const told = [first.running, first.parked, first.done].map((receipt) => receipt.outcome().catch(codeOf));
    await first.processor.abort();
    expect(await Promise.all(told)).toEqual(['aborted', 'aborted', 'aborted']);
    expect(await first.done.outcome().catch(codeOf)).toBe('aborted');
    const store = join(makeFolder(), 'gone.db');
    const second = await three({ store });
    second.processor.on('fatal', () => {});
    const failed = [second.running, second.parked].map((receipt) => receipt.outcome().catch(codeOf));
    rmSync(store);
    expect(await Promise.all(failed)).toEqual(['store-replaced', 'store-replaced']);
  });
});

test('process and publish are accepted in the order of the calls', async () => {
  const processor = await makeProcessor();
  const results: unknown[] = [];
  processor.subscribe('echo', ({ result }) => results.push(result));
  const event = (data: number) => ({ type: 'echo', key: 'k', data });
  await Promise.all([
    ...[processor.process(event(1)), processor.publish(event(2)), processor.process(event(3))],
    processor.publishMany([event(4), event(5)]),
    processor.process(event(6)),
  ]);
  await processor.whenIdle();
  expect(results).toEqual([1, 2, 3, 4, 5, 6]);
});
