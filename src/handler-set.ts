// The handlers of a processor by index, while some come and others go: one that is added stands behind the others, one
// that is removed keeps its index. Each list is one object for good, so that whoever holds it sees what there is now.

import type { AddedHandler } from './dispatch/dispatcher-options.js';
import { KeylaneError, shown } from './errors.js';
import type { HandlerTable, Policy } from './handler.js';
import type { Config } from './options.js';
import { claimsOf, type LaneOrder, ordersOf, policiesOf, supersedingOf } from './policy.js';
import { joinedTable, Routes, takesOf } from './routes.js';

/** Handlers that may come while a processor lives; the index of one that went is not given again. */
const handlersMax = 10_000;

/** Handlers that fit, and are not there yet. */
export interface HandlersToAdd {
  readonly table: HandlerTable;
  readonly policies: readonly Policy[];
  readonly orders: readonly LaneOrder[];
  readonly forDispatcher: readonly AddedHandler[];
}

export class HandlerSet {
  /** Names, by index. Where one was removed and added again, it is that of the newer one alone. */
  readonly names: string[];
  readonly policies: Policy[];
  readonly orders: LaneOrder[];
  readonly routes: Routes;
  readonly #config: Config;
  readonly #removed = new Set<number>();
  /** As the module has it, until handlers come or go. */
  #table: HandlerTable;
  #widest: number;

  /** @param owed the most handlers that an event in the journal is owed to. */
  constructor(table: HandlerTable, { config, owed }: { config: Config; owed: number }) {
    this.#table = table;
    this.#config = config;
    this.names = [...table.names];
    this.policies = policiesOf(table, config);
    this.orders = ordersOf(table, config.order);
    this.routes = new Routes(table);
    this.#widest = fittingWidth(Math.max(this.routes.widest, owed), config);
  }

  /** Those that are there. */
  get table(): HandlerTable {
    return this.#table;
  }

  /** The most handlers that one event may be owed to, of those there are and were. */
  get widest(): number {
    return this.#widest;
  }

  /** The index of one that is there; -1 where there is none. */
  indexOf(name: string): number {
    const index = this.names.indexOf(name);
    return this.#removed.has(index) ? -1 : index;
  }

  /** The indexes of those that are there. */
  get present(): number[] {
    return [...this.names.keys()].filter((index) => !this.#removed.has(index));
  }

  /** Looks whether handlers can be added; throws a KeylaneError `bad-handlers` or `bad-option` where they cannot. */
  fit(table: HandlerTable): HandlersToAdd {
    const known = table.names.find((name) => this.indexOf(name) !== -1);
    if (known !== undefined) {
      const advice = 'the store knows handlers by their names: give it another, or remove that one first';
      throw new KeylaneError('bad-handlers', `handler ${shown(known)} must have a name of its own: ${advice}`);
    }
    if (this.names.length + table.names.length > handlersMax) {
      const most = `at most ${handlersMax} handlers may come in the life of a processor, those that went included`;
      throw new KeylaneError('bad-option', `${most}: make another processor`);
    }
    const { order, stateBytesMax } = this.#config;
    const [policies, orders] = [policiesOf(table, this.#config), ordersOf(table, order)];
    const [claims, supersedes] = [claimsOf(table, order), supersedingOf(table, order)];
    fittingWidth(new Routes(joinedTable(this.#table, table)).widest, this.#config);
    const forDispatcher = policies.map(({ onDeadLetter }, index) => ({
      ...{ order: orders[index]!, claim: claims[index]!, parks: onDeadLetter === 'park', isLatest: supersedes[index]! },
      stateBytesMax: table.policies[index]!.isStateful ? stateBytesMax : null,
    }));
    return { table, policies, orders, forDispatcher };
  }

  /** Takes handlers in: events that are accepted from here on are owed to them. */
  add({ table, policies, orders }: HandlersToAdd): void {
    for (const name of table.names) {
      const before = this.names.indexOf(name);
      if (before !== -1) this.names[before] = '';
    }
    this.names.push(...table.names);
    this.policies.push(...policies);
    this.orders.push(...orders);
    for (const types of takesOf(table)) this.routes.add(types);
    this.#table = joinedTable(this.#table, table);
    this.#widest = Math.max(this.#widest, this.routes.widest);
  }

  /** Nothing that is accepted from here on is owed to it. */
  remove(index: number): void {
    const name = this.names[index]!;
    this.#removed.add(index);
    this.routes.remove(index);
    this.#table = tableWithout(this.#table, name);
  }
}

/** Says that there is no handler of a name. */
export function noSuchHandler(name: unknown, { names }: Pick<HandlerTable, 'names'>): KeylaneError {
  const expected = names.length === 0 ? 'of which there is none now' : `one of ${names.map(shown).join(', ')}`;
  return new KeylaneError('bad-option', `handler must be ${expected}, got ${shown(name)}`);
}

function tableWithout(table: HandlerTable, name: string): HandlerTable {
  const isLeft = (_: unknown, index: number): boolean => table.names[index] !== name;
  const [names, policies] = [table.names.filter(isLeft), table.policies.filter(isLeft)];
  return { names, policies, takes: takesOf(table).filter(isLeft) };
}

/**
 * Of the ring an event may have half: it is admitted whole, and no more than that is held by lanes that may not run for
 * a while.
 */
function fittingWidth(widest: number, { ringSize }: Config): number {
  if (widest === 1 || 2 * widest <= ringSize) return widest;
  const expected = `ringSize must be at least ${2 * widest}, as an event may be owed to ${widest} handlers`;
  throw new KeylaneError('bad-option', `${expected}, got ${ringSize}`);
}
