// Trouble with the store as users of the library and of the command meet it.

import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { createProcessor, type KeylaneError } from '../dist/src/index.js';
import { Command, outcomesIn, signallingHandlers } from './cli-fixture.js';
import { scratchFolder } from './fixtures/scratch-folder.js';
import { makeFolder, makeProcessor } from './processor-fixture.js';

const scratch = scratchFolder();
const strace = spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0;
const main = fileURLToPath(new URL('../dist/src/cli/main.js', import.meta.url));
const echoHandlers = fileURLToPath(new URL('./fixtures/handlers/gated.js', import.meta.url));

describe('a store whose file is removed', () => {
  test('fails an idle processor within a second, and everything that waits is told', async () => {
    const store = join(makeFolder(), 'gone.db');
    const processor = await makeProcessor({ store });
    await processor.publish({ type: 'echo', key: 'k', data: 1 });
    const fatal = new Promise<KeylaneError>((resolve) => processor.on('fatal', resolve));
    rmSync(store);
    expect(await fatal).toMatchObject({ code: 'store-replaced', message: expect.stringContaining(store) });
    expect(processor.phase).toBe('failed');
    await expect(processor.publish({ type: 'echo', data: 1 })).rejects.toMatchObject({ code: 'store-replaced' });
    await expect(processor.drain()).rejects.toMatchObject({ code: 'store-replaced' });
  });

  test('ends the command with exit code 3 and the reason, while an event is under way', async () => {
    const store = join(makeFolder(), 'gone.db');
    const input = scratch.write('gone.ndjson', '{"n":1}\n{"n":2,"wait":true}\n');
    const command = new Command(runArgs({ handlers: signallingHandlers, input, store }));
    await command.begins(2);
    rmSync(store);
    command.openGate();
    expect(await command.ended).toMatchObject({ code: 3, stderr: expect.stringContaining(store) });
  });
});

describe.skipIf(!strace)('a disk that fails (skipped where system calls cannot be made to fail)', () => {
  /** Runs the command over 300 events while some of its writes to the log fail. */
  function runWith(fault: string | null, store: string) {
    const lines = Array.from({ length: 300 }, (_, n) => `${JSON.stringify({ n })}\n`);
    const input = scratch.write('failing.ndjson', lines.join(''));
    const small = ['--ring-size', '16', '--group-wait-ms', '0', '--json'];
    const args = runArgs({ handlers: echoHandlers, input, store }).concat(small);
    const command = [process.execPath, main, ...args];
    const inject = fault === null ? [] : ['-P', `${store}-wal`, '-e', `inject=${fault}`];
    return spawnSync('strace', ['-f', '-o', '/dev/null', ...inject, ...command], { encoding: 'utf8' });
  }

  test.each(['pwrite64:error=EIO:when=40', 'fdatasync,fsync:error=EIO:when=5'])(
    'in a write or a sync ends the command with exit code 3; the next one goes on (%s)',
    (fault) => {
      const store = join(makeFolder(), 'eio.db');
      const failed = runWith(fault, store);
      expect(failed).toMatchObject({ status: 3, stderr: expect.stringContaining('SQLITE_IOERR') });
      expect(outcomesIn(store).length).toBeLessThan(300);
      expect(runWith(null, store).status).toBe(0);
      expect(outcomesIn(store).map(({ position }) => position)).toEqual(Array.from({ length: 300 }, (_, n) => n + 1));
    },
  );

  test('for want of room makes the command wait, and it ends as if nothing had been', () => {
    const store = join(makeFolder(), 'full.db');
    const run = runWith('pwrite64:error=ENOSPC:when=40..43', store);
    expect(run.stderr).toContain('must have room to grow');
    expect(run.stderr).toContain('has room again');
    expect(run.status).toBe(0);
    expect(JSON.parse(run.stdout)).toMatchObject({ succeeded: 300, duplicatesIgnored: 0 });
    expect(outcomesIn(store).map(({ position }) => position)).toEqual(Array.from({ length: 300 }, (_, n) => n + 1));
  });
});

function runArgs({ handlers, input, store }: { handlers: string; input: string; store: string }): string[] {
  const files = ['--handlers', handlers, '--input', input, '--store', store];
  return ['run', ...files, '--type', handlers === echoHandlers ? 'echo' : 'seen'];
}

test('handlers that cannot be loaded leave no store, no lock and no thread, though the writer had begun', async () => {
  const store = join(makeFolder(), 'none.db');
  const options = { handlers: `${store}-none.js`, store };
  await expect(createProcessor(options)).rejects.toMatchObject({ code: 'bad-handlers' });
  expect(existsSync(store)).toBe(false);
  // The leak check at the end of the file would find the thread.
});
