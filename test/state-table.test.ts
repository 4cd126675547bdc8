// States in the store: one row a key, and none that is older than what is there.

import { expect, test } from 'vitest';
import { verdict } from '../dist/src/outcome.js';
import { openStore } from '../src/index.js';
import { Command } from './cli-fixture.js';
import { atPath, groupWith, joined, leftBy, requestFor, rowOf, withStore } from './store-fixture.js';

test('a group that comes again leaves the states of later ones as they are', () =>
  atPath((path) =>
    withStore(requestFor(path), (store) => {
      const { partition } = store.openPartition('file:/a');
      const group = (position: number) =>
        groupWith([rowOf(position, { partition })], {
          states: [leftBy([{ version: 2, value: `"${position}"` }])],
        });
      for (const position of [1, 2, 1]) store.append(group(position));
      const request = { handlers: [0, 0], keys: ['k', 'other'], bytesMax: 9_999 };
      expect(store.readStates(request)).toEqual([{ version: 2, value: '"2"' }, null]);
      expect(store.readStates({ ...request, bytesMax: 0 })).toHaveLength(1);
    }),
  ));

test('of a key that has several states in a group the last one counts whose event had no outcome', () =>
  atPath((path) =>
    withStore(requestFor(path), (store) => {
      const { partition } = store.openPartition('file:/a');
      const row = (position: number, key: string) => rowOf(position, { partition, key });
      const state = (value: string) => ({ version: 0, value });
      // Somebody cancels it in the store while it runs.
      store.append(groupWith([{ ...row(3, 'a'), verdict: verdict.cancelled, result: null }]));
      const rows = [row(1, 'a'), row(2, 'b'), row(3, 'a'), row(4, 'b'), row(5, 'c'), row(6, 'c')];
      const states = [state('1'), state('2'), state('3'), state('4'), state('5'), null];
      expect(store.append(groupWith(rows, { states: [leftBy(states)] }))).toMatchObject({ stored: 5, ignored: 1 });
      const request = { handlers: [0, 0, 0], keys: ['a', 'b', 'c'], bytesMax: 9_999 };
      expect(store.readStates(request)).toEqual([state('1'), state('4'), null]);
    }),
  ));

test('states are those of the rows that they stand beside, whatever rows have none', () =>
  atPath((path) =>
    withStore(requestFor(path), (store) => {
      const { partition } = store.openPartition('file:/a');
      const row = (position: number, key: string) => rowOf(position, { partition, key });
      const left = leftBy([{ version: 0, value: '1' }]);
      const groups = [joined([row(1, 'a')]), joined([row(2, 'b'), row(3, 'c')])];
      store.append({ ...groupWith([]), rows: groups, states: [null, { ...left, rows: Int32Array.of(1) }] });
      const request = { handlers: [0, 0, 0], keys: ['a', 'b', 'c'], bytesMax: 9_999 };
      expect(store.readStates(request)).toEqual([null, null, { version: 0, value: '1' }]);
    }),
  ));

/** A store with states of `h`: of one key each, left by events in this order. */
async function withStates(states: readonly [string, string | Uint8Array][], run: (path: string) => unknown) {
  await atPath(async (path) => {
    withStore(requestFor(path), (store) => {
      const { partition } = store.openPartition('file:/a');
      const rows = states.map(([key], position) => rowOf(position, { partition, key }));
      store.append(groupWith(rows, { states: [leftBy(states.map(([, value]) => ({ version: 3, value })))] }));
    });
    await run(path);
  });
}

test('a reader gives the states of a handler by key, page by page, whatever the keys are', () => {
  const keys = ['', '\ud800', ...Array.from({ length: 5000 }, (_, n) => `k${n}`)];
  const states = keys.map((key): [string, string] => [key, JSON.stringify([key])]);
  return withStates([...states, ['raw', new Uint8Array([1, 2])]], (path) => {
    using reader = openStore(path);
    const found = [...reader.states('h')];
    expect(found.slice(0, -1).map(({ key, value }) => [key, value])).toEqual(
      ['', ...keys.slice(2).sort(), 'raw'].map((key) => [key, key === 'raw' ? new Uint8Array([1, 2]) : [key]]),
    );
    expect(found.at(-1)).toEqual({
      ...{ handler: 'h', key: '\ud800', version: 3, value: ['\ud800'] },
      identity: { partition: 'file:/a', position: 1 },
    });
    expect([...reader.states('h', { limit: 2 })]).toEqual(found.slice(0, 2));
    expect([...reader.states('other')]).toEqual([]);
    const ofPrefix = (prefix: string) => [...reader.states('h', { prefix })].map(({ key }) => key);
    expect(ofPrefix('k499')).toEqual(['k499', ...Array.from({ length: 10 }, (_, n) => `k499${n}`)]);
    expect([
      ofPrefix('x'),
      ofPrefix('raw'),
      ofPrefix('\ud800'),
      [...reader.states('h', { prefix: 'k1', limit: 1 })].length,
    ]).toEqual([[], ['raw'], ['\ud800'], 1]);
    expect(() => reader.states('h', { prefix: 7 as never })).toThrow('prefix must be a string, got 7');
    expect(reader.state('h', '\ud800')).toEqual(found.at(-1));
    expect([reader.state('h', 'K1'), reader.state('other', 'k1')]).toEqual([null, null]);
    expect(() => reader.states('h', { limit: -1 })).toThrow('limit must be a whole number from 0, got -1');
    expect(() => reader.state(7 as never, 'k')).toThrow('handler must be a string, got 7');
  });
});

test('the command prints states, all of a handler or that of a key', () =>
  withStates(
    [
      ['bob', '{"n":1}'],
      ['ada', new Uint8Array([0, 255])],
    ],
    async (path) => {
      const ada =
        '{"handler":"h","key":"ada","version":3,"value":{"base64":"AP8="},"identity":{"partition":"file:/a","position":1}}\n';
      const all = await new Command(['state', '--store', path, '--handler', 'h']).ended;
      expect(all.stdout).toBe(
        `${ada}{"handler":"h","key":"bob","version":3,"value":{"n":1},"identity":{"partition":"file:/a","position":0}}\n`,
      );
      const one = await new Command(['state', '--store', path, '--handler', 'h', '--key', 'ada']).ended;
      expect([one.code, one.stdout, one.stderr]).toEqual([0, ada, '']);
      const begun = await new Command(['state', '--store', path, '--handler', 'h', '--prefix', 'a']).ended;
      expect([begun.code, begun.stdout]).toEqual([0, ada]);
      const none = await new Command(['state', '--store', path, '--handler', 'h', '--key', 'x']).ended;
      expect([none.code, none.stdout]).toEqual([0, '']);
      const missing = await new Command(['state', '--store', `${path}-none`, '--handler', 'h']).ended;
      expect(missing.code).toBe(3);
    },
  ));
