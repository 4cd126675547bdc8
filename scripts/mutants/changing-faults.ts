// Faults of handlers that come and go, of what is published meanwhile, and of states made anew.

import type { Fault } from './fault.js';

const built = ['test/changing-handlers.test.ts'];

export const changingFaults: readonly Fault[] = [
  {
    name: 'what comes behind a run of a handler that goes overtakes what waits there',
    file: 'src/dispatch/away.ts',
    from: "if (!lane.isAway && (!isClosed || lane.state === 'busy')) return false;",
    to: 'if (!lane.isAway && !isClosed) return false;',
    built,
  },
  {
    name: 'journaled events of a handler that comes are not put in its lanes',
    file: 'src/changing-handlers.ts',
    from: 'for (const [index, name] of names.entries()) await this.#parkOwed(name, orders[index]!);',
    to: 'for (const name of names.slice(names.length)) await this.#parkOwed(name, orders[0]!);',
    built,
  },
  {
    name: 'a handler comes while the one before it of its name finishes',
    file: 'src/changing-handlers.ts',
    from: '    for (const name of loaded.table.names) await Promise.allSettled([this.#leaving.get(name)?.done]);\n',
    to: '',
    built,
  },
  {
    name: 'a module of which all handlers went is loaded by later threads',
    file: 'src/changing-handlers.ts',
    from: "if (isAny) await this.#replaceThreads('without handlers that went');",
    to: "if (isAny && next < 0) await this.#replaceThreads('without handlers that went');",
    built,
  },
  {
    name: 'events of a handler that comes wait in lanes that its order does not make',
    file: 'src/store/handler-changes.ts',
    from: 'if (rows.length > 0) orders.set(this.#db, { id, order });',
    to: 'if (rows.length < 0) orders.set(this.#db, { id, order });',
    built,
  },
  {
    name: 'process() is overtaken by later calls of publish',
    file: 'src/publishing.ts',
    from: 'const encoded = this.#carried(encoding instanceof Promise ? await encoding : encoding, span);\n      checkOwesOne',
    to: 'const encoded = this.#carried(await encoding, span);\n      checkOwesOne',
    built: ['test/receipts.test.ts'],
  },
  {
    name: 'an answer of the writer that no turn has taken in is kept waiting for ever',
    file: 'src/pump.ts',
    from: '    this.#untaken.end(error);\n',
    to: '',
  },
  {
    name: 'what retention deletes is not noted',
    file: 'src/store/outcome-eraser.ts',
    from: 'if (status !== statusNumber.succeeded) continue;',
    to: 'if (status === statusNumber.succeeded) continue;',
    built: ['test/replay.test.ts'],
  },
];
