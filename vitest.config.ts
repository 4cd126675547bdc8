import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // One process per test file: an addon or a thread that dies takes its own file down and nothing else.
    pool: 'forks',
    // Most files wait for threads, processes and disks of their own: with one at a time the cores would stand idle.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/setup-leaks.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    teardownTimeout: 10_000,
  },
});
