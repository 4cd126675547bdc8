// The store of events that several handlers take: what of each is owed is found again, whatever came of the others, and
// nothing of an event goes while anything of it is needed.

import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { openStore } from '../dist/src/index.js';
import { EventsJoiner, JoinedEventsReader } from '../dist/src/joined-events.js';
import { verdict } from '../dist/src/outcome.js';
import { FlightLog } from '../dist/src/store/flight-log.js';
import { LaneNames } from '../dist/src/store/lane-name.js';
import type { GroupRequest, JournalEvents, JournalPage, OpenRequest } from '../dist/src/store/messages.js';
import { RouteTable } from '../dist/src/store/route-table.js';
import { Store } from '../dist/src/store/store.js';
import { atPath, deadLettered, groupWith, read, requestFor, rowOf, withStore } from './store-fixture.js';

const handlerNames = ['a', 'b', 'c'];
const inJournal = (position: number, handler: number, change = {}) => {
  return rowOf(position, { partition: 1, handler, ...change });
};

/** Events by their routes. */
function eventsOf(routes: readonly (readonly number[])[], positionFirst = 1): JournalEvents {
  const joiner = new EventsJoiner(routes.length);
  for (const route of routes) joiner.add({ type: `t${route}`, key: 'k', id: null, extras: null, data: `"${route}"` });
  const wide = routes.filter(({ length }) => length !== 1);
  const handlers = routes.map((route) => (route.length === 1 ? route[0]! : -1 - wide.indexOf(route)));
  return { ...joiner.finish(), positionFirst, handlers: Int32Array.from(handlers), routes: wide, acceptedAtUs: 1 };
}

/** What a page has, as texts: position, handlers, data. */
function shownPage({ events, positions, handlers, owedCounts, parked, next, isLast }: JournalPage) {
  const reader = new JoinedEventsReader(events);
  let from = 0;
  const owed = [...positions].map((position, index) => {
    reader.advance();
    const count = owedCounts?.[index] ?? 1;
    const own = [...handlers.slice(from, from + count)];
    from += count;
    return `${position} ${own} ${reader.dataText}`;
  });
  return { owed, next, isLast, parked };
}

function journaled(
  path: string,
  group: Partial<GroupRequest>,
  run: (store: Store) => void,
  names = handlerNames,
): void {
  withStore(requestFor(path, { handlerNames: names }), (store) => {
    store.openJournal({ isVolatile: false });
    if (Object.keys(group).length > 0) store.append(groupWith([], group));
    run(store);
  });
}

const three = eventsOf([[0, 1, 2], [1], [0, 2]]);
const whole = { from: 1, countMax: 100, bytesMax: 1_000_000 };

describe('a page of the journal', () => {
  it('has each event once, with the handlers that it is owed to still', () =>
    atPath((path) =>
      journaled(path, { events: three }, (store) => {
        const all = { owed: ['1 0,1,2 "0,1,2"', '2 1 "1"', '3 0,2 "0,2"'], next: 4, isLast: true, parked: [] };
        expect(shownPage(store.readJournal(whole))).toEqual(all);
        store.append(groupWith([inJournal(1, 0), inJournal(1, 2, { verdict: verdict.waiting }), inJournal(3, 0)]));
        store.append(groupWith([inJournal(2, 1)]));
        expect(shownPage(store.readJournal(whole)).owed).toEqual(['1 1 "0,1,2"', '3 2 "0,2"']);
        store.append(groupWith([inJournal(1, 1), inJournal(3, 2)]));
        expect(shownPage(store.readJournal(whole))).toMatchObject({ owed: [], isLast: true });
      }),
    ));

  it('ends before an event that has no room for all of its handlers', () =>
    atPath((path) =>
      journaled(path, { events: three }, (store) => {
        const pageOf = (from: number, countMax: number) => shownPage(store.readJournal({ ...whole, from, countMax }));
        expect(pageOf(1, 3)).toMatchObject({ owed: ['1 0,1,2 "0,1,2"'], next: 2, isLast: false });
        expect(pageOf(1, 5)).toMatchObject({ owed: ['1 0,1,2 "0,1,2"', '2 1 "1"'], next: 3, isLast: false });
        expect(pageOf(3, 5)).toMatchObject({ owed: ['3 0,2 "0,2"'], next: 4, isLast: true });
        // Where the last row that one page looks at is in the middle of an event, the next one has it whole.
        store.append(
          groupWith([], {
            events: eventsOf(
              Array.from({ length: 6000 }, () => [0, 1, 2]),
              4,
            ),
          }),
        );
        const { owed, next, isLast } = pageOf(1, 100_000);
        expect([owed.length, next, isLast]).toEqual([next - 1, expect.any(Number), false]);
        expect(owed.at(-1)).toBe(`${next - 1} 0,1,2 "0,1,2"`);
        expect(pageOf(next, 100_000)).toMatchObject({ next: 6004, isLast: true });
      }),
    ));

  it('leaves those to their handlers that are not there, and the next module finds what is owed', () =>
    atPath((path) => {
      journaled(path, { events: three }, (store) => store.append(groupWith([inJournal(3, 2)])));
      journaled(
        path,
        {},
        (store) => {
          expect(shownPage(store.readJournal(whole))).toMatchObject({
            owed: ['1 1 "0,1,2"', '3 1 "0,2"'],
            parked: [
              { handler: 'b', count: 2, positionFirst: 1 },
              { handler: 'c', count: 1, positionFirst: 1 },
            ],
          });
        },
        ['new', 'a'],
      );
      const reader = openStore(path);
      expect(
        [...reader.pending()].map(({ identity, handler, state }) => `${identity.position} ${handler} ${state}`),
      ).toEqual([...['1 a waiting', '1 b parked', '1 c parked', '2 b parked', '3 a waiting']]);
      expect([...reader.pending({ limit: 2 })]).toHaveLength(2);
      expect(reader.counts()).toMatchObject({ pending: 5, parked: 3 });
      expect(read(path, 'SELECT count(*) AS count FROM pending_events')).toEqual([{ count: 5 }]);
      reader.close();
    }));
});

it('says at the start what is owed, to how many at once, and of whom a death is charged', () =>
  atPath((path) => {
    const store = Store.open(requestFor(path, { handlerNames }));
    const { handlerIds } = store.openJournal({ isVolatile: false });
    store.append(groupWith([], { events: three }));
    store.append(groupWith([inJournal(3, 0), inJournal(1, 1, { verdict: verdict.tryFailed, dueAtUs: 77 })]));
    const log = new FlightLog(path, { epoch: store.opened.epoch, batchSizeMax: 8, handlerIds, onWarning: () => {} });
    log.depart(0, { events: [{ partition: 1, position: 1, handler: 2 }], alone: true });
    store.close(null);
    journaled(path, {}, () => {}, ['c', 'b']);
    withStore(requestFor(path, { handlerNames: ['b', 'c'] }), (again) => {
      expect(again.openJournal({ isVolatile: false })).toMatchObject({
        ...{ pending: 5, widest: 3, suspects: Float64Array.of(1, 1, 1), retries: Float64Array.of(1, 0, 1, 0, 77) },
      });
      again.append(groupWith([inJournal(1, 0)]));
      expect(read(path, 'SELECT count(*) AS left FROM suspect')).toEqual([{ left: 1 }]);
      again.append(groupWith([inJournal(1, 1)]));
      expect(read(path, 'SELECT count(*) AS left FROM suspect')).toEqual([{ left: 0 }]);
    });
    log.close();
  }));

it('makes a route again that was rolled back with the group that had needed it', () =>
  atPath((path) => {
    journaled(path, {}, () => {});
    const db = new Database(path);
    const routes = new RouteTable(db, { names: new LaneNames([1, 2, 3]) });
    const full = db.transaction(() => {
      routes.idsOf([[0, 2]]);
      throw new Error('full');
    });
    expect(() => full()).toThrow('full');
    expect(routes.idsOf([[0, 2]])).toEqual([-1]);
    db.close();
    expect(read(path, 'SELECT handler FROM route WHERE id = -1')).toEqual([{ handler: 1 }, { handler: 3 }]);
  }));

it('gives the same id to the same handlers, in whatever order a module has them', () =>
  atPath((path) => {
    journaled(path, { events: three }, () => {});
    journaled(
      path,
      {
        events: eventsOf(
          [
            [0, 1, 2],
            [0, 1],
          ],
          4,
        ),
      },
      () => {},
      ['c', 'a', 'b'],
    );
    expect(read(path, 'SELECT position, handler FROM event ORDER BY position')).toEqual([
      { position: 1, handler: -1 },
      { position: 2, handler: 2 },
      { position: 3, handler: -2 },
      { position: 4, handler: -1 },
      { position: 5, handler: -2 },
    ]);
  }));

describe('an event that waits for several handlers', () => {
  const waits = (handler: number) => rowOf(1, { handler, verdict: verdict.waiting, data: '"kept"' });

  it('is kept until the last has decided it, and its rows go one by one', () =>
    atPath((path) =>
      withStore(requestFor(path, { handlerNames }), (store) => {
        store.openJournal({ isVolatile: false });
        store.openPartition('p');
        store.append(groupWith([waits(0), waits(1)]));
        for (const handler of [0, 1]) {
          const page = store.readLane({ handler, key: 'k', after: null, countMax: 9, bytesMax: 999 });
          expect([...page.handlers]).toEqual([handler]);
        }
        store.append(groupWith([rowOf(1)]));
        expect(read(path, 'SELECT event_handler FROM waiting')).toEqual([{ event_handler: 2 }]);
        expect(read(path, 'SELECT data FROM kept_event')).toEqual([{ data: '"kept"' }]);
        store.append(groupWith([rowOf(1, { handler: 1 })]));
        expect(read(path, 'SELECT * FROM waiting')).toEqual([]);
        expect(read(path, 'SELECT * FROM kept_event')).toEqual([]);
      }),
    ));

  it('is kept for a handler whose dead letter it is', () =>
    atPath((path) =>
      withStore(requestFor(path, { handlerNames }), (store) => {
        store.openJournal({ isVolatile: false });
        store.openPartition('p');
        store.append(groupWith([waits(0), rowOf(1, { ...deadLettered, handler: 1, data: '"kept"' })]));
        store.readLane({ handler: 0, key: 'k', after: null, countMax: 9, bytesMax: 999 });
        store.append(groupWith([rowOf(1)]));
        const wanted = { handler: 'b' };
        expect(store.deadLetters({ wanted, reason: null, atUs: 5, countMax: 9, after: null })).toMatchObject({
          count: 1,
        });
        expect(store.readLane({ handler: 1, key: 'k', after: null, countMax: 9, bytesMax: 999 }).events.text).toContain(
          'kept',
        );
      }),
    ));
});

it('tells of an event which outcomes it has and of which handlers it owes one, or that it owes none', () =>
  atPath((path) => {
    journaled(path, { events: eventsOf([[0, 1, 2], [1], [], [0, 2]]) }, (store) => {
      store.append(groupWith([inJournal(1, 2), inJournal(1, 1, { verdict: verdict.waiting }), inJournal(2, 1)]));
      store.append(groupWith([inJournal(4, 0), inJournal(4, 2)]));
    });
    journaled(
      path,
      {},
      (store) => {
        const events = [1, 2, 3, 4, 5].map((position) => ({ partition: 'journal', position }));
        const found = store.readOutcomes({ events, sizeMax: 1000 }).map(({ outcomes, owed, isUnmatched }) => {
          return [outcomes.map(({ handler }) => handler), owed, isUnmatched];
        });
        expect(found).toEqual([
          [['c'], ['a', 'b'], false],
          [['b'], [], false],
          [[], [], true],
          [['a', 'c'], [], false],
          [[], [], false],
        ]);
      },
      ['c'],
    );
  }));

it('redrives every dead letter of an event, however few one part takes', () =>
  atPath((path) =>
    journaled(path, { events: three }, (store) => {
      store.append(groupWith([0, 1, 2].map((handler) => inJournal(1, handler, deadLettered))));
      const counts: number[] = [];
      for (let after = null; ; ) {
        const part = store.deadLetters({ wanted: {}, reason: 'why', atUs: 5, countMax: 2, after });
        counts.push(part.count);
        if (part.next === null) break;
        after = part.next as never;
      }
      expect(counts).toEqual([2, 1]);
    }),
  ));

describe('retention', () => {
  const retention = { succeeded: { countMax: 0 }, deadLettered: { countMax: 0 } } as const;
  /** One pass after another: the next is due a day later at the latest. */
  let nowMs = Date.now();
  const retain = (store: Store): void => {
    nowMs += 86_400_000;
    while (store.retain(nowMs));
  };

  it.each([
    { what: 'is owed another outcome', rows: [inJournal(1, 0), inJournal(1, 1)] },
    { what: 'waits', rows: [inJournal(1, 0), inJournal(1, 1), inJournal(1, 2, { verdict: verdict.waiting })] },
  ])('keeps what an event has while it $what, and deletes it whole', ({ rows }) =>
    atPath((path) =>
      withStore(requestFor(path, { handlerNames, retention }), (store) => {
        store.openJournal({ isVolatile: false });
        store.append(groupWith(rows, { events: three }));
        retain(store);
        expect(read(path, 'SELECT handler FROM outcome')).toEqual([{ handler: 1 }, { handler: 2 }]);
        store.readLane({ handler: 2, key: 'k', after: null, countMax: 9, bytesMax: 999 });
        store.append(groupWith([inJournal(1, 2)]));
        retain(store);
        expect(read(path, 'SELECT * FROM outcome')).toEqual([]);
        expect(read(path, 'SELECT position FROM event')).toEqual([{ position: 2 }, { position: 3 }]);
      }),
    ),
  );

  it('keeps the outcomes of an event as long as the one that is kept longest', () =>
    atPath((path) =>
      withStore(requestFor(path, { handlerNames, retention: { succeeded: { countMax: 0 } } }), (store) => {
        store.openJournal({ isVolatile: false });
        store.append(groupWith([inJournal(3, 0), inJournal(3, 2, deadLettered), inJournal(2, 1)], { events: three }));
        retain(store);
        expect(read(path, 'SELECT position, handler FROM outcome')).toEqual([
          { position: 3, handler: 1 },
          { position: 3, handler: 3 },
        ]);
      }),
    ));
});

it('moves what waits to the lanes of a handler that has another order, and remembers the order of those that are gone', () =>
  atPath((path) => {
    const waits = (position: number, change = {}) =>
      rowOf(position, { verdict: verdict.waiting, data: '1', ...change });
    const lanesOf = (orders: OpenRequest['orders'], names = handlerNames): string[] => {
      return withStore(requestFor(path, { handlerNames: names, ...(orders && { orders }) }), (store) => {
        store.openJournal({ isVolatile: false });
        return read(path, 'SELECT handler, key, position FROM waiting ORDER BY handler, key, place').map((row) => {
          return `${row['handler']} ${row['key']} ${row['position']}`;
        });
      });
    };
    withStore(requestFor(path, { handlerNames }), (store) => {
      store.openJournal({ isVolatile: false });
      store.openPartition('p');
      const parked = { handler: 0, key: 'k', partition: 2, position: 1, eventHandler: 0 };
      const rows = [waits(4, { key: 'l' }), waits(2), waits(3, { handler: 1 }), rowOf(1, deadLettered)];
      store.append(groupWith(rows, { parked: [parked] }));
    });
    expect(lanesOf(undefined)).toEqual(['1 k 2', '1 l 4', '2 k 3']);
    expect(read(path, 'SELECT count(*) AS parked FROM lane_parked')).toEqual([{ parked: 1 }]);
    expect(lanesOf(['handler', 'key', 'key'])).toEqual(['1  2', '1  4', '2 k 3']);
    expect(read(path, 'SELECT count(*) AS parked FROM lane_parked')).toEqual([{ parked: 0 }]);
    // Handler a is gone: its lanes stay as they are.
    expect(lanesOf(undefined, ['b'])).toEqual(['1  2', '1  4', '2 k 3']);
    expect(lanesOf(undefined)).toEqual(['1 k 2', '1 l 4', '2 k 3']);
  }));
