// Receipts of events that several handlers take, or none: what is waited for, and what is refused. On real threads and
// a real store.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type KeylaneError, type Outcome, openStore, type Processor, type Receipt } from '../dist/src/index.js';
import { Gate, gatedHandlers, makeFolder, makeProcessor, readOutcomes } from './processor-fixture.js';

const codeOf = (error: KeylaneError): string => error.code;
const shown = (outcomes: readonly Outcome[]): string[] => outcomes.map(({ handler, status }) => `${handler} ${status}`);

/** A module that lists these handlers, given as the text of each; `gated` is one of the fixture's. */
function listed(...handlers: readonly string[]): string {
  const path = join(makeFolder(), 'list.mjs');
  const gated = `import gated from ${JSON.stringify(gatedHandlers.href)};`;
  writeFileSync(path, `${gated}\nexport default [${handlers.join(',\n')}];`);
  return path;
}

const quick = `{ name: 'quick', on: '*', run: ({ type }) => type }`;
const slow = `{ name: 'slow', on: 'gated', run: gated.gated }`;
/** Fails for data of `bad`, and stops the key then. */
const careful = `{ name: 'careful', on: 'order', attemptsMax: 1, onDeadLetter: 'park',
  run: ({ data }) => { if (data === 'bad') throw new TypeError('bad'); } }`;
const twice = `{ name: 'twice', on: 'order', attemptsMax: 2, backoffMsMin: 0, backoffMsMax: 0,
  run: ({ data }) => { if (data === 'bad') throw new TypeError('bad'); } }`;

/** What the store was asked before is answered when this is. */
async function untilAsked(processor: Processor): Promise<void> {
  expect(await processor.cancel({ partition: 'journal', position: 999 })).toBe('unknown');
}

/** Whether all outcomes of an event have been told by now. */
function watched(receipt: Receipt): { told: readonly Outcome[] | null; done: Promise<void> } {
  const watch = { told: null as readonly Outcome[] | null, done: Promise.resolve() };
  watch.done = receipt.outcomes().then((outcomes) => {
    watch.told = outcomes;
  });
  return watch;
}

describe.each(['journal', 'memory'] as const)('with intake %s', (intake) => {
  test('outcomes waits for the handler that is slow, whenever it is asked; whenIdle of another does not', async () => {
    const options = { handlers: listed(quick, slow), threads: 2, batchSizeMax: 1, intake } as const;
    const processor = await makeProcessor(options);
    const gate = new Gate();
    const receipt = await processor.publish({ ...gate.event, key: 'k' });
    const early = watched(receipt);
    await gate.reached;
    await processor.whenIdle({ handler: 'quick' });
    const late = watched(receipt);
    const one = receipt.outcome().catch(codeOf);
    let isIdle = false;
    const idle = processor.whenIdle({ handler: 'slow' }).then(() => {
      isIdle = true;
    });
    await untilAsked(processor);
    await processor.whenIdle({ handler: 'quick' });
    expect([processor.stats().succeeded, early.told, late.told, isIdle]).toEqual([1, null, null, false]);
    gate.open();
    await Promise.all([early.done, late.done, idle]);
    for (const { told } of [early, late]) expect(shown(told!)).toEqual(['quick succeeded', 'slow succeeded']);
    expect(late.told!.map(({ result }) => result)).toEqual(['gated', 'opened']);
    expect(await one).toBe('several-outcomes');
    expect(shown(await receipt.outcomes())).toEqual(['quick succeeded', 'slow succeeded']);
    // Of a type that one handler takes there is one as ever.
    expect(await processor.process({ type: 'other' })).toMatchObject({ handler: 'quick', result: 'other' });
  });

  test('a dead letter is one of the outcomes', async () => {
    const processor = await makeProcessor({ handlers: listed(twice, quick), intake });
    const receipt = await processor.publish({ type: 'order', data: 'bad' });
    const outcomes = await receipt.outcomes();
    expect(shown(outcomes)).toEqual(['twice dead-lettered', 'quick succeeded']);
    expect(outcomes.map(({ attempts }) => attempts)).toEqual([2, 1]);
  });

  test('process refuses an event that several handlers take, before it is accepted', async () => {
    const store = join(makeFolder(), 'test.db');
    const processor = await makeProcessor({ store, handlers: listed(twice, quick), intake });
    await expect(processor.process({ type: 'order', id: 'x' })).rejects.toMatchObject({
      code: 'several-outcomes',
      message:
        'event.type must be a type that one handler takes for process(), got "order", which 2 take: ' +
        'publish it, and ask its receipt for outcomes()',
    });
    expect(processor.stats().accepted).toBe(0);
    expect((await processor.publish({ type: 'order', id: 'x' })).duplicate).toBe(false);
    await processor.drain();
    expect(readOutcomes(store)).toHaveLength(2);
    await expect(processor.process({ type: 'order' })).rejects.toMatchObject({ code: 'not-running' });
  });
});

test('outcomes waits for a handler that is parked, until its dead letter is given up', async () => {
  const processor = await makeProcessor({ handlers: listed(careful, quick) });
  const bad = await processor.publish({ type: 'order', key: 'k', data: 'bad' });
  const good = await processor.publish({ type: 'order', key: 'k', data: 'good' });
  expect(shown(await bad.outcomes())).toEqual(['careful dead-lettered', 'quick succeeded']);
  await processor.whenIdle();
  const behind = watched(good);
  await untilAsked(processor);
  expect([processor.stats(), behind.told]).toMatchObject([{ parked: 1, succeeded: 2 }, null]);
  await processor.discard({ handler: 'careful' }, 'a test');
  await behind.done;
  expect(shown(behind.told!)).toEqual(['careful succeeded', 'quick succeeded']);
  expect(shown(await bad.outcomes())).toEqual(['careful discarded', 'quick succeeded']);
});

test('a cancel in the store for one handler is told of that alone, and ends the wait', async () => {
  const processor = await makeProcessor({ handlers: listed(careful, quick) });
  const seen: string[] = [];
  processor.on('outcome', (outcome) => seen.push(`${outcome.identity.position} ${shown([outcome])}`));
  await processor.publish({ type: 'order', key: 'k', data: 'bad' });
  const receipt = await processor.publish({ type: 'order', key: 'k', data: 'good' });
  await processor.whenIdle();
  const behind = watched(receipt);
  await untilAsked(processor);
  expect(await processor.cancel(receipt.identity)).toBe('cancelled');
  await behind.done;
  expect(shown(behind.told!)).toEqual(['careful cancelled', 'quick succeeded']);
  expect(seen.sort()).toEqual([
    ...['1 careful dead-lettered', '1 quick succeeded', '2 careful cancelled', '2 quick succeeded'],
  ]);
});

test('a duplicate owes what the first owed: of a handler that is gone its outcome is waited for', async () => {
  const store = join(makeFolder(), 'test.db');
  const before = await makeProcessor({ store, handlers: listed(careful, quick), autoStart: false });
  await before.publish({ type: 'order', id: 'x', data: 1 });
  await before.stop();
  const processor = await makeProcessor({ store, handlers: listed(quick), autoStart: false });
  processor.on('warning', () => {});
  const seen: string[] = [];
  processor.on('outcome', (outcome) => seen.push(...shown([outcome])));
  const receipt = await processor.publish({ type: 'order', id: 'x' });
  expect(receipt).toMatchObject({ duplicate: true, storedOutcome: null });
  const watch = watched(receipt);
  await untilAsked(processor);
  processor.start();
  await processor.whenIdle();
  await untilAsked(processor);
  expect([seen, watch.told]).toEqual([['quick succeeded'], null]);
  expect((await processor.publish({ type: 'order', id: 'x' })).storedOutcome).toMatchObject({ handler: 'quick' });
  expect(await processor.cancel('x')).toBe('cancelled');
  await watch.done;
  expect(shown(watch.told!)).toEqual(['careful cancelled', 'quick succeeded']);
  expect(seen).toEqual(['quick succeeded', 'careful cancelled']);
  // Of several that are stored the first is told.
  expect((await processor.publish({ type: 'order', id: 'x' })).storedOutcome).toMatchObject({ handler: 'careful' });
  expect(await processor.process({ type: 'order', id: 'x' }).catch(codeOf)).toBe('several-outcomes');
});

test('an event that no handler takes has no outcomes; outcome and process refuse it', async () => {
  const store = join(makeFolder(), 'test.db');
  const processor = await makeProcessor({ store, handlers: listed(twice), unmatched: 'record' });
  const receipt = await processor.publish({ type: 'other', id: 'x' });
  expect(await receipt.outcomes()).toEqual([]);
  await expect(receipt.outcome()).rejects.toMatchObject({
    code: 'unmatched',
    message: 'no handler took this event, so that it has no outcome: outcomes() gives none',
  });
  await expect(processor.process({ type: 'other' })).rejects.toMatchObject({
    code: 'unmatched',
    message: expect.stringContaining('got "other", which none takes: publish the event instead'),
  });
  expect(processor.stats().unmatched).toBe(1);
  await processor.drain();
  using reader = openStore(store);
  expect(reader.eventById('x')).toMatchObject({ handlers: [] });
});
