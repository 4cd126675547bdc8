// What people write: handlers, and the module that holds them. Nothing here runs one.

/** An event as a handler sees it. `data` was encoded on publish and decoded in this thread: it is the handler's own. */
export interface HandlerEvent<Data = unknown, Type extends string = string> {
  readonly type: Type;
  /** The partition key, or null: events with one key run one at a time, in order. */
  readonly key: string | null;
  /** The id the publisher gave, or null. */
  readonly id: string | null;
  /** A JSON value, or a `Uint8Array` where the publisher gave one. */
  readonly data: Data;
  /** The time the publisher gave (RFC 3339), or null. */
  readonly time: string | null;
  /** The headers the publisher gave; an object without a prototype. */
  readonly headers: Readonly<Record<string, string>>;
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
}

/**
 * The user's function for some event types. It gives a JSON value, a `Uint8Array`, nothing, or a promise of one of
 * these; what it gives is stored with the outcome. A throw is a failed try.
 */
// biome-ignore lint/suspicious/noExplicitAny: only `any` lets each handler of a map name its own type and data
export type Handler<Data = any> = (event: HandlerEvent<Data, any>, context: HandlerContext) => unknown;

/** Handlers by event type, or one function for every type. */
export type Handlers = Readonly<Record<string, Handler>> | Handler;

/**
 * Names a module's handlers: `export default defineHandlers({ 'flight.departed': (event, ctx) => result })`.
 * It gives back what it is given; its worth is the types that flow from here to `publish`.
 */
export function defineHandlers<H extends Handlers>(handlers: H): H {
  return handlers;
}

/** The event types of a handlers module, each with the data its handler takes: `{ 'flight.departed': Flight }`. */
export type EventMapOf<H> = H extends (event: HandlerEvent<infer Data>, ...rest: never[]) => unknown
  ? Record<string, Data>
  : { [Type in keyof H & string]: H[Type] extends (event: infer E, ...rest: never[]) => unknown ? DataOf<E> : unknown };

type DataOf<E> = E extends { readonly data: infer Data } ? Data : unknown;

/** The name of the only handler of a module that exports a single function. */
export const singleHandlerName = 'default';

/** Which handler takes which type; `names[i]` is the name of handler i, and a single function takes every type. */
export interface HandlerTable {
  readonly names: readonly string[];
  readonly takes: 'its-own-type' | 'every-type';
}

/** What one try gave; `skipped` events were not tried and go back to their lanes uncounted. */
export const handlerResult = { succeeded: 0, failed: 1, skipped: 2 } as const;
export type HandlerResult = (typeof handlerResult)[keyof typeof handlerResult];
