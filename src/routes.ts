// Which handlers an event is owed to, by its type. A route is found once for each type and kept, so that an event costs
// one look-up however many handlers and patterns there are.

import type { HandlerTable } from './handler.js';

/** The indexes of the handlers that an event owes its outcomes to, ascending. One object for each set of handlers. */
export type Route = readonly number[];

/** That of an event which owes nothing. */
export const emptyRoute: Route = [];

/** Types of which the route is kept. There may be any number, where a pattern takes them: then it begins anew. */
const typesKeptMax = 10_000;

export class Routes {
  /** By handler, the types and patterns it takes; none once it is removed. */
  readonly #takes: (readonly string[])[];
  /** The types that are named, for messages; the handler's name where it takes every type and is the only one. */
  readonly types: readonly string[];
  /** By type; null where no handler takes it. */
  readonly #routes = new Map<string, Route | null>();
  /** By the indexes as text. */
  readonly #known = new Map<string, Route>();

  constructor(table: HandlerTable) {
    this.#takes = takesOf(table);
    this.types = typeof table.takes === 'string' ? table.names : [...new Set(table.takes.flat())];
  }

  /** The most handlers that one event may be owed to: those that take one type, and all that take any of a pattern. */
  get widest(): number {
    let patterns = 0;
    const byType = new Map<string, number>();
    for (const types of this.#takes) {
      if (types.some(isPattern)) patterns += 1;
      else for (const type of new Set(types)) byType.set(type, (byType.get(type) ?? 0) + 1);
    }
    return Math.max(1, patterns + Math.max(0, ...byType.values()));
  }

  /** The route of a type; null when no handler takes it. */
  of(type: string): Route | null {
    const known = this.#routes.get(type);
    if (known !== undefined) return known;
    const route = this.#find(type);
    if (this.#routes.size === typesKeptMax) this.#routes.clear();
    this.#routes.set(type, route);
    return route;
  }

  /** Takes in one handler more, behind the others. */
  add(types: readonly string[]): void {
    this.#takes.push(types);
    this.#routes.clear();
  }

  /** From here on nothing is owed to a handler. */
  remove(handler: number): void {
    this.#takes[handler] = [];
    this.#routes.clear();
  }

  #find(type: string): Route | null {
    const takes = this.#takes;
    const indexes = [...takes.keys()].filter((index) => takes[index]!.some((pattern) => isTakenBy(pattern, type)));
    return indexes.length === 0 ? null : this.#routeOf(indexes);
  }

  #routeOf(indexes: Route): Route {
    const text = indexes.join();
    const known = this.#known.get(text) ?? indexes;
    this.#known.set(text, known);
    return known;
  }
}

/** The types and patterns that each handler takes, whatever the form of its module. */
export function takesOf({ names, takes }: HandlerTable): (readonly string[])[] {
  if (takes === 'every-type') return names.map(() => ['*']);
  return takes === 'its-own-type' ? names.map((name) => [name]) : [...takes];
}

/** Two tables as one; each handler's types are named. */
export function joinedTable(one: HandlerTable, other: HandlerTable): HandlerTable {
  return {
    names: [...one.names, ...other.names],
    policies: [...one.policies, ...other.policies],
    takes: [...takesOf(one), ...takesOf(other)],
  };
}

/** Whether a type, or a pattern, names more than one type. */
export function isPattern(on: string): boolean {
  return on === '*' || on.endsWith('.*');
}

function isTakenBy(on: string, type: string): boolean {
  if (on === '*') return true;
  return isPattern(on) ? type.startsWith(on.slice(0, -1)) && type.length >= on.length : on === type;
}
