// Handlers that come and go while the processor runs, one change after another. One that comes is loaded by new
// threads, which take over, and known to the store before any event is owed to it. One that goes takes no new event;
// what it is owed is finished, or stays in the store for a processor that has it again.

import type { AwayLanes } from './away-lanes.js';
import type { Dispatcher } from './dispatch/dispatcher.js';
import type { DueTimes } from './due-times.js';
import { KeylaneError, shown } from './errors.js';
import type { HandlerSet } from './handler-set.js';
import type { Idleness } from './idleness.js';
import type { Journal } from './journal.js';
import { Matcher } from './outcome-filter.js';
import type { HandlerSource } from './pool/messages.js';
import type { PreflightResult } from './pool/preflight.js';
import type { Pump } from './pump.js';
import type { FlightRecorder, HandlerThreads, WriterThread } from './threads.js';

/** Finds a module and loads it once. */
export type HandlerLoader = (module: string | URL, exportName: string) => Promise<PreflightResult>;

export interface AddOptions {
  /** The export of the module that defines the handlers, as its default export would; `default` without it. */
  readonly export?: string;
}

export interface RemoveOptions {
  /**
   * What becomes of accepted events that it has not run: `finish` runs them, `park` leaves them in the store, where the
   * next processor that has a handler of that name finds them.
   */
  readonly owed: 'finish' | 'park';
}

interface Parts {
  readonly handlers: HandlerSet;
  readonly dispatcher: Dispatcher;
  readonly dueTimes: DueTimes;
  readonly away: AwayLanes;
  readonly journal: Journal;
  readonly pump: Pump;
  readonly idleness: Idleness;
  readonly pool: HandlerThreads;
  readonly writer: WriterThread;
  readonly flight: FlightRecorder;
  readonly load: HandlerLoader;
}

export class ChangingHandlers {
  readonly #parts: Parts;
  /** Those that came, whether they are still there or not: their indexes stay. */
  #sources: readonly HandlerSource[] = [];
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** See `ProcessorCalls.addHandlers`. */
  add(module: string | URL, { export: exportName = 'default' }: AddOptions): Promise<readonly string[]> {
    if (typeof exportName !== 'string' || exportName === '') {
      const found = `export must be the name of an export of the module, got ${shown(exportName)}`;
      return Promise.reject(new KeylaneError('bad-option', found));
    }
    return this.#inTurn(() => this.#add(module, exportName));
  }

  /** See `ProcessorCalls.removeHandler`. What is accepted after the call is not owed to it. */
  async remove(name: string, { owed }: RemoveOptions): Promise<void> {
    const { handlers } = this.#parts;
    const index = handlers.indexOf(name);
    if (index === -1) {
      const names = handlers.table.names.map(shown).join(', ');
      throw new KeylaneError('bad-option', `handler must be one of ${names}, got ${shown(name)}`);
    }
    if (owed !== 'finish' && owed !== 'park') {
      throw new KeylaneError('bad-option', `owed must be "finish" or "park", got ${shown(owed)}`);
    }
    if (owed === 'park' && handlers.orders[index] === 'global') {
      const why = 'under the option order "global" what follows would have to wait for it';
      throw new KeylaneError('bad-option', `owed must be "finish" for handler ${shown(name)}, got "park": ${why}`);
    }
    handlers.remove(index);
    await this.#inTurn(() => (owed === 'finish' ? this.#finish(index, name) : this.#park(index, name)));
  }

  async #add(module: string | URL, exportName: string): Promise<readonly string[]> {
    const { handlers, pool, writer, flight } = this.#parts;
    const { url, table, execArgv } = await this.#parts.load(module, exportName);
    const fitting = handlers.fit(table);
    const added = [...this.#sources, { url: url.href, exportName, table }];
    const policies = [...handlers.policies, ...fitting.policies];
    await pool.setHandlers({ added, policies, ...(execArgv.length > 0 && { execArgv }) });
    const { names } = table;
    flight.addHandlers(await writer.addHandlers({ indexFirst: handlers.names.length, names, orders: fitting.orders }));
    this.#sources = added;
    this.#takeIn(fitting);
    return names;
  }

  #takeIn(fitting: ReturnType<HandlerSet['fit']>): void {
    const { handlers, dispatcher, dueTimes, pump } = this.#parts;
    handlers.add(fitting);
    for (const policy of fitting.policies) dueTimes.addHandler(policy);
    for (const handler of fitting.forDispatcher) {
      dispatcher.addHandler(handler, handlers);
      pump.figures.addHandler();
    }
  }

  async #finish(index: number, name: string): Promise<void> {
    const { dispatcher, idleness, writer } = this.#parts;
    await idleness.whenIdle(new Matcher({ handler: name }, 'events'), undefined);
    dispatcher.resume({ handler: index, key: null });
    await writer.removeHandler(index);
  }

  async #park(index: number, name: string): Promise<void> {
    const { dispatcher, away, journal, pump, idleness, writer } = this.#parts;
    dispatcher.away.close(index);
    dispatcher.resume({ handler: index, key: null });
    away.forget(index);
    journal.expectParked(name);
    pump.wake();
    const removed = writer.removeHandler(index);
    await idleness.whenNotHeld(new Matcher({ handler: name }, 'events'));
    await removed;
  }

  /** Begins a change when those before have ended, however they did. */
  #inTurn<Value>(change: () => Promise<Value>): Promise<Value> {
    const result = this.#last.then(change, change);
    this.#last = result.catch(() => {});
    return result;
  }
}
