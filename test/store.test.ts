// What the store keeps and gives back, and what it costs when it is told the same thing twice.

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { verdict } from '../dist/src/outcome.js';
import { refuseUnfit } from '../dist/src/store/database.js';
import { Store } from '../dist/src/store/store.js';
import { atPath, joined, read, requestFor, rowOf, thrownBy, withStore } from './store-fixture.js';

const outcomeUrl = new URL('../dist/src/outcome.js', import.meta.url).href;
const storeUrl = new URL('../dist/src/store/store.js', import.meta.url).href;

describe('a new store', () => {
  it('is made in WAL mode, for its owner only, and leaves nothing but itself and its lock', () =>
    atPath((path) => {
      withStore(requestFor(path), (store) => {
        store.openPartition('p');
        const modes = readdirSync(dirname(path)).map((name) => [
          name,
          statSync(`${dirname(path)}/${name}`).mode & 0o777,
        ]);
        expect(modes).toEqual([
          ['out.db', 0o600],
          ['out.db-lock', 0o600],
          ['out.db-shm', 0o600],
          ['out.db-wal', 0o600],
        ]);
      });
      expect(readdirSync(dirname(path))).toEqual(['out.db', 'out.db-lock']);
    }));

  it('is made although a crash left half of one', () =>
    atPath((path) => {
      for (const suffix of ['', '-journal', '-wal']) writeFileSync(`${path}-new${suffix}`, 'half');
      withStore(requestFor(path), (store) => expect(store.openPartition('p').partition).toBe(2));
      expect(readdirSync(dirname(path))).toEqual(['out.db', 'out.db-lock']);
    }));

  it('is known by its application_id and user_version', () =>
    atPath((path) => {
      withStore(requestFor(path), () => {});
      expect(read(path, 'PRAGMA application_id')).toEqual([{ application_id: 0x6b65796c }]);
      expect(read(path, 'PRAGMA user_version')).toEqual([{ user_version: 9 }]);
    }));
});

describe('durability', () => {
  it.each([
    { durability: 'process', level: 1 },
    { durability: 'power', level: 2 },
  ] as const)('$durability means synchronous $level, in a new store and after commits and in an old store', (row) =>
    atPath((path) => {
      for (const positions of [[1], [2]]) {
        withStore(requestFor(path, { durability: row.durability }), (store) => {
          expect(store.synchronous).toBe(row.level);
          const partition = store.openPartition('p').partition;
          store.append({
            events: null,
            rows: [joined(positions.map((at) => rowOf(at)))],
            watermarks: [{ partition, watermark: 1 }],
            parked: [],
          });
          expect(store.synchronous).toBe(row.level);
        });
      }
    }),
  );

  const strace = spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0;
  it.skipIf(!strace).each([
    { durability: 'process', syncsPerGroup: 0 },
    { durability: 'power', syncsPerGroup: 1 },
  ])('$durability waits for the disk $syncsPerGroup times a group (skipped without strace)', (row) =>
    atPath((path) => {
      const groups = 20;
      const script = `
        const { RowsBuilder } = await import(${JSON.stringify(outcomeUrl)});
        const { Store } = await import(${JSON.stringify(storeUrl)});
        const store = Store.open(${JSON.stringify({ ...requestFor(path), durability: row.durability })});
        const { partition } = store.openPartition('p');
        const builder = new RowsBuilder(1);
        process.chdir('/');
        for (let position = 0; position < ${groups}; position += 1) {
          builder.add({ ...${JSON.stringify(rowOf(0))}, position });
          store.append({ events: null, rows: [builder.finish()], watermarks: [], parked: [] });
        }
        process.chdir('/');
        store.close([]);`;
      const trace = `${path}.trace`;
      const options = ['-f', '-o', trace, '-e', 'trace=fdatasync,fsync,chdir'];
      const run = spawnSync('strace', [...options, process.execPath, '--input-type=module', '-e', script]);
      expect(run.status, String(run.stderr)).toBe(0);
      const [, appending] = readFileSync(trace, 'utf8').split('chdir("/")');
      expect(appending?.match(/\b(fdatasync|fsync)\(/g)?.length ?? 0).toBe(groups * row.syncsPerGroup);
    }),
  );
});

describe('append', () => {
  it('stores rows of several batches in order of position and gives them back through the view', () =>
    atPath((path) => {
      withStore(requestFor(path, { handlerNames: ['first', 'second'] }), (store) => {
        const { partition } = store.openPartition('orders.ndjson');
        const failed = {
          verdict: verdict.deadLettered,
          result: null,
          error: '{"name":"Error","message":"no"}',
          handler: 1,
        };
        const batches = [[rowOf(3, { id: 'e3' }), rowOf(1)], [rowOf(2, failed)]];
        const result = store.append({
          events: null,
          rows: batches.map(joined),
          watermarks: [{ partition, watermark: 4 }],
          parked: [],
        });
        expect(result).toMatchObject({ stored: 3, ignored: 0 });
        expect(result.gauges.walBytes).toBeGreaterThan(0);
        const common = { partition: 'orders.ndjson', type: 't', key: 'k', attempts: 1, duration_us: 59 };
        expect(read(path, 'SELECT * FROM outcomes')).toEqual([
          { ...common, ...fields(1), handler: 'first', status: 'succeeded', result: '1', error: null },
          { ...common, ...fields(2), handler: 'second', status: 'dead-lettered', result: null, error: failed.error },
          { ...common, ...fields(3), id: 'e3', handler: 'first', status: 'succeeded', result: '1', error: null },
        ]);
        const [letter] = read(path, 'SELECT * FROM dead_letters');
        expect(letter).toEqual({ ...common, ...fields(2), handler: 'second', result: null, error: failed.error });
      });
    }));

  it('ignores and counts a second outcome for one identity, in the same group and in a later one', () =>
    atPath((path) => {
      withStore(requestFor(path), (store) => {
        store.openPartition('p');
        // More rows than one statement takes, so that duplicates meet both the long statement and the short one.
        const rows = Array.from({ length: 120 }, (_, position) => rowOf(position, { result: '"first"' }));
        const twice = joined([...rows, rowOf(7, { result: '"second"' }), rowOf(119, { result: '"second"' })]);
        expect(store.append({ events: null, rows: [twice], watermarks: [], parked: [] })).toMatchObject({
          stored: 120,
          ignored: 2,
        });
        const again = joined([rowOf(120), ...rows.map((row) => ({ ...row, result: '"third"' }))]);
        expect(store.append({ events: null, rows: [again], watermarks: [], parked: [] })).toMatchObject({
          stored: 1,
          ignored: 120,
        });
        const counts = read(
          path,
          `SELECT count(*) AS rows, count(*) FILTER (WHERE result = '"first"') AS first FROM outcomes`,
        );
        expect(counts).toEqual([{ rows: 121, first: 120 }]);
      });
    }));

  it.each([
    { name: 'integer-like', text: '0042' },
    { name: 'a number too large for one', text: '9007199254740993' },
    { name: 'empty', text: '' },
    { name: 'with a NUL', text: 'a\0b' },
    { name: 'emoji', text: '👩‍🚀🛫' },
    { name: 'a lone high surrogate', text: 'a\ud83d' },
    { name: 'a lone low surrogate', text: '\ude00b' },
    { name: 'of 1000 characters', text: 'é'.repeat(1000) },
    { name: 'the name of a prototype', text: '__proto__' },
  ])('keeps a text that is $name as it is, as key, id, type, handler and partition', ({ text }) =>
    atPath((path) => {
      withStore(requestFor(path, { handlerNames: [text] }), (store) => {
        const { partition } = store.openPartition(text);
        store.append({
          events: null,
          rows: [joined([rowOf(0, { partition, key: text, id: text, type: text })])],
          watermarks: [],
          parked: [],
        });
        expect(store.openPartition(text).partition).toBe(partition);
      });
      const [row] = read(path, 'SELECT key, id, type, handler, partition FROM outcomes');
      expect(Object.values(row ?? {}).map(textOf)).toEqual([text, text, text, text, text]);
    }),
  );

  it('never takes one text for another: a lone surrogate is not the replacement character', () =>
    atPath((path) => {
      withStore(requestFor(path), (store) => {
        const names = ['\ud83d', '\ude00', '\ufffd', '\ud83d\ude00'];
        expect(new Set(names.map((name) => store.openPartition(name).partition)).size).toBe(names.length);
      });
    }));

  it('keeps results of every kind: JSON, bytes, no bytes, nothing', () =>
    atPath((path) => {
      withStore(requestFor(path), (store) => {
        store.openPartition('p');
        const results = ['{"a":[1,null]}', 'null', '"7"', '7', new Uint8Array([0, 255, 1]), new Uint8Array(0), null];
        const rows = results.map((result, position) => rowOf(position, { result }));
        store.append({ events: null, rows: [joined(rows)], watermarks: [], parked: [] });
        const stored = read(path, 'SELECT result, typeof(result) AS kind FROM outcomes ORDER BY position');
        expect(stored.map((row) => row.kind)).toEqual(['text', 'text', 'text', 'text', 'blob', 'blob', 'null']);
        const found = stored.map(({ result }) => (Buffer.isBuffer(result) ? new Uint8Array(result) : result));
        expect(found).toEqual(results);
      });
    }));

  it('keeps whole numbers whole: positions up to 2^53 and microseconds', () =>
    atPath((path) => {
      withStore(requestFor(path), (store) => {
        const { partition } = store.openPartition('p');
        const row = rowOf(Number.MAX_SAFE_INTEGER - 1, { startedAtUs: 1_763_851_093_123_457 });
        store.append({
          events: null,
          rows: [joined([row])],
          watermarks: [{ partition, watermark: Number.MAX_SAFE_INTEGER - 2 }],
          parked: [],
        });
        const [found] = read(path, 'SELECT position, started_at, typeof(position) AS kind FROM outcomes');
        expect(found).toEqual({ position: row.position, started_at: row.startedAtUs, kind: 'integer' });
      });
    }));

  it('stores nothing of a group that fails, names the code, and refuses every later group', () =>
    atPath((path) => {
      withStore(requestFor(path), (store) => {
        const { partition } = store.openPartition('p');
        // SQLite takes NaN for null, which the schema refuses; the row before it is a good one.
        const broken = joined([rowOf(0), rowOf(1, { attempts: Number.NaN })]);
        const error = thrownBy(() =>
          store.append({ events: null, rows: [broken], watermarks: [{ partition, watermark: 2 }], parked: [] }),
        );
        expect(error).toMatchObject({ code: 'store-failed', message: expect.stringContaining('SQLITE_CONSTRAINT') });
        expect(
          thrownBy(() => store.append({ events: null, rows: [joined([rowOf(2)])], watermarks: [], parked: [] })),
        ).toBe(error);
        expect(read(path, 'SELECT count(*) AS rows FROM outcomes')).toEqual([{ rows: 0 }]);
        expect(store.openPartition('p').watermark).toBe(0);
      });
    }));

  it('moves a long log into the database, so that it stays bounded', () =>
    atPath((path) => {
      withStore(requestFor(path), (store) => {
        store.openPartition('p');
        const result = new Uint8Array(1024 * 1024);
        const sizes = Array.from({ length: 60 }, (_, position) => {
          const { gauges } = store.append({
            events: null,
            rows: [joined([rowOf(position, { result })])],
            watermarks: [],
            parked: [],
          });
          store.tend();
          return gauges.walBytes;
        });
        expect(Math.max(...sizes)).toBeLessThan(20 * 1024 * 1024);
        expect(statSync(path).size).toBeGreaterThan(30 * 1024 * 1024);
      });
    }));
});

describe('a partition', () => {
  it('starts at 0 and 1 when it is new', () =>
    atPath((path) => {
      withStore(requestFor(path), (store) => {
        expect(store.openPartition('p')).toEqual({
          ...{
            partition: 2,
            watermark: 0,
            durable: new Float64Array(0),
            doneBy: [new Float64Array(0)],
            fingerprint: null,
            suspects: new Float64Array(0),
            retries: new Float64Array(0),
          },
          ...{ positionNext: 1, positionUnused: 1 },
        });
      });
    }));

  it('goes on where it was: watermark, what is durable above it, the next position, the fingerprint', () =>
    atPath((path) => {
      withStore(requestFor(path, { handlerNames: ['a', 'b'] }), (store) => {
        const { partition } = store.openPartition('p');
        store.openPartition('other');
        store.setFingerprint(partition, 'size 7');
        const rows = [1, 2, 3, 5, 9].map((position) => rowOf(position));
        const elsewhere = [rowOf(100, { partition: 3 }), rowOf(5, { handler: 1 })];
        store.append({
          events: null,
          rows: [joined([...rows, ...elsewhere])],
          watermarks: [{ partition, watermark: 3 }],
          parked: [],
        });
      });
      withStore(requestFor(path, { handlerNames: ['b', 'a'] }), (store) => {
        const { partition, ...start } = store.openPartition('p');
        expect(partition).toBe(2);
        // As runs: 3, 5 and 9.
        const durable = Float64Array.of(3, 4, 5, 6, 9, 10);
        const positions = { positionNext: 10, positionUnused: 10 };
        expect(start).toEqual({
          watermark: 3,
          durable,
          doneBy: [Float64Array.of(5, 6), durable],
          ...positions,
          fingerprint: 'size 7',
          suspects: new Float64Array(0),
          retries: new Float64Array(0),
        });
        // The name of a handler counts, not its place in the list.
        const again = store.append({
          events: null,
          rows: [joined([rowOf(5, { handler: 0 })])],
          watermarks: [],
          parked: [],
        });
        expect(again).toMatchObject({ stored: 0, ignored: 1 });
      });
    }));

  it('after an end that was not orderly goes on above every position an event may have had', () =>
    atPath((path) => {
      const first = Store.open(requestFor(path));
      const { partition } = first.openPartition('p');
      first.append({ events: null, rows: [joined([rowOf(7)])], watermarks: [], parked: [] });
      first.close([{ partition, watermark: 8, positionNext: 12 }]);
      // What the orderly end said is remembered.
      const crashed = Store.open(requestFor(path));
      expect(crashed.openPartition('p')).toMatchObject({ positionNext: 8, positionUnused: 12 });
      crashed.close(null);
      withStore(requestFor(path), (store) => {
        expect(store.openPartition('p').positionUnused).toBe(12 + 1_048_576);
        expect(store.openPartition('new').positionUnused).toBe(1);
      });
    }));

  it('never lowers its watermark, and takes the last ones on close', () =>
    atPath((path) => {
      const watermarkAfter = (change: number[], last: number) => {
        const store = Store.open(requestFor(path));
        const { partition } = store.openPartition('p');
        for (const watermark of change)
          store.append({ events: null, rows: [], watermarks: [{ partition, watermark }], parked: [] });
        store.close([{ partition, watermark: last }]);
        return withStore(requestFor(path), (store) => store.openPartition('p').watermark);
      };
      expect(watermarkAfter([7, 4], 5)).toBe(7);
      expect(watermarkAfter([], 9)).toBe(9);
    }));
});

function fields(position: number): Record<string, unknown> {
  return { position, id: null, started_at: 1_700_000_000_000_000 + position };
}

/** The way back from `storedText`. */
function textOf(stored: unknown): unknown {
  return Buffer.isBuffer(stored) ? stored.toString('utf16le') : stored;
}

describe('the addon', () => {
  it.each([
    ['20.19.0', '12.11.1', 'fits'],
    ['22.18.0', '12.11.1', 'fits'],
    ['24.1.0', '13.0.2', 'fits'],
    ['24.1.0', '12.11.1', 'better-sqlite3 must be 13.0.2 or newer on Node 24, found 12.11.1'],
    ['26.0.0', '12.11.1', 'better-sqlite3 must be 13.0.2 or newer on Node 26, found 12.11.1'],
  ])('on Node %s, %s: %s', (node, addon, expected) => {
    const check = (): void => refuseUnfit({ node, addon });
    if (expected === 'fits') expect(check).not.toThrow();
    else expect(check).toThrow(expected);
  });
});
