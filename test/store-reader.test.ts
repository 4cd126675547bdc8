// What a program reads from a store without a processor: everything that is in it, beside a writer, without holding it up.

import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import {
  encodeEvent,
  type OpenStoreOptions,
  openStore,
  type SourceEvent,
  type StoreReader,
} from '../dist/src/index.js';
import { EventsJoiner } from '../dist/src/joined-events.js';
import { optionTable } from '../dist/src/options.js';
import { type OutcomeRow, verdict } from '../dist/src/outcome.js';
import type { GroupRequest, JournalEvents } from '../dist/src/store/messages.js';
import type { Store } from '../dist/src/store/store.js';
import { atPath, joined, read, requestFor, rowOf, thrownBy, withStore, withWriter } from './store-fixture.js';

const journal = 1;
const acceptedAtUs = 1_700_000_000_000_000;
/** More rows than two pages hold. */
const manyRows = 10_000;
const limits = {
  dataSizeMax: optionTable.dataSizeMax.default,
  keySizeMax: optionTable.keySizeMax.default,
  headersSizeMax: optionTable.headersSizeMax.default,
};

describe('a published event', () => {
  const placed: SourceEvent = {
    type: 'order.placed',
    key: 'ada',
    id: 'e-1',
    time: '2026-11-23T10:00:00Z',
    headers: { source: 'web' },
    data: { amount: [1, null] },
  };

  it('is found by its identity and by its id, whole, before and after it has its outcome', () =>
    reading(
      (store) => append(store, { events: eventsOf([placed, { type: 'ping' }]), rows: [inJournal(1)] }),
      (reader) => {
        const expected = {
          identity: { partition: 'journal', position: 1 },
          ...{ id: 'e-1', type: 'order.placed', key: 'ada', time: '2026-11-23T10:00:00Z', headers: { source: 'web' } },
          ...{ data: { amount: [1, null] }, acceptedAtUs, handlers: ['h'] },
          ...{ version: 1, correlationId: null, causationId: null, depth: 0 },
        };
        expect(reader.event({ partition: 'journal', position: 1 })).toEqual(expected);
        expect(reader.eventById('e-1')).toEqual(expected);
        expect(reader.event({ partition: 'journal', position: 2 })).toEqual({
          identity: { partition: 'journal', position: 2 },
          ...{
            id: null,
            type: 'ping',
            key: null,
            time: null,
            headers: {},
            ...{ version: 1, correlationId: null, causationId: null, depth: 0 },
            data: undefined,
            acceptedAtUs,
            handlers: ['h'],
          },
        });
      },
    ));

  it('is null where there is none, and for every event of a source', () =>
    reading(
      (store) => append(store, { events: eventsOf([placed]), rows: [rowOf(1)] }),
      (reader) => {
        expect(reader.event({ partition: 'journal', position: 7 })).toBeNull();
        expect(reader.event({ partition: 'p', position: 1 })).toBeNull();
        expect(reader.event({ partition: 'nobody', position: 1 })).toBeNull();
        expect(reader.eventById('nobody')).toBeNull();
      },
    ));

  it.each([
    { name: 'JSON null', data: null },
    { name: 'a text', data: '7' },
    { name: 'bytes', data: new Uint8Array([0, 255]) },
    { name: 'no bytes', data: new Uint8Array(0) },
  ])('keeps data that is $name', ({ data }) =>
    reading(
      (store) => append(store, { events: eventsOf([{ type: 't', data }]) }),
      (reader) => expect(reader.event({ partition: 'journal', position: 1 })?.data).toStrictEqual(data),
    ),
  );
});

describe('an outcome', () => {
  const error = { name: 'Error', message: 'no', fields: { at: 1 } };

  it('is found by its identity, decoded, whatever the origin of its event', () =>
    reading(
      (store) => {
        const failed = { verdict: verdict.deadLettered, result: null, error: JSON.stringify(error) };
        append(store, {
          rows: [rowOf(1, { result: '{"a":1}', id: 'x' }), rowOf(2, { result: new Uint8Array([1]) }), rowOf(3, failed)],
        });
      },
      (reader) => {
        expect(reader.outcome({ partition: 'p', position: 1 })).toEqual({
          identity: { partition: 'p', position: 1 },
          ...{ id: 'x', type: 't', key: 'k', handler: 'h', status: 'succeeded', attempts: 1 },
          ...{ startedAtUs: acceptedAtUs + 1, durationUs: 59, result: { a: 1 }, error: null },
        });
        expect(reader.outcome({ partition: 'p', position: 2 })?.result).toStrictEqual(new Uint8Array([1]));
        expect(reader.outcome({ partition: 'p', position: 3 })).toMatchObject({ status: 'dead-lettered', error });
        expect(reader.outcome({ partition: 'p', position: 4 })).toBeNull();
        expect(reader.outcome({ partition: 'nobody', position: 1 })).toBeNull();
      },
    ));

  it('is found by the id of a journaled event, and not by that of a source event', () =>
    reading(
      (store) => {
        const events = eventsOf([
          { type: 't', id: 'done' },
          { type: 't', id: 'owed' },
        ]);
        append(store, { events, rows: [inJournal(1, { id: 'done' }), rowOf(1, { id: 'theirs' })] });
      },
      (reader) => {
        const [outcome, ...others] = reader.outcomesById('done');
        expect(outcome).toMatchObject({ identity: { partition: 'journal', position: 1 }, id: 'done' });
        expect(others).toEqual([]);
        expect(reader.outcomesById('owed')).toEqual([]);
        expect(reader.outcomesById('theirs')).toEqual([]);
      },
    ));
});

describe('byKey', () => {
  it('gives the outcomes of one key by partition and position, over many pages, each once', () =>
    reading(
      (store) => {
        store.openPartition('q');
        for (const partition of [3, 2]) {
          const rows = range(manyRows).map((position) => rowOf(position, { partition, key: `k${position % 3}` }));
          append(store, { rows });
        }
      },
      (reader) => {
        const wanted = range(manyRows).filter((position) => position % 3 === 1);
        const found = [...reader.byKey('k1')].map(({ identity }) => identity);
        expect(found).toEqual([
          ...wanted.map((position) => ({ partition: 'p', position })),
          ...wanted.map((position) => ({ partition: 'q', position })),
        ]);
        expect([...reader.byKey('nobody')]).toEqual([]);
      },
    ));

  it('gives every outcome of one position, and those of a handler or a type alone where asked', () =>
    reading(
      (store) =>
        append(store, { rows: [rowOf(1), rowOf(1, { handler: 1 }), rowOf(2, { type: 'u' }), rowOf(3, { key: null })] }),
      (reader) => {
        const found = (outcomes: Iterable<{ identity: { position: number }; handler: string }>) =>
          [...outcomes].map(({ identity, handler }) => `${identity.position} ${handler}`);
        expect(found(reader.byKey('k'))).toEqual(['1 h', '1 i', '2 h']);
        expect(found(reader.byKey('k', { handler: 'i' }))).toEqual(['1 i']);
        expect(found(reader.byKey('k', { type: 'u' }))).toEqual(['2 h']);
        expect(found(reader.byKey('k', { type: 'u', handler: 'i' }))).toEqual([]);
      },
    ));

  it('reads rows too large for one page in several', () =>
    reading(
      (store) => {
        const result = `"${'x'.repeat(3 * 1024 * 1024)}"`;
        append(store, { rows: range(8).map((position) => rowOf(position, { result })) });
      },
      (reader) => {
        expect([...reader.byKey('k')].map(({ identity }) => identity.position)).toEqual(range(8));
      },
    ));
});

describe('deadLetters', () => {
  it('gives the failed ones alone, by handler, type and key where asked', () =>
    reading(
      (store) => {
        const failed = { verdict: verdict.deadLettered, result: null, error: '{"name":"Error","message":"no"}' };
        const rows = [rowOf(1), rowOf(2, failed), rowOf(3, { ...failed, type: 'u' })];
        append(store, { rows: [...rows, rowOf(4, { ...failed, key: 'l' }), rowOf(5, { ...failed, handler: 1 })] });
      },
      (reader) => {
        const found = (filter?: Parameters<StoreReader['deadLetters']>[0]) =>
          [...reader.deadLetters(filter)].map(({ identity }) => identity.position);
        expect(found()).toEqual([2, 3, 4, 5]);
        expect(found({ type: 'u' })).toEqual([3]);
        expect(found({ key: 'l' })).toEqual([4]);
        expect(found({ handler: 'i' })).toEqual([5]);
        expect(found({ error: 'Error' })).toEqual([2, 3, 4, 5]);
        expect(found({ error: 'TypeError' })).toEqual([]);
        expect(found({ handler: 'h', type: 't', key: 'k' })).toEqual([2]);
      },
    ));
});

describe('pending', () => {
  const fill = (store: Store): void => {
    const events = range(manyRows).map(() => ({ type: 't', key: 'k' }));
    const owedTo = events.map((_, index) => index % 2);
    append(store, { events: eventsOf(events, owedTo), watermarks: [{ partition: journal, watermark: 11 }] });
    // Everything below the watermark, and some above.
    const done = [...range(11).slice(1), 20, 5_000].map((position) =>
      inJournal(position, { handler: (position - 1) % 2 }),
    );
    // That of another handler is not the one it is owed.
    append(store, { rows: [...done, inJournal(30, { handler: 0 })] });
  };

  it('gives what the view pending_events has: no outcome yet, parked where its handler is gone', () =>
    reading(fill, (_, path) => {
      withStore(requestFor(path, { handlerNames: ['h'] }), () => {});
      usingReader(path, (reader) => {
        const found = [...reader.pending()].map(({ identity, handler, state }) => [identity.position, handler, state]);
        const view = read(path, 'SELECT position, handler, state FROM pending_events ORDER BY position');
        expect(found).toEqual(view.map(({ position, handler, state }) => [position, handler, state]));
        expect(found.slice(0, 2)).toEqual([
          [11, 'h', 'waiting'],
          [12, 'i', 'parked'],
        ]);
        expect(found).toHaveLength(manyRows - 12);
        expect(reader.counts()).toMatchObject({ pending: manyRows - 12, parked: manyRows / 2 - 7 });
      });
    }));

  it('gives as many as asked', () =>
    reading(fill, (reader) => {
      const count = (limit: number) => [...reader.pending({ limit })].length;
      expect([0, 1, 5_000, manyRows * 2].map(count)).toEqual([0, 1, 5_000, manyRows - 12]);
      expect([...reader.pending({ limit: 1 })][0]?.identity).toEqual({ partition: 'journal', position: 11 });
    }));
});

describe('figures', () => {
  it('count outcomes by type and status over many pages, tell their times and the number of keys', () =>
    reading(
      (store) => {
        const rows = range(manyRows).map((position) =>
          rowOf(position, {
            type: position % 4 === 0 ? 'u' : 't',
            verdict: position % 10 === 0 ? verdict.deadLettered : verdict.succeeded,
            key: position === 7 ? null : `k${position % 5_000}`,
            // The earliest and the latest are in none of the first and last pages.
            startedAtUs: acceptedAtUs + ((position + 4_000) % manyRows),
          }),
        );
        const events = eventsOf([{ type: 't', key: 'k1' }, { type: 't', key: 'only here' }, { type: 't' }]);
        append(store, { events, rows });
        append(store, { events: { ...eventsOf([{ type: 't' }]), positionFirst: 4, acceptedAtUs: acceptedAtUs - 5 } });
      },
      (reader) => {
        expect(reader.counts()).toEqual({
          ...{
            succeeded: 9_000,
            deadLettered: 1_000,
            cancelled: 0,
            discarded: 0,
            superseded: 0,
            pending: 4,
            parked: 0,
          },
          types: [
            { type: 't', succeeded: 7_000, deadLettered: 500, cancelled: 0, discarded: 0, superseded: 0 },
            { type: 'u', succeeded: 2_000, deadLettered: 500, cancelled: 0, discarded: 0, superseded: 0 },
          ],
        });
        expect(reader.times()).toEqual({
          ...{ startedAtUsMin: acceptedAtUs, startedAtUsMax: acceptedAtUs + manyRows - 1 },
          ...{ acceptedAtUsMin: acceptedAtUs - 5, acceptedAtUsMax: acceptedAtUs },
        });
        expect(reader.keys()).toBe(5_001);
      },
    ));

  it('of a new store are nothing', () =>
    reading(
      () => {},
      (reader) => {
        const nothing = {
          succeeded: 0,
          deadLettered: 0,
          cancelled: 0,
          discarded: 0,
          superseded: 0,
          pending: 0,
          parked: 0,
        };
        expect(reader.counts()).toEqual({ ...nothing, types: [] });
        const none = { startedAtUsMin: null, startedAtUsMax: null, acceptedAtUsMin: null, acceptedAtUsMax: null };
        expect(reader.times()).toEqual(none);
        expect(reader.keys()).toBe(0);
      },
    ));
});

it.each([
  { name: 'a lone high surrogate', text: 'a\ud83d' },
  { name: 'a lone low surrogate', text: '\ude00b' },
  { name: 'emoji', text: '👩‍🚀🛫' },
  { name: 'with a NUL', text: 'a\0b' },
  { name: 'empty', text: '' },
  { name: 'the name of a prototype', text: '__proto__' },
])('a text that is $name finds what it names and comes back as it is', ({ text }) =>
  atPath((path) => {
    // What it must not be taken for.
    const other = '\ufffd';
    // An event's type and id are never empty.
    const event = { type: text || 't', key: text, id: text || 'i' };
    withStore(requestFor(path, { handlerNames: [text, other] }), (store) => {
      const { partition } = store.openPartition(text);
      const named = { partition, key: text, type: text, id: text };
      const failed = { ...named, verdict: verdict.deadLettered, result: null, error: '{"name":"E","message":""}' };
      const rows = [rowOf(1, failed), rowOf(2, { ...failed, handler: 1, key: other, type: other })];
      append(store, { events: eventsOf([event]), rows });
    });
    usingReader(path, (reader) => {
      const identity = { partition: text, position: 1 };
      const expected = { identity, key: text, id: text, type: text, handler: text };
      expect(reader.outcome(identity)).toMatchObject(expected);
      for (const found of [reader.byKey(text), reader.deadLetters({ handler: text, type: text, key: text })]) {
        expect([...found].map((outcome) => outcome.identity)).toEqual([identity]);
      }
      expect(reader.eventById(event.id)).toMatchObject({ ...event, handlers: [text] });
      expect([...reader.pending()]).toMatchObject([{ ...event, handler: text }]);
      expect(reader.counts().types.map(({ type }) => type)).toContain(text);
      expect(reader.keys()).toBe(2);
    });
  }),
);

describe('beside a writer', () => {
  it('a reader sees what became durable since, and an iterable goes on into it', () =>
    reading(
      () => {},
      (reader, path) =>
        withStore(requestFor(path), (store) => {
          store.openPartition('p');
          append(store, { rows: range(5_000).map((position) => rowOf(position)) });
          const outcomes = reader.byKey('k');
          expect(outcomes.next().value?.identity.position).toBe(0);
          append(store, { rows: [rowOf(5_000)] });
          expect(reader.outcome({ partition: 'p', position: 5_000 })).not.toBeNull();
          expect([...outcomes].map(({ identity }) => identity.position)).toEqual(range(5_001).slice(1));
        }),
    ));

  it('reads whole groups in order while the writer thread appends', () =>
    atPath((path) =>
      withWriter(requestFor(path), async ({ writer }) => {
        const { partition } = await writer.openPartition('p');
        const [groups, perGroup] = [50, 200];
        const appended = range(groups).map((group) => {
          const rows = range(perGroup).map((index) => rowOf(group * perGroup + index, { partition }));
          return writer.append({ events: null, rows: [joined(rows)], watermarks: [], parked: [] });
        });
        const counted: number[] = [];
        const reader = openStore(path, { readonly: true });
        try {
          while (counted.at(-1) !== groups * perGroup) {
            const positions = [...reader.byKey('k')].map(({ identity }) => identity.position);
            expect(positions).toEqual(range(positions.length));
            expect(positions.length % perGroup).toBe(0);
            expect(positions.length).toBeGreaterThanOrEqual(counted.at(-1) ?? 0);
            counted.push(positions.length);
          }
        } finally {
          reader.close();
        }
        const results = await Promise.all(appended);
        expect(results.every(({ stored }) => stored === perGroup)).toBe(true);
        await writer.close([]);
      }),
    ));

  it('an iterable that is left alone keeps nothing in the log, in the midst of a page and between two', () =>
    reading(
      (store) => {
        const events = range(5_000).map(() => ({ type: 't' }));
        append(store, {
          events: eventsOf(events),
          rows: range(5_000).map((position) => rowOf(position, { verdict: verdict.deadLettered })),
        });
      },
      (reader, path) =>
        withStore(requestFor(path), (store) => {
          const left = [reader.byKey('k'), reader.deadLetters(), reader.pending()];
          for (const [index, steps] of [1, 4_096, 4_097].entries()) {
            for (const iterator of left) for (let step = 0; step < steps; step += 1) iterator.next();
            append(store, { rows: [rowOf(10_000 + index)] });
            expect(emptiedLog(path)).toEqual({ busy: 0, log: 0, checkpointed: 0 });
          }
        }),
    ));
});

describe('a reader that was closed', () => {
  it('throws from every method, and from iterables it gave before, and says so', () =>
    reading(
      (store) => append(store, { rows: [rowOf(1), rowOf(2)] }),
      (reader) => {
        const before = [reader.byKey('k'), reader.byKey('k'), reader.deadLetters(), reader.pending()];
        before[0]?.next();
        reader.close();
        reader.close();
        const identity = { partition: 'p', position: 1 };
        const calls: (() => unknown)[] = [
          () => reader.event(identity),
          () => reader.eventById('x'),
          () => reader.outcome(identity),
          () => reader.outcomesById('x'),
          () => reader.byKey('k'),
          () => reader.deadLetters(),
          () => reader.pending(),
          () => reader.counts(),
          () => reader.times(),
          () => reader.keys(),
          () => reader.history(identity),
          () => reader.parkedLanes(),
          () => reader.discardReason(identity),
          ...before.map((iterator) => () => iterator.next()),
        ];
        for (const call of calls) {
          const message = expect.stringContaining('it was closed: open it once more');
          expect(thrownBy(call)).toMatchObject({ name: 'KeylaneError', code: 'store-closed', message });
        }
      },
    ));

  it('is one that its block has ended', () =>
    reading(
      () => {},
      (reader) => {
        reader[Symbol.dispose]();
        expect(thrownBy(() => reader.keys())).toMatchObject({ code: 'store-closed' });
      },
    ));
});

describe('openStore', () => {
  it.each([
    { name: 'an empty file', make: (path: string) => writeFileSync(path, ''), says: 'an empty file' },
    {
      name: 'a text file',
      make: (path: string) => writeFileSync(path, 'a,b\n'.repeat(1000)),
      says: 'no SQLite database',
    },
    { name: 'a folder', make: (path: string) => mkdirSync(path), says: 'a folder' },
    { name: 'a foreign database', make: (path: string) => sql(path, 'CREATE TABLE a (b)'), says: 'without a mark' },
    {
      name: 'a store of a newer schema',
      make: (path: string) => {
        withStore(requestFor(path), () => {});
        sql(path, 'PRAGMA user_version = 99');
      },
      says: 'version 99',
    },
  ])('refuses $name and leaves it alone', ({ make, says }) =>
    atPath((path) => {
      make(path);
      const before = bytesOf(path);
      const message = expect.stringContaining(says);
      expect(thrownBy(() => openStore(path))).toMatchObject({ code: 'store-refused', message });
      expect(bytesOf(path)).toEqual(before);
    }),
  );

  it('refuses a file that is not there, and makes none', () =>
    atPath((path) => {
      const message = expect.stringContaining('found no file: check the path');
      expect(thrownBy(() => openStore(path))).toMatchObject({ code: 'store-refused', message });
      expect(readdirSync(dirname(path))).toEqual([]);
    }));

  it.each([
    {
      options: { readonly: false },
      says: 'readonly must be true or left out, got false: to write, give the path to createProcessor',
    },
    { options: { readonly: 1 }, says: 'readonly must be true or left out, got 1' },
    { options: { readOnly: true }, says: 'there is no option "readOnly"' },
    { options: null, says: 'options must be { readonly: true }, got null' },
  ])('refuses options $options', ({ options, says }) =>
    reading(
      () => {},
      (_, path) => {
        const error = thrownBy(() => openStore(path, options as unknown as OpenStoreOptions));
        expect(error).toMatchObject({ code: 'bad-option', message: expect.stringContaining(says) });
      },
    ),
  );

  it.each(['', ':memory:', 'a\0b', 7])('refuses %j as a path', (path) => {
    expect(thrownBy(() => openStore(path as string))).toMatchObject({ code: 'bad-option' });
  });

  it('neither takes the lock nor leaves anything of its own beside a store that is in use', () =>
    atPath((path) => {
      withStore(requestFor(path), () => {
        const before = readdirSync(dirname(path));
        usingReader(path, (reader) => expect(reader.keys()).toBe(0));
        expect(readdirSync(dirname(path))).toEqual(before);
      });
    }));
});

it.each([
  {
    name: 'an identity without a position',
    call: (reader: StoreReader) => reader.outcome({ partition: 'p' } as never),
  },
  { name: 'no identity', call: (reader: StoreReader) => reader.event(null as never) },
  { name: 'a key that is no text', call: (reader: StoreReader) => reader.byKey(7 as never) },
  { name: 'an id that is no text', call: (reader: StoreReader) => reader.eventById(undefined as never) },
  { name: 'a filter nobody knows', call: (reader: StoreReader) => reader.deadLetters({ handlr: 'h' } as never) },
  { name: 'a filter that is no text', call: (reader: StoreReader) => reader.byKey('k', { type: 7 } as never) },
  { name: 'half a limit', call: (reader: StoreReader) => reader.pending({ limit: 0.5 }) },
])('$name is refused by the call itself', ({ call }) =>
  reading(
    () => {},
    (reader) => expect(thrownBy(() => call(reader))).toMatchObject({ name: 'KeylaneError', code: 'bad-option' }),
  ),
);

describe('a store of the schema before the journal', () => {
  const fixture = 'test/fixtures/stores/schema-1.db';

  it('is read as it is: its outcomes, no events, nothing pending; it is not migrated', () =>
    atPath((path) => {
      copyFileSync(fixture, path);
      usingReader(path, (reader) => {
        expect(reader.outcome({ partition: 'journal', position: 2 })).toMatchObject({
          ...{ id: 'a-2', key: 'lone \ud800', result: new Uint8Array([1, 2, 3]) },
        });
        expect([...reader.byKey('ada')].map(({ identity }) => identity.position)).toContain(3);
        expect([...reader.deadLetters()].map(({ identity }) => identity.position)).toEqual([3]);
        expect(reader.event({ partition: 'journal', position: 1 })).toBeNull();
        expect(reader.eventById('a-2')).toBeNull();
        expect(reader.outcomesById('a-2')).toEqual([]);
        expect([...reader.pending()]).toEqual([]);
        expect(reader.counts()).toMatchObject({ succeeded: 3, deadLettered: 1, pending: 0, parked: 0 });
        expect(reader.times()).toMatchObject({ startedAtUsMin: 1_790_000_000_000_000, acceptedAtUsMin: null });
        expect(reader.keys()).toBeGreaterThan(1);
      });
      expect(readFileSync(path).equals(readFileSync(fixture))).toBe(true);
    }));

  it('shows its journal to a reader that was open when a processor brought the store up', () =>
    atPath((path) => {
      copyFileSync(fixture, path);
      usingReader(path, (reader) => {
        expect(reader.eventById('new')).toBeNull();
        withStore(requestFor(path), (store) => {
          append(store, { events: { ...eventsOf([{ type: 't', id: 'new' }]), positionFirst: 100 } });
        });
        expect(reader.eventById('new')?.identity).toEqual({ partition: 'journal', position: 100 });
        expect(reader.counts()).toMatchObject({ succeeded: 3, pending: 1 });
      });
    }));
});

/** A store with the handlers h and i and the partition p, filled and closed, then read. */
function reading(fill: (store: Store) => void, run: (reader: StoreReader, path: string) => void): Promise<void> {
  return atPath((path) => {
    withStore(requestFor(path, { handlerNames: ['h', 'i'] }), (store) => {
      store.openPartition('p');
      fill(store);
    });
    usingReader(path, (reader) => run(reader, path));
  });
}

function usingReader(path: string, run: (reader: StoreReader) => void): void {
  const reader = openStore(path, { readonly: true });
  try {
    run(reader);
  } finally {
    reader.close();
  }
}

function append(store: Store, group: { rows?: OutcomeRow[] } & Partial<Omit<GroupRequest, 'rows'>>): void {
  store.append({ events: null, watermarks: [], parked: [], ...group, rows: [joined(group.rows ?? [])] });
}

/** Published events from position 1 on; `owedTo` has the index of each one's handler. */
function eventsOf(events: readonly SourceEvent[], owedTo: readonly number[] = events.map(() => 0)): JournalEvents {
  const joiner = new EventsJoiner(events.length);
  for (const event of events) joiner.add(encodeEvent(event, limits));
  return { ...joiner.finish(), positionFirst: 1, handlers: Int32Array.from(owedTo), routes: [], acceptedAtUs };
}

function inJournal(position: number, change: Partial<OutcomeRow> = {}): OutcomeRow {
  return rowOf(position, { partition: journal, ...change });
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** What SQLite says of a checkpoint that empties the log: busy while anybody reads what is in it. */
function emptiedLog(path: string): unknown {
  const db = new Database(path, { timeout: 0 });
  try {
    return (db.pragma('wal_checkpoint(TRUNCATE)') as unknown[])[0];
  } finally {
    db.close();
  }
}

function sql(path: string, text: string): void {
  const db = new Database(path);
  db.exec(text);
  db.close();
}

function bytesOf(path: string): Buffer | null {
  return existsSync(`${path}/.`) ? null : readFileSync(path);
}
