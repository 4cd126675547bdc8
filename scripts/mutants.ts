// `npm run mutants`: plants known faults in the core, one at a time, and runs the tests that should notice. A fault
// that goes unnoticed fails the command. Files are put back whatever happens.

import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

interface Mutant {
  readonly name: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

const tests = ['test/dispatch', 'test/pump.test.ts', 'test/intake.test.ts', 'test/simulation.test.ts'];

const mutants: readonly Mutant[] = [
  {
    name: 'skipped events go to the back of their lane',
    file: 'src/dispatch/dispatcher.ts',
    from: 'slot.lane!.putBack(slot)',
    to: 'slot.lane!.append(slot)',
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
    from: 'this.#keyed[lane.handler]!.delete(lane.key);',
    to: '',
  },
  {
    name: 'a busy lane stands among the ready',
    file: 'src/dispatch/lanes.ts',
    from: "case 'busy':\n        return;",
    to: "case 'busy':\n        this.#ready.push(lane);\n        return;",
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
    file: 'src/dispatch/ready-lanes.ts',
    from: 'if (above.headSequence <= sequence) break;',
    to: 'if (above.headSequence >= sequence) break;',
  },
  {
    name: 'a batch takes every ready lane',
    file: 'src/dispatch/dispatcher.ts',
    from: 'const share = Math.ceil(lanes.ready / placesFree);',
    to: 'const share = lanes.ready;',
  },
  {
    name: 'an outcome counts as durable before its commit',
    file: 'src/pump.ts',
    from: '    this.#groupsInFlight += 1;\n',
    to:
      '    this.#groupsInFlight += 1;\n' +
      '    for (const slots of group.slots.splice(0)) this.#parts.dispatcher.confirm(slots);\n',
  },
  {
    name: 'an outcome that waits for its group is forgotten by the alarm',
    file: 'src/pump.ts',
    from: 'this.#cancelAlarm = clock.alarm(limits.groupWaitMs - waitedMs, () => this.wake());',
    to: '',
  },
  {
    name: 'the end comes before the last commit',
    file: 'src/pump.ts',
    from: 'if (this.#inFlight > 0 || this.#groups.length > 0 || this.#groupsInFlight > 0) return false;',
    to: 'if (this.#inFlight > 0) return false;',
  },
  {
    name: 'groups in flight are not bounded',
    file: 'src/pump.ts',
    from: 'if (this.#groupsInFlight === groupsInFlightMax) return;',
    to: '',
  },
  {
    name: 'a group grows while the writer is slow',
    file: 'src/pump.ts',
    from: 'last !== undefined && last.count < this.#parts.limits.groupSizeMax',
    to: 'last !== undefined',
  },
  {
    name: 'sources wait until no publisher does',
    file: 'src/intake.ts',
    from: 'this.#sourcesFirst = !this.#sourcesFirst;',
    to: '',
  },
  {
    name: 'bytes on their way to the writer are not bounded',
    file: 'src/pump.ts',
    from: '>= this.#parts.limits.unacknowledgedBytesMax) this.#writerIsBehind = true;',
    to: '>= Number.POSITIVE_INFINITY) this.#writerIsBehind = true;',
  },
  {
    name: 'a consumed source is done before its events are durable',
    file: 'src/feed.ts',
    from: "if (this.#state !== 'over' || watermark <= this.#positionLast) return;",
    to: "if (this.#state !== 'over') return;",
  },
];

// An interrupt ends the tests, which share this terminal; this process has files to put back first.
process.on('SIGINT', () => {});

if (!testsPass()) throw new Error('the tests must pass before faults are planted');
const survivors: string[] = [];
for (const mutant of mutants) {
  const text = readFileSync(mutant.file, 'utf8');
  if (text.split(mutant.from).length !== 2) throw new Error(`${mutant.file} must hold this text once: ${mutant.from}`);
  writeFileSync(
    mutant.file,
    text.replace(mutant.from, () => mutant.to),
  );
  try {
    const isUnnoticed = testsPass();
    console.log(`${isUnnoticed ? 'NOT NOTICED' : 'noticed    '}  ${mutant.name}`);
    if (isUnnoticed) survivors.push(mutant.name);
  } finally {
    writeFileSync(mutant.file, text);
  }
}
console.log(`${mutants.length} faults planted, ${survivors.length} not noticed`);
process.exitCode = survivors.length === 0 ? 0 : 1;

function testsPass(): boolean {
  const { status, signal } = spawnSync(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...tests]);
  if (signal !== null || status === null || status > 1) throw new Error(`the tests were ended by ${signal ?? status}`);
  return status === 0;
}
