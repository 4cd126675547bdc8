// A whole processor on real threads and a real store: what its verbs do, in each phase of its life.

import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  IterableSource,
  type KeylaneError,
  type Outcome,
  type Processor,
  type SourceEvent,
} from '../dist/src/index.js';
import { Gate, makeFolder, makeProcessor, readOutcomes, SharedProcessor } from './processor-fixture.js';

const event: SourceEvent = { type: 'echo', key: 'k', data: 1 };

/** For the verbs that leave a processor in the phase in which they find it. */
const running = new SharedProcessor();
const stopped = new SharedProcessor();

/** How to bring a processor into each phase, and how to let it go on to its end. */
const phases = {
  idle: async () => ({ processor: await makeProcessor({ autoStart: false }), end: () => {} }),
  running: async (after: string) => {
    return { processor: await (after === 'running' ? running.get() : makeProcessor()), end: () => {} };
  },
  draining: async () => {
    const processor = await makeProcessor();
    const gate = new Gate();
    await processor.publish(gate.event);
    await gate.reached;
    const drained = processor.drain();
    // Under abort it rejects, which is what abort is for.
    drained.catch(() => {});
    return {
      processor,
      end: () => {
        gate.open();
        return drained;
      },
    };
  },
  stopped: async () => {
    const processor = await stopped.get();
    await processor.drain();
    return { processor, end: () => {} };
  },
} as const;

type Settled = 'resolves' | 'waits' | KeylaneError['code'];

/** Every verb in every phase: what its promise does, and the phase it leads to once the phase before is let go on. */
const verbs: Record<
  string,
  { call(processor: Processor): Promise<unknown>; in: Record<keyof typeof phases, [Settled, string]> }
> = {
  publish: {
    call: (processor) => processor.publish(event),
    in: {
      idle: ['resolves', 'idle'],
      running: ['resolves', 'running'],
      draining: ['not-running', 'stopped'],
      stopped: ['not-running', 'stopped'],
    },
  },
  tryPublish: {
    call: async (processor) => expect(processor.tryPublish(event)).not.toBeNull(),
    in: {
      idle: ['resolves', 'idle'],
      running: ['resolves', 'running'],
      draining: ['not-running', 'stopped'],
      stopped: ['not-running', 'stopped'],
    },
  },
  publishMany: {
    call: (processor) => processor.publishMany([event, event]),
    in: {
      idle: ['resolves', 'idle'],
      running: ['resolves', 'running'],
      draining: ['not-running', 'stopped'],
      stopped: ['not-running', 'stopped'],
    },
  },
  consume: {
    call: (processor) => processor.consume(new IterableSource({ partition: 'list', events: [event] })),
    in: {
      idle: ['waits', 'idle'],
      running: ['resolves', 'running'],
      draining: ['not-running', 'stopped'],
      stopped: ['not-running', 'stopped'],
    },
  },
  process: {
    call: (processor) => processor.process(event),
    in: {
      idle: ['waits', 'idle'],
      running: ['resolves', 'running'],
      draining: ['not-running', 'stopped'],
      stopped: ['not-running', 'stopped'],
    },
  },
  whenIdle: {
    call: (processor) => processor.whenIdle(),
    in: {
      idle: ['resolves', 'idle'],
      running: ['resolves', 'running'],
      draining: ['waits', 'stopped'],
      stopped: ['resolves', 'stopped'],
    },
  },
  subscribe: {
    call: async (processor) => processor.subscribe('*', () => {}),
    in: {
      idle: ['resolves', 'idle'],
      running: ['resolves', 'running'],
      draining: ['resolves', 'stopped'],
      stopped: ['not-running', 'stopped'],
    },
  },
  start: {
    call: async (processor) => processor.start(),
    in: {
      idle: ['resolves', 'running'],
      running: ['resolves', 'running'],
      draining: ['resolves', 'stopped'],
      stopped: ['resolves', 'stopped'],
    },
  },
  drain: {
    call: (processor) => processor.drain(),
    in: {
      idle: ['resolves', 'stopped'],
      running: ['resolves', 'stopped'],
      draining: ['waits', 'stopped'],
      stopped: ['resolves', 'stopped'],
    },
  },
  stop: {
    call: (processor) => processor.stop(),
    in: {
      idle: ['resolves', 'stopped'],
      running: ['resolves', 'stopped'],
      draining: ['waits', 'stopped'],
      stopped: ['resolves', 'stopped'],
    },
  },
  abort: {
    call: (processor) => processor.abort(),
    in: {
      idle: ['resolves', 'stopped'],
      running: ['resolves', 'stopped'],
      draining: ['resolves', 'stopped'],
      stopped: ['resolves', 'stopped'],
    },
  },
  stats: {
    call: async (processor) => expect(processor.stats().phase).toBe(processor.phase),
    in: {
      idle: ['resolves', 'idle'],
      running: ['resolves', 'running'],
      draining: ['resolves', 'stopped'],
      stopped: ['resolves', 'stopped'],
    },
  },
};

describe.each(Object.keys(phases) as (keyof typeof phases)[])('while %s', (phase) => {
  test.each(Object.keys(verbs))('%s', async (name) => {
    const verb = verbs[name] as (typeof verbs)[string];
    const [settled, after] = verb.in[phase];
    const { processor, end } = await phases[phase](after);
    const called = verb.call(processor);
    const how = called.then(
      () => 'resolves',
      (error: KeylaneError) => error.code,
    );
    if (settled === 'waits') {
      expect(await Promise.race([how, macrotask()])).toBe('waits');
      if (phase === 'idle') processor.start();
    } else {
      expect(await how).toBe(settled);
    }
    if (phase !== 'idle' || settled !== 'waits') expect(name === 'abort' || (await letGo(end))).toBe(true);
    if (settled === 'waits') expect(await how).toBe('resolves');
    if (phase === 'idle' && settled === 'waits') return;
    expect(processor.phase).toBe(after);
  });
});

/** Enough turns of the event loop for any promise that does not wait for a thread. */
async function macrotask(): Promise<'waits'> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
  return 'waits';
}

async function letGo(end: () => unknown): Promise<true> {
  await end();
  return true;
}

test('abort ends what waits: drain and consume reject with "aborted", and the store opens again', async () => {
  const store = join(makeFolder(), 'test.db');
  const processor = await makeProcessor({ store });
  const gate = new Gate();
  const consumed = processor.consume(new IterableSource({ partition: 'list', events: [gate.event] }));
  await gate.reached;
  const drained = processor.drain();
  const rejected = Promise.all([
    expect(drained).rejects.toMatchObject({ code: 'aborted' }),
    expect(consumed).rejects.toMatchObject({ code: 'aborted' }),
  ]);
  await processor.abort();
  await rejected;
  const next = await makeProcessor({ store });
  await next.drain();
});

test('events waiting while idle run after start, and stop says what it left', async () => {
  const idle = await makeProcessor({ autoStart: false });
  await idle.publishMany([event, event, event]);
  expect(await idle.stop()).toEqual({ left: 3 });
  const started = await makeProcessor({ autoStart: false });
  await started.publishMany([event, event, event]);
  started.start();
  await started.drain();
  expect(started.stats()).toMatchObject({ accepted: 3, succeeded: 3, waiting: 0 });
});

test('publish waits while the ring is full, tryPublish says so, an aborted wait rejects with its reason', async () => {
  const processor = await makeProcessor({ ringSize: 16, autoStart: false, publishersMax: 2, intake: 'memory' });
  await processor.publishMany(Array.from({ length: 16 }, () => event));
  expect(processor.tryPublish(event)).toBeNull();
  const controller = new AbortController();
  const given = processor.publish(event, { signal: controller.signal });
  const waiting = processor.publish(event);
  await expect(processor.publish(event)).rejects.toMatchObject({ code: 'overloaded' });
  controller.abort(new Error('changed my mind'));
  await expect(given).rejects.toThrow('changed my mind');
  processor.start();
  expect(await waiting).toMatchObject({ identity: { partition: 'journal', position: 17 } });
  await processor.drain();
  expect(processor.stats().succeeded).toBe(17);
});

test('outcomes are told once durable, in order per key, with results and errors; dead letters are told apart', async () => {
  const store = join(makeFolder(), 'test.db');
  const processor = await makeProcessor({ store });
  const outcomes: Outcome[] = [];
  const dead: Outcome[] = [];
  processor.on('outcome', (outcome) => outcomes.push(outcome));
  processor.on('deadLetter', (outcome) => dead.push(outcome));
  await processor.publish({ type: 'echo', key: 'k', data: { a: [1, 'ü'] }, id: 'first' });
  await processor.publish({ type: 'echo', key: 'k', data: Uint8Array.of(1, 2, 3) });
  await processor.publish({ type: 'fail', key: 'k' });
  await processor.drain();
  const [first, second] = outcomes.filter((outcome) => outcome.type === 'echo');
  expect(first).toMatchObject({ id: 'first', key: 'k', status: 'succeeded', result: { a: [1, 'ü'] }, error: null });
  expect(second).toMatchObject({ id: null, attempts: 1 });
  expect([...(second as Outcome & { result: Uint8Array }).result]).toEqual([1, 2, 3]);
  expect(dead).toHaveLength(1);
  expect(dead[0]).toMatchObject({ status: 'dead-lettered', error: { name: 'TypeError', message: 'as asked' } });
  expect(readOutcomes(store)).toHaveLength(3);
  expect(readOutcomes(store, 'SELECT * FROM dead_letters')).toMatchObject([{ type: 'fail', handler: 'fail' }]);
});

test('a listener that throws is reported as a warning and harms nobody', async () => {
  const processor = await makeProcessor();
  const warnings: KeylaneError[] = [];
  const told: Outcome[] = [];
  processor.on('warning', (warning) => warnings.push(warning));
  processor.on('outcome', () => {
    throw new Error('mine');
  });
  processor.on('outcome', async () => {
    throw new Error('late');
  });
  processor.on('outcome', (outcome) => told.push(outcome));
  await processor.publish(event);
  await processor.drain();
  expect(warnings.map(({ code, message }) => `${code} ${message}`)).toEqual([
    'listener-failed a listener of "outcome" threw: mine',
    'listener-failed a listener of "outcome" threw: late',
  ]);
  expect(told).toHaveLength(1);
});

test('what publishMany accepted before a bad event stays accepted', async () => {
  const processor = await makeProcessor();
  const events = [event, event, { type: 'unknown' }, event];
  await expect(processor.publishMany(events)).rejects.toMatchObject({
    code: 'bad-event',
    message: expect.stringContaining('"unknown"'),
  });
  await processor.drain();
  expect(processor.stats().succeeded).toBe(2);
});

test('publishMany takes an async iterable', async () => {
  const processor = await makeProcessor();
  async function* events(): AsyncGenerator<SourceEvent> {
    for (let n = 0; n < 1000; n += 1) yield { type: 'echo', key: `k${n % 7}`, data: n };
  }
  expect(await processor.publishMany(events())).toEqual({ accepted: 1000, duplicates: 0 });
  await processor.drain();
  expect(processor.stats().succeeded).toBe(1000);
});

test('a source goes on where its durable outcomes end, and positions of published events never come twice', async () => {
  const store = join(makeFolder(), 'test.db');
  const events = Array.from({ length: 10 }, (_, n) => ({ ...event, data: n }));
  for (const upTo of [4, 10]) {
    const processor = await makeProcessor({ store });
    expect(
      await processor.consume(new IterableSource({ partition: 'list', events: events.slice(0, upTo) })),
    ).toMatchObject({ ended: true });
    await processor.publish(event);
    await processor.drain();
  }
  const positions = (partition: string): number[] =>
    readOutcomes<{ partition: string; position: number }>(store)
      .filter((row) => row.partition === partition)
      .map((row) => row.position);
  expect(positions('list')).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  expect(positions('journal')).toEqual([1, 2]);
});

test("a source's own error rejects consume once what came before is durable, and the processor goes on", async () => {
  const processor = await makeProcessor();
  function* events(): Generator<SourceEvent> {
    yield event;
    yield event;
    throw new RangeError('the source broke');
  }
  await expect(processor.consume(new IterableSource({ partition: 'list', events: events() }))).rejects.toThrow(
    'the source broke',
  );
  expect(processor.stats().succeeded).toBe(2);
  await processor.publish(event);
  await processor.drain();
  expect(processor.stats().succeeded).toBe(3);
});

test('keys are kept apart and come back exactly, however odd they are', async () => {
  const store = join(makeFolder(), 'test.db');
  const processor = await makeProcessor({ store, threads: 2 });
  const keys = ['0', '-1', '1e3', '', 'a\0b', '😀', '__proto__', 'constructor', 'toString', 'k'.repeat(1024)];
  const outcomes: Outcome[] = [];
  processor.on('outcome', (outcome) => outcomes.push(outcome));
  for (const key of [...keys, '\ud800', '\udc00']) await processor.publish({ type: 'echo', key, data: key });
  await processor.drain();
  for (const outcome of outcomes) expect(outcome.result).toBe(outcome.key);
  expect(new Set(outcomes.map((outcome) => outcome.key))).toEqual(new Set([...keys, '\ud800', '\udc00']));
  const stored = readOutcomes<{ key: string | Buffer }>(store).map((row) => row.key);
  for (const key of keys) expect(stored).toContain(key);
  expect(stored.filter((key) => key instanceof Buffer).map((key) => key.toString('utf16le'))).toEqual([
    '\ud800',
    '\udc00',
  ]);
});

test('await using drains', async () => {
  let seen: Processor;
  {
    await using processor = await makeProcessor();
    await processor.publish(event);
    seen = processor;
  }
  expect(seen.phase).toBe('stopped');
  expect(seen.stats().succeeded).toBe(1);
});

test.each([
  [{ threads: 0 }, 'threads must be a whole number from 1 to 256 (threads), got 0'],
  [{ order: 'fifo' }, 'order must be one of "key", "none", "global", got "fifo"'],
  [{ autoStart: 1 }, 'autoStart must be true or false, got 1'],
  [{ batchsizemax: 5 }, 'there is no option "batchsizemax"; did you mean batchSizeMax?'],
  [{ store: ':memory:' }, 'store must be the path of a file'],
  [{ handlers: 7 }, 'handlers must be a path or a file: URL of a handlers module, got 7'],
  [{ dataSizeMax: 4 * 1024 * 1024, ringBytesMax: 1024 * 1024 }, 'dataSizeMax must be at most ringBytesMax'],
])('options %j are refused: %s', async (options, message) => {
  await expect(makeProcessor(options as never)).rejects.toMatchObject({
    code: 'bad-option',
    message: expect.stringContaining(message),
  });
});

const badEvents: readonly (readonly [unknown, string])[] = [
  [null, 'an event must be an object with a type, got null'],
  [{ type: '' }, 'event.type must be a string that is not empty, got ""'],
  [{ type: 'nobody' }, 'event.type must be a type that a handler takes, got "nobody"'],
  [{ type: 'echo', key: 7 }, 'event.key must be a string, got 7'],
  [{ type: 'echo', key: 'k'.repeat(1025) }, 'event.key must be at most 1024 characters (option keySizeMax), got 1025'],
  [{ type: 'echo', data: () => 1 }, 'event.data must be a JSON value or a Uint8Array, got a function'],
  [
    { type: 'echo', data: 1n },
    'event.data must be a JSON value or a Uint8Array: Do not know how to serialize a BigInt',
  ],
  [{ type: 'echo', data: 'x'.repeat(2000) }, 'event.data must be at most 1000 characters or bytes encoded'],
  [{ type: 'echo', time: 'yesterday' }, 'event.time must be a valid Date or an RFC 3339 string, got "yesterday"'],
  [{ type: 'echo', headers: new Map([['a', '1']]) }, 'event.headers must be an object of strings, got'],
  [{ type: 'echo', headers: new Headers({ a: '1' }) }, 'event.headers must be an object of strings, got'],
  [{ type: 'echo', headers: { a: 1 } }, 'event.headers["a"] must be a string, got 1'],
  [{ type: 'echo', headers: JSON.parse('{"__proto__":"x"}') }, 'a name in event.headers must be any name but that'],
];

const ofSmallData = new SharedProcessor({ dataSizeMax: 1000 });

test.each(badEvents.map(([bad, message]) => ({ bad, message })))(
  'a bad event is refused: $message',
  async ({ bad, message }) => {
    const processor = await ofSmallData.get();
    await expect(processor.publish(bad as never)).rejects.toMatchObject({
      code: 'bad-event',
      message: expect.stringContaining(message),
    });
  },
);
