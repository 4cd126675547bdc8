// Which handlers an event is owed to, by its type. A route is found once for each type and kept, so that an event costs
// one look-up however many handlers and patterns there are.

import type { HandlerTable } from './handler.js';

/** The indexes of the handlers that an event owes its outcomes to, ascending. One object for each set of handlers. */
export type Route = readonly number[];

/** Types of which the route is kept. There may be any number, where a pattern takes them: then it begins anew. */
const typesKeptMax = 10_000;

export class Routes {
  /** The most handlers that one event may be owed to. */
  readonly widest: number;
  readonly #table: HandlerTable;
  /** By type; null where no handler takes it. */
  readonly #routes = new Map<string, Route | null>();
  /** By the indexes as text. */
  readonly #known = new Map<string, Route>();

  constructor(table: HandlerTable) {
    this.#table = table;
    this.widest = typeof table.takes === 'string' ? 1 : table.names.length;
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

  /** The types that are named, for messages. */
  get types(): readonly string[] {
    const { names, takes } = this.#table;
    return typeof takes === 'string' ? names : [...new Set(takes.flat())];
  }

  #find(type: string): Route | null {
    const { names, takes } = this.#table;
    if (takes === 'every-type') return this.#routeOf([0]);
    if (takes === 'its-own-type') {
      const index = names.indexOf(type);
      return index === -1 ? null : this.#routeOf([index]);
    }
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

/** Whether a type, or a pattern, names more than one type. */
export function isPattern(on: string): boolean {
  return on === '*' || on.endsWith('.*');
}

function isTakenBy(on: string, type: string): boolean {
  if (on === '*') return true;
  return isPattern(on) ? type.startsWith(on.slice(0, -1)) && type.length >= on.length : on === type;
}
