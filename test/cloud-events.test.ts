// CloudEvents come in as events and go out as they came, through the store and through the command.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createProcessor, openStore } from '../dist/src/index.js';
import { type CloudEvent, fromCloudEvent, toCloudEvent } from '../src/cloud-events.js';
import { encodeEvent } from '../src/event.js';
import { readExtras } from '../src/extras.js';
import { Command } from './cli-fixture.js';
import { gatedHandlers, makeFolder } from './processor-fixture.js';

const limits = { dataSizeMax: 1e6, keySizeMax: 1000, headersSizeMax: 1e5 };
const plain = { specversion: '1.0', id: '7', source: '/orders', type: 'echo' } as const;

/** What a store gives back of an event. */
function stored(given: CloudEvent): Parameters<typeof toCloudEvent>[0] {
  const { type, key, id, extras, data } = encodeEvent(fromCloudEvent(given), limits);
  const decoded = typeof data === 'string' ? JSON.parse(data) : (data ?? undefined);
  return { ...readExtras(extras), type, key, id, data: decoded, identity: { partition: 'journal', position: 1 } };
}

test('the fields of an event are those of a CloudEvent', () => {
  const given = { ...plain, subject: 'ada', time: '2026-11-26T10:00:00Z', dataschema: 'urn:s', data: { n: 1 } };
  const own = { correlationid: 'c', causationid: 'd', eventversion: 3, tenant: 'x', retries: 2, test: true };
  expect(fromCloudEvent({ ...given, ...own, datacontenttype: 'application/json' })).toEqual({
    ...{ type: 'echo', id: '/orders 7', key: 'ada', time: '2026-11-26T10:00:00Z', data: { n: 1 }, version: 3 },
    ...{ correlationId: 'c', causationId: 'd' },
    headers: {
      ...{ 'ce-source': '/orders', 'ce-subject': 'ada', 'ce-dataschema': 'urn:s', tenant: 'x', retries: '2' },
      ...{ 'content-type': 'application/json', test: 'true' },
    },
  });
  expect(fromCloudEvent({ ...given, partitionkey: 'p' }).key).toBe('p');
  expect(fromCloudEvent({ ...plain, data_base64: 'AQID' }).data).toEqual(Uint8Array.of(1, 2, 3));
  expect(fromCloudEvent({ ...plain, data_base64: '' }).data).toEqual(new Uint8Array(0));
});

test.each([
  ['a whole number', 2, { version: 2 }],
  ['a whole number as text', '2', { version: 2 }],
  ["somebody else's", 'v2', { version: null, headers: { eventversion: 'v2' } }],
  ['none that we know', 0, { version: null, headers: { eventversion: '0' } }],
  ['the version that events have anyway', 1, { version: 1, headers: { eventversion: '1' } }],
])('an eventversion is the version where it can be one: %s', (_, eventversion, expected) => {
  expect(fromCloudEvent({ ...plain, eventversion })).toMatchObject(expected);
});

const word = fc.stringMatching(/^[a-z0-9]{1,12}$/);
const text = fc.string({ minLength: 1, maxLength: 20, unit: 'binary' }).filter((one) => one.isWellFormed());
const reserved =
  /^(specversion|id|source|type|subject|time|datacontenttype|dataschema|data|partitionkey|correlationid|causationid|eventversion|prototype|constructor)$/;
const optional = fc.record(
  {
    ...{ subject: text, dataschema: text, partitionkey: text, correlationid: text, causationid: text },
    time: fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) }).map((date) => date.toISOString()),
    eventversion: fc.oneof(fc.integer({ min: 1, max: 1e9 }), fc.constantFrom('v2', '01', '1.0', '')),
    datacontenttype: fc.constant('application/cbor'),
  },
  { requiredKeys: [] },
);
const payload = fc.oneof(
  fc.constant({}),
  fc.jsonValue().map((data) => ({ data: JSON.parse(JSON.stringify(data)) as unknown })),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => ({ data_base64: Buffer.from(bytes).toString('base64') })),
);

test('a CloudEvent comes back as it was, whatever it has', () => {
  const extensions = fc.dictionary(
    word.filter((name) => !reserved.test(name)),
    text,
    { maxKeys: 4 },
  );
  const events = fc.record({ id: text, source: text.filter((one) => !/\s/.test(one)), type: text });
  fc.assert(
    fc.property(events, optional, payload, extensions, (own, some, data, others) => {
      const given: CloudEvent = { specversion: '1.0', ...own, ...others, ...some, ...data };
      expect(toCloudEvent(stored(given), { source: 'urn:other' })).toEqual(given);
      // With the subject as its partition key too.
      const keyed: CloudEvent = { ...given, subject: own.id, partitionkey: own.id };
      expect(toCloudEvent(stored(keyed), { source: 'urn:other' })).toEqual(keyed);
    }),
    { numRuns: 300 },
  );
});

test('no two CloudEvents have one id, and what keylane gives out it takes in again', () => {
  const content = { ...stored(plain), id: '/here 7', headers: {}, data: new Uint8Array(0) };
  const out = toCloudEvent(content, { source: '/here' });
  expect(out).toEqual({ specversion: '1.0', id: '/here 7', source: '/here', type: 'echo', data_base64: '' });
  expect(fromCloudEvent(out)).toMatchObject({ id: '/here /here 7', data: new Uint8Array(0) });
  expect(() => toCloudEvent(content, { source: 'my shop' })).toThrow(
    'source must be a URI-reference that is not empty, without white space, got "my shop"',
  );
});

test('what is empty and may not be is left out', () => {
  const headers = { 'ce-source': '', 'ce-subject': '', 'ce-dataschema': '', 'content-type': '', tenant: '' };
  const out = toCloudEvent({ ...stored(plain), id: '', key: '', headers, data: 1 }, { source: '/here' });
  expect(out).toEqual({
    specversion: '1.0',
    id: 'journal/1',
    source: '/here',
    type: 'echo',
    tenant: '',
    data: 1,
    datacontenttype: 'application/json',
  });
  expect(fromCloudEvent(out)).toMatchObject({ id: '/here journal/1', key: null, data: 1 });
  const own = toCloudEvent({ ...stored(plain), headers: { 'ce-source': 'my shop' } }, { source: '/here' });
  expect(fromCloudEvent(own)).toMatchObject({ headers: { 'ce-source': '/here' } });
  for (const key of ['', null]) {
    const of = { ...stored(plain), id: '/there ', key, headers: { 'ce-source': '/there', 'ce-subject': 'others' } };
    const again = fromCloudEvent(toCloudEvent(of, { source: '/here' }));
    expect(again).toMatchObject({ id: '/there /there ', key: null });
  }
});

describe('what is no CloudEvent is refused', () => {
  test.each([
    [7, 'a CloudEvent must be a JSON object, got 7'],
    [{ ...plain, specversion: '0.3' }, '"specversion" of a CloudEvent must be "1.0", got "0.3"'],
    [{ ...plain, source: undefined }, '"source" of a CloudEvent must be a string that is not empty, got undefined'],
    [{ ...plain, source: 'a b' }, '"source" of a CloudEvent must be a URI-reference, without white space, got "a b"'],
    [{ ...plain, id: 7 }, '"id" of a CloudEvent must be a string that is not empty, got 7'],
    [{ ...plain, subject: '' }, '"subject" of a CloudEvent must be a string that is not empty, got ""'],
    [{ ...plain, Tenant: 'x' }, 'must be named by lower-case letters and digits, got "Tenant"'],
    [{ ...plain, tenant: { a: 1 } }, '"tenant" of a CloudEvent must be text, true, false or a whole number'],
    [{ ...plain, data_base64: '!' }, '"data_base64" of a CloudEvent must be bytes in base 64, got "!"'],
    [{ ...plain, data: 1, data_base64: 'AQID' }, '"data" of a CloudEvent must be left out beside data_base64, got 1'],
    [{ ...plain, eventversion: [2] }, '"eventversion" of a CloudEvent must be text, true, false or a whole number'],
    [{ ...plain, data_base64: 7 }, '"data_base64" of a CloudEvent must be bytes in base 64, got 7'],
  ])('%j', (given, message) => {
    expect(() => fromCloudEvent(given)).toThrow(expect.objectContaining({ code: 'bad-event' }));
    expect(() => fromCloudEvent(given)).toThrow(message);
  });
});

test('the command reads them, and export gives out what was published', async () => {
  const folder = makeFolder();
  const [input, store, again] = ['in.ndjson', 'a.db', 'b.db'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const given = { ...plain, subject: 'ada', tenant: 'x', datacontenttype: 'application/json', data: { n: 1 } };
  await using processor = await createProcessor({ handlers: gatedHandlers, threads: 1, store });
  await processor.publish(fromCloudEvent(given));
  await processor.publish({ type: 'echo', key: 'bob', data: 'plain' });
  const exported = await new Command(['export', '--store', store, '--source', '/here']).ended;
  expect(
    exported.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toEqual([
    given,
    {
      ...{ specversion: '1.0', id: 'journal/2', source: '/here', type: 'echo', partitionkey: 'bob' },
      ...{ datacontenttype: 'application/json', data: 'plain' },
    },
  ]);
  expect((await new Command(['export', '--store', store, '--key', 'bob']).ended).stdout).toContain('"urn:keylane"');
  writeFileSync(input, exported.stdout);
  const handlers = ['--handlers', gatedHandlers.href, '--threads', '1'];
  const ran = await new Command(['run', ...handlers, '--input', input, '--store', again, '--cloudevents']).ended;
  expect([ran.code, ran.stderr]).toEqual([0, '']);
  const reader = openStore(again);
  expect([...reader.byKey('ada')].map(({ id, result }) => [id, result])).toEqual([['/orders 7', { n: 1 }]]);
  reader.close();
  const both = await new Command([
    'run',
    ...handlers,
    '--input',
    input,
    '--store',
    again,
    '--cloudevents',
    '--type',
    'echo',
  ]).ended;
  expect(both.code).toBe(2);
  expect(both.stderr).toContain('type must be left out where format is "cloudevents"');
});
