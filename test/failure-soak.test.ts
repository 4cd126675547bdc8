// A part of `npm run failure-soak`: events that throw, loop, exit and exhaust their heap cost themselves alone.

import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';

test('exactly the bad events are dead-lettered, each with its reason, and nobody else is charged or run again', () => {
  const main = new URL('../dist/scripts/failure-soak/main.js', import.meta.url).pathname;
  const soak = spawnSync(process.execPath, [main, '--events', '10000'], { encoding: 'utf8', timeout: 110_000 });
  expect(soak.stdout).toContain('failure-soak: all well');
  expect(soak.stdout).toContain('10000 outcomes (9883 fine, 100 throws, 10 loops, 5 exits, 2 exhausts)');
  expect(soak.status).toBe(0);
}, 120_000);
