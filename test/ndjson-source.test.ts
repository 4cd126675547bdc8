// A file or a stream as a source: where it goes on, what it refuses, and that every request settles.

import { appendFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { NdjsonSource, type NdjsonSourceOptions } from '../src/sources/ndjson-source.js';
import type { SourceRecord, SourceStart } from '../src/sources/source.js';
import { scratchFolder } from './fixtures/scratch-folder.js';

const scratch = scratchFolder();

const fresh: SourceStart = {
  watermark: 0,
  durable: new Set(),
  positionNext: 1,
  positionUnused: 1,
  fingerprint: null,
  limits: { dataSizeMax: 1_000_000, keySizeMax: 100, headersSizeMax: 1000 },
  handlers: { names: ['seen', 'other'], policies: [], takes: 'its-own-type' },
};

type Options = Omit<NdjsonSourceOptions, 'input'>;

/** Reads a source to its end; closes it whatever happens. */
async function readAll(
  input: string | Readable,
  { start = {}, demand = 1000, ...options }: Options & { start?: Partial<SourceStart>; demand?: number } = {},
) {
  const source = new NdjsonSource({ input, mapping: { type: 'seen' }, ...options });
  const records: SourceRecord[] = [];
  let error: unknown = null;
  let fingerprint: string | null = null;
  try {
    fingerprint = await source.open({ ...fresh, ...start });
    for (let some = await source.request(demand); some !== null; some = await source.request(demand)) {
      expect(some.length).toBeGreaterThan(0);
      expect(some.length).toBeLessThanOrEqual(demand);
      records.push(...some);
    }
  } catch (caught) {
    error = caught;
  } finally {
    await source.close();
  }
  const text = records.map(({ position, event }) => `${position}:${event.data}`);
  return { source, records: text, error, fingerprint };
}

const lines = (from: number, to: number): string =>
  Array.from({ length: to - from + 1 }, (_, index) => `{"n":${from + index}}\n`).join('');

describe('a file', () => {
  test('gives its records with their line numbers, as many at a time as asked for', async () => {
    const file = scratch.write('few.ndjson', '\ufeff{"n":1}\r\n\r\n{"n":3}\n{"n":4}');
    for (const demand of [1, 2, 100]) {
      const { records, error, source } = await readAll(file, { demand });
      expect(error).toBeNull();
      expect(records).toEqual(['1:{"n":1}', '3:{"n":3}', '4:{"n":4}']);
      expect(source.bytesRead).toBe(source.bytesTotal);
    }
  });

  test('longer than a chunk comes whole', async () => {
    const file = scratch.write('long.ndjson', lines(1, 60_000));
    const { records, error } = await readAll(file, { demand: 777 });
    expect(error).toBeNull();
    expect(records).toHaveLength(60_000);
    expect(records.at(-1)).toBe('60000:{"n":60000}');
  });

  test('may be one JSON array', async () => {
    const file = scratch.write('array.json', '[\n {"n":1},\n {"n":2}\n]\n');
    expect((await readAll(file)).records).toEqual(['1:{"n":1}', '2:{"n":2}']);
  });

  test('may be empty', async () => {
    const { records, error } = await readAll(scratch.write('empty.ndjson', ''));
    expect([records, error]).toEqual([[], null]);
  });

  test('is one partition by whichever path it is named', () => {
    const file = scratch.write('real.ndjson', lines(1, 1));
    const link = join(scratch.path, 'link.ndjson');
    symlinkSync(file, link);
    expect(new NdjsonSource({ input: link }).partition).toBe(new NdjsonSource({ input: file }).partition);
    expect(new NdjsonSource({ input: file }).partition).toMatch(/^file:\/.*real\.ndjson$/);
  });

  test('goes on at the watermark and leaves out what is durable beyond it', async () => {
    const file = scratch.write('half.ndjson', `not JSON\n${lines(2, 10)}`);
    const start = { watermark: 5, durable: new Set([6, 7, 9]), positionNext: 10 };
    const { records, error, source } = await readAll(file, { start });
    expect(error).toBeNull();
    expect(records).toEqual(['5:{"n":5}', '8:{"n":8}', '10:{"n":10}']);
    expect(source.resumedAt).toBe(5);
  });

  test('that is done altogether gives nothing', async () => {
    const file = scratch.write('done.ndjson', lines(1, 3));
    const { records, error } = await readAll(file, { start: { watermark: 4, positionNext: 4 } });
    expect([records, error]).toEqual([[], null]);
  });

  test.each([
    ['short', 3],
    ['longer than what is hashed', 20_000],
  ])('that is %s and was added to goes on', async (name, count) => {
    const file = scratch.write(`grown-${count}.ndjson`, lines(1, count));
    const first = await readAll(file);
    expect(first.fingerprint, name).toMatch(/^\d+=[0-9a-f]{16}( \d+=[0-9a-f]{16})*$/);
    appendFileSync(file, lines(count + 1, count + 2));
    const start = { watermark: count + 1, positionNext: count + 1, fingerprint: first.fingerprint };
    const { records, error } = await readAll(file, { start });
    expect(error).toBeNull();
    expect(records).toEqual([`${count + 1}:{"n":${count + 1}}`, `${count + 2}:{"n":${count + 2}}`]);
  });

  test('that was empty at first is known again', async () => {
    const file = scratch.write('was-empty.ndjson', '');
    const { fingerprint } = await readAll(file);
    appendFileSync(file, lines(1, 2));
    expect((await readAll(file, { start: { fingerprint } })).records).toHaveLength(2);
  });

  test.each([
    ['replaced', `{"n":9}\n${lines(2, 9)}`],
    ['cut', lines(1, 2)],
    ['emptied', ''],
  ])('that was %s is refused', async (name, text) => {
    const file = scratch.write(`${name}.ndjson`, lines(1, 5));
    const { fingerprint } = await readAll(file);
    writeFileSync(file, text);
    const { records, error } = await readAll(file, { start: { watermark: 6, positionNext: 6, fingerprint } });
    expect(records).toEqual([]);
    expect(error).toMatchObject({
      code: 'bad-input',
      message: expect.stringContaining('is not the file of that name'),
    });
  });

  test.each([
    ['lines', (n: number) => lines(1, n)],
    ['an array', (n: number) => `[${lines(1, n).trim().replaceAll('\n', ',\n')}]`],
  ])('of %s may be changed where it has no outcomes yet, and nowhere before', async (name, text) => {
    const file = scratch.write(`changed-${name}`, text(300));
    const { fingerprint } = await readAll(file);
    const replaced = (n: number): void => writeFileSync(file, text(300).replace(`"n":${n}}`, `"n":"${n}"}`));
    for (const positionNext of [1, 2, 50, 299, 301]) {
      const start = { watermark: positionNext, positionNext, fingerprint };
      replaced(positionNext);
      expect((await readAll(file, { start })).error, `position ${positionNext} changed`).toBeNull();
      if (positionNext < 50) continue;
      // Of what has outcomes, the first half at least is looked at.
      replaced(Math.floor(positionNext / 3));
      expect((await readAll(file, { start })).error).toMatchObject({ code: 'bad-input' });
    }
  });

  test('that is shorter than what the store has outcomes for is refused', async () => {
    const file = scratch.write('shorter.ndjson', lines(1, 5));
    const { error } = await readAll(file, { start: { watermark: 4, durable: new Set([7]), positionNext: 8 } });
    expect(error).toMatchObject({
      code: 'bad-input',
      message: expect.stringMatching(/must reach at least to line 7, .* ends after line 5: it was cut or replaced/),
    });
  });

  test.each([
    ['is not there', 'gone.ndjson', /there is no such file/],
    ['is a folder', 'folder', /it is a folder/],
  ])('that %s is refused before anything is opened', (_, name, says) => {
    mkdirSync(join(scratch.path, 'folder'), { recursive: true });
    expect(() => new NdjsonSource({ input: join(scratch.path, name) })).toThrow(says);
  });
});

const badInputs = [
  { name: 'malformed', bad: '{"n":', reason: 'is not valid JSON' },
  { name: 'too long', bad: `{"n":"${'x'.repeat(300)}"}`, reason: 'is longer than 200 bytes' },
  { name: 'of the wrong kind', bad: '[1,2]', reason: 'must be a JSON object, got an array' },
  { name: 'invalid UTF-8', bad: Buffer.from([0x7b, 0xff, 0x7d]), reason: 'is not valid UTF-8' },
] as const;

describe.each(badInputs)('a line that is $name', ({ name, bad, reason }) => {
  const file = scratch.write(`bad-${name.replaceAll(' ', '-')}.ndjson`, '');
  writeFileSync(file, Buffer.concat([Buffer.from(lines(1, 2)), Buffer.from(bad), Buffer.from(`\n${lines(4, 5)}`)]));

  test('ends the source after what came before it, with its line number and what to do', async () => {
    const { records, error } = await readAll(file, { recordBytesMax: 200 });
    expect(records).toEqual(['1:{"n":1}', '2:{"n":2}']);
    expect(error).toMatchObject({
      code: 'bad-input',
      message: expect.stringMatching(new RegExp(`ndjson line 3 ${reason}.*correct it and run again, or leave such`)),
    });
  });

  test('is left out, counted and told of when that is asked for', async () => {
    const told: unknown[] = [];
    const leaveOut = { onBadRecord: 'skip', onSkipped: (skipped) => told.push(skipped) } satisfies Options;
    const { records, error, source } = await readAll(file, { ...leaveOut, recordBytesMax: 200 });
    expect(error).toBeNull();
    expect(records).toEqual(['1:{"n":1}', '2:{"n":2}', '4:{"n":4}', '5:{"n":5}']);
    expect(source.recordsSkipped).toBe(1);
    expect(told).toEqual([{ line: 3, message: expect.stringContaining(`line 3 ${reason}`) }]);
  });
});

test('a bad element is named by its number and its line', async () => {
  const file = scratch.write('bad.json', '[\n{"n":1},\n7]');
  const { records, error } = await readAll(file);
  expect(records).toEqual(['1:{"n":1}']);
  expect(error).toMatchObject({
    message: expect.stringContaining('bad.json element 2 (line 3) must be a JSON object'),
  });
});

test('an array that is not closed is refused even where bad records are left out', async () => {
  const file = scratch.write('open.json', '[{"n":1},{"n":');
  const { records, error, source } = await readAll(file, { onBadRecord: 'skip', start: { durable: new Set([2]) } });
  expect(records).toEqual(['1:{"n":1}']);
  expect(error).toMatchObject({
    message: expect.stringContaining('element 2 (line 1): the input ends before the array'),
  });
  expect(source.recordsSkipped).toBe(0);
});

test('what a bad record says is cut, however long it is', async () => {
  const file = scratch.write('chatty.ndjson', `{"a":"${'x'.repeat(5000)}"}\n`);
  const { error } = await readAll(file, { mapping: { typeField: 'a' } });
  expect((error as Error).message.length).toBeLessThan(1500);
});

describe('a stream', () => {
  test('is new input at every start: its positions go on above all that is stored', async () => {
    const start = { watermark: 3, durable: new Set([7]), positionNext: 8, positionUnused: 8 };
    const { records, source } = await readAll(Readable.from([Buffer.from('{"n":1}\n\n{"n"'), Buffer.from(':3}')]), {
      start,
    });
    expect(records).toEqual(['8:{"n":1}', '10:{"n":3}']);
    expect(source.partition).toBe('stdin');
    expect(source.bytesTotal).toBeNull();
  });

  test('names a bad line by its place in this input', async () => {
    const { error } = await readAll(Readable.from(['{"n":1}\nx']), { start: { positionNext: 100 } });
    expect(error).toMatchObject({ message: expect.stringContaining('standard input line 2 is not valid JSON') });
  });

  test('gives what has come without waiting for more', async () => {
    const stream = new PassThrough();
    const source = new NdjsonSource({ input: stream, mapping: { type: 'seen' } });
    await source.open(fresh);
    stream.write('{"n":1}\n{"n":2}\n{"n":');
    expect(await source.request(100)).toHaveLength(2);
    stream.end('3}');
    expect(await source.request(100)).toHaveLength(1);
    expect(await source.request(100)).toBeNull();
    await source.close();
  });

  test('that is closed settles a request that waits for more', async () => {
    const stream = new PassThrough();
    const source = new NdjsonSource({ input: stream, mapping: { type: 'seen' } });
    await source.open(fresh);
    const waiting = source.request(100);
    await source.close();
    expect(await waiting).toBeNull();
    expect(await source.request(100)).toBeNull();
    expect(stream.destroyed).toBe(true);
  });

  test('that breaks says so', async () => {
    const stream = new PassThrough();
    const source = new NdjsonSource({ input: stream, mapping: { type: 'seen' } });
    await source.open(fresh);
    const waiting = source.request(100);
    stream.destroy(new Error('the line went dead'));
    await expect(waiting).rejects.toMatchObject({ code: 'bad-input', message: expect.stringContaining('went dead') });
    await source.close();
  });

  test('of something else than bytes is refused', async () => {
    const { error } = await readAll(Readable.from([{ n: 1 }]));
    expect(error).toMatchObject({ message: expect.stringContaining('must be a stream of bytes, got an object') });
  });
});

test.each([
  [{ onBadRecord: 'ignore' }, 'onBadRecord must be "fail" or "skip", got "ignore"'],
  [{ recordBytesMax: 0 }, 'recordBytesMax must be a whole number from 1'],
  [{ mapping: { type: 'a', typeField: 'b' } }, 'type and typeField must not both be given'],
])('the options %j are refused', (options, says) => {
  const wrong = { input: Readable.from([]), ...options } as NdjsonSourceOptions;
  expect(() => new NdjsonSource(wrong)).toThrow(says);
});
