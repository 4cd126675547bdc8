// The handlers of a thread, from one module or several: loaded, held against what pre-flight found, and put behind each
// other, so that an index means the same handler in every thread. Each module is set up and torn down once. A module of
// which all handlers went is not loaded: its file may be gone or changed by then.

import { KeylaneError, shown } from '../errors.js';
import type { HandlerTable } from '../handler.js';
import { joinedTable } from '../routes.js';
import { badHandlers, fileOf } from './bad-handlers.js';
import { describeThrown } from './error-record.js';
import { type HandlerModule, isSameTable, loadHandlers } from './handler-module.js';
import type { HandlerSource } from './messages.js';

/** Rejects with a KeylaneError `bad-handlers`, and so do its hooks. */
export async function loadModules(sources: readonly HandlerSource[]): Promise<HandlerModule> {
  const modules: HandlerModule[] = [];
  // Several exports of one module have the same hooks.
  const hooked = new Set<string>();
  for (const { url, exportName, table, isGone } of sources) {
    if (isGone) {
      modules.push(placeholderOf(table));
      continue;
    }
    const module = await loadHandlers(url, exportName);
    if (!isSameTable(module.table, table)) {
      const problem = 'gave other handlers when it was loaded again';
      throw badHandlers(fileOf(url), problem, 'let its exports depend on nothing, and restart after a change');
    }
    modules.push(hooked.has(url) ? { ...module, setup: null, teardown: null } : withHooksOf(module, url));
    hooked.add(url);
  }
  return joinModules(modules);
}

/** Several modules as one. */
export function joinModules(modules: readonly HandlerModule[]): HandlerModule {
  const callAll = async (name: Hook): Promise<void> => {
    for (const module of modules) await module[name]?.();
  };
  return {
    table: modules.map(({ table }) => table).reduce(joinedTable),
    handlers: modules.flatMap(({ handlers }) => handlers),
    keyBatches: modules.flatMap(({ keyBatches, handlers }) => keyBatches ?? handlers.map(() => null)),
    retryIf: modules.flatMap(({ retryIf }) => retryIf),
    states: modules.flatMap(({ states }) => states),
    ...{ setup: () => callAll('setup'), teardown: () => callAll('teardown') },
  };
}

/** Stands where handlers went, of which no event comes any more. */
export function placeholderOf(table: HandlerTable): HandlerModule {
  const handlers = table.names.map((name) => (): never => {
    throw new KeylaneError('internal', `handler ${shown(name)} went, and was given an event`);
  });
  const none = table.names.map(() => null);
  return { table, handlers, retryIf: none, states: none, setup: null, teardown: null };
}

type Hook = 'setup' | 'teardown';

/** Hooks whose errors say where they come from. */
function withHooksOf(module: HandlerModule, url: string): HandlerModule {
  const hookOf = (name: Hook) => async (): Promise<void> => {
    try {
      await module[name]?.();
    } catch (error) {
      throw badHandlers(fileOf(url), `threw in its ${name}(): ${describeThrown(error, url)}`, `correct ${name}()`);
    }
  };
  return { ...module, setup: hookOf('setup'), teardown: hookOf('teardown') };
}
