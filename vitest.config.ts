import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take longest, the longest first; the others take a few seconds at the most. */
const longest = [
  ...['cli-run', 'changing-handlers', 'cli-bench', 'simulation', 'crash', 'streams', 'replay', 'handler-pool'],
  ...['processor', 'store-migration', 'readme', 'subscriptions', 'doubted', 'try-policy', 'processor-trouble'],
  ...['writer-death', 'receipts', 'fan-out', 'cli-tune', 'failure-soak', 'journal', 'peers', 'keyed-state'],
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

/** Files that start no thread and no process, open no database and change nothing global. */
const pure = [
  ...['away-lanes', 'error-record', 'intake', 'iterable-source', 'joined-states', 'journal-window', 'multi-insert'],
  ...['mutants', 'outcome-filter', 'parked-warning', 'patient-alarm', 'progress', 'progress-line', 'prometheus'],
  ...['pump', 'receipt-waits', 'record-mapping', 'record-scanner', 'result-codec', 'target-verdict', 'tear-down'],
  ...['waiting-without-order', 'watchdog', 'written-events', 'dispatch/*'],
].map((name) => `test/${name}.test.ts`);
const all = ['test/**/*.test.ts'];

export default defineConfig({
  test: {
    projects: [
      // One process per test file: an addon or a thread that dies takes its own file down and nothing else.
      { extends: true, test: { name: 'threads', include: all, exclude: pure } },
      // Nothing of theirs can: they share processes, as what they import costs most of them more than their tests.
      { extends: true, test: { name: 'pure', include: pure, isolate: false } },
    ],
    pool: 'forks',
    // Most files wait for threads, processes and disks of their own: with one a core the cores would stand idle.
    maxWorkers: availableParallelism() + 1,
    sequence: { sequencer: LongestFirst },
    // The built package is loaded by Node itself, as users load it; to go through Vite costs each file about a second.
    server: { deps: { external: [/\/dist\//] } },
    setupFiles: ['test/setup-leaks.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    teardownTimeout: 10_000,
  },
});
