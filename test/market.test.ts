// The market demo from outside: it comes to what a plain loop comes to, and says so.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

test('candles, signals and orders with state are those of a plain loop', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['dist/scripts/examples/market/demo.js']);
  expect(stdout).toMatch(/^12 symbols, 600 candles of each/);
  expect(stdout).toContain('The same orders and states as in a plain loop.');
  expect(stdout.match(/SYM\d\d/g)?.length).toBeGreaterThan(5);
});
