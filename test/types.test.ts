// What the compiler refuses: the types of a handlers module reach `publish`. Checked by `npm run lint`; the calls below
// are never made.

import type { WritableStream } from 'node:stream/web';
import * as v from 'valibot';
import { expectTypeOf, test } from 'vitest';
import {
  type createProcessor,
  defineHandlers,
  type EventMap,
  type EventMapOf,
  type EventOf,
  type Handler,
  type HandlerEvent,
  type Processor,
  type Published,
} from '../dist/src/index.js';
import type { createTestProcessor, TestProcessor } from '../dist/src/testing/test-processor.js';

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
    // @ts-expect-error: enough for the patterns, and not for the handler of the name
    void processor.publish({ type: 'order.placed', data: { at: 'noon' } });
    // @ts-expect-error: enough for the handler of the name, and not for the patterns
    void processor.publish({ type: 'order.placed', data: { amount: 1, at: 7 } });
    // @ts-expect-error: the pattern's types have no such data
    void processor.publish({ type: 'order.paid', data: { at: 7 } });
    // @ts-expect-error: nor has any other
    void processor.publish({ type: 'parcel.sent', data: { by: 7 } });
    // @ts-expect-error: tryPublish checks as publish does
    void processor.tryPublish({ type: 'order.placed', data: { at: 'noon' } });
    // @ts-expect-error: and so does process
    void processor.process({ type: 'order.placed', data: { at: 'noon' } });
    // @ts-expect-error: and each event of a list is checked
    void processor.publishMany([
      { type: 'parcel.sent', data: {} },
      { type: 'order.placed', data: { at: 'noon' } },
    ]);
  };
  expectTypeOf(calls).toBeFunction();
});

test('a type that is named beside * has data that fits both, and any other that of *', () => {
  const starred = defineHandlers([
    { name: 'all', on: '*', run: (event: HandlerEvent<{ readonly by?: string }>) => event.data.by ?? null },
    { name: 'placed', on: 'order.placed', run: (event: HandlerEvent<Order>) => event.data.amount },
  ]);
  const calls = (processor: Processor<EventMapOf<typeof starred>>): void => {
    void processor.publish({ type: 'order.placed', data: { amount: 1 } });
    void processor.publish({ type: 'order.placed', data: { amount: 1, by: 'ada' } });
    void processor.publish({ type: 'order.paid', data: { by: 'ada' } });
    // @ts-expect-error: the handler of the name needs more
    void processor.publish({ type: 'order.placed', data: { by: 'ada' } });
    // @ts-expect-error: no other handler takes this
    void processor.publish({ type: 'order.paid', data: { amount: 1 } });
  };
  expectTypeOf(calls).toBeFunction();
});

test('a type that several patterns cover has data that fits all of them', () => {
  const nested = defineHandlers([
    { name: 'eu', on: 'order.eu.*', run: (event: HandlerEvent<{ readonly vat: number }>) => event.data.vat },
    { name: 'orders', on: 'order.*', run: (event: HandlerEvent<Order>) => event.data.amount },
  ]);
  const calls = (processor: Processor<EventMapOf<typeof nested>>, name: string): void => {
    void processor.publish({ type: 'order.eu.placed', data: { vat: 7, amount: 1 } });
    void processor.publish({ type: 'order.us.placed', data: { amount: 1 } });
    void processor.publish({ type: `order.${name}`, data: { amount: 1 } });
    // @ts-expect-error: the wider pattern alone is not enough
    void processor.publish({ type: 'order.eu.placed', data: { amount: 1 } });
    // @ts-expect-error: nor is the narrower one
    void processor.publish({ type: 'order.eu.placed', data: { vat: 7 } });
    // @ts-expect-error: no handler takes this
    void processor.publish({ type: 'order.us.placed', data: { vat: 7 } });
  };
  expectTypeOf(calls).toBeFunction();
});

test('a handler that names no data lets the others say what it is', () => {
  const untyped = defineHandlers([
    { name: 'bill', on: 'order.placed', run: (event: HandlerEvent<Order>) => event.data.amount },
    { name: 'audit', on: 'order.*', run: ({ type, key }) => `${key}: ${type}` },
    { name: 'count', on: '*', runKeyBatch: (events) => events.map(() => 1) },
  ]);
  expectTypeOf<EventMapOf<typeof untyped>>().toEqualTypeOf<{
    'order.placed': Order;
    'order.*': unknown;
    '*': unknown;
  }>();
  const calls = (processor: Processor<EventMapOf<typeof untyped>>): void => {
    void processor.publish({ type: 'order.placed', data: { amount: 1 } });
    void processor.publish({ type: 'order.paid' });
    // @ts-expect-error: bill takes other data
    void processor.publish({ type: 'order.placed', data: { amount: 'one' } });
    // @ts-expect-error: bill takes data
    void processor.publish({ type: 'order.placed' });
  };
  expectTypeOf(calls).toBeFunction();
});

test('an event that is held first, and lists of such, may be published', () => {
  type Map = { 'order.placed': Order; 'order.*': { readonly at?: string }; ping: undefined };
  expectTypeOf<EventOf<Map, 'ping'>>().toEqualTypeOf<EventOf<{ ping: undefined }>>();
  const placed = (amount: number): EventOf<Map, 'order.placed'> => ({ type: 'order.placed', data: { amount } });
  const calls = (processor: Processor<Map>, held: EventOf<Map>, several: AsyncIterable<EventOf<Map>>): void => {
    void processor.publish(held);
    void processor.publish({ ...held, key: 'ada' });
    void processor.publishMany([held, placed(1)]);
    void processor.publishMany([1, 2].map(placed));
    void processor.publishMany([1, 2].map((amount) => ({ type: 'order.placed', data: { amount } })));
    void processor.publishMany(several);
    // @ts-expect-error: no event has this field
    void processor.publish({ type: 'order.placed', data: { amount: 1 }, kye: 'ada' });
    // @ts-expect-error: in a map of data the name says what its data is
    void processor.publish({ type: 'order.placed', data: { at: 'noon' } });
  };
  const relay = <Events extends EventMap>(processor: Processor<Events>, event: EventOf<Events>): void => {
    void processor.publish(event);
    void processor.publishMany([event]);
  };
  expectTypeOf(calls).toBeFunction();
  expectTypeOf(relay).toBeFunction();
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

test('a schema says what may be published of a type that a pattern has', () => {
  const amount = v.object({ amount: v.pipe(v.string(), v.transform(Number)) });
  type Checked = Published<typeof listed, { 'parcel.sent': typeof amount; 'order.placed': typeof amount }>;
  const calls = (processor: Processor<Checked>): void => {
    void processor.publish({ type: 'parcel.sent', data: { amount: '1' } });
    void processor.publish({ type: 'parcel.lost', data: { to: 'ada' } });
    void processor.publish({ type: 'order.placed', data: { amount: '1' } });
    void processor.publish({ type: 'ping' });
    // @ts-expect-error: the pattern's data is not what the schema takes
    void processor.publish({ type: 'parcel.sent', data: { to: 'ada' } });
  };
  expectTypeOf(calls).toBeFunction();
  type Starred = Published<{ 'order.placed': Order; '*': { readonly by?: string } }, { ping: typeof amount }>;
  expectTypeOf<Starred>().toEqualTypeOf<{
    'order.placed': Order;
    '*': { readonly by?: string };
    ping: { amount: string };
  }>();
  expectTypeOf<Published<typeof listed, { 'order.paid': typeof amount }>>().toEqualTypeOf<EventMapOf<typeof listed>>();
});

interface Declared {
  'order.placed': Order;
  ping: undefined;
}

test('an interface does as a map of data, wherever one is taken', () => {
  const made = (make: typeof createProcessor<Declared>) => make({ handlers: 'h.js', store: 's.db' });
  expectTypeOf(made).returns.resolves.toExtend<Processor<Declared>>();
  expectTypeOf<EventOf<Declared>['type']>().toEqualTypeOf<'order.placed' | 'ping'>();
  const calls = (processor: Processor<Declared>) => {
    processor.publish({ type: 'order.placed', data: { amount: 1 } });
    processor.publish({ type: 'ping' });
    // @ts-expect-error wrong data
    processor.publish({ type: 'order.placed', data: { amount: 'much' } });
    // @ts-expect-error no such type
    processor.publish({ type: 'order.cancelled' });
  };
  expectTypeOf(calls).parameters.toEqualTypeOf<[Processor<Declared>]>();
});

test('what a test processor takes is that of its handlers, also where its type is declared', () => {
  type Bus = TestProcessor<EventMapOf<typeof handlers>>;
  const declared = (make: typeof createTestProcessor): Promise<Bus> => make({ handlers });
  const assigned = async (make: typeof createTestProcessor): Promise<void> => {
    const bus: Bus = await make({ handlers, threads: 2 });
    await bus.processor.publish({ type: 'ping' });
    // @ts-expect-error of other handlers
    const other: TestProcessor<{ pong: undefined }> = await make({ handlers });
    await other.close();
  };
  expectTypeOf(declared).returns.resolves.toEqualTypeOf<Bus>();
  expectTypeOf(assigned).returns.resolves.toEqualTypeOf<void>();
});
