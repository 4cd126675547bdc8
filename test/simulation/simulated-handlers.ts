// Handlers that take time on the simulated clock and do, on a seeded whim, whatever a handler can: succeed, throw,
// postpone, give too much, run into their time limit and obey or not, end their thread. Every try is put on record as
// the outside sees it: when its code began and stopped executing, and what it did.

import {
  type Handler,
  type HandlerContext,
  type HandlerEvent,
  type KeyBatchHandler,
  PermanentError,
  RetryLater,
} from '../../src/handler.js';
import { ofOne } from '../../src/pool/key-batch.js';
import { emitCount, fold } from './fold.js';
import type { Random } from './random.js';

/**
 * What a try did. `runs`: it has not ended yet, or never did. `obeyed`: it saw that it was to end, and threw. `struck`:
 * while it ran, its thread was ended by what another had left behind. The last three ended their thread.
 */
export type Deed = 'runs' | 'gave' | 'threw' | 'postponed' | 'obeyed' | 'struck' | Death;

export type Death = 'exited' | 'left-error' | 'out-of-memory';

/** One try of an event, or of several of a key together. */
export interface Try {
  /** Of the oldest one. */
  readonly identity: string;
  readonly identities: readonly string[];
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
  /** Rows that say something of it; of several events, those that say that one has succeeded. */
  rows: number;
  /** Of several events, rows that say anything else of one. */
  charges: number;
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
  begin(events: readonly HandlerEvent[], of: { handler: number; isLate: boolean }): Try | null;
  end(record: Try): void;
}

/** More than fits where results survive their thread. */
const tooMuch = 'x'.repeat(300_000);

/** Made once, as most of an error's cost is its stack. */
const permanent = new PermanentError('a whim');
const passing = new Error('a whim');
const toldToEnd = new Error('told to end');

interface ThreadParts {
  readonly world: HandlersWorld;
  readonly thread: HandlersThread;
  /** By index of the handler, whether it keeps state, and whether it takes several events of a key at once. */
  readonly keeps: readonly boolean[];
  readonly takesRuns: readonly boolean[];
}

/** The handlers of one thread. */
export function simulatedHandlers(
  names: readonly string[],
  of: ThreadParts,
): { handlers: Handler[]; keyBatches: (KeyBatchHandler | null)[] } {
  const keyBatches = names.map((_, handler): KeyBatchHandler | null => {
    if (!of.takesRuns[handler]) return null;
    return (events, context) => perform(events, context, { ...of, handler }) as Promise<unknown[]>;
  });
  const handlers = names.map((name, handler): Handler => {
    const keyBatch = keyBatches[handler]!;
    if (keyBatch !== null) return ofOne(name, keyBatch);
    return (event, context) => perform([event], context, { ...of, handler });
  });
  return { handlers, keyBatches };
}

/** Begins a try; what it gives for each event is a list where the handler may be given several. */
function perform(
  events: readonly HandlerEvent[],
  context: HandlerContext,
  of: ThreadParts & { handler: number },
): Promise<unknown> {
  const { world, thread, handler } = of;
  const record = world.begin(events, { handler, isLate: thread.isEnding });
  if (record === null) return new Promise(() => {});
  const { type, key, depth } = events.at(-1)!;
  // At once, so that a try that fails after it must be as if nothing had been set.
  if (of.keeps[handler] && key !== null) context.setState(record.identities.reduce(fold, context.state as number));
  for (const identity of world.emits ? record.identities : []) {
    for (let count = emitCount(identity, depth); count > 0; count -= 1) context.emit({ type, key, data: count });
  }
  return new Promise((resolve, reject) => {
    const give = (value: unknown): void => {
      // What does not fit where results outlive their thread may follow what does.
      resolve(of.takesRuns[handler] ? events.map((event) => (event === events.at(-1) ? value : 1)) : value);
    };
    new Performance({ world, thread, handler, context, record, give, resolve, reject }).begin();
  });
}

interface PerformanceParts {
  readonly world: HandlersWorld;
  readonly thread: HandlersThread;
  readonly handler: number;
  readonly context: HandlerContext;
  readonly record: Try;
  /** Gives this, for the last event where there are several. */
  give(value: unknown): void;
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
          if (random.oneIn(4)) this.#end('obeyed', () => this.#parts.give('too late'));
          else this.#end('obeyed', () => this.#parts.reject(toldToEnd));
        });
      } else if (untilMs > lookMs) this.#watch({ untilMs: untilMs - lookMs, lookMs });
      else this.#act();
    });
  }

  #act(): void {
    const { record, world, thread, give, resolve, reject } = this.#parts;
    const { random, postponedIn, waitMsMax } = world;
    if (random.oneIn(40)) {
      record.deed = random.pick(['exited', 'exited', 'left-error', 'out-of-memory'] as const);
      thread.die(record.deed);
    } else if (random.oneIn(postponedIn)) {
      record.waitMs = random.oneIn(8) ? random.int(0, waitMsMax) : random.next() * 10;
      this.#end('postponed', () => reject(new RetryLater(record.waitMs)));
    } else if (random.oneIn(9)) {
      this.#end('threw', () => reject(random.oneIn(6) ? permanent : passing));
    } else if (record.identities.length > 1 && random.oneIn(30)) {
      // A result too many.
      this.#end('threw', () => resolve([...record.identities, null]));
    } else this.#end('gave', () => give(random.oneIn(300) ? tooMuch : 1));
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
