// `keylane prune` as a shell runs it: what it prints, what it leaves, and what it refuses.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { verdict } from '../dist/src/outcome.js';
import { CommandHost, keylane, outcomesIn } from './cli-fixture.js';
import { atPath, joined, requestFor, rowOf, withHolder, withStore } from './store-fixture.js';

const host = new CommandHost();
const failure = { verdict: verdict.deadLettered, result: null, error: '{"name":"Error","message":"no"}' };

/** Ten outcomes of long ago, the last three of them dead-lettered, and a succeeded one of now. */
function fill(path: string): void {
  withStore(requestFor(path), (store) => {
    const { partition } = store.openPartition('p');
    const old = Array.from({ length: 10 }, (_, index) => rowOf(index + 1, index < 7 ? {} : failure));
    const rows = [...old, rowOf(11, { startedAtUs: Date.now() * 1000 })];
    store.append({ events: null, rows: [joined(rows)], watermarks: [{ partition, watermark: 12 }], parked: [] });
  });
}

function hashOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

describe('keylane prune', () => {
  it('deletes what is older or beyond a count, tells how many, and how to give the space back', () =>
    atPath(async (path) => {
      fill(path);
      const ended = await keylane(['prune', '--store', path, '--succeeded-age', '30d', '--dead-count', '1']);
      expect(ended).toMatchObject({ code: 0, stderr: '' });
      expect(ended.stdout).toBe(`Deleted 7 succeeded outcomes and 2 dead-lettered.
The file keeps its size, and SQLite uses the space for what comes next. To give it back, while no processor runs:
  sqlite3 ${path} VACUUM
`);
      expect(outcomesIn(path).map(({ position }) => position)).toEqual([10, 11]);
      const again = await keylane(['prune', '--store', path, '--succeeded-age', '30d', '--dead-count', '1']);
      expect(again).toMatchObject({ code: 0, stdout: 'Deleted nothing: every outcome is kept.\n' });
    }));

  it('with --dry-run tells what it would delete and changes no byte', () =>
    atPath(async (path) => {
      fill(path);
      const before = hashOf(path);
      const ended = await keylane([
        'prune',
        '--store',
        path,
        '--succeeded-count',
        '2',
        '--dead-age',
        '90s',
        '--dry-run',
      ]);
      const stdout = 'Would delete 6 succeeded outcomes and 3 dead-lettered. Nothing was changed.\n';
      expect(ended).toMatchObject({ code: 0, stdout, stderr: '' });
      expect(hashOf(path)).toBe(before);
      expect(outcomesIn(path).length).toBe(11);
    }));

  it('with --json prints one object', () =>
    atPath(async (path) => {
      fill(path);
      const { code, stdout } = await keylane(['prune', '--store', path, '--dead-age', '12h', '--json']);
      expect(code).toBe(0);
      const expected = { version: 1, store: path, dryRun: false, succeeded: 0, deadLettered: 3 };
      expect(JSON.parse(stdout)).toEqual({ ...expected, keylane: expect.any(String) });
    }));

  it.each([['--dry-run'], ['--json']])('is refused with the pid of the processor that has the store (%s)', (flag) =>
    atPath((path) =>
      withHolder(path, async (holder) => {
        const ended = await keylane(['prune', '--store', path, '--succeeded-count', '0', flag]);
        expect(ended).toMatchObject({ code: 3, stdout: '' });
        expect(ended.stderr).toContain(`process ${holder.pid} `);
      }),
    ),
  );

  it('makes no store where there is none', () =>
    atPath(async (path) => {
      const ended = await keylane(['prune', '--store', path, '--succeeded-count', '0']);
      expect(ended).toMatchObject({ code: 3, stdout: '' });
      expect(ended.stderr).toContain('must be there, found no file');
      expect([existsSync(path), existsSync(`${path}-lock`)]).toEqual([false, false]);
    }));

  it.each([
    [[], 'prune must be told what to keep: give one of --succeeded-age, --succeeded-count, --dead-age, --dead-count'],
    [['--succeeded-age', '30'], '--succeeded-age must be an age such as 90s, 15m, 12h or 30d, got "30"'],
    [['--dead-age', '1.5h'], '--dead-age must be an age such as 90s, 15m, 12h or 30d, got "1.5h"'],
    [['--dead-age', '99999999d'], '--dead-age must be a whole number from 0 to 3153600000000 (ms)'],
    [
      ['--succeeded-count', 'all'],
      '--succeeded-count must be a whole number from 0 to 1000000000 (outcomes), got "all"',
    ],
    [['--dead-count', '-1'], '--dead-count must be a whole number'],
  ])('%j is wrong usage', (flags, message) =>
    atPath(async (path) => {
      fill(path);
      const ended = await host.run(['prune', '--store', path, ...flags]);
      expect(ended).toMatchObject({ code: 2, stdout: '' });
      expect(ended.stderr).toContain(message);
      expect(outcomesIn(path).length).toBe(11);
    }),
  );
});
