// Loads a handlers module into the thread that asks, and checks what it exports. Works alike for ES modules and
// CommonJS. It calls nothing of the module's: `setup()` and `teardown()` are the thread's to call.
//
// Handlers are the default export: one function, an object of functions by event type, or a list of named handlers (see
// handler-list). `setup` and `teardown` are exports beside it. A CommonJS module either is its handlers
// (`module.exports = { 'a.b': f }`), or gives all three (`exports.default = { 'a.b': f }; exports.setup = g`), which is
// also what compilers make of an ES module.

import { shown } from '../errors.js';
import { type Handler, type HandlerTable, type KeyBatchHandler, singleHandlerName } from '../handler.js';
import type { StateOptions } from '../keyed-state.js';
import { badHandlers, fileOf, shownPath } from './bad-handlers.js';
import { describeThrown } from './error-record.js';
import { type Defined, listedHandlers } from './handler-list.js';
import { policiesFrom } from './module-policies.js';

export interface HandlerModule {
  readonly table: HandlerTable;
  /** In the order of the table's names, which is the order in which the module defines them. */
  readonly handlers: readonly Handler[];
  /** Those which take several events of a key at once, by index; null for any other. Left out where there is none. */
  readonly keyBatches?: readonly (KeyBatchHandler | null)[];
  /** By index of the handler; null where it has none. */
  readonly retryIf: readonly (((error: unknown) => unknown) | null)[];
  /** Likewise: what each says of the state it keeps. */
  readonly states: readonly (StateOptions | null)[];
  readonly setup: (() => unknown) | null;
  readonly teardown: (() => unknown) | null;
}

/**
 * Loads the module: what its default export defines, or another one. Rejects with a KeylaneError `bad-handlers` that
 * names the file, the reason and what to do.
 */
export async function loadHandlers(url: string, exportName = 'default'): Promise<HandlerModule> {
  const file = fileOf(url);
  let exports: Namespace;
  try {
    exports = unwrapped(await import(url));
  } catch (error) {
    // Only Node itself knows the place of a syntax error, and tells it when it ends with one.
    const isSyntax = error instanceof SyntaxError;
    const advice = isSyntax
      ? `"node --check ${shownPath(file)}" shows where`
      : 'correct the module, or what it imports';
    throw badHandlers(file, `threw while it was loaded: ${describeThrown(error, url)}`, advice);
  }
  if (exportName === 'default') return moduleOf(exports, file);
  const given = Object.hasOwn(exports, exportName) ? exports[exportName] : undefined;
  if (given === undefined) {
    const named = shown(exportName);
    throw badHandlers(file, `has no export ${named}`, `write export const ${exportName} = … with handlers in it`);
  }
  const { setup, teardown, policies } = exports;
  const named = `${file} (export ${exportName})`;
  refusePolicies(policies, { of: given, default: exports.default, name: exportName, file: named });
  return moduleOf({ default: given, setup, teardown }, named, exportName);
}

/** The export `policies` is for the default one: of another, each says beside itself what is to hold for it. */
function refusePolicies(policies: unknown, on: { of: unknown; default: unknown; name: string; file: string }): void {
  if (!isObject(policies)) return;
  const [meant, ofDefault] = [namesIn(on.of, on.name), namesIn(on.default, singleHandlerName)];
  const name = Object.keys(policies).find((one) => meant.includes(one) && !ofDefault.includes(one));
  if (name === undefined) return;
  const problem = `has a policy for ${shown(name)} in the export policies, which is for the default export`;
  throw badHandlers(on.file, problem, `list it with its policy: [{ name: ${shown(name)}, on: …, run: …, … }]`);
}

/** The names of what may be handlers. */
function namesIn(given: unknown, singleName: string): readonly unknown[] {
  if (typeof given === 'function') return [singleName];
  if (Array.isArray(given)) return given.map((one: { name?: unknown } | null | undefined) => one?.name);
  return isObject(given) ? Object.keys(given) : [];
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/**
 * What a module's exports define, once they are checked. `file` is what messages call it, `singleName` the name of a
 * handler that is one function for every type. Throws `bad-handlers`.
 */
export function moduleOf(exports: Exports, file: string, singleName = singleHandlerName): HandlerModule {
  const { names, takes, handlers, keyBatches = [], inline } = definedBy(exports, { file, singleName });
  const given = policiesFrom(exports.policies, { names, inline, file });
  const policies = names.map((name, index) => {
    const plain = given.get(name)?.plain ?? {};
    return keyBatches[index] == null ? plain : { ...plain, takesRuns: true as const };
  });
  const table = { names, takes, policies };
  const retryIf = names.map((name) => given.get(name)?.retryIf ?? null);
  const states = names.map((name) => given.get(name)?.state ?? null);
  const hooks = { setup: hookOf(exports, 'setup', file), teardown: hookOf(exports, 'teardown', file) };
  return { table, handlers, keyBatches, retryIf, states, ...hooks };
}

/** Whether two threads found the same handlers, in the same order. */
export function isSameTable(one: HandlerTable, other: HandlerTable): boolean {
  const [oneText, otherText] = [one, other].map(({ takes, names, policies }) => {
    return JSON.stringify([takes, names, policies.map((policy) => Object.entries(policy).sort())]);
  });
  return oneText === otherText;
}

export interface Exports {
  readonly default?: unknown;
  readonly setup?: unknown;
  readonly teardown?: unknown;
  readonly policies?: unknown;
}

type Namespace = Exports & Readonly<Record<string, unknown>>;

/**
 * The exports as the module's author meant them: a CommonJS module comes as the default export of its import, so when
 * that has a `default` of its own, the author's exports are one level down.
 */
function unwrapped(namespace: Namespace): Namespace {
  const inner = namespace.default;
  if (typeof inner !== 'object' || inner === null || !Object.hasOwn(inner, 'default')) return namespace;
  return inner as Namespace;
}

function definedBy(exports: Exports, { file, singleName }: { file: string; singleName: string }): Defined {
  const given = exports.default;
  if (typeof given === 'function') {
    refuseStrayHandlers(exports, file);
    return { names: [singleName], takes: 'every-type', handlers: [given as Handler], inline: noPolicies };
  }
  if (Array.isArray(given)) return listedHandlers(given, file);
  if (typeof given !== 'object' || given === null) {
    const found = Object.hasOwn(exports, 'default') ? shown(given) : 'no default export';
    const expected = singleName === singleHandlerName ? 'must export handlers by default' : 'must be handlers';
    throw badHandlers(file, `${expected}, found ${found}`, howToExport);
  }
  const names = Object.keys(given);
  if (names.length === 0) {
    const hint = given instanceof Promise ? 'it is a promise: await it. ' : '';
    throw badHandlers(file, 'exports an object without handlers', `${hint}${howToExport}`);
  }
  const handlers = names.map((name) => (given as Record<string, Handler>)[name]!);
  for (const [index, name] of names.entries()) checkHandler(name, handlers[index], file);
  return { names, takes: 'its-own-type', handlers, inline: noPolicies };
}

const noPolicies: ReadonlyMap<string, object> = new Map();

const howToExport = "write export default { 'event.type': (event, context) => result }, or one function for every type";

/** Names that are no event types, each with what to do: the first are those of a prototype, the last are exports. */
const namesRefused: ReadonlyMap<string, string> = new Map([
  ['__proto__', 'rename it'],
  ['constructor', 'rename it'],
  ['prototype', 'rename it'],
  ['', 'give it the name of an event type'],
  ['setup', 'export it beside the handlers (CommonJS: exports.default = { … }; exports.setup = …)'],
  ['policies', 'export it beside the handlers (CommonJS: exports.default = { … }; exports.policies = …)'],
  ['teardown', 'export it beside the handlers (CommonJS: exports.default = { … }; exports.teardown = …)'],
]);

function checkHandler(name: string, handler: unknown, file: string): void {
  const advice = namesRefused.get(name);
  if (advice !== undefined) {
    throw badHandlers(file, `has a handler named ${shown(name)}, which is no event type`, advice);
  }
  if (typeof handler === 'function') return;
  throw badHandlers(file, `must have a function for ${shown(name)}, found ${shown(handler)}`, howToExport);
}

/**
 * `module.exports = { default: f, 'a.b': g }` could mean two things: one function for every type, or a handler for the
 * type "default" beside others. Compiled ES modules mark themselves, and may export what they like beside it.
 */
function refuseStrayHandlers(exports: Exports, file: string): void {
  if (!isCommonJsObject(exports)) return;
  const stray = Object.entries(exports).find(([name, value]) => {
    return !['default', 'setup', 'teardown', 'policies'].includes(name) && typeof value === 'function';
  });
  if (stray === undefined) return;
  const problem = `exports a function as "default" and another as ${shown(stray[0])}`;
  throw badHandlers(file, problem, 'there is no event type "default": export one function, or an object by type');
}

function isCommonJsObject(exports: object): boolean {
  return !('__esModule' in exports) && Object.prototype.toString.call(exports) !== '[object Module]';
}

function hookOf(exports: Exports, name: 'setup' | 'teardown', file: string): (() => unknown) | null {
  const hook = exports[name];
  if (hook === undefined) return null;
  if (typeof hook === 'function') return hook as () => unknown;
  throw badHandlers(file, `must export ${name} as a function, found ${shown(hook)}`, 'make it a function or remove it');
}
