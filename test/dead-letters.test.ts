// Dead letters that are run again or given up, and events that are cancelled: each once, however often it is asked for,
// whether by a processor or without one.

import { spawnSync } from 'node:child_process';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { discardDeadLetters, openStore, redriveDeadLetters } from '../dist/src/index.js';
import { EventsJoiner } from '../dist/src/joined-events.js';
import { type OutcomeRow, verdict } from '../dist/src/outcome.js';
import type { DeadLettersRequest } from '../dist/src/store/dead-letter-messages.js';
import type { Store } from '../dist/src/store/store.js';
import type { LaneName } from '../dist/src/store-lanes.js';
import { atPath, deadLettered, groupWith, read, requestFor, rowOf, withStore, withWriter } from './store-fixture.js';

const atUs = 1_800_000_000_000_000;
const lane: LaneName = { handler: 0, key: 'k' };
const head = { ...lane, partition: 2, position: 1, eventHandler: 0 };
const everyone: DeadLettersRequest = { wanted: {}, reason: null, atUs, countMax: 100, after: null };
const discarding = { ...everyone, reason: 'too old' };

const lost = (position: number, change: Partial<OutcomeRow> = {}): OutcomeRow =>
  rowOf(position, { ...deadLettered, data: `${position}`, ...change });
const waits = (position: number): OutcomeRow => rowOf(position, { verdict: verdict.waiting, result: null, data: '0' });
const pageOf = (store: Store, name = lane) => store.readLane({ ...name, after: null, countMax: 99, bytesMax: 9_999 });
const waitingIn = (store: Store, name = lane): number[] => [...pageOf(store, name).positions];
const statusesIn = (path: string): unknown[] =>
  read(path, 'SELECT position, status FROM outcome ORDER BY position').map(({ position, status }) => [
    position,
    status,
  ]);

/** A store with the partition of a source and one group. */
function withRows(path: string, rows: readonly OutcomeRow[], run: (store: Store) => void, parked = [head]): void {
  withStore(requestFor(path), (store) => {
    store.openJournal({ isVolatile: false });
    store.openPartition('p');
    store.append(groupWith(rows, { parked }));
    run(store);
  });
}

describe('a redrive', () => {
  it('lets a parked lane go on: its dead letters first, in their order, then what had waited', () =>
    atPath((path) =>
      withRows(path, [lost(1), waits(2), waits(3), lost(5)], (store) => {
        expect(store.deadLetters(everyone)).toEqual({
          ...{ count: 2, parked: 0, withoutEvent: 0, next: null },
          lanes: [{ ...lane, parkedBy: null, waiting: 4 }],
        });
        expect(waitingIn(store)).toEqual([1, 5, 2, 3]);
        expect(statusesIn(path)).toEqual([]);
      }),
    ));

  it('of another dead letter of a parked lane leaves it parked, and the letter before what waits', () =>
    atPath((path) =>
      withRows(path, [lost(1), waits(2), lost(5)], (store) => {
        const wanted = { identity: { partition: 'p', position: 5 } };
        expect(store.deadLetters({ ...everyone, wanted })).toMatchObject({ count: 1, lanes: [] });
        expect(waitingIn(store)).toEqual([5, 2]);
        expect(read(path, 'SELECT position FROM lane_parked')).toEqual([{ position: 1 }]);
      }),
    ));

  it('in parts, of letters before the one that stops the lane, keeps their order', () =>
    atPath((path) =>
      withRows(
        path,
        [...[1, 2, 3, 4, 5].map((position) => lost(position)), waits(6)],
        (store) => {
          let after: DeadLettersRequest['after'] = null;
          do after = store.deadLetters({ ...everyone, countMax: 2, after }).next;
          while (after !== null);
          expect(waitingIn(store)).toEqual([1, 2, 3, 4, 5, 6]);
        },
        [{ ...head, position: 5 }],
      ),
    ));

  it('of one letter after another of a parked lane, whichever first, has them in their order', () =>
    atPath((path) =>
      withRows(path, [lost(1), waits(2), lost(3), lost(4), lost(5), waits(6)], (store) => {
        for (const position of [4, 3, 5, 1]) {
          store.deadLetters({ ...everyone, wanted: { identity: { partition: 'p', position } } });
        }
        expect(waitingIn(store)).toEqual([1, 3, 4, 5, 2, 6]);
      }),
    ));

  it('finds room behind what was redriven before the lane was parked', () =>
    atPath((path) =>
      withRows(
        path,
        [lost(1)],
        (store) => {
          store.deadLetters(everyone);
          store.append(groupWith([waits(2), lost(3)], { parked: [{ ...head, position: 3 }] }));
          store.deadLetters(everyone);
          expect(waitingIn(store)).toEqual([1, 3, 2]);
        },
        [],
      ),
    ));

  it('puts what comes from elsewhere behind what waits', () =>
    atPath((path) =>
      withRows(
        path,
        [lost(1), waits(2)],
        (store) => {
          store.deadLetters(everyone);
          expect(waitingIn(store)).toEqual([2, 1]);
        },
        [],
      ),
    ));

  it('makes the outcome history, and counts tries anew', () =>
    atPath((path) => {
      const tried = rowOf(1, { ...deadLettered, verdict: verdict.tryFailed, startedAtUs: 5, dueAtUs: 9 });
      withRows(path, [tried, lost(1, { attempts: 2 })], (store) => {
        store.deadLetters(everyone);
        expect([...pageOf(store).attempts]).toEqual([0]);
        const again = { verdict: verdict.tryFailed, startedAtUs: atUs + 1, dueAtUs: atUs + 7 };
        store.append(groupWith([rowOf(1, { ...deadLettered, ...again })]));
        const { attempts, dueAtUs } = pageOf(store);
        expect([[...attempts], [...dueAtUs]]).toEqual([[1], [atUs + 7]]);
      });
      const reader = openStore(path);
      expect(reader.history({ partition: 'p', position: 1 }).map(({ attempt, dueAtUs }) => [attempt, dueAtUs])).toEqual(
        [
          [1, 9],
          [2, null],
          [1, atUs + 7],
        ],
      );
      reader.close();
    }));

  it.each([
    { clock: 'behind', before: [atUs - 20, atUs - 10], since: atUs - 3_600_000_000 },
    { clock: 'ahead', before: [atUs + 3_600_000_000, atUs + 7_200_000_000], since: atUs + 5 },
  ])('counts tries anew although the clock of tries is $clock', ({ before, since }) =>
    atPath((path) => {
      const tryOf = (startedAtUs: number, dueAtUs = startedAtUs) =>
        lost(1, { verdict: verdict.tryFailed, startedAtUs, dueAtUs });
      const dead = groupWith([tryOf(before[0]!), lost(1, { attempts: 2, startedAtUs: before[1]! })]);
      withRows(
        path,
        [waits(2)],
        (store) => {
          store.append(dead);
          store.deadLetters(everyone);
          // The group comes again.
          store.append(dead);
          expect(waitingIn(store)).toEqual([2, 1]);
          const fresh = pageOf(store);
          expect([fresh.attempts[1], fresh.dueAtUs[1]]).toEqual([0, 0]);
          store.append(groupWith([tryOf(since, 77)]));
          const { attempts, dueAtUs } = pageOf(store);
          expect([attempts[1], dueAtUs[1]]).toEqual([1, 77]);
          store.cancel({ event: { partition: 'p', position: 1 }, handler: null, atUs });
          expect(read(path, 'SELECT attempts FROM outcome')).toEqual([{ attempts: 1 }]);
        },
        [],
      );
      const reader = openStore(path);
      const tries = reader.history({ partition: 'p', position: 1 });
      expect(tries.map(({ isCounted }) => isCounted)).toEqual([true, true, true]);
      reader.close();
    }),
  );

  it('does nothing the second time, and is not undone by the group that comes again', () =>
    atPath((path) =>
      withRows(path, [lost(1), waits(2)], (store) => {
        store.deadLetters(everyone);
        const again = groupWith([lost(1), waits(2)], { parked: [head] });
        expect(store.append(again)).toMatchObject({ stored: 0, ignored: 1 });
        expect(read(path, 'SELECT * FROM lane_parked')).toEqual([]);
        expect(store.deadLetters(everyone)).toMatchObject({ count: 0, lanes: [] });
        // The answer to the first may have been lost.
        const lanes = [{ ...lane, parkedBy: null, waiting: 2 }];
        expect(store.deadLetters(everyone, { isRepeat: true })).toMatchObject({ count: 0, lanes });
        expect(waitingIn(store)).toEqual([1, 2]);
        // What its next run gives is its outcome.
        store.append(groupWith([lost(1, { startedAtUs: atUs + 1 })], { parked: [head] }));
        expect(statusesIn(path)).toEqual([[1, 1]]);
        expect(read(path, 'SELECT position FROM lane_parked')).toEqual([{ position: 1 }]);
      }),
    ));

  it('goes on where its part ended, and takes as many as it is told', () =>
    atPath((path) =>
      withRows(
        path,
        [1, 2, 3].map((position) => lost(position)),
        (store) => {
          const first = store.deadLetters({ ...everyone, countMax: 2 });
          expect(first).toMatchObject({ count: 2, next: { partition: 'p', position: 2 } });
          const last = store.deadLetters({ ...everyone, countMax: 2, after: first.next });
          expect(last).toMatchObject({ count: 1, next: null });
        },
      ),
    ));

  it('looks at few outcomes at a time', () =>
    atPath((path) => {
      const many = Array.from({ length: 20_000 }, (_, position) => rowOf(position));
      withRows(
        path,
        [...many, lost(20_000)],
        (store) => {
          const first = store.deadLetters(everyone);
          expect(first).toMatchObject({ count: 0, next: { partition: 'p' } });
          expect(store.deadLetters({ ...everyone, after: first.next })).toMatchObject({ count: 1, next: null });
        },
        [],
      );
    }));

  it.each([
    { wanted: { key: 'k' }, found: [1, 3] },
    { wanted: { type: 'u' }, found: [3] },
    { wanted: { error: 'TypeError' }, found: [2] },
    { wanted: { handler: 'h' }, found: [1, 2, 3] },
    { wanted: { handler: 'nobody' }, found: [] },
    { wanted: { identity: { partition: 'p', position: 2 } }, found: [2] },
    { wanted: { identity: { partition: 'p', position: 2 }, key: 'k' }, found: [] },
    { wanted: { identity: { partition: 'nobody', position: 2 } }, found: [] },
  ])('takes those with $wanted alone', ({ wanted, found }) =>
    atPath((path) => {
      const other = lost(2, { key: 'l', error: '{"name":"TypeError","message":""}' });
      withRows(path, [lost(1), other, lost(3, { type: 'u' }), rowOf(4)], (store) =>
        store.deadLetters({ ...everyone, wanted }),
      );
      expect(read(path, 'SELECT position FROM waiting ORDER BY position').map(({ position }) => position)).toEqual(
        found,
      );
    }),
  );

  it('leaves those whose event the store does not have', () =>
    atPath((path) => {
      withRows(path, [lost(1), lost(2)], () => {});
      // As in a store of before schema 3.
      const db = new Database(path);
      db.exec('DELETE FROM kept_event WHERE position = 1');
      db.close();
      withStore(requestFor(path), (store) => {
        expect(store.deadLetters(everyone)).toMatchObject({ count: 1, withoutEvent: 1 });
        expect(statusesIn(path)).toEqual([[1, 1]]);
      });
    }));

  it('gives events without a key lanes of their own, which no key has', () =>
    atPath((path) =>
      withRows(
        path,
        [lost(1, { key: null }), lost(2, { key: '1' }), lost(65, { key: null })],
        (store) => {
          expect(store.deadLetters(everyone).lanes).toEqual([
            { handler: -2, key: '1', parkedBy: null, waiting: 2 },
            { handler: 0, key: '1', parkedBy: null, waiting: 1 },
          ]);
          expect(waitingIn(store, { handler: -2, key: '1' })).toEqual([1, 65]);
          expect(waitingIn(store, { handler: 0, key: '1' })).toEqual([2]);
        },
        [],
      ),
    ));
});

describe('a dead letter that is given up', () => {
  it('is discarded with the reason, stops its lane no longer, and keeps its tries', () =>
    atPath((path) => {
      withRows(path, [lost(1), waits(2)], (store) => {
        const lanes = [{ ...lane, parkedBy: null, waiting: 1 }];
        expect(store.deadLetters(discarding)).toEqual({ count: 1, parked: 0, withoutEvent: 0, lanes, next: null });
        expect(store.deadLetters(discarding)).toMatchObject({ count: 0, lanes: [] });
        // The group comes again.
        store.append(groupWith([lost(1)], { parked: [head] }));
        expect(read(path, 'SELECT * FROM lane_parked')).toEqual([]);
      });
      const reader = openStore(path);
      const identity = { partition: 'p', position: 1 };
      expect([reader.discardReason(identity), reader.outcome(identity)?.status]).toEqual(['too old', 'discarded']);
      expect([reader.history(identity).length, [...reader.deadLetters()].length]).toEqual([1, 0]);
      expect(reader.counts()).toMatchObject({ discarded: 1, deadLettered: 0, pending: 1, parked: 0 });
      reader.close();
    }));
});

describe('a parked lane', () => {
  it('is told of with its head and how many wait behind it', () =>
    atPath((path) => {
      withRows(path, [lost(1), waits(2), waits(3)], () => {});
      const reader = openStore(path);
      const parkedAtUs = rowOf(1).startedAtUs + 59;
      expect(reader.parkedLanes()).toEqual([
        { handler: 'h', key: 'k', head: { partition: 'p', position: 1 }, parkedAtUs, waiting: 2 },
      ]);
      expect([...reader.pending()].map(({ identity, state }) => [identity, state])).toEqual([
        [{ partition: 'p', position: 2 }, 'parked'],
        [{ partition: 'p', position: 3 }, 'parked'],
      ]);
      expect(reader.counts()).toMatchObject({ pending: 2, parked: 2 });
      reader.close();
    }));
});

describe('a cancelled event', () => {
  it('has its outcome at once, whether it is in the journal or waits', () =>
    atPath((path) =>
      withRows(
        path,
        [waits(2), rowOf(3)],
        (store) => {
          const joiner = new EventsJoiner(1);
          joiner.add({ type: 't', key: 'k', id: 'x', extras: null, data: null });
          const events = {
            ...joiner.finish(),
            positionFirst: 1,
            handlers: new Int32Array(1),
            routes: [],
            acceptedAtUs: 1,
          };
          store.append(groupWith([], { events }));
          const found = (event: string | number) =>
            store.cancel({
              event: typeof event === 'string' ? event : { partition: 'p', position: event },
              handler: null,
              atUs,
            }).found;
          // The second time as when its answer was lost.
          expect([found('x'), found('x'), found(2)]).toEqual(['cancelled', 'cancelled', 'cancelled']);
          expect([found(3), found(4), found('y')]).toEqual(['decided', 'unknown', 'unknown']);
          expect(store.cancel({ event: 'x', handler: null, atUs: atUs + 1 }).found).toBe('decided');
          expect(waitingIn(store)).toEqual([]);
          const cancelled = `SELECT position, error FROM outcomes WHERE status = 'cancelled'`;
          expect(read(path, cancelled)).toMatchObject([
            { position: 1, error: expect.stringContaining('"code":"cancelled"') },
            { position: 2 },
          ]);
        },
        [],
      ),
    ));
});

describe('the writer', () => {
  it('reads lanes, redrives and cancels over the wire', () =>
    atPath((path) =>
      withWriter(requestFor(path), async ({ writer }) => {
        await writer.openPartition('p');
        await writer.append(groupWith([lost(1), waits(2)], { parked: [head] }));
        expect(await writer.deadLetters(everyone)).toMatchObject({ count: 1 });
        const page = await writer.readLane({ ...lane, after: null, countMax: 9, bytesMax: 99 });
        expect([...page.positions]).toEqual([1, 2]);
        const event = { partition: 'p', position: 2 };
        expect(await writer.cancel({ event, handler: null, atUs })).toMatchObject({
          found: 'cancelled',
          identity: event,
        });
      }),
    ));
});

describe('without a processor', () => {
  it('dead letters are counted, redriven and given up, and the next user is told of their lanes', () =>
    atPath(async (path) => {
      withRows(path, [lost(1), lost(2, { key: 'l' }), waits(3)], () => {});
      expect(await redriveDeadLetters({ store: path, dryRun: true })).toEqual({ redriven: 2, withoutEvent: 0 });
      expect(statusesIn(path)).toEqual([
        [1, 1],
        [2, 1],
      ]);
      expect(await discardDeadLetters({ store: path, key: 'l', reason: 'no' })).toEqual({ discarded: 1 });
      expect(await redriveDeadLetters({ store: path })).toEqual({ redriven: 1, withoutEvent: 0 });
      expect(await redriveDeadLetters({ store: path })).toEqual({ redriven: 0, withoutEvent: 0 });
      withStore(requestFor(path), (store) => {
        expect(store.openJournal({ isVolatile: false }).lanes).toEqual([{ ...lane, parkedBy: null, waiting: 2 }]);
        expect(waitingIn(store)).toEqual([1, 3]);
      });
    }));

  it.each([
    { name: 'an unknown option', options: { keys: 'k' }, message: 'keys' },
    { name: 'a key that is no text', options: { key: 7 }, message: 'key of dead letters must be a string' },
    { name: 'half an identity', options: { identity: { position: 1 } }, message: 'identity of dead letters must be' },
  ])('$name is refused', ({ options, message }) =>
    atPath(async (path) => {
      withRows(path, [], () => {});
      const refused = redriveDeadLetters({ store: path, ...(options as object) });
      await expect(refused).rejects.toMatchObject({ code: 'bad-option', message: expect.stringContaining(message) });
    }),
  );

  it('a redrive that is killed in the middle is done by the next one, once', () =>
    atPath(async (path) => {
      withRows(
        path,
        Array.from({ length: 1_200 }, (_, index) => lost(index + 1)),
        () => {},
        [],
      );
      const url = (file: string) => JSON.stringify(new URL(`../dist/src/${file}.js`, import.meta.url).href);
      const script = `
        const { DeadLetters } = await import(${url('store/dead-letters')});
        const { redriveDeadLetters } = await import(${url('index')});
        const { part } = DeadLetters.prototype;
        let parts = 0;
        DeadLetters.prototype.part = function (request) {
          const result = part.call(this, request);
          parts += 1;
          if (parts === 2) process.kill(process.pid, 'SIGKILL');
          return result;
        };
        await redriveDeadLetters({ store: ${JSON.stringify(path)} });`;
      expect(spawnSync(process.execPath, ['--input-type=module', '-e', script]).signal).toBe('SIGKILL');
      expect(await redriveDeadLetters({ store: path })).toEqual({ redriven: 700, withoutEvent: 0 });
      expect(read(path, 'SELECT count(*) AS count FROM waiting')).toEqual([{ count: 1_200 }]);
      expect(read(path, 'SELECT count(*) AS count FROM attempt_failure')).toEqual([{ count: 1_200 }]);
      expect(statusesIn(path)).toEqual([]);
    }));
});
