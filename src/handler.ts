// What people write: handlers, and the module that holds them. Nothing here runs one.

import type { SourceEvent } from './event.js';
import type { ReadExtras } from './extras.js';
import type { StateOptions } from './keyed-state.js';
import { hasMark, markClass } from './marks.js';
import type { RateLimit } from './rate-options.js';

/** An event as a handler sees it. `data` was encoded on publish and decoded in this thread: it is the handler's own. */
export interface HandlerEvent<Data = unknown, Type extends string = string> extends ReadExtras {
  readonly type: Type;
  /** The partition key, or null: events with one key run one at a time, in order. */
  readonly key: string | null;
  /** The id the publisher gave, or null. */
  readonly id: string | null;
  /** A JSON value, or a `Uint8Array` where the publisher gave one. */
  readonly data: Data;
  /** Where the event came from; (partition, position) is its identity. */
  readonly partition: string;
  readonly position: number;
}

/** What a handler is told about its try. */
export interface HandlerContext {
  /** The handler's name. */
  readonly handler: string;
  /** The try, counted from 1. */
  readonly attempt: number;
  /** The id of the thread it runs in, as `worker_threads.threadId`. */
  readonly threadId: number;
  /**
   * Whether this try is to end, as it has run into its time limit or was cancelled. It is read from memory that the
   * main thread writes, so a loop that never awaits sees it change.
   */
  readonly aborted: boolean;
  /** The same for asynchronous code. */
  readonly signal: AbortSignal;
  /**
   * The state of the event's key, as the last event of this handler and key that succeeded has left it; of a handler
   * that declares `state`. It is this try's own: a change in place is lost, `setState` is what keeps one. Throws where
   * the event has no key.
   */
  // biome-ignore lint/suspicious/noExplicitAny: what it is, its handler's `initial` says
  readonly state: any;
  /**
   * Sets the state of the event's key: a JSON value, a `Uint8Array`, or undefined, which gives it up. It is encoded
   * when the try has ended, and stored in one transaction with its outcome; if the try does not succeed it is as if
   * nothing had been set.
   */
  setState(next: unknown): void;
  /**
   * Emits follow-up events. They exist exactly if this try succeeds: they are stored in one transaction with its
   * outcome, in the order of the calls, with the ids that `correlate` gives them, and then run like any other event.
   * Checked and encoded at the call. Throws where an event could not be published, where the try has ended, and a
   * `PermanentError` where the chain is longer than `emitDepthMax` or there is no journal.
   */
  emit(events: SourceEvent | readonly SourceEvent[]): void;
  /** Gives an event the ids that it has as a follow-up of this one; see the function `correlate`. */
  correlate<Event extends SourceEvent>(event: Event): Event & { correlationId: string; causationId: string };
}

/** What follows a dead letter: the later events of its key go on, or wait until somebody has looked at it. */
export type OnDeadLetter = 'continue' | 'park';

/** In order per key, in none, or all events of the handler one after another. */
export type HandlerOrder = 'key' | 'none' | 'handler';

/** How the failures of one handler are treated, and what it may claim; what is left out is as the options say. */
export interface HandlerPolicy {
  /**
   * From -1000 to 1000, 0 where it is left out: among keys that are ready, those of a handler with a higher one go
   * first, as long as there are any. Within a key nothing goes before its turn.
   */
  readonly priority?: number;
  /**
   * What waits of a key: all its events (`all`, where it is left out), or the newest (`latest`), for which it needs the
   * order `key`. An event that no thread was given yet is superseded as soon as a newer one of its key is accepted: it
   * has the outcome `superseded`, does not run, and the newer one has its turn. One that has been tried is kept; a
   * dead letter that is run again is kept as well, and supersedes none.
   */
  readonly waiting?: 'all' | 'latest';
  /** How many of its events may run at the same time, from 1; without it, as many as there are threads. */
  readonly concurrency?: number;
  /**
   * How many of its tries may start: `tries` (1) within `perMs` (1,000) on average, and as many at once. What has to
   * wait for it keeps its order, and other handlers go past. Not under the order `global`.
   */
  readonly rateLimit?: Partial<RateLimit>;
  /** The same of each of its keys; it needs the order `key`. */
  readonly rateLimitPerKey?: Partial<RateLimit>;
  /** The order of its events, where that is another than the option says; not under the option `global`. */
  readonly order?: HandlerOrder;
  /** Tries of one event, the first one included. */
  readonly attemptsMax?: number;
  /** Upper bound of the wait before the second try, in ms; each later one doubles it. */
  readonly backoffMsMin?: number;
  /** The longest wait between two tries, in ms. */
  readonly backoffMsMax?: number;
  /** The longest time one event may run, in ms, from the moment it starts in its thread. */
  readonly timeoutMs?: number;
  /** Time between the end of `timeoutMs` and the end of the thread, in ms. */
  readonly graceMs?: number;
  readonly onDeadLetter?: OnDeadLetter;
  /**
   * Whether an error is worth another try. Runs in the handler's thread; one that throws means yes. So does one that
   * gives neither true nor false, such as a promise; the error of the try is then a `PolicyError`.
   */
  readonly retryIf?: (error: unknown) => boolean;
  /** The handler keeps a state for each key; it needs the order `key`. */
  // biome-ignore lint/suspicious/noExplicitAny: each handler has a state of its own kind
  readonly state?: StateOptions<any>;
}

/** Policies by the names of handlers: `export const policies: Policies = { 'flight.departed': { timeoutMs: 500 } }`. */
export type Policies = Readonly<Record<string, HandlerPolicy>>;

/** The part of a policy that crosses threads, as a module gives it. */
export type GivenPolicy = Omit<HandlerPolicy, 'retryIf' | 'state'> & {
  /** Whether it keeps a state for each key. */
  readonly isStateful?: true;
  /** Whether it takes several events of a key at once. */
  readonly takesRuns?: true;
};

/** A whole policy. */
export interface Policy {
  readonly attemptsMax: number;
  readonly backoffMsMin: number;
  readonly backoffMsMax: number;
  /** Null: without limit. */
  readonly timeoutMs: number | null;
  readonly graceMs: number;
  readonly onDeadLetter: OnDeadLetter;
  readonly takesRuns?: true;
}

const permanentMark = Symbol.for('keylane.PermanentError');
const retryLaterMark = Symbol.for('keylane.RetryLater');

/** Thrown by a handler: no other try would end differently, so the event is dead-lettered at once. */
export class PermanentError extends Error {
  override readonly name: string = 'PermanentError';
  readonly [permanentMark] = true;
}

markClass(PermanentError, permanentMark);

/** Thrown by a handler: try again after `delayMs`. It counts as no try, within `postponementsMax`. */
export class RetryLater extends Error {
  override readonly name: string = 'RetryLater';
  readonly delayMs: number;
  readonly [retryLaterMark] = true;

  /** @param delayMs from 0 to 86,400,000 (a day); more is taken as a day. */
  constructor(delayMs: number, message = `asked to be tried again after ${delayMs} ms`, options?: ErrorOptions) {
    super(message, options);
    if (!(delayMs >= 0)) throw new RangeError(`RetryLater takes a number of ms from 0, got ${String(delayMs)}`);
    this.delayMs = Math.min(delayMs, retryLaterMsMax);
  }
}

/** The longest wait that a handler can ask for. */
export const retryLaterMsMax = 24 * 60 * 60 * 1000;

/** By a mark and not by class, as a handlers module may have a keylane of its own. */
export function isPermanent(thrown: unknown): boolean {
  return hasMark(thrown, permanentMark);
}

/**
 * The wait that a thrown RetryLater asks for, from 0 to `retryLaterMsMax`; null for anything else, one without such a
 * wait included. It may be of another keylane, or no class of anybody's, so nothing about it is taken on trust.
 */
export function retryLaterMs(thrown: unknown): number | null {
  if (!hasMark(thrown, retryLaterMark)) return null;
  try {
    const { delayMs } = thrown as { readonly delayMs: unknown };
    const fits = typeof delayMs === 'number' && Number.isFinite(delayMs) && delayMs >= 0;
    return fits ? Math.min(delayMs, retryLaterMsMax) : null;
  } catch {
    return null;
  }
}

/**
 * The user's function for some event types. It gives a JSON value, a `Uint8Array`, nothing, or a promise of one of
 * these; what it gives is stored with the outcome. A throw is a failed try.
 */
// biome-ignore lint/suspicious/noExplicitAny: only `any` lets each handler of a map name its own type and data
export type Handler<Data = any> = (event: HandlerEvent<Data, any>, context: HandlerContext) => unknown;

/**
 * One of several handlers that may take the same event, with its policy beside it. `on` is a type, a list of types, or
 * of patterns: `order.*` is every type that begins with `order.`, and `*` is every type.
 */
export type NamedHandler = OneByOne | ByRuns;

interface Listed extends HandlerPolicy {
  readonly name: string;
  readonly on: string | readonly string[];
}

interface OneByOne extends Listed {
  readonly run: Handler;
  readonly runKeyBatch?: undefined;
}

/** It needs the order `key`. */
interface ByRuns extends Listed {
  readonly run?: undefined;
  readonly runKeyBatch: KeyBatchHandler;
}

/**
 * Takes consecutive events of one key, the oldest first, and gives a list with one result for each. Either all of them
 * succeed, or the call has failed: then each of them is tried by itself, at once, as a call with one event. What the
 * call sets as the state of the key is what the last of them leaves, and what it emits comes of the last one.
 */
// biome-ignore lint/suspicious/noExplicitAny: as above
export type KeyBatchHandler<Data = any> = (
  // biome-ignore lint/suspicious/noExplicitAny: as above
  events: readonly HandlerEvent<Data, any>[],
  context: HandlerContext,
) => unknown;

/** Handlers by event type, or one function for every type, or a list of which any number may take one event. */
export type Handlers = Readonly<Record<string, Handler>> | Handler | readonly NamedHandler[];

/**
 * Names a module's handlers: `export default defineHandlers({ 'flight.departed': (event, ctx) => result })`, or
 * `defineHandlers([{ name: 'audit', on: '*', run: (event, ctx) => result }])`.
 * It gives back what it is given; its worth is the types that flow from here to `publish`.
 */
export function defineHandlers<const H extends Handlers>(handlers: H): H {
  return handlers;
}

/** The name of the only handler of a module that exports a single function. */
export const singleHandlerName = 'default';

/** Which handler takes which type; `names[i]` is the name of handler i, and a single function takes every type. */
export interface HandlerTable {
  readonly names: readonly string[];
  /** What the module says of each handler's failures and claims, in the order of `names`. */
  readonly policies: readonly GivenPolicy[];
  /** Of a list of handlers: the types and patterns of each, in the order of `names`. */
  readonly takes: 'its-own-type' | 'every-type' | readonly (readonly string[])[];
}

/**
 * What one try gave. `failed`: it is decided, and the event is dead-lettered. `skipped`: it was not tried, or its
 * thread died with the state that it had left, and it goes back to its lane uncounted. `retrying`: it failed and will
 * be tried again; the later events of its run were skipped. `postponed`: likewise, but the handler asked for it, and it
 * is not counted. `cancelled`: it was told to end. `doubted`: its thread died while it ran, of what another event may
 * have left, or while others before it have to run again; it goes back to its lane uncounted, and runs next on a fresh
 * thread.
 */
export const handlerResult = {
  succeeded: 0,
  failed: 1,
  skipped: 2,
  retrying: 3,
  postponed: 4,
  cancelled: 5,
  doubted: 6,
} as const;
export type HandlerResult = (typeof handlerResult)[keyof typeof handlerResult];
