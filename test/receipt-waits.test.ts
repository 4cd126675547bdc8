// How receipts wait, against a store that answers when the test says so.

import { expect, test } from 'vitest';
import { KeylaneError } from '../src/errors.js';
import type { Identity } from '../src/event.js';
import type { Outcome } from '../src/outcome.js';
import { onlyOne, Receipts } from '../src/receipts.js';
import type { EventOutcomes } from '../src/store/event-messages.js';

const outcomeOf = (position: number, result: unknown = position, handler = 'h'): Outcome => ({
  ...{
    identity: { partition: 'journal', position },
    id: null,
    type: 't',
    key: null,
    handler,
    status: 'succeeded',
  },
  ...{ attempts: 1, startedAtUs: 0, durationUs: 0, result, error: null },
});
const owed: EventOutcomes = { outcomes: [], owed: ['h'], isUnmatched: false };
const nothing: EventOutcomes = { outcomes: [], owed: [], isUnmatched: false };
const has = (...outcomes: Outcome[]): EventOutcomes => ({ outcomes, owed: [], isUnmatched: false });

class Store {
  readonly asked: { positions: number[]; answer(found: EventOutcomes[]): Promise<void> }[] = [];
  held: readonly string[] = [];
  readonly receipts = new Receipts({
    ...{ partition: 1, partitionName: 'journal', widest: () => 2 },
    allStored: () => Promise.resolve(),
    heldFor: () => this.held,
    read: (events: readonly Identity[], act) =>
      new Promise((resolve) => {
        const answer = async (found: EventOutcomes[]): Promise<void> => {
          act(found);
          resolve(found);
          await hops();
        };
        this.asked.push({ positions: events.map(({ position }) => position), answer });
      }),
  });
}

async function hops(): Promise<void> {
  for (let hop = 0; hop < 10; hop += 1) await null;
}

test('calls of one moment are asked for together, and what an answer leaves out is asked for again', async () => {
  const { receipts, asked } = new Store();
  const told = [1, 2, 3].map((position) => receipts.outcomes(position, undefined));
  await hops();
  expect(asked.map(({ positions }) => positions)).toEqual([[1, 2, 3]]);
  await asked[0]!.answer([has(outcomeOf(1)), has(outcomeOf(2))]);
  expect(asked[1]!.positions).toEqual([3]);
  await asked[1]!.answer([has(outcomeOf(3))]);
  expect((await Promise.all(told)).map(onlyOne).map(({ result }) => result)).toEqual([1, 2, 3]);
});

test('news that come before the answer only have the store asked again: what it says counts', async () => {
  const { receipts, asked } = new Store();
  const told = receipts.outcomes(1, undefined);
  await hops();
  receipts.heard(outcomeOf(1, 'old'));
  await asked[0]!.answer([owed]);
  expect(asked).toHaveLength(2);
  await asked[1]!.answer([has(outcomeOf(1, 'stored'))]);
  expect(onlyOne(await told).result).toBe('stored');
});

test('what the store has decided by itself counts, whatever else is told', async () => {
  const { receipts, asked } = new Store();
  const told = receipts.outcomesOfNew(1, undefined);
  receipts.decidedInStore({ partition: 'journal', position: 1 });
  receipts.heard(outcomeOf(1, 'of a try that came too late'));
  await hops();
  await asked[0]!.answer([has(outcomeOf(1, 'stored'))]);
  expect(onlyOne(await told).result).toBe('stored');
});

test('once an outcome is owed, the next news are it; other partitions have their own positions', async () => {
  const { receipts, asked } = new Store();
  const told = receipts.outcomes(1, undefined);
  await hops();
  await asked[0]!.answer([owed]);
  expect([receipts.awaits(1, 1), receipts.awaits(2, 1), receipts.awaits(1, 2)]).toEqual([true, false, false]);
  receipts.heard({ ...outcomeOf(1, 'another'), identity: { partition: 'source', position: 1 } });
  receipts.heard(outcomeOf(1, 'news'));
  expect(onlyOne(await told).result).toBe('news');
  expect(receipts.awaits(1, 1)).toBe(false);
});

test('an event that the store does not know is waited for while it is in memory, else its outcome was deleted', async () => {
  const store = new Store();
  const { receipts, asked } = store;
  store.held = ['h'];
  const held = receipts.outcomes(1, undefined);
  await hops();
  await asked[0]!.answer([nothing]);
  receipts.heard(outcomeOf(1));
  expect(await held).toHaveLength(1);
  store.held = [];
  const gone = receipts.outcomes(2, undefined);
  gone.catch(() => {});
  await hops();
  await asked[1]!.answer([nothing]);
  await expect(gone).rejects.toMatchObject({ code: 'outcome-deleted' });
});

test('several outcomes are given together; one of them alone is refused', async () => {
  const { receipts, asked } = new Store();
  const told = receipts.outcomes(1, undefined);
  await hops();
  await asked[0]!.answer([has(outcomeOf(1, 'a'), outcomeOf(1, 'b'))]);
  const outcomes = await told;
  expect(outcomes.map(({ result }) => result)).toEqual(['a', 'b']);
  expect(() => onlyOne(outcomes)).toThrow('an event must be taken by one handler for outcome(), it was by 2 (h, h)');
});

test('while several are owed, news of one have the store asked again, until it owes nothing', async () => {
  const { receipts, asked } = new Store();
  const told = receipts.outcomes(1, undefined);
  await hops();
  await asked[0]!.answer([{ ...nothing, owed: ['a', 'b'] }]);
  receipts.heard(outcomeOf(1, 'news', 'a'));
  await hops();
  const first = outcomeOf(1, 'stored', 'a');
  await asked[1]!.answer([{ ...has(first), owed: ['b'] }]);
  receipts.heard(outcomeOf(1, 'news', 'b'));
  await hops();
  await asked[2]!.answer([has(first, outcomeOf(1, 'stored', 'b'))]);
  expect((await told).map(({ handler, result }) => `${handler} ${result}`)).toEqual(['a stored', 'b stored']);
});

test('what is in memory only is owed as well: of another handler than the store has an outcome of, or owes one', async () => {
  const store = new Store();
  const { receipts, asked } = store;
  store.held = ['a', 'b'];
  const told = receipts.outcomes(1, undefined);
  await hops();
  await asked[0]!.answer([{ ...nothing, owed: ['a'] }]);
  receipts.heard(outcomeOf(1, 'news', 'b'));
  await hops();
  store.held = ['a'];
  const second = outcomeOf(1, 'stored', 'b');
  await asked[1]!.answer([has(second)]);
  expect(receipts.awaits(1, 1)).toBe(true);
  receipts.heard(outcomeOf(1, 'news', 'a'));
  await hops();
  await asked[2]!.answer([has(outcomeOf(1, 'stored', 'a'), second)]);
  expect(await told).toHaveLength(2);
});

test('an event that no handler took has no outcomes, and its outcome is refused', async () => {
  const { receipts, asked } = new Store();
  const told = receipts.outcomes(1, undefined);
  await hops();
  await asked[0]!.answer([{ ...nothing, isUnmatched: true }]);
  const outcomes = await told;
  expect(outcomes).toEqual([]);
  expect(() => onlyOne(outcomes)).toThrow('no handler took this event, so that it has no outcome');
});

test('the end waits for what the store was asked, and refuses the rest', async () => {
  const { receipts, asked } = new Store();
  const [answered, waiting] = [receipts.outcomes(1, undefined), receipts.outcomesOfNew(2, undefined)];
  waiting.catch(() => {});
  await hops();
  const finished = receipts.finish(new KeylaneError('not-running', 'over'));
  await expect(receipts.outcomes(3, undefined)).rejects.toMatchObject({ code: 'not-running' });
  await asked[0]!.answer([has(outcomeOf(1))]);
  await finished;
  expect(await answered).toHaveLength(1);
  await expect(waiting).rejects.toThrow('over');
  await expect(receipts.outcomes(1, undefined)).rejects.toThrow('over');
});
