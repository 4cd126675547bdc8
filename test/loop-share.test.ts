// How busy the main thread was of late, whoever asks.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { LoopShare } from '../src/loop-share.js';

/** Keeps the thread busy. */
function spin(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

const nextRound = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('those who ask take no time from one another, and what was long ago is forgotten', async () => {
  const share = new LoopShare(0);
  spin(30);
  await nextRound();
  const first = share.read(1);
  expect(first).toBeGreaterThan(0.5);
  expect(share.read(2)).toBeGreaterThan(first * 0.9);
  // A mark is made once in five seconds; what lies before two of them does not count.
  share.read(5000);
  share.read(10_000);
  // The thread has nothing to do until another process has ended.
  await promisify(execFile)(process.execPath, ['-e', 'setTimeout(() => {}, 60)']);
  expect(share.read(10_001)).toBeLessThan(first);
});
