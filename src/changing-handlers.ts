// Handlers that come and go while the processor runs, one change after another. One that comes is loaded by new
// threads, which take over, and known to the store before any event is owed to it; what waits for it in the store comes
// first. One that goes takes no new event; what it is owed is finished, or stays in the store until it comes again.

import type { AwayLanes } from './away-lanes.js';
import type { Dispatcher } from './dispatch/dispatcher.js';
import type { DueTimes } from './due-times.js';
import { KeylaneError, messageOf, shown } from './errors.js';
import { type HandlerSet, type HandlersToAdd, noSuchHandler } from './handler-set.js';
import type { Idleness } from './idleness.js';
import type { Journal } from './journal.js';
import { locationFrom } from './locations.js';
import { unknownOption } from './option-spec.js';
import { Matcher } from './outcome-filter.js';
import type { HandlerSource } from './pool/messages.js';
import { sourceOf } from './pool/pool-options.js';
import type { LoadRequest, PreflightResult } from './pool/preflight.js';
import type { Pump } from './pump.js';
import type { HandlersKnown } from './store/handler-messages.js';
import type { FlightRecorder, HandlerThreads, WriterThread } from './threads.js';

/** Finds a module and loads it once. */
export type HandlerLoader = (module: string | URL, how: LoadRequest) => Promise<PreflightResult>;

export interface AddOptions {
  /** The export of the module that defines the handlers, as its default export would; `default` without it. */
  readonly export?: string;
}

export interface RemoveOptions {
  /**
   * What becomes of accepted events that it has not run: `finish` runs them, `park` leaves them in the store, where a
   * handler of that name finds them that is added, or that the next processor has.
   */
  readonly owed: 'finish' | 'park';
}

interface Parts {
  readonly handlers: HandlerSet;
  /** What the threads were started with. */
  readonly sources: readonly HandlerSource[];
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
  onWarning(error: KeylaneError): void;
}

/** A removal that has not ended; `owed: 'finish'` becomes `park` once it is told so. */
interface Leaving {
  readonly index: number;
  readonly park: AbortController;
  readonly done: Promise<void>;
}

export class ChangingHandlers {
  readonly #parts: Parts;
  /** Where handlers came from, whether they are still there or not: their indexes stay. */
  #sources: readonly HandlerSource[];
  /** Indexes of those that went, and to which nothing comes any more. */
  readonly #gone = new Set<number>();
  readonly #leaving = new Map<string, Leaving>();
  /** Begins the end of whatever is under way. */
  readonly #ending = new AbortController();
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#sources = parts.sources;
  }

  /** See `ProcessorCalls.addHandlers`. */
  async add(module: string | URL, options: AddOptions): Promise<readonly string[]> {
    const exportName = exportFrom(options);
    const location = locationFrom('module', module);
    const { signal } = this.#ending;
    const loaded = await this.#inTurn(() => this.#parts.load(location, { exportName, signal }));
    for (const name of loaded.table.names) await Promise.allSettled([this.#leaving.get(name)?.done]);
    return this.#inTurn(() => this.#add(loaded, exportName));
  }

  /** See `ProcessorCalls.removeHandler`. What is accepted after the call is not owed to it. */
  async remove(name: string, options: RemoveOptions): Promise<void> {
    const owed = owedFrom(options);
    const { handlers } = this.#parts;
    const leaving = this.#leaving.get(name);
    const index = leaving?.index ?? handlers.indexOf(name);
    if (index === -1) throw noSuchHandler(name, handlers.table);
    if (owed === 'park' && handlers.orders[index] === 'global') {
      const why = 'under the option order "global" what follows would have to wait for it';
      throw new KeylaneError('bad-option', `owed must be "finish" for handler ${shown(name)}, got "park": ${why}`);
    }
    const park = leaving?.park ?? new AbortController();
    if (owed === 'park') park.abort();
    await (leaving?.done ?? this.#leave(name, { index, park }));
  }

  /** Takes no more handlers in; a call that is under way rejects with the error. */
  end(error: KeylaneError): void {
    this.#ending.abort(error);
  }

  async #add({ url, table, execArgv }: PreflightResult, exportName: string): Promise<readonly string[]> {
    const { handlers, pool, pump, writer } = this.#parts;
    const fitting = handlers.fit(table);
    const [{ names }, { orders }] = [table, fitting];
    for (const [index, name] of names.entries()) await this.#parkOwed(name, orders[index]!);
    const sources = [...this.#sources, sourceOf({ url, table }, exportName)];
    const policies = [...handlers.policies, ...fitting.policies];
    await this.#unlessEnding(pool.setHandlers({ sources, policies, ...(execArgv.length > 0 && { execArgv }) }));
    try {
      const request = { indexFirst: handlers.names.length, names, orders };
      await pump.takeIn(writer.addHandlers(request), (known) => this.#takeIn(fitting, known));
    } catch (error) {
      await this.#replaceThreads('without handlers that the store refused');
      throw error;
    }
    this.#sources = sources;
    return names;
  }

  /** Has what the journal owes to a handler that comes wait in its lanes, where new events of their keys follow it. */
  async #parkOwed(name: string, order: HandlersToAdd['orders'][number]): Promise<void> {
    const { journal, pump, writer } = this.#parts;
    for (let from: number | null = 0; from !== null; ) {
      const call = writer.parkOwed({ name, order, from });
      const { next } = await pump.takeIn(call, ({ positions }) => {
        for (const position of positions) journal.parkedAt(position);
      });
      from = next;
    }
  }

  #takeIn(fitting: HandlersToAdd, { ids, lanes }: HandlersKnown): void {
    const { handlers, dispatcher, dueTimes, pump, flight, away } = this.#parts;
    flight.addHandlers(ids);
    handlers.add(fitting);
    for (const policy of fitting.policies) dueTimes.addHandler(policy);
    for (const handler of fitting.forDispatcher) {
      dispatcher.addHandler(handler, handlers);
      pump.figures.addHandler();
    }
    away.takeUp(lanes);
    pump.wake();
  }

  #leave(name: string, { index, park }: Omit<Leaving, 'done'>): Promise<void> {
    this.#parts.handlers.remove(index);
    const left = (): void => {
      this.#leaving.delete(name);
    };
    const done = this.#goneAfter(name, { index, park: park.signal }).finally(left);
    this.#leaving.set(name, { index, park, done });
    return done;
  }

  /** Ends a handler: at once, or when it has finished what it is owed. */
  async #goneAfter(name: string, { index, park }: { index: number; park: AbortSignal }): Promise<void> {
    const isFinished = !park.aborted && (await this.#finished(name, park));
    await this.#close(index, { name, isFinished });
    this.#gone.add(index);
    await this.#inTurn(() => this.#unload());
  }

  /** Resolves when a handler has finished what it is owed, or with false once it is to do so no longer. */
  async #finished(name: string, park: AbortSignal): Promise<boolean> {
    try {
      await this.#parts.idleness.whenIdle(new Matcher({ handler: name }, 'events'), park);
      return true;
    } catch (error) {
      if (park.aborted) return false;
      throw error;
    }
  }

  /** Nothing of a handler starts from here on; resolves when nothing of it is in memory, and the store knows it. */
  async #close(index: number, { name, isFinished }: { name: string; isFinished: boolean }): Promise<void> {
    const { dispatcher, away, journal, pump, idleness, writer } = this.#parts;
    dispatcher.away.close(index);
    dispatcher.pauses.forget(index);
    dispatcher.resume({ handler: index, key: null });
    away.forget(index);
    journal.expectParked(name);
    pump.wake();
    const steps = [writer.removeHandler(index), idleness.whenNotHeld(new Matcher({ handler: name }, 'events'))];
    // A processor that has finished everything keeps none waiting.
    if (!isFinished || !this.#ending.signal.aborted) await Promise.all(steps);
    else await Promise.allSettled(steps);
  }

  /** Has threads take over that no longer load modules of which all handlers went. */
  async #unload(): Promise<void> {
    let isAny = false;
    let next = 0;
    const sources = this.#sources.map((source) => {
      const first = next;
      next += source.table.names.length;
      if (source.isGone || source.table.names.some((_, at) => !this.#gone.has(first + at))) return source;
      isAny = true;
      return { ...source, isGone: true };
    });
    this.#sources = sources;
    if (isAny) await this.#replaceThreads('without handlers that went');
  }

  /** Has threads take over that run what there is; while they cannot be made ready, those before go on. */
  async #replaceThreads(how: string): Promise<void> {
    const { pool, handlers, onWarning } = this.#parts;
    try {
      await pool.setHandlers({ sources: this.#sources, policies: [...handlers.policies] });
    } catch (error) {
      if (this.#ending.signal.aborted) return;
      const problem = `threads ${how} could not be started, those there are go on: ${messageOf(error)}`;
      onWarning(new KeylaneError('pool-failed', problem, { cause: error }));
    }
  }

  /** Puts the error that ended the processor in place of what came of it. */
  async #unlessEnding(step: Promise<void>): Promise<void> {
    const { signal } = this.#ending;
    await step.catch((error) => {
      throw signal.aborted ? signal.reason : error;
    });
    signal.throwIfAborted();
  }

  /** Begins a change when those before have ended, however they did. */
  #inTurn<Value>(change: () => Promise<Value>): Promise<Value> {
    const result = this.#last.then(change, change);
    this.#last = result.catch(() => {});
    return result;
  }
}

function exportFrom(options: AddOptions): string {
  const { export: exportName = 'default' } = checkedOptions(options, 'export');
  if (typeof exportName === 'string' && exportName !== '') return exportName;
  const found = `export must be the name of an export of the module, got ${shown(exportName)}`;
  throw new KeylaneError('bad-option', found);
}

function owedFrom(options: RemoveOptions): RemoveOptions['owed'] {
  const { owed } = checkedOptions(options, 'owed');
  if (owed === 'finish' || owed === 'park') return owed;
  throw new KeylaneError('bad-option', `owed must be "finish" or "park", got ${shown(owed)}`);
}

function checkedOptions<Options extends object>(options: Options, name: keyof Options & string): Options {
  if (typeof options !== 'object' || options === null) {
    throw new KeylaneError('bad-option', `options must be an object with ${name}, got ${shown(options)}`);
  }
  const stray = Object.keys(options).find((one) => one !== name);
  if (stray !== undefined) throw unknownOption(stray, { names: [name] });
  return options;
}
