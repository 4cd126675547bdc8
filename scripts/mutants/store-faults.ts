// Faults of the store, of its thread, and of what the next process finds there.

import type { Fault } from './fault.js';

/** The tests of a store and its journal. */
const storeTests = ['test/store.test.ts', 'test/journal.test.ts'];

export const storeFaults: readonly Fault[] = [
  {
    name: 'one row is skipped in recovery',
    file: 'src/store/page-builder.ts',
    from: 'if (row.done === 1) return true;',
    to: 'if (row.done === 1 || row.position === 2) return true;',
    built: storeTests,
  },
  {
    name: 'the backlog is read out of order',
    file: 'src/store/event-journal.ts',
    from: 'WHERE event.position >= @from ORDER BY event.position, route.handler LIMIT',
    to: 'WHERE event.position >= @from ORDER BY event.position % 7, event.position, route.handler LIMIT',
    built: storeTests,
  },
  {
    name: 'a second outcome replaces the first',
    file: 'src/store/outcome-inserter.ts',
    from: "onConflict: { skip: ['partition', 'position', 'handler'] },",
    to: "onConflict: 'replace',",
    built: storeTests,
  },
  {
    name: 'a state is stored though its event had its outcome',
    file: 'src/store/group-writer.ts',
    from: 'fresh = states.filter(({ row }) => !decided.has(row));',
    to: '',
    built: ['test/state-table.test.ts'],
  },
  {
    name: 'of a key that has several states in a group the first one counts',
    file: 'src/store/state-table.ts',
    from: 'for (let index = states.length - 1; index >= 0; index -= 1) {',
    to: 'for (let index = 0; index < states.length; index += 1) {',
    built: ['test/state-table.test.ts'],
  },
  {
    name: 'an id that is known is stored again',
    file: 'src/store/event-journal.ts',
    from: '      known.push(index);\n',
    to: '',
    built: storeTests,
  },
  {
    name: 'power means synchronous NORMAL',
    file: 'src/store/database.ts',
    from: "power: { name: 'FULL', level: 2 }",
    to: "power: { name: 'NORMAL', level: 1 }",
    built: storeTests,
  },
  {
    name: 'tries are counted from one again after a restart',
    file: 'src/partitions.ts',
    from: 'this.#dispatcher.remember(event, { tries: tries!, postponed: postponed!, dueMs });',
    to: 'this.#dispatcher.remember(event, { tries: tries! - tries!, postponed: postponed!, dueMs });',
    built: ['test/dead-letter-calls.test.ts'],
  },
  {
    name: 'a retry is due at once after a restart',
    file: 'src/due-times.ts',
    from: 'return this.#clock.nowMs() + Math.min(waitMs, longestMs);',
    to: 'return this.#clock.nowMs() + Math.min(0, longestMs);',
    built: ['test/dead-letter-calls.test.ts'],
  },
  {
    name: 'dead letters are redriven last to first',
    file: 'src/store/waiting-table.ts',
    from: 'for (const event of [...events, ...others].sort(byPosition)) {',
    to: 'for (const event of [...events, ...others].sort(byPosition).reverse()) {',
    built: ['test/dead-letters.test.ts'],
  },
  {
    name: 'a redriven dead letter is superseded like any other event',
    file: 'src/store/lane-pages.ts',
    from: 'redriven_at > 0 AS redriven,',
    to: '0 AS redriven,',
    built: ['test/superseding.test.ts'],
  },
  {
    name: 'redriven dead letters come after what waits behind them',
    file: 'src/store/dead-letters.ts',
    from: 'if (lanes.isParked(lane)) waiting.prepend(events, lane);',
    to: 'if (!lanes.isParked(lane)) waiting.prepend(events, lane);',
    built: ['test/dead-letters.test.ts'],
  },
  {
    name: 'a stored outcome is told as cancelled',
    file: 'src/store/cancellation.ts',
    from: 'row.status === statusNumber.cancelled && row.started_at === atUs);',
    to: 'row.status === statusNumber.cancelled || row.started_at !== atUs);',
    built: ['test/dead-letters.test.ts'],
  },
  {
    name: 'a page ends in the middle of an event',
    file: 'src/store/page-builder.ts',
    from: 'if (this.#handlers.length + this.#owed.length > this.#request.countMax) return false;',
    to: '',
    built: ['test/store-fan-out.test.ts'],
  },
  {
    name: 'an event is deleted while it is owed another outcome',
    file: 'src/store/retention-pass.ts',
    from: 'return (width ?? 1) > outcomes.length ||',
    to: 'return (width ?? 1) > 1000 ||',
    built: ['test/store-fan-out.test.ts'],
  },
  {
    name: 'an event is no longer kept once one handler has decided it',
    file: 'src/store/kept-events.ts',
    from: 'AND NOT EXISTS (SELECT 1 FROM waiting WHERE partition = @partition AND position = @position)',
    to: '',
    built: ['test/store-fan-out.test.ts'],
  },
  {
    name: 'calls do not end with the thread of the writer',
    file: 'src/store/store-writer.ts',
    from: 'void thread.exited.then((death) => this.#onExit(death));',
    to: "void thread.exited.then((death) => this.#life.phase === 'failed' && this.#onExit(death));",
    built: ['test/writer-death.test.ts'],
  },
  {
    name: 'the last row of a statement is taken to share what the others do',
    file: 'src/store/multi-insert.ts',
    from: 'while (at < values.length && values[at] === value) at += columns;\n    if (at >= values.length)',
    to: 'while (at < values.length - columns && values[at] === value) at += columns;\n    if (at >= values.length - columns)',
    tests: ['test/multi-insert.test.ts'],
  },
];
