// Faults of what tells outcomes: receipts, takers, whenIdle and streams.

import type { Fault } from './fault.js';

const pump = ['test/pump.test.ts'];
const receipts = ['test/receipt-waits.test.ts'];

export const outcomeFaults: readonly Fault[] = [
  {
    name: 'news that may be older than the store are taken for the outcome',
    file: 'src/receipts.ts',
    from: "    if (wait.state === 'asking') wait.isStale = true;\n    else if (wait.owesOne)",
    to: "    if (wait.owesOne || wait.state === 'asking')",
    tests: receipts,
  },
  {
    name: 'the outcome of one handler is taken for all of the event',
    file: 'src/receipts.ts',
    from: '    else if (wait.owesOne) this.#resolve(wait, [outcome]);\n    else this.#ask(wait);',
    to: '    else this.#resolve(wait, [outcome]);',
    tests: receipts,
  },
  {
    name: 'the store is asked before what was decided is stored',
    file: 'src/receipts.ts',
    from: '    await allStored();\n',
    to: '    void allStored;\n',
    tests: pump,
  },
  {
    name: 'the end does not wait for what the store was asked',
    file: 'src/receipts.ts',
    from: '    while (this.#reads.size > 0) await Promise.all(this.#reads);\n',
    to: '',
    tests: receipts,
  },
  {
    name: 'an outcome that only a receipt waits for is not decoded',
    file: 'src/outcome-news.ts',
    from: ' || receipts.awaitAny(slots)',
    to: '',
    tests: pump,
  },
  {
    name: 'batches start although a queue is full',
    file: 'src/pump.ts',
    from: '    if (isAudienceBehind()) return;\n',
    to: '    void isAudienceBehind;\n',
    tests: pump,
  },
  {
    name: 'whenIdle takes an event for another in its place',
    file: 'src/idleness.ts',
    from: ' && witness.slot.sequence === witness.sequence',
    to: '',
    tests: pump,
  },
  {
    name: 'whenIdle passes over retries that wait in the store',
    file: 'src/idleness.ts',
    from: 'return this.#isInMemory(wait) || this.#isAway(wait);',
    to: 'return this.#isInMemory(wait);',
    built: ['test/when-idle.test.ts'],
  },
  {
    name: 'the end of a stream waits for what others have in the store',
    file: 'src/idleness.ts',
    from: 'if (which instanceof WrittenEvents) return which.mayHave({ handler, key });',
    to: 'if (which instanceof WrittenEvents) return true;',
    built: ['test/streams.test.ts'],
  },
  {
    name: 'calls of one key overlap',
    file: 'src/subscription.ts',
    from: 'if (behind === undefined) this.#call(outcome, lane);\n      else behind.push(outcome);',
    to: 'this.#call(outcome, lane);\n      void behind;',
    built: ['test/subscriptions.test.ts'],
  },
  {
    name: 'a stream keeps its place among publishers',
    file: 'src/streams.ts',
    from: '    this.#aborted.abort();\n',
    to: '',
    built: ['test/streams.test.ts'],
  },
  {
    name: 'an event that waits in the store is said to be deleted',
    file: 'src/store/outcome-look-up.ts',
    from: 'route === undefined ? this.#waiting.all(partition, position) :',
    to: 'route === undefined ? [] :',
    built: ['test/store-lanes.test.ts'],
  },
];
