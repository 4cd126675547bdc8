// Handlers that take time on the simulated clock and do, on a seeded whim, whatever a handler can: succeed, throw,
// postpone, give too much, run into their time limit and obey or not, end their thread. Every try is put on record as
// the outside sees it: when its code began and stopped executing, and what it did.

import { type Handler, type HandlerContext, type HandlerEvent, PermanentError, RetryLater } from '../../src/handler.js';
import { emitCount, fold } from './fold.js';
import type { Random } from './random.js';

/**
 * What a try did. `runs`: it has not ended yet, or never did. `obeyed`: it saw that it was to end, and threw. `struck`:
 * while it ran, its thread was ended by what another had left behind. The last three ended their thread.
 */
export type Deed = 'runs' | 'gave' | 'threw' | 'postponed' | 'obeyed' | 'struck' | Death;

export type Death = 'exited' | 'left-error' | 'out-of-memory';

/** One try of an event. */
export interface Try {
  readonly identity: string;
  readonly lane: string;
  readonly startUs: number;
  readonly startMs: number;
  /** When it stopped executing; infinity while it has not. */
  endMs: number;
  /** Time in which the process was running, at its start and its end. */
  readonly startWorkedMs: number;
  endWorkedMs: number;
  readonly limitMs: number | null;
  readonly graceMs: number;
  deed: Deed;
  /** The thread had been told to exit when it began. */
  readonly isLate: boolean;
  /** The thread had run nothing before. */
  readonly isFirst: boolean;
  /** How long it asked for, where it was postponed. */
  waitMs: number;
  /** When its event is due again, as the store is told; 0 while it is not. */
  dueUs: number;
  /** Rows that say something of it. */
  rows: number;
}

/** What a handler does to its thread, and what its thread lends it. */
export interface HandlersThread {
  readonly isEnding: boolean;
  /** Calls back after so long, unless the thread executes nothing more by then. */
  work(delayMs: number, callback: () => void): void;
  /** Ends it, as a handler does. */
  die(how: Death): void;
  /** Leaves something behind that ends it later, whatever it runs by then. */
  leave(how: Death, delayMs: number): void;
}

export interface HandlersWorld {
  readonly random: Random;
  /** By index of the handler. */
  readonly limits: readonly { readonly timeoutMs: number | null; readonly graceMs: number }[];
  /** One try in so many is postponed, and some waits are so long. */
  readonly postponedIn: number;
  readonly waitMsMax: number;
  /** Whether handlers emit what their events say. */
  readonly emits: boolean;
  /** A try begins: gives its record, or null where it is the end of the process. */
  begin(event: HandlerEvent, of: { handler: number; isLate: boolean }): Try | null;
  end(record: Try): void;
}

/** More than fits where results survive their thread. */
const tooMuch = 'x'.repeat(300_000);

/** Made once, as most of an error's cost is its stack. */
const permanent = new PermanentError('a whim');
const passing = new Error('a whim');
const toldToEnd = new Error('told to end');

/** The handlers of one thread. */
export function simulatedHandlers(
  count: number,
  of: { world: HandlersWorld; thread: HandlersThread; keeps: readonly boolean[] },
): Handler[] {
  return Array.from({ length: count }, (_, handler) => {
    return (event: HandlerEvent, context: HandlerContext) => {
      const record = of.world.begin(event, { handler, isLate: of.thread.isEnding });
      // At once, so that a try that fails after it must be as if nothing had been set.
      if (record !== null && of.keeps[handler] && event.key !== null) {
        context.setState(fold(context.state, record.identity));
      }
      if (record !== null && of.world.emits) {
        const { type, key, depth } = event;
        for (let count = emitCount(record.identity, depth); count > 0; count -= 1)
          context.emit({ type, key, data: count });
      }
      return new Promise((resolve, reject) => {
        if (record !== null) new Performance({ ...of, handler, context, record, resolve, reject }).begin();
      });
    };
  });
}

interface PerformanceParts {
  readonly world: HandlersWorld;
  readonly thread: HandlersThread;
  readonly handler: number;
  readonly context: HandlerContext;
  readonly record: Try;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** One try, while it executes. */
class Performance {
  readonly #parts: PerformanceParts;

  constructor(parts: PerformanceParts) {
    this.#parts = parts;
  }

  begin(): void {
    const { world, thread } = this.#parts;
    const { random } = world;
    if (random.oneIn(25)) this.#dawdle();
    else thread.work(random.next(), () => this.#act());
  }

  /** Takes so long that it may be told to end. */
  #dawdle(): void {
    const { world, thread, handler } = this.#parts;
    const { random } = world;
    const { timeoutMs, graceMs } = world.limits[handler]!;
    const longMs = random.next() * (2 * (timeoutMs ?? 30) + graceMs);
    if (random.oneIn(2)) this.#watch({ untilMs: longMs * 2, lookMs: 1 + random.next() * 5 });
    // Without a limit nobody would end what never does.
    else if (timeoutMs === null || random.oneIn(3)) thread.work(longMs, () => this.#act());
  }

  /** Works in portions, and looks between them whether it is to end. */
  #watch({ untilMs, lookMs }: { untilMs: number; lookMs: number }): void {
    const { world, thread, context } = this.#parts;
    thread.work(lookMs, () => {
      if (context.aborted) {
        const { random } = world;
        thread.work(random.next() * 3, () => {
          if (random.oneIn(4)) this.#end('obeyed', () => this.#parts.resolve('too late'));
          else this.#end('obeyed', () => this.#parts.reject(toldToEnd));
        });
      } else if (untilMs > lookMs) this.#watch({ untilMs: untilMs - lookMs, lookMs });
      else this.#act();
    });
  }

  #act(): void {
    const { record, world, thread, resolve, reject } = this.#parts;
    const { random, postponedIn, waitMsMax } = world;
    if (random.oneIn(40)) {
      record.deed = random.pick(['exited', 'exited', 'left-error', 'out-of-memory'] as const);
      thread.die(record.deed);
    } else if (random.oneIn(postponedIn)) {
      record.waitMs = random.oneIn(8) ? random.int(0, waitMsMax) : random.next() * 10;
      this.#end('postponed', () => reject(new RetryLater(record.waitMs)));
    } else if (random.oneIn(9)) {
      this.#end('threw', () => reject(random.oneIn(6) ? permanent : passing));
    } else this.#end('gave', () => resolve(random.oneIn(300) ? tooMuch : 1));
  }

  #end(deed: Deed, settle: () => void): void {
    const { record, world, thread } = this.#parts;
    const { random } = world;
    record.deed = deed;
    if (random.oneIn(60)) thread.leave(random.pick(['exited', 'left-error'] as const), random.next() * 5);
    world.end(record);
    settle();
  }
}
