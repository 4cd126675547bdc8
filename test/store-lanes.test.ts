// Events that wait in the store and lanes that are stopped: what is kept of them, in which order they come back, and
// what becomes of them when a group comes again, a thread takes over, or the order changes.

import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { openStore } from '../dist/src/index.js';
import { EventsJoiner, JoinedEventsReader } from '../dist/src/joined-events.js';
import { type OutcomeRow, verdict } from '../dist/src/outcome.js';
import type { JournalEvents, LanePage } from '../dist/src/store/messages.js';
import { Store } from '../dist/src/store/store.js';
import {
  type DueSpan,
  dueWithKey,
  keyWithoutOrder,
  type LaneName,
  longestWaitMs,
  pausedKeyOf,
  spanOf,
} from '../dist/src/store-lanes.js';
import { atPath, deadLettered, groupWith, read, requestFor, rowOf, thrownBy, withStore } from './store-fixture.js';

const journal = 1;
const lane: LaneName = { handler: 0, key: 'k' };
const all = { after: null, countMax: 100, bytesMax: 1_000_000 };
const head = { ...lane, partition: 2, position: 1, eventHandler: 0 };

const waits = (position: number, change: Partial<OutcomeRow> = {}): OutcomeRow =>
  rowOf(position, { verdict: verdict.waiting, result: null, data: `${position}`, ...change });
const positionsOf = (page: LanePage): number[] => [...page.positions];
const waitingIn = (path: string): unknown[] =>
  read(path, 'SELECT position FROM waiting ORDER BY handler, key, place').map(({ position }) => position);

/** Events of the journal, one for each key; their ids are their positions. */
function eventsOf(keys: readonly (string | null)[]): JournalEvents {
  const joiner = new EventsJoiner(keys.length);
  for (const [index, key] of keys.entries()) {
    joiner.add({ type: 't', key, id: `id ${index + 1}`, extras: null, data: '7' });
  }
  return { ...joiner.finish(), positionFirst: 1, handlers: new Int32Array(keys.length), routes: [], acceptedAtUs: 1 };
}

/** The same, in a store with a source's partition. */
function withSource(path: string, run: (store: Store) => void, change = {}): void {
  withStore(requestFor(path, change), (store) => {
    store.openJournal({ isVolatile: false });
    store.openPartition('p');
    run(store);
  });
}

describe('events that wait', () => {
  it('come back in their order with their data, from the journal and from a source, page by page', () =>
    atPath((path) =>
      withSource(path, (store) => {
        const events = eventsOf(['k', 'k', 'other']);
        const inJournal = [
          waits(2, { partition: journal, data: null }),
          waits(3, { partition: journal, key: 'other' }),
        ];
        store.append(groupWith([waits(9), ...inJournal], { events }));
        store.append(groupWith([waits(4, { data: Uint8Array.of(1), extras: '{"headers":{"a":"b"}}', id: 'x' })]));
        const page = store.readLane({ ...lane, ...all, countMax: 2 });
        expect([positionsOf(page), [...page.partitions], page.isLast]).toEqual([[9, 2], [2, 1], false]);
        expect(page.names).toEqual({ 1: 'journal', 2: 'p' });
        const reader = new JoinedEventsReader(page.events);
        const found = [1, 2].map(() => {
          reader.advance();
          return reader.event();
        });
        expect(found).toMatchObject([
          { data: '9', key: 'k' },
          { data: '7', id: 'id 2' },
        ]);
        const last = store.readLane({ ...lane, ...all, after: page.next });
        expect([positionsOf(last), last.isLast]).toEqual([[4], true]);
        const bytes = new JoinedEventsReader(last.events);
        bytes.advance();
        expect(bytes.event()).toMatchObject({ data: Buffer.of(1), extras: '{"headers":{"a":"b"}}', id: 'x' });
      }),
    ));

  it('are known as suspects, with the deaths that they are charged with', () =>
    atPath((path) => {
      withSource(path, (store) => store.append(groupWith([waits(1), waits(2)])));
      withStore(requestFor(path), () => {});
      const db = new Database(path);
      db.exec('INSERT INTO suspect (partition, position, handler, deaths) VALUES (2, 2, 1, 3), (2, 2, 99, 7)');
      db.close();
      withSource(path, (store) => expect([...store.readLane({ ...lane, ...all }).deaths]).toEqual([-1, 3]));
    }));

  it('are kept although they have no data, and not a second time when the journal has them', () =>
    atPath((path) =>
      withSource(path, (store) => {
        const rows = [waits(1, { partition: journal }), waits(2, { partition: journal, data: null }), waits(1)];
        store.append(groupWith(rows, { events: eventsOf(['k']) }));
        // Position 2 of the journal was given out in memory alone.
        expect(read(path, 'SELECT partition, position, data FROM kept_event')).toEqual([
          { partition: 1, position: 2, data: null },
          { partition: 2, position: 1, data: '1' },
        ]);
        expect(positionsOf(store.readLane({ ...lane, ...all }))).toEqual([1, 2, 1]);
      }),
    ));

  it('change nothing when their group comes again, and do not wait once they have their outcome', () =>
    atPath((path) =>
      withSource(path, (store) => {
        const group = groupWith([waits(1), waits(2)]);
        for (const _ of [1, 2]) store.append(group);
        expect(waitingIn(path)).toEqual([1, 2]);
        store.readLane({ ...lane, ...all });
        expect(store.append(groupWith([rowOf(1)]))).toMatchObject({ stored: 1, ignored: 0 });
        store.append(group);
        expect(waitingIn(path)).toEqual([2]);
        // It succeeded, and nobody will look for it.
        expect(read(path, 'SELECT position FROM kept_event')).toEqual([{ position: 2 }]);
      }),
    ));

  it('wait no longer after an outcome that a thread brings which took over and has given out nothing', () =>
    atPath((path) => {
      const first = Store.open(requestFor(path));
      first.openPartition('p');
      first.append(groupWith([waits(1), waits(2)]));
      first.readLane({ ...lane, ...all });
      first.close(null);
      withStore(requestFor(path, { takeOver: first.opened }), (store) => {
        store.append(groupWith([rowOf(1)]));
        expect(waitingIn(path)).toEqual([2]);
      });
    }));

  it('wait on when the group with their outcome is rolled back, and no longer once it has come again', () =>
    atPath((path) => {
      withSource(path, (store) => {
        store.append(groupWith([waits(1)]));
        store.readLane({ ...lane, ...all });
        thrownBy(() => store.append(groupWith([rowOf(1), rowOf(2, { attempts: Number.NaN })])));
        expect(waitingIn(path)).toEqual([1]);
      });
    }));

  it('are not missed by who reads on, after the lane was empty in between', () =>
    atPath((path) =>
      withSource(path, (store) => {
        store.append(groupWith([waits(1), waits(2)]));
        const { next } = store.readLane({ ...lane, ...all });
        store.append(groupWith([rowOf(1), rowOf(2)]));
        store.append(groupWith([waits(3)]));
        expect(positionsOf(store.readLane({ ...lane, ...all, after: next }))).toEqual([3]);
      }),
    ));

  it('are settled for whoever opens their partition, and no pending events of the journal', () =>
    atPath((path) => {
      withSource(path, (store) =>
        store.append(groupWith([waits(2, { partition: journal }), waits(5)], { events: eventsOf(['k', 'l', 'm']) })),
      );
      withStore(requestFor(path), (store) => {
        const { pending, lanes } = store.openJournal({ isVolatile: false });
        expect([pending, lanes]).toEqual([2, [{ ...lane, parkedBy: null, waiting: 2 }]]);
        expect([...store.readJournal({ from: 0, countMax: 9, bytesMax: 999 }).positions]).toEqual([1, 3]);
        const { durable, positionNext } = store.openPartition('p');
        expect([[...durable], positionNext]).toEqual([[5, 6], 6]);
      });
      expect(read(path, 'SELECT position, state FROM pending_events ORDER BY partition, position')).toEqual([
        ...[1, 2, 3].map((position) => ({ position, state: 'waiting' })),
        { position: 5, state: 'waiting' },
      ]);
      const reader = openStore(path);
      const pending = [...reader.pending()].map(({ identity }) => `${identity.partition} ${identity.position}`);
      expect(pending).toEqual(['journal 1', 'journal 3', 'journal 2', 'p 5']);
      expect(reader.counts()).toMatchObject({ pending: 4, parked: 0 });
      reader.close();
    }));

  it('say when they are cancelled that they waited, and where if anybody knows the lane', () =>
    atPath((path) => {
      const cancelledFrom = (waited: { handler: number | null; waitedIn: LaneName | null }) => {
        return { found: 'cancelled', cancelled: [{ hasWaited: true, ...waited }] };
      };
      const cancelled = (store: Store, position: number, partition = 'p') =>
        store.cancel({ event: { partition, position }, handler: null, atUs: 1 });
      withSource(path, (store) => {
        store.append(groupWith([waits(1), waits(2)], { events: eventsOf(['l']) }));
        expect(cancelled(store, 1)).toMatchObject(cancelledFrom({ handler: 0, waitedIn: lane }));
        const [journaled] = cancelled(store, 1, 'journal').cancelled;
        expect(journaled).toEqual({ handler: 0, handlerName: 'h', hasWaited: false, waitedIn: null });
      });
      // The lane of order global is known, but nothing of the handler is counted there.
      withStore(requestFor(path, { handlerNames: ['other'], order: 'global' }), (store) => {
        store.openJournal({ isVolatile: false });
        expect(cancelled(store, 2)).toMatchObject(cancelledFrom({ handler: null, waitedIn: null }));
      });
    }));

  it('of a handler that the module does not have are not given out, and listed as parked', () =>
    atPath((path) => {
      withSource(path, (store) => store.append(groupWith([waits(1)])));
      withStore(requestFor(path, { handlerNames: ['other'] }), (store) =>
        expect(store.openJournal({ isVolatile: false })).toMatchObject({ lanes: [], parked: 1, pending: 0 }),
      );
      expect(read(path, 'SELECT state FROM pending_events')).toEqual([{ state: 'parked' }]);
      withStore(requestFor(path, { handlerNames: ['other', 'h'] }), (store) =>
        expect(store.openJournal({ isVolatile: false }).lanes).toEqual([
          { handler: 1, key: 'k', parkedBy: null, waiting: 1 },
        ]),
      );
    }));
});

describe('events without an order', () => {
  const [atUs, dayMs] = [1_700_000_000_000_000, 86_400_000];
  const waitsFor = (position: number, waitMs: number, change: Partial<OutcomeRow> = {}): OutcomeRow =>
    waits(position, { key: null, startedAtUs: atUs, dueAtUs: atUs + waitMs * 1000, ...change });
  const lanesIn = (store: Store) => store.openJournal({ isVolatile: false }).lanes;

  it('wait in the lane of the span in which they are due, which is a thirty-second part of the wait at most', () => {
    for (const waitMs of [0, 1, 31, 64, 1000, 59_999, dayMs / 2, dayMs]) {
      const row = waitsFor(1, waitMs);
      const span = spanOf({ handler: -2, key: keyWithoutOrder(row) }) as DueSpan;
      expect(span.widthMs).toBeLessThanOrEqual(Math.max(1, waitMs / 32));
      expect(longestWaitMs(span)).toBeGreaterThan(waitMs);
      const into = row.dueAtUs / 1000 - span.fromMs;
      expect([into >= 0, into < span.widthMs]).toEqual([true, true]);
    }
    expect([spanOf({ handler: -2, key: '7' }), spanOf({ handler: 0, key: '8+2' })]).toEqual([null, null]);
  });

  it('wait in a lane of their key where that is paused, whatever the key', () =>
    atPath((path) =>
      withSource(
        path,
        (store) => {
          const keys = ['k', '', '8+2', '=', '\ud800'];
          const rows = keys.map((key, at) => waits(at + 1, { key, dueAtUs: dueWithKey }));
          store.append(groupWith(rows));
          const lanes = lanesIn(store);
          expect(new Set(lanes.map(pausedKeyOf))).toEqual(new Set(keys));
          for (const one of lanes) expect([spanOf(one), one.waiting]).toEqual([null, 1]);
          for (const row of rows) {
            const page = store.readLane({ handler: -2, key: keyWithoutOrder(row), ...all });
            expect([positionsOf(page), page.isLast]).toEqual([[row.position], true]);
          }
          expect([pausedKeyOf({ handler: 0, key: '=k' }), pausedKeyOf({ handler: -2, key: '7' })]).toEqual([
            null,
            null,
          ]);
        },
        { order: 'none' },
      ),
    ));

  it('have few lanes, however many they are', () => {
    const keys = new Set<string>();
    for (let waitMs = 1; waitMs <= dayMs; waitMs *= 1.0001) keys.add(keyWithoutOrder(waitsFor(1, waitMs)));
    // 22 widths; the waits of each are as long as 32 of it, and those of the first as long as 64.
    expect(keys.size).toBeLessThan(22 * 33 + 64);
  });

  it('wait where they are sent last, also when their group comes again, and are not kept twice', () =>
    atPath((path) =>
      withSource(path, (store) => {
        store.append(groupWith([waitsFor(1, 0, { dueAtUs: 0 }), waitsFor(2, 64), waitsFor(3, 64), waits(4)]));
        const [{ key = '' } = {}] = lanesIn(store).filter((one) => spanOf(one) !== null);
        const page = store.readLane({ handler: -2, key, ...all });
        expect(positionsOf(page)).toEqual([2, 3]);
        const again = groupWith([waitsFor(1, 1000), waitsFor(2, 1000), waits(4)]);
        for (const _ of [1, 2]) store.append(again);
        expect(lanesIn(store).map((one) => [one.key, one.waiting])).toEqual([
          [key, 1],
          [keyWithoutOrder(waitsFor(1, 1000)), 2],
          ['k', 1],
        ]);
        expect(read(path, 'SELECT count(*) AS kept FROM kept_event')).toEqual([{ kept: 4 }]);
        // One that was decided meanwhile waits no longer.
        store.cancel({ event: { partition: 'p', position: 1 }, handler: null, atUs: 1 });
        store.append(groupWith([waitsFor(1, 5000)]));
        expect(waitingIn(path)).toEqual([3, 2, 4]);
      }),
    ));

  it('are found by who reads on in the lane they stay in', () =>
    atPath((path) =>
      withSource(path, (store) => {
        const gated = [1, 65, 129].map((position) => waits(position, { key: null }));
        store.append(groupWith(gated));
        const { next } = store.readLane({ handler: -2, key: '1', ...all, countMax: 2 });
        store.append(groupWith(gated.slice(0, 1)));
        expect(positionsOf(store.readLane({ handler: -2, key: '1', ...all, after: next }))).toEqual([129, 1]);
      }),
    ));

  it('say when they are cancelled in which span they waited', () =>
    atPath((path) =>
      withSource(path, (store) => {
        store.append(groupWith([waitsFor(1, 64)]));
        const waitedIn = { handler: -2, key: keyWithoutOrder(waitsFor(1, 64)) };
        const request = { event: { partition: 'p', position: 1 }, handler: null, atUs: 1 };
        expect(store.cancel(request)).toMatchObject({ cancelled: [{ waitedIn }] });
      }),
    ));

  it('stay in their span under another order, and with keys are in their order under order "key"', () =>
    atPath((path) => {
      const rows = [waitsFor(1, 9000, { key: 'k' }), waitsFor(2, 64, { key: 'k' }), waitsFor(3, 64)];
      withSource(path, (store) => store.append(groupWith([rows[1]!, rows[0]!, rows[2]!])), { order: 'none' });
      withStore(requestFor(path, { order: 'key' }), (store) => {
        expect(lanesIn(store)).toMatchObject([{ handler: -2, key: keyWithoutOrder(rows[2]!), waiting: 1 }, lane]);
        expect(positionsOf(store.readLane({ ...lane, ...all }))).toEqual([1, 2]);
      });
      withStore(requestFor(path, { order: 'global' }), (store) => {
        expect(lanesIn(store)).toMatchObject([{ handler: -1, key: '', waiting: 3 }]);
        expect(positionsOf(store.readLane({ handler: -1, key: '', ...all }))).toEqual([1, 2, 3]);
      });
    }));
});

describe('a lane', () => {
  it('is parked with the group of its dead letter, and is that for who opens the store next', () =>
    atPath((path) => {
      withSource(path, (store) => store.append(groupWith([rowOf(1, deadLettered), waits(2)], { parked: [head] })));
      withStore(requestFor(path), (store) =>
        expect(store.openJournal({ isVolatile: false }).lanes).toEqual([
          { ...lane, parkedBy: { partition: 2, position: 1 }, waiting: 1 },
        ]),
      );
      expect(read(path, 'SELECT state FROM pending_events')).toEqual([{ state: 'parked' }]);
    }));

  it('is not parked by an event that is no dead letter', () =>
    atPath((path) =>
      withSource(path, (store) => {
        store.append(groupWith([rowOf(1)], { parked: [head] }));
        expect(read(path, 'SELECT * FROM lane_parked')).toEqual([]);
      }),
    ));

  it('keeps a key that is no well-formed text', () =>
    atPath((path) => {
      const key = 'lone \ud800';
      withSource(path, (store) => {
        const rows = [rowOf(1, { ...deadLettered, key }), waits(2, { key })];
        store.append(groupWith(rows, { parked: [{ ...head, key }] }));
        expect(positionsOf(store.readLane({ ...lane, key, ...all }))).toEqual([2]);
      });
      withStore(requestFor(path), (store) =>
        expect(store.openJournal({ isVolatile: false }).lanes).toMatchObject([{ key, waiting: 1 }]),
      );
    }));
});

describe('another order', () => {
  const lanesOf = (path: string, order: 'key' | 'global' | 'none') =>
    withStore(requestFor(path, { order }), (store) => store.openJournal({ isVolatile: false }).lanes);
  const rows = [rowOf(1, deadLettered), waits(2, { key: 'l' }), waits(3), waits(4, { key: null }), waits(5)];

  it('"none" parks nothing, and what waits stays in its lanes', () =>
    atPath((path) => {
      withSource(path, (store) => store.append(groupWith(rows, { parked: [head] })));
      expect(lanesOf(path, 'none')).toMatchObject([
        { handler: -2, key: '4', parkedBy: null, waiting: 1 },
        { handler: 0, key: 'k', parkedBy: null, waiting: 2 },
        { handler: 0, key: 'l', parkedBy: null, waiting: 1 },
      ]);
    }));

  it('"global" has one lane, by position, which a dead letter of a single key does not stop', () =>
    atPath((path) => {
      withSource(path, (store) => store.append(groupWith(rows, { parked: [head] })));
      expect(lanesOf(path, 'global')).toEqual([{ handler: -1, key: '', parkedBy: null, waiting: 4 }]);
      withStore(requestFor(path, { order: 'global' }), (store) =>
        expect(positionsOf(store.readLane({ handler: -1, key: '', ...all }))).toEqual([2, 3, 4, 5]),
      );
    }));

  it('"key" after "global" has a lane for each key, and the dead letter stops its own', () =>
    atPath((path) => {
      const parked = [{ ...head, handler: -1, key: '' }];
      withSource(path, (store) => store.append(groupWith(rows, { parked })), { order: 'global' });
      expect(lanesOf(path, 'key')).toEqual([
        { handler: -2, key: '4', parkedBy: null, waiting: 1 },
        { handler: 0, key: 'k', parkedBy: { partition: 2, position: 1 }, waiting: 2 },
        { handler: 0, key: 'l', parkedBy: null, waiting: 1 },
      ]);
      expect(waitingIn(path)).toEqual([4, 3, 5, 2]);
    }));
});

describe('what has become of events', () => {
  const at = (partition: string, position: number) => ({ partition, position });

  it('is read by identity: outcomes, that one is owed, or nothing; an event that waits is owed wherever it is from', () =>
    atPath((path) =>
      withSource(path, (store) => {
        store.append(groupWith([rowOf(1, { partition: journal })], { events: eventsOf(['k', 'k']) }));
        store.append(groupWith([waits(4), rowOf(5, { ...deadLettered, data: '1' })]));
        const asked = [
          at('journal', 1),
          at('journal', 2),
          at('journal', 3),
          at('p', 4),
          at('p', 5),
          at('p', 6),
          at('q', 1),
        ];
        const found = store.readOutcomes({ events: asked, sizeMax: 1e6 });
        expect(found.map(({ outcomes, owed }) => [outcomes.map(({ status }) => status), owed])).toEqual([
          [['succeeded'], []],
          [[], ['h']],
          [[], []],
          [[], ['h']],
          [['dead-lettered'], []],
          [[], []],
          [[], []],
        ]);
        expect(found[0]?.outcomes[0]).toMatchObject({ identity: at('journal', 1), handler: 'h', result: 1 });
      }),
    ));

  it('is read as far as it fits, and of one event at least', () =>
    atPath((path) =>
      withSource(path, (store) => {
        const result = JSON.stringify('x'.repeat(98));
        store.append(groupWith([1, 2, 3, 4].map((position) => rowOf(position, { result }))));
        const events = [1, 2, 3, 4].map((position) => at('p', position));
        for (const [sizeMax, count] of [
          [0, 1],
          [100, 1],
          [101, 2],
          [1000, 4],
        ] as const) {
          expect(store.readOutcomes({ events, sizeMax })).toHaveLength(count);
        }
        expect(store.readOutcomes({ events: [], sizeMax: 1 })).toEqual([]);
      }),
    ));
});
