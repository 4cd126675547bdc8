// What retention deletes, what it never deletes, and how little it is in the way of others.

import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { createProcessor, type EncodedEvent, pruneStore, type Retention } from '../dist/src/index.js';
import { EventsJoiner } from '../dist/src/joined-events.js';
import { configFrom } from '../dist/src/options.js';
import { type OutcomeRow, verdict } from '../dist/src/outcome.js';
import type { GroupRequest, JournalEvents } from '../dist/src/store/messages.js';
import { Store } from '../dist/src/store/store.js';
import { gatedHandlers } from './processor-fixture.js';
import { atPath, joined, read, requestFor, rowOf, withStore, withWriter } from './store-fixture.js';

const journal = 1;
/** `rowOf` starts the try of a position this much after the epoch, and a microsecond later for each position. */
const firstUs = 1_700_000_000_000_000;
const nowMs = firstUs / 1000 + 1_000_000;
const everything: Retention = { succeeded: { countMax: 0 }, deadLettered: { countMax: 0 } };
const failure = { verdict: verdict.deadLettered, result: null, error: '{"name":"Error","message":"no"}' };

const positionsIn = (path: string, table: 'outcome' | 'event', where = 'true'): number[] =>
  read(path, `SELECT position FROM ${table} WHERE ${where} ORDER BY position`).map(({ position }) => Number(position));

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

function groupOf(rows: readonly OutcomeRow[], change: Partial<GroupRequest> = {}): GroupRequest {
  return { events: null, rows: [joined(rows)], watermarks: [], parked: [], ...change };
}

/** Events of the journal whose ids are their positions. */
function eventsFrom(positionFirst: number, count: number, change: Partial<EncodedEvent> = {}): JournalEvents {
  const joiner = new EventsJoiner(count);
  for (let index = 0; index < count; index += 1) {
    joiner.add({ type: 't', key: 'k', id: `id ${positionFirst + index}`, extras: null, data: '1', ...change });
  }
  return { ...joiner.finish(), positionFirst, handlers: new Int32Array(count), routes: [], acceptedAtUs: firstUs };
}

/** A store with outcomes of a source at positions 1 to `count`, all of them below its watermark. */
function withOutcomes(path: string, rows: readonly OutcomeRow[]): void {
  withStore(requestFor(path), (store) => {
    const { partition } = store.openPartition('p');
    const watermark = Math.max(...rows.map(({ position }) => position)) + 1;
    store.append(groupOf(rows, { watermarks: [{ partition, watermark }] }));
  });
}

/** Steps until there is nothing more to do; gives their number. */
function retainAll(store: Store, now = nowMs): number {
  let steps = 1;
  while (store.retain(now)) steps += 1;
  return steps;
}

describe('the option', () => {
  const configOf = (retention: unknown) => configFrom({ handlers: 'h', store: 's', retention: retention as Retention });

  it.each([
    [undefined, null],
    [{}, null],
    [{ succeeded: {}, deadLettered: undefined }, null],
    [{ succeeded: { ageMsMax: undefined, countMax: 0 } }, { succeeded: { countMax: 0 } }],
    [{ deadLettered: { ageMsMax: 5 } }, { deadLettered: { ageMsMax: 5 } }],
  ])('%j keeps %j', (given, expected) => {
    expect(configOf(given).retention).toEqual(expected);
  });

  it.each([
    ['all', 'retention must be an object with succeeded, deadLettered, got "all"'],
    [null, 'retention must be an object with succeeded, deadLettered, got null'],
    [{ succeeded: [] }, 'retention.succeeded must be an object with ageMsMax, countMax, got an array'],
    [{ failed: {} }, 'there is no option "failed" in retention; the options of retention are succeeded, deadLettered'],
    [{ succeeded: { agemsmax: 1 } }, 'there is no option "agemsmax" in retention.succeeded; did you mean ageMsMax?'],
    [
      { succeeded: { countMax: -1 } },
      'retention.succeeded.countMax must be a whole number from 0 to 1000000000 (outcomes)',
    ],
    [{ deadLettered: { ageMsMax: '1d' } }, 'retention.deadLettered.ageMsMax must be a whole number from 0 to'],
    [{ deadLettered: { ageMsMax: 0.5 } }, 'retention.deadLettered.ageMsMax must be a whole number from 0 to'],
  ])('%j is refused', (given, message) => {
    expect(() => configOf(given)).toThrow(expect.objectContaining({ code: 'bad-option' }));
    expect(() => configOf(given)).toThrow(message);
  });
});

describe('what is deleted', () => {
  const rows = upTo(10).map((position) => rowOf(position, position % 2 === 0 ? failure : {}));
  // Position 5 began exactly this long before nowMs.
  const ageOfFifth = { succeeded: { ageMsMax: 1_000_000 } };
  const atFifth = nowMs + 5 / 1000;

  it.each<{ name: string; retention: Retention; now?: number; kept: number[] }>([
    {
      name: 'older than the age: one of exactly that age stays',
      retention: ageOfFifth,
      now: atFifth,
      kept: [2, 4, 5, 6, 7, 8, 9, 10],
    },
    { name: 'age of dead letters', retention: { deadLettered: { ageMsMax: 0 } }, kept: [1, 3, 5, 7, 9] },
    { name: 'any age', retention: { succeeded: { ageMsMax: 0 }, deadLettered: { ageMsMax: 0 } }, kept: [] },
    { name: 'none old enough', retention: { succeeded: { ageMsMax: 1_000_001 } }, kept: upTo(10) },
    { name: 'an age before the epoch', retention: { succeeded: { ageMsMax: 3_000_000_000_000 } }, kept: upTo(10) },
    { name: 'beyond a count', retention: { succeeded: { countMax: 2 } }, kept: [2, 4, 6, 7, 8, 9, 10] },
    {
      name: 'beyond two counts',
      retention: { succeeded: { countMax: 2 }, deadLettered: { countMax: 1 } },
      kept: [7, 9, 10],
    },
    { name: 'a count that is just reached', retention: { succeeded: { countMax: 5 } }, kept: upTo(10) },
    { name: 'a count of none', retention: everything, kept: [] },
    {
      name: 'either limit: count',
      retention: { succeeded: { ageMsMax: 1_000_000, countMax: 1 } },
      now: atFifth,
      kept: [2, 4, 6, 8, 9, 10],
    },
    {
      name: 'either limit: age',
      retention: { succeeded: { ageMsMax: 1_000_000, countMax: 4 } },
      now: atFifth,
      kept: [2, 4, 5, 6, 7, 8, 9, 10],
    },
  ])('$name', ({ retention, now = nowMs, kept }) =>
    atPath(async (path) => {
      withOutcomes(path, rows);
      const before = read(path, 'SELECT * FROM outcome');
      const counts = await pruneStore({ store: path, retention, dryRun: true, nowMs: now });
      expect(read(path, 'SELECT * FROM outcome')).toEqual(before);
      withStore(requestFor(path, { retention }), (store) => retainAll(store, now));
      expect(positionsIn(path, 'outcome')).toEqual(kept);
      // What a dry run announced is what went.
      const gone = upTo(10).filter((position) => !kept.includes(position));
      const deadLettered = gone.filter((position) => position % 2 === 0).length;
      expect(counts).toEqual({ succeeded: gone.length - deadLettered, deadLettered });
    }),
  );

  it('is found over many steps, whatever is kept in between', () =>
    atPath((path) => {
      const many = upTo(20_000).map((position) => rowOf(position, position <= 15_000 ? failure : {}));
      withOutcomes(path, many);
      const retention = { succeeded: { countMax: 1 }, deadLettered: { countMax: 14_999 } };
      withStore(requestFor(path, { retention }), (store) => {
        // 5 steps to count, 10 that delete 500 each, and those that pass by what is kept.
        expect(retainAll(store)).toBeGreaterThan(15);
      });
      const [counts] = read(
        path,
        'SELECT count(*) AS rows, min(position) AS first, max(position) AS last FROM outcome',
      );
      expect(counts).toEqual({ rows: 15_000, first: 2, last: 20_000 });
    }));

  it('is missed behind a whole step of young rows, until these are old or someone prunes', () =>
    atPath(async (path) => {
      const young = (nowMs + 1) * 1000;
      const rows = upTo(4_096).map((position) => rowOf(position, { startedAtUs: young }));
      withOutcomes(path, [...rows, rowOf(4_097)]);
      const retention = { succeeded: { ageMsMax: 0 } };
      withStore(requestFor(path, { retention }), (store) => retainAll(store));
      expect(positionsIn(path, 'outcome').length).toBe(4_097);
      expect(await pruneStore({ store: path, retention, nowMs })).toEqual({ succeeded: 1, deadLettered: 0 });
      expect(positionsIn(path, 'outcome').length).toBe(4_096);
    }));

  it('goes with its failed tries, its event and the reason it was given up', () =>
    atPath((path) => {
      withStore(requestFor(path, { retention: everything }), (store) => {
        store.openPartition('p');
        const tries = { ...failure, verdict: verdict.tryFailed, startedAtUs: 1 };
        const rows = [rowOf(1, failure), rowOf(1, tries), rowOf(2, { verdict: verdict.cancelled }), rowOf(9, tries)];
        store.append(groupOf(rows, { watermarks: [{ partition: 2, watermark: 3 }] }));
        store.deadLetters({ wanted: {}, reason: 'no', atUs: 1, countMax: 9, after: null });
        expect(read(path, 'SELECT position FROM kept_event')).toEqual([{ position: 1 }, { position: 2 }]);
        retainAll(store);
      });
      for (const table of ['outcome', 'kept_event', 'discarded'])
        expect(read(path, `SELECT * FROM ${table}`)).toEqual([]);
      // That of an event without an outcome stays.
      expect(read(path, 'SELECT position FROM attempt_failure')).toEqual([{ position: 9 }]);
    }));

  it('is counted in each partition by itself', () =>
    atPath((path) => {
      withStore(requestFor(path, { retention: { succeeded: { countMax: 1 } } }), (store) => {
        const partitions = [store.openPartition('p').partition, store.openPartition('q').partition];
        const all = partitions.flatMap((partition) => upTo(3).map((position) => rowOf(position, { partition })));
        store.append(groupOf(all, { watermarks: partitions.map((partition) => ({ partition, watermark: 4 })) }));
        retainAll(store);
      });
      expect(read(path, 'SELECT partition, position FROM outcomes')).toEqual([
        { partition: 'p', position: 3 },
        { partition: 'q', position: 3 },
      ]);
    }));

  it('goes in smaller transactions where results are long', () =>
    atPath((path) => {
      const result = new Uint8Array(3 * 1024 * 1024);
      withOutcomes(
        path,
        upTo(7).map((position) => rowOf(position, { result })),
      );
      withStore(requestFor(path, { retention: everything }), (store) => {
        // The first step finds the journal, the next one passes it by, then one finds the source.
        const left = Array.from({ length: 6 }, () => {
          store.retain(nowMs);
          return positionsIn(path, 'outcome').length;
        });
        expect(left).toEqual([7, 7, 7, 4, 1, 0]);
      });
    }));
});

describe('what stays', () => {
  it('an event of the journal without an outcome, whatever its age; the others go with their outcome', () =>
    atPath((path) => {
      withStore(requestFor(path, { retention: everything }), (store) => {
        const { partition } = store.openJournal({ isVolatile: false });
        expect(partition).toBe(journal);
        const done = [1, 2, 4, 6].map((position) => rowOf(position, { partition }));
        store.append(groupOf(done, { events: eventsFrom(1, 6) }));
        retainAll(store);
        expect(positionsIn(path, 'outcome')).toEqual([]);
        expect(positionsIn(path, 'event')).toEqual([3, 5]);
        expect([...store.readJournal({ from: 0, countMax: 10, bytesMax: 1000 }).positions]).toEqual([3, 5]);
      });
      withStore(requestFor(path), (store) => {
        expect(store.openJournal({ isVolatile: false })).toMatchObject({ pending: 2, positionUnused: 7 });
      });
    }));

  it('outcomes of a source at and above its watermark', () =>
    atPath((path) => {
      withStore(requestFor(path, { retention: everything }), (store) => {
        const { partition } = store.openPartition('p');
        const rows = [1, 2, 4, 5].map((position) => rowOf(position));
        store.append(groupOf(rows, { watermarks: [{ partition, watermark: 4 }] }));
        retainAll(store);
        expect(positionsIn(path, 'outcome')).toEqual([4, 5]);
        expect([...store.openPartition('p').durable]).toEqual([4, 6]);
      });
    }));

  it('the dead letter that stops a lane, until it no longer does', () =>
    atPath((path) => {
      const parked = [{ handler: 0, key: 'k', partition: 2, position: 2, eventHandler: 0 }];
      withStore(requestFor(path, { retention: everything }), (store) => {
        store.openPartition('p');
        const rows = upTo(3).map((position) => rowOf(position, failure));
        store.append(groupOf(rows, { parked, watermarks: [{ partition: 2, watermark: 4 }] }));
        retainAll(store);
        expect(positionsIn(path, 'outcome')).toEqual([2]);
        store.deadLetters({ wanted: {}, reason: 'no', atUs: 1, countMax: 9, after: null });
        retainAll(store, nowMs + 60_000);
        expect(positionsIn(path, 'outcome')).toEqual([]);
      });
    }));

  it('everything, without the option', () =>
    atPath((path) => {
      withOutcomes(path, [rowOf(1)]);
      withStore(requestFor(path), (store) => expect(store.retain(nowMs)).toBe(false));
      expect(positionsIn(path, 'outcome')).toEqual([1]);
    }));
});

describe('what is known afterwards', () => {
  it('no position is given out twice, after everything was deleted and the store opened again', () =>
    atPath(async (path) => {
      withStore(requestFor(path), (store) => {
        store.openJournal({ isVolatile: false });
        store.append(
          groupOf(
            upTo(9).map((position) => rowOf(position, { partition: journal })),
            { events: eventsFrom(1, 9) },
          ),
        );
        const { partition } = store.openPartition('p');
        store.append(
          groupOf(
            upTo(5).map((position) => rowOf(position)),
            { watermarks: [{ partition, watermark: 6 }] },
          ),
        );
      });
      expect(await pruneStore({ store: path, retention: everything })).toEqual({ succeeded: 14, deadLettered: 0 });
      expect([positionsIn(path, 'outcome'), positionsIn(path, 'event')]).toEqual([[], []]);
      withStore(requestFor(path), (store) => {
        expect(store.openJournal({ isVolatile: false }).positionUnused).toBe(10);
        expect(store.openPartition('p')).toMatchObject({ watermark: 6, positionNext: 6, positionUnused: 6 });
      });
    }));

  it('nor after a death: those that may have been in the ring are skipped above the deleted ones', () =>
    atPath((path) => {
      const store = Store.open(requestFor(path, { retention: everything }));
      store.openJournal({ isVolatile: true });
      store.append(groupOf(upTo(9).map((position) => rowOf(position, { partition: journal }))));
      retainAll(store);
      expect(positionsIn(path, 'outcome')).toEqual([]);
      store.close(null);
      withStore(requestFor(path), (again) => {
        expect(again.openJournal({ isVolatile: false }).positionUnused).toBe(10 + 1_048_576);
      });
    }));

  it('an id is known as long as its event is', () =>
    atPath((path) => {
      withStore(requestFor(path, { retention: { succeeded: { countMax: 1 } } }), (store) => {
        store.openJournal({ isVolatile: false });
        const done = upTo(2).map((position) => rowOf(position, { partition: journal }));
        store.append(groupOf(done, { events: eventsFrom(1, 2) }));
        retainAll(store);
        const again = (id: string, positionFirst: number) =>
          store.append(groupOf([], { events: eventsFrom(positionFirst, 1, { id }) })).duplicates;
        expect(again('id 1', 3)).toEqual([]);
        expect(again('id 2', 4)).toMatchObject([{ index: 0, position: 2 }]);
      });
    }));

  it('prune leaves the rest of the store as its last user left it', () =>
    atPath(async (path) => {
      withOutcomes(
        path,
        upTo(3).map((position) => rowOf(position)),
      );
      const rest = () => [
        read(path, 'SELECT * FROM meta'),
        read(path, 'SELECT * FROM handler'),
        read(path, `SELECT id, watermark, is_volatile, epoch FROM partition`),
      ];
      const before = rest();
      await pruneStore({ store: path, retention: everything });
      expect(rest()).toEqual(before);
    }));
});

describe('when it runs', () => {
  it('once with the open, and again after a minute or enough outcomes', () =>
    atPath((path) => {
      withStore(requestFor(path, { retention: everything }), (store) => {
        const { partition } = store.openPartition('p');
        const storeRows = (from: number, count: number) => {
          const rows = upTo(count).map((index) => rowOf(from + index));
          store.append(groupOf(rows, { watermarks: [{ partition, watermark: from + count + 1 }] }));
        };
        const goes = (now: number) => {
          retainAll(store, now);
          return positionsIn(path, 'outcome').length === 0;
        };
        storeRows(0, 1);
        expect(goes(nowMs)).toBe(true);
        storeRows(1, 1);
        expect(goes(nowMs + 59_999)).toBe(false);
        expect(goes(nowMs + 60_000)).toBe(true);
        storeRows(2, 100_000);
        expect(goes(nowMs + 60_001)).toBe(true);
      });
    }));

  it('answers a call that comes while there is more to delete, and closes at once', () =>
    atPath(async (path) => {
      const count = 60_000;
      withOutcomes(
        path,
        upTo(count).map((position) => rowOf(position)),
      );
      await withWriter(requestFor(path, { retention: everything }), async ({ writer }) => {
        // Each answer comes between two of the 120 steps; the first of those that delete is waited for.
        while (positionsIn(path, 'outcome', 'partition = 2 AND position = 1').length > 0)
          await writer.openPartition('p');
        await writer.close([]);
      });
      const left = positionsIn(path, 'outcome');
      expect(left.length).toBeGreaterThan(0);
      expect(left.length).toBeLessThan(count);
      // The oldest went first.
      expect(left).toEqual(upTo(count).slice(-left.length));
    }));

  it('does its work to the end when nobody calls', () =>
    atPath(async (path) => {
      withOutcomes(
        path,
        upTo(3_000).map((position) => rowOf(position)),
      );
      await withWriter(requestFor(path, { retention: everything }), async ({ writer }) => {
        // An answer comes at most once between two steps.
        while (positionsIn(path, 'outcome').length > 0) await writer.openPartition('p');
      });
    }));
});

describe('a processor with the option', () => {
  it('deletes what an earlier one left, while it stores what comes', () =>
    atPath(async (path) => {
      withOutcomes(path, [rowOf(1), rowOf(2, failure)]);
      const retention = { succeeded: { ageMsMax: 60 * 60 * 1000 } };
      const processor = await createProcessor({ handlers: gatedHandlers, threads: 1, store: path, retention });
      try {
        // An answer comes at most once between two steps.
        while (positionsIn(path, 'outcome', 'partition = 2').length > 1) await processor.publish({ type: 'echo' });
      } finally {
        await processor.drain();
      }
      expect(read(path, `SELECT status FROM outcomes WHERE partition = 'p'`)).toEqual([{ status: 'dead-lettered' }]);
      const { accepted } = processor.stats();
      expect(positionsIn(path, 'outcome', 'partition = 1').length).toBe(accepted);
    }));
});

describe('killed in the middle', () => {
  it('leaves every outcome with its event, and never one alone', () =>
    atPath(async (path) => {
      const count = 20_000;
      withStore(requestFor(path), (store) => {
        store.openJournal({ isVolatile: false });
        // Every tenth is owed.
        const done = upTo(count).filter((position) => position % 10 !== 0);
        const rows = done.map((position) => rowOf(position, { partition: journal }));
        store.append(groupOf(rows, { events: eventsFrom(1, count) }));
      });
      // It dies inside the transaction of the 20th deletion, with the changes made and not committed.
      const script = `
        const { openForWriting } = await import(${urlOf('database')});
        const { OutcomeEraser } = await import(${urlOf('outcome-eraser')});
        const { RetentionPass } = await import(${urlOf('retention-pass')});
        const db = openForWriting(${JSON.stringify(path)}, 'process');
        let changes = 0;
        const inTransaction = (change) => db.transaction(() => {
          change();
          changes += 1;
          if (changes === 20) process.kill(process.pid, 'SIGKILL');
          return 500;
        })();
        const parts = { retention: ${JSON.stringify(everything)}, nowMs: ${nowMs}, isThorough: false };
        const pass = new RetentionPass(db, { ...parts, eraser: new OutcomeEraser(db, inTransaction) });
        while (pass.step());`;
      const { signal } = spawnSync(process.execPath, ['--input-type=module', '-e', script]);
      expect(signal).toBe('SIGKILL');
      const owed = upTo(count).filter((position) => position % 10 === 0);
      const outcomes = positionsIn(path, 'outcome');
      expect(outcomes.length).toBe(count * 0.9 - 19 * 500);
      expect(positionsIn(path, 'event', 'position % 10 <> 0')).toEqual(outcomes);
      expect(positionsIn(path, 'event', 'position % 10 = 0')).toEqual(owed);
      expect(read(path, 'PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }]);
      await pruneStore({ store: path, retention: everything });
      expect(positionsIn(path, 'outcome')).toEqual([]);
      expect(positionsIn(path, 'event')).toEqual(owed);
    }));
});

function urlOf(file: string): string {
  return JSON.stringify(new URL(`../dist/src/store/${file}.js`, import.meta.url).href);
}
