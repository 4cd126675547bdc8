// Faults of the handler threads and of what the main thread makes of their deaths.

import type { Fault } from './fault.js';

export const poolFaults: readonly Fault[] = [
  {
    name: 'the oldest event of a call is charged with what another of it has done',
    file: 'src/pool/lost-batch.ts',
    from: 'togetherFrom(index, message) > 1)',
    to: 'togetherFrom(index, message) > 1_000_000)',
    built: ['test/key-batch.test.ts'],
  },
  {
    name: 'what a call of several events sets as state is lost',
    file: 'src/pool/together.ts',
    from: 'report.addState(change, reader);',
    to: '',
    built: ['test/key-batch.test.ts'],
  },
  {
    name: 'the next event of a run sees the very object that was set',
    file: 'src/pool/plain-copy.ts',
    from: 'return copy === notPlain ? null : new PlainCopy(copy, ',
    to: 'return copy === notPlain ? null : new PlainCopy(value, ',
    tests: ['test/held-states.test.ts', 'test/plain-copy.test.ts'],
  },
  {
    name: 'events of a run share the state that they are given',
    file: 'src/pool/plain-copy.ts',
    from: "if (typeof value !== 'object' || value === null) return value;\n    if (this.#isFlat)",
    to: "if (typeof value !== 'number') return value;\n    if (this.#isFlat)",
    tests: ['test/held-states.test.ts', 'test/plain-copy.test.ts'],
  },
  {
    name: 'a state is held for as long as its run takes',
    file: 'src/pool/run-states.ts',
    from: 'const heldUsMax = 1000;',
    to: 'const heldUsMax = 1_000_000;',
    tests: ['test/held-states.test.ts', 'test/plain-copy.test.ts'],
  },
  {
    name: 'a state is held while an event awaits',
    file: 'src/pool/batch-runner.ts',
    from: 'if (batch.states?.isHolding) this.#tellState(batch, report, batch.index - 1);',
    to: '',
    tests: ['test/held-states.test.ts', 'test/plain-copy.test.ts'],
  },
  {
    name: 'a death is charged to an event before which others have to run again',
    file: 'src/pool/lost-batch.ts',
    from: 'return isAfterOthers || (',
    to: 'return (',
    tests: ['test/held-states.test.ts', 'test/plain-copy.test.ts'],
  },
  {
    name: 'events that have ended are taken in without the state that they left',
    file: 'src/pool/batch-runner.ts',
    from: 'const fits = place.finish(index, ended, { first: states.heldFrom ?? index, isLast: false });',
    to: 'const fits = place.finish(index, ended);',
    tests: ['test/held-states.test.ts', 'test/plain-copy.test.ts'],
  },
  {
    name: 'an event that is cancelled while its call runs succeeds all the same',
    file: 'src/pool/together.ts',
    from: 'if (place.flagOfCall(index) === abortFlag.none) {',
    to: 'if (results.length > 0) {',
    built: ['test/key-batch.test.ts'],
  },
  {
    name: 'the event after the culprit is charged with the death of the thread',
    file: 'src/pool/progress.ts',
    from: 'return { index: begun - 1, startedAtUs,',
    to: 'return { index: begun, startedAtUs,',
    built: ['test/handler-pool.test.ts'],
  },
  {
    name: 'what follows a try that failed is run all the same',
    file: 'src/pool/batch-runner.ts',
    from: 'if (ended.stopsItsRun(reader.handler)) stopped = reader.run;',
    to: '',
    built: ['test/handler-pool.test.ts'],
  },
  {
    name: 'an event that had finished before its thread died is run again',
    file: 'src/pool/lost-batch.ts',
    from: 'builder.add(index, reader, ended);',
    to: 'builder.add(index, reader, { ...ended, result: handlerResult.skipped, isTried: false });',
    built: ['test/handler-pool.test.ts'],
  },
  {
    name: 'the time limit runs from the beginning of the batch',
    file: 'src/pool/progress.ts',
    from: 'this.#times[index * timesPerEvent + timeOf.startedAtUs] = atUs;',
    to: 'this.#times[index * timesPerEvent + timeOf.startedAtUs] = this.#times[timeOf.startedAtUs] || atUs;',
    tests: ['test/overseer.test.ts'],
  },
  {
    name: 'the lanes of a thread are free before it has exited',
    file: 'src/pool/handler-pool.ts',
    from: '    if (this.#roster.dyingCount > 0) return;\n',
    to: '',
    built: ['test/handler-pool.test.ts'],
  },
  {
    name: 'an event that begins while its thread is ended for another is charged',
    file: 'src/pool/overseer.ts',
    from: "this.#isBystander(place, threadId) ? 'spared' : ",
    to: '',
    tests: ['test/overseer.test.ts'],
  },
  {
    name: 'what a thread was doing when it died may still run into its time limit',
    file: 'src/pool/overseer.ts',
    from: '      if (batch.isLost) continue;\n',
    to: '',
    tests: ['test/overseer.test.ts'],
  },
  {
    name: 'lanes of a thread that died are free before it has exited',
    file: 'src/pool/handler-pool.ts',
    from: `    if (this.#roster.dyingCount > 0) return;
    const lost = this.#lost;
    this.#lost = [];
    for (const { batch, reason } of lost) {
      if (batch.report === null`,
    to: `    const lost = this.#lost;
    this.#lost = [];
    for (const { batch, reason } of lost) {
      if (batch.report === null && this.#roster.dyingCount === 0`,
    tests: ['test/simulation.test.ts'],
  },
  {
    name: 'what an event may have been ended by that others left is charged to it',
    file: 'src/pool/overseer.ts',
    from: 'place.ranBefore + index === 0',
    to: 'true',
    tests: ['test/simulation.test.ts'],
  },
  {
    name: 'a doubted event runs where others have run',
    file: 'src/pool/changing-pool.ts',
    from: 'return this.#fresh.run(message, this.#current.pool);',
    to: 'return this.run(message);',
    tests: ['test/simulation.test.ts'],
  },
  {
    name: 'a thread is ended by nobody',
    file: 'src/pool/overseer.ts',
    from: '    this.#parts.endThread(threadId);\n',
    to: '',
    tests: ['test/simulation.test.ts'],
  },
  {
    name: 'a thread that an event left in a loop is waited for, for ever',
    file: 'src/pool/overseer.ts',
    from: 'isItsTurn && this.#isStuck(batch, place)',
    to: 'isItsTurn && this.#isStuck(batch, place) && running !== null',
    tests: ['test/overseer.test.ts'],
  },
  {
    name: 'a process that was stopped while a thread loaded loses it',
    file: 'src/pool/thread-roster.ts',
    from: 'patientAlarm(machine.alarm, loadTimeoutMs,',
    to: 'machine.alarm(loadTimeoutMs,',
    tests: ['test/simulation.test.ts'],
  },
  {
    name: 'null that is thrown passes for a result',
    file: 'src/pool/batch-runner.ts',
    from: 'isThrown = true;\n    }\n    this.#end(batch, context, came, isThrown);\n    return null;',
    to: 'isThrown = thrown !== null;\n    }\n    this.#end(batch, context, came, isThrown);\n    return null;',
    built: ['test/handler-pool.test.ts'],
  },
  {
    name: 'an event that awaits is charged with what another left',
    file: 'src/pool/batch-runner.ts',
    from: '    batch.place.awaits(batch.index);\n',
    to: '',
    built: ['test/doubted.test.ts'],
  },
  {
    name: 'fresh threads that die before they run anything are started for ever',
    file: 'src/pool/fresh-threads.ts',
    from: 'if (this.#fruitless < deathsInARowMax) return report;',
    to: 'if (this.#fruitless < Number.POSITIVE_INFINITY) return report;',
    built: ['test/doubted.test.ts'],
  },
  {
    name: 'an event is not told to end that waits for its fresh thread',
    file: 'src/pool/fresh-threads.ts',
    from: 'for (const index of stay.cancelled) pool.cancel(placeInPool, index);',
    to: '',
    built: ['test/doubted.test.ts'],
  },
];
