// A tenth of `npm run failure-soak`: events that throw, loop, exit and exhaust their heap cost themselves alone.

import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';

test('exactly the bad events are dead-lettered, each with its reason, and nobody else is charged or run again', () => {
  const main = new URL('../dist/scripts/failure-soak/main.js', import.meta.url).pathname;
  const soak = spawnSync(process.execPath, [main, '--events', '20000'], { encoding: 'utf8', timeout: 110_000 });
  expect(soak.stdout).toContain('failure-soak: all well');
  expect(soak.stdout).toContain(
    '20000 outcomes (19766 fine, 200 throws, 20 loops, 10 exits, 4 exhausts), 20234 starts, 19766 ends',
  );
  expect(soak.status).toBe(0);
}, 120_000);
