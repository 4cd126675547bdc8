// Faults of what handlers emit: it exists without its outcome, twice, or not at all.

import type { Fault } from './fault.js';

const built = ['test/emit.test.ts'];

export const emitFaults: readonly Fault[] = [
  {
    name: 'what a failed try emitted exists all the same',
    file: 'src/pool/batch-runner.ts',
    from: 'else if (isThrown) ended.fail(reader, flag, came);',
    to: 'else if (isThrown) Object.assign((ended.fail(reader, flag, came), ended), { emitted: TryContext.emitted(context) });',
    built,
  },
  {
    name: 'what was emitted is lost with its thread',
    file: 'src/pool/progress.ts',
    from: 'const emitted = emits ? emittedFrom',
    to: 'const emitted = emits && kind < 0 ? emittedFrom',
    built,
  },
  {
    name: 'what an event emitted whose outcome is another is stored',
    file: 'src/store/group-writer.ts',
    from: 'return decided.has(emitter) && !journal.has(positionFirst + index);',
    to: 'return false && decided.has(emitter) && !journal.has(positionFirst + index);',
    built,
  },
  {
    name: 'a group that comes again withholds what it had stored',
    file: 'src/store/group-writer.ts',
    from: 'return decided.has(emitter) && !journal.has(positionFirst + index);',
    to: 'return decided.has(emitter) && (index >= 0 || !journal.has(positionFirst + index));',
    built,
  },
  {
    name: 'what was emitted is stored after its outcome',
    file: 'src/groups.ts',
    from: '    for (const owed of part.emitted ?? []) this.#accept(group, owed);\n',
    to: '    queueMicrotask(() => part.emitted?.forEach((owed) => this.accept(owed)));\n',
    tests: ['test/simulation.test.ts'],
  },
  {
    name: 'a chain of emitted events has no end',
    file: 'src/pool/emitter.ts',
    from: 'if (depth > limits.emitDepthMax) {',
    to: 'if (depth > 50 * limits.emitDepthMax) {',
    built,
  },
];
