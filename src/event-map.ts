// Which event types a handlers module takes, and with what data: types only, from which `publish` has its own.

import type { TypesOn } from './event.js';
import type { Handler, HandlerEvent, NamedHandler } from './handler.js';

/**
 * The event types of a handlers module, each with the data its handler takes: `{ 'flight.departed': Flight }`. Data
 * that several handlers of a list take has to fit all of them, those that take it by a pattern included. A pattern
 * stays one: of `order.*` every type that begins with `order.` may be published, and of `*` every type. A type that is
 * named beside a pattern may have the data of either. What is a map of data already stays one.
 */
export type EventMapOf<H> = H extends readonly NamedHandler[]
  ? { [On in OnOf<H[number]>]: Intersection<DataFor<H[number], TypesOn<On>>> }
  : H extends (event: HandlerEvent<infer Data>, ...rest: never[]) => unknown
    ? Record<string, Data>
    : { -readonly [Type in keyof H & string]: DataOf<H[Type]> };

type DataOf<H> = H extends (event: infer E, ...rest: never[]) => unknown
  ? E extends { readonly data: infer Data }
    ? Data
    : unknown
  : H;

/** The types and patterns that a handler of a list says. As they are said: a pattern would swallow what it covers. */
type OnOf<N> = N extends { readonly on: infer On } ? (On extends readonly (infer One)[] ? One : On) & string : never;

/** The types that it takes. */
type TypesOf<N> = TypesOn<OnOf<N>>;

/** What each handler of a list that takes a type takes of it; wrapped, so that a union keeps them apart. */
type DataFor<N, Type> = N extends { readonly run?: infer Run; readonly runKeyBatch?: infer Batch }
  ? Type extends TypesOf<N>
    ? (wrapped: { readonly data: Run extends Handler ? DataOf<Run> : DataOfEach<Batch> }) => void
    : never
  : never;

type DataOfEach<Batch> = Batch extends (events: readonly (infer E)[], ...rest: never[]) => unknown
  ? E extends { readonly data: infer Data }
    ? Data
    : unknown
  : unknown;

type Intersection<Wrapped> = [Wrapped] extends [(wrapped: infer All) => void]
  ? All extends { readonly data: unknown }
    ? All['data']
    : unknown
  : unknown;
