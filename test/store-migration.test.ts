// Stores of every released schema: each is brought to the newest when it is opened, whole or not at all, with nothing
// lost. The fixtures are what those releases wrote; tests work on copies.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import Database from 'better-sqlite3';
import { describe, expect, it, test } from 'vitest';
import { openStore, redriveDeadLetters } from '../dist/src/index.js';
import { optionTable } from '../dist/src/options.js';
import { schemaVersion, schemaVersionOfLanes } from '../dist/src/store/schema.js';
import { sized } from './long-form.js';
import { makeFolder, makeProcessor } from './processor-fixture.js';
import { read, requestFor, thrownBy, withStore } from './store-fixture.js';

const fixtures = fileURLToPath(new URL('./fixtures/stores/', import.meta.url));
const storeUrl = new URL('../dist/src/store/store.js', import.meta.url).href;
const addonPath = createRequire(import.meta.url).resolve('better-sqlite3');
const handlerNames = ['order.placed', 'order.paid'];
const versions = Array.from({ length: schemaVersion }, (_, index) => index + 1);
const olderVersions = versions.slice(0, -1);

/** What a store holds but for the marks that every opening changes. */
interface Content {
  readonly version: unknown;
  readonly schema: unknown;
  readonly tables: Readonly<Record<string, readonly Record<string, unknown>[]>>;
}

describe('the fixtures', () => {
  it('are one store for each schema', () => {
    const expected = versions.map((version) => `schema-${version}.db`);
    const whatToDo = 'a schema needs a fixture: node dist/scripts/make-store-fixture.js makes that of the newest';
    expect(readdirSync(fixtures).sort(), whatToDo).toEqual(expected.sort());
    expect(versions.map((version) => contentOf(copyOf(version)).version)).toEqual(versions);
  });
});

describe.each(versions)('a store of schema %i', (version) => {
  it('is of the newest schema once opened, and keeps every row it had', () => {
    const path = copyOf(version);
    const before = contentOf(path);
    open(path);
    const after = contentOf(path);
    expect(after.version).toBe(schemaVersion);
    for (const [table, rows] of Object.entries(before.tables)) {
      const columns = Object.keys(rows[0] ?? {});
      const kept = (after.tables[table] ?? []).map((row) =>
        Object.fromEntries(columns.map((name) => [name, row[name]])),
      );
      expect(kept, table).toEqual(rows);
    }
    expect(read(path, 'PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }]);
  });

  it('has the tables and views of a new store once opened', () => {
    const [path, fresh] = [copyOf(version), join(makeFolder(), 'fresh.db')];
    open(path);
    open(fresh);
    expect(columnsOf(path)).toEqual(columnsOf(fresh));
  });

  it('knows where its sources stand', () =>
    withStore(requestFor(copyOf(version), { handlerNames }), (store) => {
      expect(store.openPartition('file:/orders.ndjson')).toMatchObject({
        ...{ watermark: 6, positionNext: 8, fingerprint: 'fp' },
        durable: Float64Array.of(7, 8),
      });
    }));

  it('gives its outcomes to who publishes their events again, and goes on where its positions end', async () => {
    const store = copyOf(version);
    const outcomes = read(store, 'SELECT * FROM outcomes');
    const { position_next: next } = journalOf(store);
    const processor = await makeProcessor({ store, handlers: ordersModule() });
    const published = await processor.publish({ type: 'order.paid', key: 'other \ud800', id: 'new \udc00', data: 9 });
    expect(published).toMatchObject({ identity: { position: next }, duplicate: false });
    const again = await processor.publish({ type: 'order.paid', key: 'other \ud800', id: 'new \udc00' });
    expect(again).toMatchObject({ identity: { position: next }, duplicate: true });
    await processor.drain();
    const after = read(store, 'SELECT * FROM outcomes');
    expect(after).toEqual(expect.arrayContaining(outcomes));
    expect(after.filter(({ partition, position }) => partition === 'journal' && position === next)).toMatchObject([
      { key: Buffer.from('other \ud800', 'utf16le'), status: 'succeeded', result: '9' },
    ]);
    // What is parked stays.
    expect(read(store, `SELECT * FROM pending_events WHERE state = 'waiting'`)).toEqual([]);
  });

  it('of a newer keylane is refused, and its bytes stay', () => {
    const path = copyOf(version);
    change(path, `PRAGMA user_version = ${schemaVersion + 1}`);
    const before = readFileSync(path);
    const error = thrownBy(() => open(path));
    expect(error).toMatchObject({ code: 'store-refused' });
    expect((error as Error).message).toContain(`up to version ${schemaVersion}, found version ${schemaVersion + 1}`);
    expect(readFileSync(path).equals(before)).toBe(true);
  });
});

describe('a store of schema 1', () => {
  it.each([
    { clean: 1, isVolatile: 0 },
    { clean: 0, isVolatile: 1 },
  ])('whose mark "clean" is $clean has is_volatile $isVolatile in all its partitions', ({ clean, isVolatile }) => {
    const path = copyOf(1);
    change(path, `UPDATE meta SET value = ${clean} WHERE name = 'clean'`);
    open(path);
    expect(read(path, 'SELECT DISTINCT is_volatile FROM partition')).toEqual([{ is_volatile: isVolatile }]);
    // Its user had given positions to published events, of which the store knows nothing.
    const { positionUnused } = withStore(requestFor(path), (store) => store.openJournal({ isVolatile: false }));
    expect(positionUnused).toBe(5 + isVolatile * optionTable.ringSize.max);
  });
});

describe('a store of schema 2', () => {
  it('runs what it is owed, the suspect too, and knows the ids it had accepted', async () => {
    const store = copyOf(2);
    const processor = await makeProcessor({ store, handlers: ordersModule() });
    expect(processor.recovery).toEqual({ pending: 3, suspects: 1, wasClean: true });
    const ids = ['a-1', 'done \udc00', 'a-3', 'owed \udc00'];
    const receipts = await Promise.all(ids.map((id) => processor.publish({ type: 'order.paid', id })));
    expect(receipts.map(({ identity, duplicate }) => [identity.position, duplicate])).toEqual([
      [1, true],
      [2, true],
      [3, true],
      [4, true],
    ]);
    expect(receipts[0]?.storedOutcome).toMatchObject({ status: 'succeeded', result: { risk: 1 } });
    expect(receipts[1]?.storedOutcome).toMatchObject({ status: 'dead-lettered', key: 'lone \ud800' });
    await processor.drain();
    const owed = `SELECT position, status, result FROM outcomes WHERE partition = 'journal' AND position IN (3, 4, 6)`;
    expect(read(store, owed)).toEqual([
      { position: 3, status: 'succeeded', result: '{"n":3}' },
      { position: 4, status: 'succeeded', result: Buffer.of(4) },
      { position: 6, status: 'succeeded', result: '{"n":6}' },
    ]);
    expect(read(store, 'SELECT * FROM suspect')).toEqual([]);
  });
});

describe('a store of schema 3', () => {
  it('knows its lanes, its retries and what was given up', () => {
    const path = copyOf(3);
    withStore(requestFor(path, { handlerNames }), (store) => {
      const { lanes, retries } = store.openJournal({ isVolatile: false });
      const parked = { handler: 1, key: 'lone \ud800' };
      expect(lanes).toEqual([{ ...parked, parkedBy: { partition: 1, position: 2 }, waiting: 2 }]);
      expect([...retries]).toEqual([6, 0, 1, 0, 1_790_000_001_000_000]);
      const page = store.readLane({ ...parked, after: null, countMax: 9, bytesMax: 999 });
      expect([[...page.partitions], [...page.positions]]).toEqual([
        [1, 2],
        [4, 4],
      ]);
    });
    const reader = openStore(path);
    expect(reader.discardReason({ partition: 'file:/orders.ndjson', position: 5 })).toBe('too old');
    expect(reader.counts()).toMatchObject({ deadLettered: 1, discarded: 1, pending: 4, parked: 2 });
    reader.close();
  });
});

describe('a store of schema 4', () => {
  it('runs what an event is owed by each of its handlers, but for those that have decided it', async () => {
    const store = copyOf(4);
    const reader = openStore(store);
    const identity = { partition: 'journal', position: 7 };
    expect(reader.event(identity)?.handlers).toEqual(handlerNames);
    expect([...reader.pending()].filter(({ identity: { position } }) => position === 7)).toMatchObject([
      { handler: 'order.paid', state: 'waiting' },
    ]);
    const processor = await makeProcessor({ store, handlers: ordersModule() });
    await processor.drain();
    expect(reader.outcomes(identity)).toMatchObject([
      { handler: 'order.placed', result: 7 },
      { handler: 'order.paid', result: { n: 7 } },
    ]);
    reader.close();
  });
});

describe.each(olderVersions)('a store of schema %i, read without being opened', (version) => {
  it('has what it was released with, and its dead letters can be counted', async () => {
    const path = copyOf(version);
    const reader = openStore(path);
    const [owed] = reader.pending();
    expect(owed?.handler).toBe(version === 1 ? undefined : 'order.placed');
    expect(reader.event({ partition: 'journal', position: 1 })?.handlers).toEqual(owed && ['order.placed']);
    const [letter] = [...reader.deadLetters()];
    expect(letter).toBeDefined();
    const identity = letter?.identity ?? { partition: '', position: 0 };
    const lanes = [reader.history(identity), reader.parkedLanes(), reader.discardReason(identity)];
    if (version < schemaVersionOfLanes) expect(lanes).toEqual([[], [], null]);
    reader.close();
    const { redriven, withoutEvent } = await redriveDeadLetters({ store: path, dryRun: true });
    expect(redriven + withoutEvent).toBe(1);
    expect(contentOf(path).version).toBe(version);
    expect(await redriveDeadLetters({ store: path })).toEqual({ redriven, withoutEvent });
  });
});

/** Those of the oldest schema take every step, those of the newest the last one; others are a part of the former. */
const killedVersions = sized({ short: [olderVersions[0]!, olderVersions.at(-1)!], long: [...olderVersions] });

describe.each(killedVersions)('a process killed while it brings a store of schema %i to the newest', (version) => {
  const strace = spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0;

  it('leaves the old one or the new one, killed between any two statements', { timeout: 120_000 }, async () => {
    const script = `
      const { default: Database } = await import(${JSON.stringify(addonPath)});
      const [path, moment] = process.argv.slice(1);
      let left = Number(moment);
      let isMigrating = false;
      const dieAtZero = (db) => {
        if (!isMigrating || db.name !== path) return;
        left -= 1;
        if (left > 0) return;
        process.kill(process.pid, 'SIGKILL');
        while (true);
      };
      const { exec, pragma } = Database.prototype;
      Database.prototype.exec = function (sql) {
        isMigrating ||= this.name === path;
        for (const statement of sql.split(/;\\n/)) {
          dieAtZero(this);
          exec.call(this, statement);
        }
        return this;
      };
      Database.prototype.pragma = function (...args) { dieAtZero(this); return pragma.apply(this, args); };
      ${openAndClose}`;
    const deaths = await killedAtEach(version, (path, moment) => [
      process.execPath,
      ...['--input-type=module', '-e', script, path, String(moment)],
    ]);
    expect(deaths).toContain(version);
    expect(deaths).toContain(schemaVersion);
  });

  it.skipIf(!strace)('leaves the old one or the new one, killed at any write', { timeout: 120_000 }, async () => {
    const script = `const [path] = process.argv.slice(1);${openAndClose}`;
    const deaths = await killedAtEach(version, (path, moment) => [
      ...['strace', '-f', '-qq', '-o', '/dev/null', '-P', path, '-P', `${path}-wal`, '-e', 'trace=pwrite64'],
      ...['-e', `inject=pwrite64:signal=SIGKILL:when=${moment}`],
      ...[process.execPath, '--input-type=module', '-e', script, path],
    ]);
    expect(deaths).toContain(version);
    expect(deaths).toContain(schemaVersion);
  });
});

const openAndClose = `
  const { Store } = await import(${JSON.stringify(storeUrl)});
  Store.open({ path, durability: 'process', handlerNames: ${JSON.stringify(handlerNames)} }).close([]);
  process.exit(7);`;

/** Of so many moments one is looked at. */
const stride = sized({ short: 5, long: 1 });

/** Copies whose processes run at a time: they mostly wait for the disk. */
const atATime = 6;

/**
 * Runs a command on a copy of its own for each moment that is looked at, until one comes too late to kill. Checks what each death left,
 * and that the store can be opened then. Gives the version that each left.
 */
async function killedAtEach(version: number, command: (path: string, moment: number) => string[]): Promise<unknown[]> {
  const old = contentOf(copyOf(version));
  const migrated = contentOf(opened(copyOf(version)));
  const deaths: unknown[] = [];
  for (let moment = 1; ; moment += atATime * stride) {
    const moments = Array.from({ length: atATime }, (_, index) => moment + index * stride);
    const ends = await Promise.all(
      moments.map(async (at) => {
        const path = copyOf(version);
        return { path, code: await codeOf(command(path, at)) };
      }),
    );
    for (const { path, code } of ends) {
      if (code === 7) return deaths;
      expect(code, 'a signal ended it').toBeNull();
      const left = contentOf(path);
      expect(left).toEqual(left.version === version ? old : migrated);
      expect(contentOf(opened(path))).toEqual(migrated);
      deaths.push(left.version);
    }
  }
}

test('a state whose last event is gone says that events were deleted before that was noted', () => {
  const path = copyOf(8);
  change(
    path,
    "INSERT INTO state VALUES (1, 'k', 0, '1', 1, 99), (1, 'l', 0, '1', 1, (SELECT min(position) FROM outcome))",
  );
  change(path, 'UPDATE outcome SET handler = 1 WHERE position = (SELECT min(position) FROM outcome)');
  open(path);
  const noted = { handler: 1, partition: 1, succeeded: 1, position_last: 99, started_at_last: 0 };
  expect(read(path, 'SELECT * FROM erased')).toEqual([noted]);
});

/** The exit code of a command; null when a signal ended it. */
async function codeOf([name, ...args]: string[]): Promise<number | null> {
  const child = spawn(name as string, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  const [code] = (await once(child, 'close')) as [number | null];
  return code;
}

/** A copy of a fixture in a folder that is removed when the test ends. */
function copyOf(version: number): string {
  const path = join(makeFolder(), 'out.db');
  copyFileSync(join(fixtures, `schema-${version}.db`), path);
  return path;
}

function open(path: string): void {
  withStore(requestFor(path, { handlerNames }), () => {});
}

function opened(path: string): string {
  open(path);
  return path;
}

function change(path: string, sql: string): void {
  const db = new Database(path);
  db.exec(sql);
  db.close();
}

function contentOf(path: string): Content {
  const schema = read(path, 'SELECT type, name, sql FROM sqlite_schema ORDER BY type, name');
  const names = schema.filter(({ type, name }) => type === 'table' && name !== 'meta').map(({ name }) => String(name));
  const tables = Object.fromEntries(names.map((name) => [name, read(path, `SELECT * FROM ${name}`)]));
  return { version: read(path, 'PRAGMA user_version')[0]?.['user_version'], schema, tables };
}

/** Names, columns and types of all tables and views. */
function columnsOf(path: string): unknown[] {
  const names = read(path, 'SELECT name FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name');
  return names.map(({ name }) => [name, read(path, `PRAGMA table_info(${String(name)})`)]);
}

function journalOf(path: string): Record<string, unknown> {
  return read(path, `SELECT * FROM partition WHERE name = 'journal'`)[0] ?? {};
}

function ordersModule(): URL {
  const path = join(makeFolder(), 'orders.mjs');
  writeFileSync(path, `export default { 'order.placed': ({ data }) => data, 'order.paid': ({ data }) => data };`);
  return pathToFileURL(path);
}
