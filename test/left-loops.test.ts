// Loops that events leave behind when they have their results, in real threads: they end their thread, hold up nobody for
// ever, and are charged to nobody else.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, test } from 'vitest';
import { openStore } from '../dist/src/index.js';
import { makeFolder, makeProcessor } from './processor-fixture.js';

function moduleOf(text: string): URL {
  const path = join(makeFolder(), 'handlers.mjs');
  writeFileSync(path, text);
  return pathToFileURL(path);
}

test.each([
  ['a callback', 'setImmediate(() => { for (;;); })'],
  ['a microtask', 'queueMicrotask(() => { for (;;); })'],
])(
  'a loop that an event left in %s holds up nobody for ever, and costs nobody a try',
  async (_what, left) => {
    const handlers = moduleOf(`export default { leaves: () => void ${left}, fine: () => 1 };`);
    const processor = await makeProcessor({
      handlers,
      ...{ timeoutMs: 60, graceMs: 30, attemptsMax: 1 },
      threads: 1,
      batchSizeMax: 1,
      autoStart: false,
    });
    processor.on('warning', () => {});
    for (const type of ['leaves', 'fine', 'fine']) await processor.publish({ type, key: 'k' });
    await processor.drain();
    expect(processor.stats()).toMatchObject({ succeeded: 3, deadLettered: 0, retried: 0 });
  },
  30_000,
);

describe('a loop that one event left while another is awaited', () => {
  it.each([
    ['is charged to nobody', 'innocent', { succeeded: 2, deadLettered: 0, retried: 0 }],
    ['is told from one of its own', 'loops', { succeeded: 1, deadLettered: 1, retried: 0 }],
    ['is told from waiting for ever', 'waits', { succeeded: 1, deadLettered: 1, retried: 0 }],
  ])(
    '%s',
    async (_what, type, counts) => {
      const handlers = moduleOf(`
      const soon = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
      export default {
        leaves: ({ key }) => void (key === 'loop' && setTimeout(() => { for (;;); }, 5)),
        innocent: () => soon(20),
        loops: () => soon(1).then(() => { for (;;); }),
        waits: () => new Promise(() => {}),
      };`);
      const limits = { timeoutMs: 200, graceMs: 50, attemptsMax: 1 };
      const store = join(makeFolder(), 'test.db');
      const processor = await makeProcessor({ handlers, store, ...limits, threads: 1, autoStart: false });
      const deaths: string[] = [];
      processor.on('warning', ({ message }) => void deaths.push(message));
      await processor.publish({ type: 'leaves', key: type === 'innocent' ? 'loop' : 'none' });
      const { identity } = await processor.publish({ type, key: 'k' });
      await processor.drain();
      expect(processor.stats()).toMatchObject(counts);
      expect(deaths).toHaveLength(type === 'loops' ? 2 : 1);
      using reader = openStore(store);
      if (counts.deadLettered > 0) expect(reader.outcome(identity)?.error).toMatchObject({ name: 'TimeoutError' });
    },
    30_000,
  );
});
