import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take longest, the longest first; the others take a few seconds at the most. */
const longest = [
  ...['simulation', 'crash', 'cli-run', 'cli-bench', 'cli-dead-letters', 'handler-pool', 'store-migration'],
  ...['processor', 'doubted', 'cli-tune', 'readme', 'changing-handlers', 'replay', 'fan-out', 'writer-death'],
];

/** The longest first: one that begins last is what all others wait for at the end. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rankOf = ({ moduleId }: TestSpecification): number => {
      const rank = longest.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
      return rank === -1 ? longest.length : rank;
    };
    return [...files].sort((one, other) => rankOf(one) - rankOf(other));
  }
}

export default defineConfig({
  test: {
    // One process per test file: an addon or a thread that dies takes its own file down and nothing else.
    pool: 'forks',
    // Most files wait for threads, processes and disks of their own: with one a core the cores would stand idle.
    maxWorkers: availableParallelism() + 1,
    sequence: { sequencer: LongestFirst },
    // The built package is loaded by Node itself, as users load it; to go through Vite costs each file about a second.
    server: { deps: { external: [/\/dist\//] } },
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/setup-leaks.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    teardownTimeout: 10_000,
  },
});
