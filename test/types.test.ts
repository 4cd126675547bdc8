// What the compiler refuses: the types of a handlers module reach `publish`. Checked by `npm run lint`; the calls below
// are never made.

import type { WritableStream } from 'node:stream/web';
import * as v from 'valibot';
import { expectTypeOf, test } from 'vitest';
import {
  type createProcessor,
  defineHandlers,
  type EventMapOf,
  type EventOf,
  type Handler,
  type HandlerEvent,
  type Processor,
  type Published,
} from '../dist/src/index.js';

interface Order {
  readonly amount: number;
}

const handlers = defineHandlers({
  'order.placed': (event: HandlerEvent<Order>) => event.data.amount,
  ping: (event: HandlerEvent<undefined>) => event.key,
});

type Orders = EventMapOf<typeof handlers>;

test('a map of handlers gives the data of each type', () => {
  expectTypeOf<Orders>().toEqualTypeOf<{ 'order.placed': Order; ping: undefined }>();
});

test('a handler of several events gives the data of one of them', () => {
  const runKeyBatch = (events: readonly HandlerEvent<Order>[]) => events.map(({ data }) => data.amount);
  const batches = defineHandlers([{ name: 'sum', on: 'order.placed', runKeyBatch }]);
  expectTypeOf<EventMapOf<typeof batches>>().toEqualTypeOf<{ 'order.placed': Order }>();
  const both = defineHandlers([
    { name: 'sum', on: 'order.placed', runKeyBatch },
    { name: 'log', on: 'order.placed', run: (event: HandlerEvent<{ readonly id: string }>) => event.data.id },
  ]);
  expectTypeOf<EventMapOf<typeof both>['order.placed']>().toEqualTypeOf<Order & { readonly id: string }>();
});

test('a single function gives its data for every type', () => {
  const single = defineHandlers((event: HandlerEvent<Order>) => event.data.amount);
  expectTypeOf<EventMapOf<typeof single>>().toEqualTypeOf<Record<string, Order>>();
});

const listed = defineHandlers([
  { name: 'bill', on: 'order.placed', run: (event: HandlerEvent<Order>) => event.data.amount, attemptsMax: 3 },
  { name: 'log', on: ['order.placed', 'ping'], run: (event: HandlerEvent<unknown>) => event.key },
  { name: 'ship', on: 'parcel.*', run: (event: HandlerEvent<{ readonly to: string }>) => event.data.to },
]);

test('a list of handlers gives the data that fits all handlers of a type, and its patterns', () => {
  type Listed = EventMapOf<typeof listed>;
  expectTypeOf<keyof Listed>().toEqualTypeOf<'order.placed' | 'ping' | 'parcel.*'>();
  expectTypeOf<EventOf<Listed>['type']>().toEqualTypeOf<'order.placed' | 'ping' | `parcel.${string}`>();
  expectTypeOf<Listed['order.placed']>().toEqualTypeOf<Order>();
  expectTypeOf<Listed['parcel.*']>().toEqualTypeOf<{ readonly to: string }>();
  expectTypeOf<Awaited<ReturnType<typeof createProcessor<typeof listed>>>>().toEqualTypeOf<Processor<Listed>>();
  const calls = (processor: Processor<Listed>): void => {
    void processor.publish({ type: 'order.placed', data: { amount: 1 } });
    void processor.publish({ type: 'parcel.sent', data: { to: 'ada' } });
    void processor.publish({ type: 'ping' });
    // @ts-expect-error: no handler takes this type
    void processor.publish({ type: 'order.paid', data: { amount: 1 } });
    // @ts-expect-error: one of its two handlers takes other data
    void processor.publish({ type: 'order.placed', data: { amount: 'one' } });
    // @ts-expect-error: data of the pattern's types
    void processor.publish({ type: 'parcel.sent', data: { from: 'ada' } });
  };
  expectTypeOf(calls).toBeFunction();
});

test('a list with a handler for every type gives every type', () => {
  const all = defineHandlers([{ name: 'audit', on: '*', run: (event: HandlerEvent<Order>) => event.data.amount }]);
  expectTypeOf<EventMapOf<typeof all>>().toEqualTypeOf<{ '*': Order }>();
  expectTypeOf<EventOf<EventMapOf<typeof all>>['type']>().toEqualTypeOf<string>();
});

test('a type that is named beside a pattern that covers it has data that fits both', () => {
  const overlapping = defineHandlers([
    { name: 'placed', on: 'order.placed', run: (event: HandlerEvent<Order>) => event.data.amount },
    { name: 'audit', on: 'order.*', run: (event: HandlerEvent<{ readonly at?: string }>) => event.data.at ?? null },
    { name: 'all', on: '*', run: (event: HandlerEvent<{ readonly by?: string }>) => event.data.by ?? null },
  ]);
  type Overlapping = EventMapOf<typeof overlapping>;
  type At = { readonly at?: string };
  type By = { readonly by?: string };
  expectTypeOf<keyof Overlapping>().toEqualTypeOf<'order.placed' | 'order.*' | '*'>();
  expectTypeOf<Overlapping['order.placed']>().toEqualTypeOf<Order & At & By>();
  expectTypeOf<Overlapping['order.*']>().toEqualTypeOf<At & By>();
  expectTypeOf<Overlapping['*']>().toEqualTypeOf<By>();
  const calls = (processor: Processor<Overlapping>): void => {
    void processor.publish({ type: 'order.placed', data: { amount: 1, at: 'noon' } });
    void processor.publish({ type: 'order.paid', data: { at: 'noon', by: 'ada' } });
    void processor.process({ type: 'parcel.sent', data: { by: 'ada' } });
    void processor.publishMany([
      { type: 'order.placed', data: { amount: 1 } },
      { type: 'parcel.sent', data: {} },
    ]);
    // @ts-expect-error: no handler takes such data
    void processor.publish({ type: 'order.placed', data: { amount: 'one' } });
    // @ts-expect-error: the pattern's types have no such data
    void processor.publish({ type: 'order.paid', data: { at: 7 } });
    // @ts-expect-error: nor has any other
    void processor.publish({ type: 'parcel.sent', data: { by: 7 } });
  };
  expectTypeOf(calls).toBeFunction();
});

test('publish takes the types of the module and refuses others', () => {
  const calls = (processor: Processor<Orders>): void => {
    void processor.publish({ type: 'order.placed', key: 'ada', data: { amount: 1 } });
    void processor.publish({ type: 'ping' });
    // @ts-expect-error: no handler takes this type
    void processor.publish({ type: 'order.cancelled', data: { amount: 1 } });
    // @ts-expect-error: the data is of another shape
    void processor.publish({ type: 'order.placed', data: { amount: 'one' } });
    // @ts-expect-error: the data is missing
    void processor.publish({ type: 'order.placed' });
    // @ts-expect-error: a list is checked like a single event
    void processor.publishMany([{ type: 'order.placed', data: {} }]);
    void processor.process({ type: 'order.placed', data: { amount: 1 } });
    // @ts-expect-error: process checks as publish does
    void processor.process({ type: 'order.placed', data: {} });
    expectTypeOf(processor.writableStream()).toEqualTypeOf<WritableStream<EventOf<Orders>>>();
  };
  expectTypeOf(calls).toBeFunction();
});

test('createProcessor carries the types of the module that is named to it', () => {
  expectTypeOf<Awaited<ReturnType<typeof createProcessor<typeof handlers>>>>().toEqualTypeOf<Processor<Orders>>();
  expectTypeOf<EventOf<Orders>['type']>().toEqualTypeOf<'order.placed' | 'ping'>();
});

test('a map of data may stand in for the module', () => {
  type Mapped = Awaited<ReturnType<typeof createProcessor<{ 'order.placed': Order }>>>;
  expectTypeOf<Mapped>().toEqualTypeOf<Processor<{ 'order.placed': Order }>>();
});

test('schemas say what may be published, alone and over the types of a module', () => {
  const amount = v.object({ amount: v.pipe(v.string(), v.transform(Number)) });
  type Alone = Awaited<ReturnType<typeof createProcessor<Record<string, Handler>, { 'order.placed': typeof amount }>>>;
  expectTypeOf<Alone>().toEqualTypeOf<Processor<{ 'order.placed': { amount: string } }>>();
  type Both = Published<typeof handlers, { 'order.placed': typeof amount }>;
  expectTypeOf<Both>().toEqualTypeOf<{ 'order.placed': { amount: string }; ping: undefined }>();
});
