// Version, correlation and causation of an event: they reach its handler and the store, and a follow-up has the right ones.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createProcessor, openStore } from '../dist/src/index.js';
import { correlate } from '../src/correlation.js';
import { encodeEvent } from '../src/event.js';
import { readExtras } from '../src/extras.js';
import { makeFolder, readOutcomes } from './processor-fixture.js';

const limits = { dataSizeMax: 1000, keySizeMax: 100, headersSizeMax: 100 };
const cause = { partition: 'journal', position: 7, id: null, correlationId: null };

describe('a follow-up', () => {
  test.each([
    [cause, {}, { correlationId: 'journal/7', causationId: 'journal/7' }],
    [{ ...cause, id: 'e' }, {}, { correlationId: 'e', causationId: 'e' }],
    [{ ...cause, id: 'e', correlationId: 'c' }, {}, { correlationId: 'c', causationId: 'e' }],
    [{ ...cause, correlationId: 'c' }, { causationId: 'own' }, { correlationId: 'c', causationId: 'own' }],
    [{ ...cause, correlationId: 'c' }, { correlationId: 'own' }, { correlationId: 'own', causationId: 'journal/7' }],
  ])('of %j with %j has %j', (of, given, ids) => {
    expect(correlate(of, { type: 't', key: 'k', ...given })).toEqual({ type: 't', key: 'k', ...ids });
    const { partition, position, ...stored } = of;
    const ofStored = correlate({ ...stored, identity: { partition, position } }, { type: 't', ...given });
    expect(ofStored).toEqual({ type: 't', ...ids });
  });

  test.each([
    null,
    'e',
    { id: 'e', correlationId: null },
    { ...cause, position: '7' },
    { ...cause, id: 7 },
    // An outcome, and a receipt: what their events belong to is not known.
    { identity: { partition: 'journal', position: 7 }, id: 'e' },
    { identity: { partition: 'journal', position: 7 }, duplicate: false },
  ])('of %j, which does not tell its ids, is refused', (of) => {
    const message =
      'the cause of an event must be an event, of a handler or a store, with its identity, id and correlationId';
    expect(() => correlate(of as never, { type: 't' })).toThrow(message);
  });
});

test.each(['2026-02-28T23:00:00Z', '2024-02-29t10:00:00.5+01:00', '0000-02-29T00:00:00Z'])(
  'the time %s is one',
  (time) => {
    expect(readExtras(encodeEvent({ type: 't', time }, limits).extras).time).toBe(time);
  },
);

test.each([
  [
    { time: '2025-02-31T10:00:00Z' },
    'event.time must be a valid Date or an RFC 3339 string, got "2025-02-31T10:00:00Z"',
  ],
  [{ time: '2026-01-01T24:00:00Z' }, 'event.time must be a valid Date or an RFC 3339 string'],
  [{ time: '2025-04-31T10:00:00Z' }, 'event.time must be a valid Date or an RFC 3339 string'],
  [{ version: 0 }, 'event.version must be a whole number from 1, got 0'],
  [{ version: 1.5 }, 'event.version must be a whole number from 1, got 1.5'],
  [{ id: '' }, 'event.id must be a string that is not empty, got ""'],
  [{ correlationId: '' }, 'event.correlationId must be a string that is not empty, got ""'],
  [{ causationId: 7 }, 'event.causationId must be a string that is not empty, got 7'],
  [{ correlationId: 'x'.repeat(100) }, 'must be at most 100 characters (option headersSizeMax), got 120'],
])('%j is refused', (wrong, message) => {
  expect(() => encodeEvent({ type: 't', ...wrong } as never, limits)).toThrow(message);
});

test('an event without any of it takes nothing, and is version 1', () => {
  const { extras } = encodeEvent({ type: 't', version: null, correlationId: null }, limits);
  expect([extras, readExtras(extras)]).toMatchObject([null, { version: 1, correlationId: null, causationId: null }]);
});

test('they reach the handler, the store and its views, and come back after a restart', async () => {
  const folder = makeFolder();
  const [store, handlers] = [join(folder, 'ids.db'), join(folder, 'handlers.mjs')];
  const look =
    '({ version, correlationId, causationId, time, headers }) => [version, correlationId, causationId, time, headers]';
  writeFileSync(handlers, `export default { t: ${look}, u: (event, context) => context.correlate({ type: 'next' }) };`);
  const ids = { id: 'e-1', version: 3, correlationId: 'c', causationId: 'b' };
  const first = await createProcessor({ handlers, store, threads: 1, autoStart: false });
  await first.publish({ type: 't', ...ids, time: '2026-11-26T10:00:00Z', headers: { h: 'v' } });
  await first.publish({ type: 'u', ...ids, id: 'e-2' });
  await first.publish({ type: 'u' });
  await first.stop();
  await using again = await createProcessor({ handlers, store, threads: 1 });
  await again.drain();
  expect(readOutcomes<{ result: string }>(store).map(({ result }) => JSON.parse(result))).toEqual([
    [3, 'c', 'b', '2026-11-26T10:00:00Z', { h: 'v' }],
    { type: 'next', correlationId: 'c', causationId: 'e-2' },
    { type: 'next', correlationId: 'journal/3', causationId: 'journal/3' },
  ]);
  expect(readOutcomes(store, 'SELECT id, version, correlation_id, causation_id, time, headers FROM events')).toEqual([
    {
      ...{ id: 'e-1', version: 3, correlation_id: 'c', causation_id: 'b', time: '2026-11-26T10:00:00Z' },
      headers: '{"h":"v"}',
    },
    { id: 'e-2', version: 3, correlation_id: 'c', causation_id: 'b', time: null, headers: null },
    { id: null, version: 1, correlation_id: null, causation_id: null, time: null, headers: null },
  ]);
  const reader = openStore(store);
  expect(reader.eventById('e-1')).toMatchObject(ids);
  expect([...reader.events({ type: 'u' })].map(({ identity }) => identity.position)).toEqual([2, 3]);
  reader.close();
});
