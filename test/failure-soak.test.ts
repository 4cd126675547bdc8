// A part of `npm run failure-soak`: events that throw, loop, exit and exhaust their heap cost themselves alone.

import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { sized } from './long-form.js';

/** One in 100 throws, in 1,000 loops, in 2,000 exits, in 5,000 exhausts its heap: each is tried twice. */
const events = sized({ short: 10_000, long: 20_000 });
const bad = events / 100 + events / 1000 + events / 2000 + events / 5000;
const good = events - bad;

test('exactly the bad events are dead-lettered, each with its reason, and nobody else is charged or run again', () => {
  const main = new URL('../dist/scripts/failure-soak/main.js', import.meta.url).pathname;
  const soak = spawnSync(process.execPath, [main, '--events', String(events)], { encoding: 'utf8', timeout: 110_000 });
  expect(soak.stdout).toContain('failure-soak: all well');
  expect(soak.stdout).toContain(
    `${events} outcomes (${good} fine, ${events / 100} throws, ${events / 1000} loops, ${events / 2000} exits, ` +
      `${events / 5000} exhausts), ${events + bad} starts, ${good} ends`,
  );
  expect(soak.status).toBe(0);
}, 120_000);
