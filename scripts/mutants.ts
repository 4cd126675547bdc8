// `npm run mutants`: plants known faults in the core, one at a time, and runs the tests that should notice. A fault
// that goes unnoticed fails the command. Files are put back whatever happens.

import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

interface Mutant {
  readonly name: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** Tests that run the built package and should notice; without them those of the core, which run the sources. */
  readonly built?: readonly string[];
}

const tests = ['test/dispatch', 'test/pump.test.ts', 'test/intake.test.ts', 'test/simulation.test.ts'];

/** The tests of a store and its journal. */
const storeTests = ['test/store.test.ts', 'test/journal.test.ts'];

const mutants: readonly Mutant[] = [
  {
    name: 'a retry does not wait until it is due',
    file: 'src/dispatch/dispatcher.ts',
    from: 'slot.dueMs = nowMs + (delaysMs?.[index] ?? 0);',
    to: 'slot.dueMs = -1;',
  },
  {
    name: 'a dead letter does not stop its lane',
    file: 'src/dispatch/dispatcher.ts',
    from: '    this.away.park(slots, results);\n',
    to: '',
  },
  {
    name: 'an event that waits in the store is brought into memory twice',
    file: 'src/dispatch/dispatcher.ts',
    from: 'if (!this.away.recall(owed)) return;',
    to: 'this.away.recall(owed);',
  },
  {
    name: 'the event after the culprit is charged with the death of the thread',
    file: 'src/pool/progress.ts',
    from: 'return { index: begun - 1, startedAtUs };',
    to: 'return { index: begun, startedAtUs };',
    built: ['test/handler-pool.test.ts'],
  },
  {
    name: 'what follows a try that failed is run all the same',
    file: 'src/pool/batch-runner.ts',
    from: 'if (this.#stopsItsRun(reader.handler)) stopped = reader.run;',
    to: '',
    built: ['test/dead-letter-calls.test.ts'],
  },
  {
    name: 'skipped events go to the back of their lane',
    file: 'src/dispatch/lanes.ts',
    from: 'else lane.putBack(slot);',
    to: 'else lane.append(slot);',
  },
  {
    name: 'skipped events go back first to last',
    file: 'src/dispatch/dispatcher.ts',
    from: 'for (let index = slots.length - 1; index >= 0; index -= 1) {',
    to: 'for (let index = 0; index < slots.length; index += 1) {',
  },
  {
    name: 'empty lanes are kept',
    file: 'src/dispatch/lanes.ts',
    from: 'if (lanes.get(lane.key) === lane) lanes.delete(lane.key);',
    to: '',
  },
  {
    name: 'a busy lane stands among the ready',
    file: 'src/dispatch/lanes.ts',
    from: "case 'busy':\n      case 'gated':\n        return;",
    to: "case 'busy':\n        this.#ready.push(lane, slot.sequence);\n        return;\n      case 'gated':\n        return;",
  },
  {
    name: 'a lane is not freed',
    file: 'src/dispatch/dispatcher.ts',
    from: 'for (const lane of batch.lanes) this.#lanes.release(lane);',
    to: 'for (const lane of batch.lanes.slice(1)) this.#lanes.release(lane);',
  },
  {
    name: 'the watermark is the highest position seen',
    file: 'src/dispatch/watermark.ts',
    from: 'return oldest === null ? positionNext : oldest.position;',
    to: 'return positionNext;',
  },
  {
    name: 'lanes do not come oldest first',
    file: 'src/dispatch/lane-heap.ts',
    from: 'if (above.rank <= rank) break;',
    to: 'if (above.rank >= rank) break;',
  },
  {
    name: 'a batch takes every ready lane',
    file: 'src/dispatch/departures.ts',
    from: 'const share = Math.ceil(lanes.ready / placesFree);',
    to: 'const share = lanes.ready;',
  },
  {
    name: 'an outcome counts as durable before its commit',
    file: 'src/settlement.ts',
    from: '    const events = group.joinedEvents(clock.wallMs() * 1000);\n',
    to:
      '    const events = group.joinedEvents(clock.wallMs() * 1000);\n' +
      '    for (const slots of group.slots.splice(0)) this.#parts.dispatcher.confirm(slots);\n',
  },
  {
    name: 'an outcome that waits for its group is forgotten by the alarm',
    file: 'src/groups.ts',
    from: 'this.#cancelAlarm = clock.alarm(limits.groupWaitMs - waitedMs, () => this.#parts.wake());',
    to: '',
  },
  {
    name: 'the end comes before the last commit',
    file: 'src/pump.ts',
    from: 'if (flights.count > 0 || !this.#settlement.groups.isEmpty) return false;',
    to: 'if (flights.count > 0) return false;',
  },
  {
    name: 'groups in flight are not bounded',
    file: 'src/groups.ts',
    from: 'if (this.#sent.length === inFlightMax) return;',
    to: '',
  },
  {
    name: 'a group grows while the writer is slow',
    file: 'src/groups.ts',
    from: 'if (last !== undefined && !this.#isFull(last)) return last;',
    to: 'if (last !== undefined) return last;',
  },
  {
    name: 'sources wait until no publisher does',
    file: 'src/intake.ts',
    from: 'this.#sourcesFirst = !this.#sourcesFirst;',
    to: '',
  },
  {
    name: 'bytes on their way to the writer are not bounded',
    file: 'src/groups.ts',
    from: '>= this.#parts.limits.unacknowledgedBytesMax) this.#isBehind = true;',
    to: '>= Number.POSITIVE_INFINITY) this.#isBehind = true;',
  },
  {
    name: 'a consumed source is done before its events are durable',
    file: 'src/feed.ts',
    from: "if (this.#state !== 'over' || watermark <= this.#positionLast) return;",
    to: "if (this.#state !== 'over') return;",
  },
  {
    name: 'a publisher is told before its event is stored',
    file: 'src/settlement.ts',
    from: '    const events = group.joinedEvents(clock.wallMs() * 1000);\n',
    to:
      '    const events = group.joinedEvents(clock.wallMs() * 1000);\n' +
      '    group.tellStored({ stored: 0, ignored: 0, duplicates: [], gauges: this.#gauges! });\n',
  },
  {
    name: 'new events overtake the backlog',
    file: 'src/journal.ts',
    from: "if (this.#state === 'behind' || position < this.#cursor) return;",
    to: 'if (position < this.#cursor) return;',
  },
  {
    name: 'a page is asked for where the last one began',
    file: 'src/journal.ts',
    from: '    this.#cursor = page.next;\n',
    to: '',
  },
  {
    name: 'duplicates are run',
    file: 'src/settlement.ts',
    from: 'if (!known.has(index)) journal.stored',
    to: 'journal.stored',
  },
  {
    name: 'the watermark passes parked events',
    file: 'src/partitions.ts',
    from: 'const watermark = Math.min(this.#dispatcher.watermark(partition), known.pin);',
    to: 'const watermark = this.#dispatcher.watermark(partition);',
  },
  {
    name: 'a suspect runs beside others',
    file: 'src/dispatch/departures.ts',
    from: 'return this.#inFlight === 0 ? this.#suspectAlone() : null;',
    to: 'return this.#suspectAlone();',
  },
  {
    name: 'others run beside a suspect',
    file: 'src/dispatch/departures.ts',
    from: 'return this.#isAlone || (this.#lanes.oldest?.deaths ?? null) !== null;',
    to: 'return (this.#lanes.oldest?.deaths ?? null) !== null;',
  },
  {
    name: 'an event that ended the process as often as it may is run again',
    file: 'src/flights.ts',
    from: 'if (alone && first!.deaths !== 0 &&',
    to: 'if (false && alone && first!.deaths !== 0 &&',
  },
  {
    name: 'batches leave without a note in the flight log',
    file: 'src/flights.ts',
    from: '    recorder.depart(flight.place, { events: slots, alone });\n',
    to: '',
  },
  {
    name: 'intake memory does not wait for what is owed from before',
    file: 'src/acceptance.ts',
    from: '!journal.isInStep || room() === 0) return false;',
    to: 'room() === 0) return false;',
  },
  {
    name: 'one row is skipped in recovery',
    file: 'src/store/event-journal.ts',
    from: 'if (row.done === 1) continue;',
    to: 'if (row.done === 1 || row.position === 2) continue;',
    built: storeTests,
  },
  {
    name: 'the backlog is read out of order',
    file: 'src/store/event-journal.ts',
    from: 'WHERE event.position >= @from ORDER BY event.position LIMIT',
    to: 'WHERE event.position >= @from ORDER BY event.position % 7, event.position LIMIT',
    built: storeTests,
  },
  {
    name: 'a second outcome replaces the first',
    file: 'src/store/outcome-inserter.ts',
    from: "onConflict: 'ON CONFLICT (partition, position, handler) DO NOTHING',",
    to: "onConflict: 'ON CONFLICT (partition, position, handler) DO UPDATE SET result = excluded.result',",
    built: storeTests,
  },
  {
    name: 'an id that is known is stored again',
    file: 'src/store/event-journal.ts',
    from: '      known.add(index);\n',
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
];

// An interrupt ends the tests, which share this terminal; this process has files to put back first.
process.on('SIGINT', () => {});

for (const { file, from } of mutants) {
  if (readFileSync(file, 'utf8').split(from).length !== 2) throw new Error(`${file} must hold this text once: ${from}`);
}
if (!testsPass()) throw new Error('the tests must pass before faults are planted');
const survivors: string[] = [];
for (const mutant of mutants) {
  const text = readFileSync(mutant.file, 'utf8');
  writeFileSync(
    mutant.file,
    text.replace(mutant.from, () => mutant.to),
  );
  try {
    const isUnnoticed = mutant.built === undefined ? testsPass() : passesBuilt(mutant.built);
    console.log(`${isUnnoticed ? 'NOT NOTICED' : 'noticed    '}  ${mutant.name}`);
    if (isUnnoticed) survivors.push(mutant.name);
  } finally {
    writeFileSync(mutant.file, text);
  }
}
spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json']);
console.log(`${mutants.length} faults planted, ${survivors.length} not noticed`);
process.exitCode = survivors.length === 0 ? 0 : 1;

/** Builds what is planted. A build that fails notices nothing: it is a fault of the fault. */
function passesBuilt(files: readonly string[]): boolean {
  const { status } = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json']);
  if (status !== 0) throw new Error('the planted fault does not compile');
  return testsPass(files);
}

function testsPass(files: readonly string[] = tests): boolean {
  const { status, signal } = spawnSync(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...files]);
  if (signal !== null || status === null || status > 1) throw new Error(`the tests were ended by ${signal ?? status}`);
  return status === 0;
}
