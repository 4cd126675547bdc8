// Which event types a handlers module takes, and with what data: types only, from which `publish` has its own.

import type { SourceEvent } from './event.js';
import type { Handler, HandlerEvent, NamedHandler } from './handler.js';

/**
 * Event types, each with the data its handler takes: `{ 'flight.departed': Flight }`. A pattern stands for all its
 * types that the map does not name: `'flight.*'` for those that begin with `flight.`, `'*'` for every one. An interface
 * does as well, wherever a map is taken.
 */
export type EventMap = Readonly<Record<string, unknown>>;

/** The types that a type or a pattern stands for. */
export type TypesOn<On extends string> = On extends '*'
  ? string
  : On extends `${infer Head}.*`
    ? `${Head}.${string}`
    : On;

/** The types of a map's events. */
export type TypeOf<Events extends object> = TypesOn<keyof Events & string>;

/**
 * The events of a map, or those of one type; `data` may be left out only where the handler takes undefined. Of one type
 * the data is what the map has under its name, else what fits all patterns that cover it. The events of all types, as
 * `writableStream()` takes them, are a union, from which TypeScript cannot take a name that a pattern covers: there,
 * and where the type is known as `order.${string}` or `string` only, such a type may have the data of either.
 */
export type EventOf<Events extends object, Type extends TypeOf<Events> = TypeOf<Events>> = {
  // Said outright, so that a call infers the literal: of a map that has `*` it would infer `string`.
  readonly type: Type;
} & OfMap<Events, Type>;

type OfMap<Events extends object, Type extends TypeOf<Events>> = Type extends keyof Events
  ? WithData<Type, Events[Type]>
  : IsOne<Type> extends true
    ? WithData<Type, Intersection<DataOn<Events, Type>>>
    : { [On in keyof Events & string]: WithData<TypesOn<On>, Events[On]> }[keyof Events & string];

type WithData<Type extends string, Data> = undefined extends Data
  ? SourceEvent<Type, Data>
  : SourceEvent<Type, Data> & { readonly data: Data };

/** Whether it is one type, and not all that begin alike. */
type IsOne<Type extends string> = Record<never, never> extends Record<Type, unknown> ? false : true;

/** What a map has under each pattern that covers a type; wrapped, so that a union keeps them apart. */
type DataOn<Events extends object, Type extends string> = {
  [On in keyof Events & string]: Type extends TypesOn<On> ? Wrapped<Events[On]> : never;
}[keyof Events & string];

/**
 * The event types of a handlers module, each with the data its handler takes: `{ 'flight.departed': Flight }`. Data
 * that several handlers of a list take has to fit all of them, those that take it by a pattern included. A pattern
 * stays one: of `order.*` every type that begins with `order.` may be published, and of `*` every type. What is a map
 * of data already stays one.
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
    ? Wrapped<Run extends Handler ? DataOf<Run> : DataOfEach<Batch>>
    : never
  : never;

type DataOfEach<Batch> = Batch extends (events: readonly (infer E)[], ...rest: never[]) => unknown
  ? E extends { readonly data: infer Data }
    ? Data
    : unknown
  : unknown;

/** What a handler takes that names no data is unknown: `any` would let through what fits none of the others. */
type Wrapped<Data> = (wrapped: { readonly data: 0 extends 1 & Data ? unknown : Data }) => void;

/** What fits all that are wrapped. */
type Intersection<W> = [W] extends [(wrapped: infer All) => void]
  ? All extends { readonly data: unknown }
    ? All['data']
    : unknown
  : unknown;
