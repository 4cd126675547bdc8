// How bytes become records, wherever the chunks happen to end.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RecordScanner } from '../src/sources/record-scanner.js';
import type { Scanned, ScannerOptions } from '../src/sources/splitter.js';

/** Everything a scanner finds in some bytes that come in chunks of these sizes, over and over. */
function scan(input: string | Uint8Array, how: Partial<ScannerOptions> & { chunks?: readonly number[] } = {}) {
  const bytes = typeof input === 'string' ? Buffer.from(input) : input;
  const { chunks = [bytes.length || 1], numberFirst = 1, recordBytesMax = 1000 } = how;
  const scanner = new RecordScanner({ numberFirst, recordBytesMax });
  const found: Scanned[] = [];
  const take = (): void => {
    for (let next = scanner.next(); next !== null; next = scanner.next()) found.push(next);
  };
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = chunks[turn % chunks.length]!;
    // A chunk is valid only until the next one, as that of a file is.
    const chunk = Uint8Array.from(bytes.subarray(at, at + size));
    scanner.push(chunk);
    chunk.fill(0x21);
    at += size;
    take();
  }
  scanner.end();
  take();
  expect(scanner.bytesScanned).toBe(bytes.length);
  return { found, format: scanner.format, count: scanner.count };
}

/** A finding as a short text: `3:{"a":1}`, or `2@5 bad: why` where number and line differ. */
function brief({ kind, place, ...rest }: Scanned): string {
  const where = place.number === place.line ? `${place.number}` : `${place.number}@${place.line}`;
  return 'text' in rest ? `${where}:${rest.text}` : `${where} ${kind}: ${rest.reason}`;
}

const invalid = (before: string, after: string): Buffer =>
  Buffer.concat([Buffer.from(before), Buffer.from([0xff, 0xc3]), Buffer.from(after)]);

interface Case {
  readonly given: string;
  readonly input: string | Uint8Array;
  readonly finds: readonly string[];
}

const lineCases: readonly Case[] = [
  { given: 'nothing', input: '', finds: [] },
  { given: 'nothing but blank lines', input: ' \n\r\n\t\n', finds: [] },
  { given: 'lines', input: '{"a":1}\n{"a":2}\n', finds: ['1:{"a":1}', '2:{"a":2}'] },
  { given: 'no newline at the end', input: '{"a":1}\n{"a":2}', finds: ['1:{"a":1}', '2:{"a":2}'] },
  { given: 'CRLF', input: '{"a":1}\r\n{"a":2}\r\n', finds: ['1:{"a":1}', '2:{"a":2}'] },
  { given: 'a byte order mark', input: '\ufeff{"a":1}\n', finds: ['1:{"a":1}'] },
  { given: 'half a byte order mark', input: Buffer.from([0xef, 0xbb]), finds: ['1 bad: is not valid UTF-8'] },
  { given: 'blank lines between', input: '\n\n{"a":1}\n  \n\r\n {"a":2}\t\n', finds: ['3:{"a":1}', '6:{"a":2}'] },
  {
    given: 'characters of several bytes',
    input: '{"é":"日本"}\n{"x":"🛫"}\n',
    finds: ['1:{"é":"日本"}', '2:{"x":"🛫"}'],
  },
  {
    given: 'invalid UTF-8 in one line',
    input: invalid('{"a":"é"}\n{"a":"', '"}\n{"a":"ü"}\n'),
    finds: ['1:{"a":"é"}', '2 bad: is not valid UTF-8', '3:{"a":"ü"}'],
  },
  {
    given: 'a line that is too long',
    input: `{"a":1}\n{"long":"${'x'.repeat(1000)}"}\n{"a":2}\n`,
    finds: ['1:{"a":1}', '2 bad: is longer than 1000 bytes (recordBytesMax)', '3:{"a":2}'],
  },
  {
    given: 'a last line that is too long',
    input: `{"a":1}\n${'x'.repeat(5000)}`,
    finds: ['1:{"a":1}', '2 bad: is longer than 1000 bytes (recordBytesMax)'],
  },
  { given: 'a line exactly as long as allowed', input: `${'x'.repeat(1000)}\n`, finds: [`1:${'x'.repeat(1000)}`] },
  { given: 'lines that are not JSON', input: '{\n}x\n', finds: ['1:{', '2:}x'] },
];

const tooLong = 'is longer than 1000 bytes (recordBytesMax)';
const notClosed = 'broken: the input ends before the array does: "]" is missing';
const missing = 'bad: is missing: there is a comma too many before or after it';
const follows =
  'broken: something follows the array: an input that begins with "[" is read as one JSON array of records';

const arrayCases: readonly Case[] = [
  { given: 'an empty array', input: ' [ ] \n', finds: [] },
  { given: 'elements', input: '[{"a":1},{"a":[2,{"b":3}]}]', finds: ['1:{"a":1}', '2@1:{"a":[2,{"b":3}]}'] },
  { given: 'elements on lines', input: '\n[\n  {"a":1},\r\n  {"a":2}\n]\n', finds: ['1@3:{"a":1}', '2@4:{"a":2}'] },
  { given: 'a byte order mark', input: '\ufeff[1,2]', finds: ['1:1', '2@1:2'] },
  { given: 'brackets and quotes in strings', input: '["],\\"[",{"}":"{"}]', finds: ['1:"],\\"["', '2@1:{"}":"{"}'] },
  { given: 'a backslash before a quote', input: '["\\\\","b"]', finds: ['1:"\\\\"', '2@1:"b"'] },
  { given: 'characters of several bytes', input: '["日本","🛫"]', finds: ['1:"日本"', '2@1:"🛫"'] },
  { given: 'a comma too many', input: '[1,]', finds: ['1:1', `2@1 ${missing}`] },
  { given: 'two commas', input: '[1,,3]', finds: ['1:1', `2@1 ${missing}`, '3@1:3'] },
  { given: 'an end too early', input: '[1,{"a":', finds: ['1:1', `2@1 ${notClosed}`] },
  { given: 'an end between elements', input: '[1,\n', finds: ['1:1', `2 ${notClosed}`] },
  { given: 'something after it', input: '[1]\n[2]', finds: ['1:1', `1@2 ${follows}`] },
  {
    given: 'invalid UTF-8 in one element',
    input: invalid('["é","', '","ü"]'),
    finds: ['1:"é"', '2@1 bad: is not valid UTF-8', '3@1:"ü"'],
  },
  {
    given: 'an element that is too long',
    input: `[1,\n{"long":[1,"${'],'.repeat(800)}"]},\n3]`,
    finds: ['1:1', `2 bad: ${tooLong}`, '3:3'],
  },
];

describe.each([
  { format: 'lines', cases: lineCases },
  { format: 'array', cases: arrayCases },
] as const)('$format', ({ format, cases }) => {
  test.each(cases)('$given', ({ input, finds }) => {
    const whole = scan(input);
    expect(whole.found.map(brief)).toEqual(finds);
    expect(whole.format).toBe(format);
    const length = Buffer.from(input).length;
    for (let size = 1; size <= Math.min(length, 40); size += 1) {
      expect(scan(input, { chunks: [size] }), `chunks of ${size}`).toEqual(whole);
    }
  });
});

test('lines that are passed over are counted and not read', () => {
  const input = Buffer.concat([invalid('', '\n'), Buffer.from(`${'x'.repeat(5000)}\n{"a":3}\n{"a":4}`)]);
  for (const chunks of [[1], [700], [input.length]]) {
    const { found, count } = scan(input, { numberFirst: 4, chunks });
    expect(found.map(brief)).toEqual(['4:{"a":4}']);
    expect(count).toBe(4);
  }
});

test('elements that are passed over are counted and not read', () => {
  const input = `[1,,${'x'.repeat(5000)},4,5]`;
  for (const chunks of [[1], [700], [input.length]]) {
    const { found, count } = scan(input, { numberFirst: 5, chunks });
    expect(found.map(brief)).toEqual(['5@1:5']);
    expect(count).toBe(5);
  }
});

const record = fc.oneof(
  fc.json().filter((text) => !text.startsWith('[')),
  fc.constantFrom('', '  ', '{"key":"Zürich"}', '{"a":"🛫\\n"}', '{broken', 'x'.repeat(60)),
  // At the limit and above it, with blanks before and behind that count for nothing.
  fc
    .tuple(...[70, 2, 70].map((max) => fc.nat(max)))
    .map(([before, over, after]) => `${' '.repeat(before!)}${'x'.repeat(49 + over!)}${' '.repeat(after!)}`),
);
const sizes = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 10 });
const ending = fc.constantFrom('\n', '\r\n');

test('whatever the lines and the chunks, each line that is not blank is found in its place', () => {
  fc.assert(
    fc.property(fc.array(record, { maxLength: 20 }), sizes, ending, fc.boolean(), (lines, chunks, newline, ended) => {
      // Otherwise the first line would make it an array, or be a blank one.
      const all = ['{}', ...lines];
      const { found } = scan(all.join(newline) + (ended ? newline : ''), { chunks, recordBytesMax: 50 });
      const expected = all.flatMap((line, index) => {
        const text = line.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, '');
        if (text === '') return [];
        const long = Buffer.byteLength(text) > 50;
        return [long ? `${index + 1} bad: is longer than 50 bytes (recordBytesMax)` : `${index + 1}:${text}`];
      });
      expect(found.map(brief)).toEqual(expected);
    }),
    { numRuns: 300 },
  );
});

test('whatever the elements and the chunks, an array gives what JSON.parse gives', () => {
  const indent = fc.constantFrom('', ' ', '\t');
  fc.assert(
    fc.property(fc.array(fc.jsonValue(), { maxLength: 12 }), indent, sizes, (values, space, chunks) => {
      const { found } = scan(JSON.stringify(values, null, space), { chunks, recordBytesMax: 1_000_000 });
      expect(found.map((each) => ('text' in each ? JSON.parse(each.text) : brief(each)))).toEqual(
        JSON.parse(JSON.stringify(values)),
      );
      expect(found.map(({ place }) => place.number)).toEqual(values.map((_, index) => index + 1));
    }),
    { numRuns: 300 },
  );
});

test('an element counts without the blanks around it, wherever the chunks end', () => {
  const blanks = fc.nat(70).map((count) => ' '.repeat(count));
  const element = fc.tuple(blanks, fc.integer({ min: 1, max: 60 }), blanks);
  fc.assert(
    fc.property(fc.array(element, { minLength: 1, maxLength: 8 }), sizes, (elements, chunks) => {
      const input = `[${elements.map(([before, length, after]) => before + '1'.repeat(length) + after).join(',')}]`;
      const expected = elements.map(([, length], index) => {
        const long = length > 50 ? ' bad: is longer than 50 bytes (recordBytesMax)' : `:${'1'.repeat(length)}`;
        return `${index + 1}${index === 0 ? '' : '@1'}${long}`;
      });
      expect(scan(input, { chunks, recordBytesMax: 50 }).found.map(brief)).toEqual(expected);
    }),
    { numRuns: 300 },
  );
});

test('of blanks without end no more is kept than a record may have', () => {
  for (const begin of ['', '{"a":1}', '[1', '[']) {
    const scanner = new RecordScanner({ numberFirst: 1, recordBytesMax: 1000 });
    scanner.push(Buffer.from(begin));
    const blanks = Buffer.alloc(128 * 1024, ' ');
    const before = process.memoryUsage().arrayBuffers;
    for (let round = 0; round < 64; round += 1) {
      scanner.push(blanks);
      expect(scanner.next()).toBeNull();
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(blanks.length * 8);
  }
});

test('a long input is scanned in the memory of its longest record', () => {
  const scanner = new RecordScanner({ numberFirst: 1, recordBytesMax: 1024 * 1024 });
  const chunk = Buffer.from(`${`{"a":"${'x'.repeat(90)}"}\n`.repeat(650)}`);
  let count = 0;
  for (let round = 0; round < 400; round += 1) {
    scanner.push(chunk);
    while (scanner.next() !== null) count += 1;
  }
  const before = process.memoryUsage().arrayBuffers;
  for (let round = 0; round < 400; round += 1) {
    scanner.push(chunk);
    while (scanner.next() !== null) count += 1;
  }
  expect(count).toBe(800 * 650);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(chunk.length * 4);
});
