// States that are held while their run goes on: what the next event sees, what is told of them, and what is left of
// them when their thread dies.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeEvent } from '../src/event.js';
import {
  type Handler,
  type HandlerContext,
  type HandlerTable,
  handlerResult,
  type KeyBatchHandler,
  PermanentError,
} from '../src/handler.js';
import { splitStates } from '../src/joined-states.js';
import { configFrom } from '../src/options.js';
import { RowsReader, verdict } from '../src/outcome.js';
import { policiesOf } from '../src/policy.js';
import { batchMessage } from '../src/pool/batch-message.js';
import { BatchRunner } from '../src/pool/batch-runner.js';
import { emitLimitsOf } from '../src/pool/emitter.js';
import { reportOfLost } from '../src/pool/lost-batch.js';
import type { BatchReport } from '../src/pool/messages.js';
import { Progress } from '../src/pool/progress.js';

const config = configFrom({ handlers: 'none', store: 'none', batchSizeMax: 64, freezeState: false });
const names = ['h'];
const table: HandlerTable = { names, takes: 'every-type', policies: [{ isStateful: true }] };
const policies = policiesOf(table, config);
const noSetup = { setup: null, teardown: null };
const { succeeded, failed, skipped, doubted, cancelled } = handlerResult;

interface More {
  readonly initial?: () => unknown;
  readonly keyBatch?: KeyBatchHandler;
  /** Of the first event. */
  readonly attempt?: number;
  readonly limits?: { readonly stateSizeMax?: number; readonly freezeState?: boolean };
}

/** A thread that has a batch of one run, and its place as the main thread sees it. */
function runOf(data: readonly unknown[], run: Handler, more: More = {}) {
  const { initial = () => 0, keyBatch = null, attempt = 1, limits = {} } = more;
  const progress = Progress.ofPlaces(1, { batchSizeMax: config.batchSizeMax });
  const place = new Progress(progress.shared, config).place(0);
  let nowUs = 1000;
  const runner = new BatchRunner({
    module: { table, handlers: [run], keyBatches: [keyBatch], retryIf: [null], states: [{ initial }], ...noSetup },
    ...{ threadId: 1, policies, isJournaled: true, measuresHeap: false, progress, nowUs: () => nowUs },
    limits: { ...config, reportSizeMax: config.batchBytesMax, emits: emitLimitsOf(config), ...limits },
  });
  const slots = data.map((one, position) => ({
    ...{ partition: 1, position, handler: 0, attempt: position === 0 ? attempt : 1, postponed: 0, run: 0 },
    event: encodeEvent({ type: 't', key: 'k', data: one }, config),
  }));
  const message = batchMessage(slots, { place: 0, nameOf: () => 'journal', states: [{ index: 0, state: null }] });
  place.reset(slots.length);
  return {
    place,
    run: () => runner.run(message),
    pass: (us: number) => {
      nowUs += us;
    },
    /** What the main thread makes of it when the thread dies now. */
    lost: () =>
      reportOfLost(message, {
        ...{ reason: new Error('died'), place, threadId: 1, endedAtUs: nowUs, blame: 'charged' },
        of: { names, policies, isJournaled: true, errorSizeMax: config.errorSizeMax },
      }),
  };
}

/** The states that a report tells: of which event, and what they are. */
function statesOf({ states }: BatchReport): [index: number, state: unknown][] {
  if (states === undefined) return [];
  return splitStates(states, { areKept: true }).map(({ index, state }) => {
    return [index, state === null ? undefined : JSON.parse(state.value as string)];
  });
}

const counts: Handler = (_, context) => context.setState((context.state as number) + 1);

test('a run tells its last state once, whatever is done to what was set and given', async () => {
  const kept: { n: number; list: number[] }[] = [];
  const { run } = runOf(
    [1, 2, 3, 4, 5],
    ({ data }, context: HandlerContext) => {
      const state = context.state as { n: number; list: number[] };
      const seen = structuredClone(state);
      // In place, and in what earlier events have set.
      state.list.push(data as number);
      for (const one of kept) one.n = -1;
      if (data === 3) throw new PermanentError('no');
      const next = { n: state.n + 1, list: state.list };
      context.setState(next);
      kept.push(next);
      return seen;
    },
    { initial: () => ({ n: 0, list: [] }) },
  );
  const report = await run();
  expect([...report.results]).toEqual([succeeded, succeeded, failed, succeeded, succeeded]);
  expect(statesOf(report)).toEqual([[4, { n: 4, list: [1, 2, 4, 5] }]]);
});

test('an event that sets nothing, fails, or gives its state up leaves what the text would', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom<string>('count', 'nothing', 'throw', 'date', 'give up', 'wait', 'slow'), {
        ...{ minLength: 1, maxLength: 12 },
      }),
      async (deeds) => {
        let expected: unknown = { n: 0 };
        const thread = runOf(
          deeds,
          async_((deed, context) => {
            expect(context.state).toStrictEqual(expected);
            const { n } = context.state as { n: number };
            if (deed === 'slow') thread.pass(2000);
            if (deed === 'nothing') return;
            const next = deed === 'date' ? { n: n + 1, at: new Date(0) } : { n: n + 1, gone: undefined };
            context.setState(deed === 'give up' ? undefined : next);
            if (deed === 'throw') throw new PermanentError('no');
            expected = deed === 'give up' ? { n: 0 } : JSON.parse(JSON.stringify(next));
          }),
          { initial: () => ({ n: 0 }) },
        );
        const report = await thread.run();
        const changing = deeds.map((deed) => deed !== 'nothing' && deed !== 'throw');
        const last = changing.lastIndexOf(true);
        const state = last !== -1 && deeds[last] === 'give up' ? undefined : expected;
        expect(statesOf(report)).toEqual(last === -1 ? [] : [[last, state]]);
        // All of it has survived the thread as well.
        expect(statesOf(thread.lost())).toEqual(statesOf(report));
        expect([...thread.lost().results]).toEqual([...report.results]);
      },
    ),
    { numRuns: 300, seed: 20_261_127 },
  ));

/** A handler that gives a promise for events that are to wait. */
function async_(act: (deed: string, context: HandlerContext) => void): Handler {
  return ({ data }, context) => {
    if (data !== 'wait') return act(data as string, context);
    return Promise.resolve().then(() => act('count', context));
  };
}

test('of a thread that dies, events whose state was held run again, and the one that ran is doubted behind them', async () => {
  const lost: BatchReport[] = [];
  const thread = runOf([0, 1, 2, 3], (event, context) => {
    if (event.data === 2) lost.push(thread.lost());
    counts(event, context);
  });
  await thread.run();
  expect([...lost[0]!.results]).toEqual([skipped, skipped, doubted, skipped]);
  expect(statesOf(lost[0]!)).toEqual([]);
});

test('one that is cancelled then is told to end all the same', async () => {
  const lost: BatchReport[] = [];
  const thread = runOf([0, 1, 2], (event, context) => {
    if (event.data === 1) {
      thread.place.abort(1, 2);
      lost.push(thread.lost());
    }
    counts(event, context);
  });
  await thread.run();
  expect([...lost[0]!.results]).toEqual([skipped, cancelled, skipped]);
  expect(new RowsReader(lost[0]!.rows).next()).toMatchObject({ position: 1, verdict: verdict.cancelled });
  // Rates have counted both.
  expect(lost[0]!.ran).toBe(2);
});

test('no more than a millisecond of what has run would run again', async () => {
  const lost: BatchReport[] = [];
  const thread = runOf([0, 1, 2, 3, 4, 5], (event, context) => {
    thread.pass(400);
    lost.push(thread.lost());
    counts(event, context);
  });
  await thread.run();
  expect(lost.map(({ results }) => results.indexOf(doubted))).toEqual([-1, 1, 2, -1, 4, 5]);
  expect(lost.map(statesOf)).toEqual([[], [], [], [[2, 3]], [[2, 3]], [[2, 3]]]);
});

test('what ran before an event that awaits has survived by then', async () => {
  const lost: BatchReport[] = [];
  const thread = runOf([0, 1, 2], (event, context) => {
    counts(event, context);
    if (event.data !== 1) return undefined;
    return Promise.resolve().then(() => lost.push(thread.lost()));
  });
  await thread.run();
  expect(lost[0]!.results[0]).toBe(succeeded);
  expect(statesOf(lost[0]!)).toEqual([[0, 1]]);
});

test('and before a call of several events that awaits', async () => {
  const lost: BatchReport[] = [];
  const keyBatch: KeyBatchHandler = async (events, context) => {
    await Promise.resolve();
    lost.push(thread.lost());
    context.setState((context.state as number) + events.length);
    return events.map(() => null);
  };
  // The first is tried by itself, as it has been tried before.
  const thread = runOf([0, 1, 2, 3], counts, { keyBatch, attempt: 2 });
  expect(statesOf(await thread.run())).toEqual([[3, 4]]);
  expect(lost[0]!.results[0]).toBe(succeeded);
  expect(statesOf(lost[0]!)).toEqual([[0, 1]]);
});

test('an event that fails has those before it told', async () => {
  const lost: BatchReport[] = [];
  const thread = runOf([0, 1, 2], (event, context) => {
    if (event.data === 1) throw new PermanentError('no');
    if (event.data === 2) lost.push(thread.lost());
    counts(event, context);
  });
  await thread.run();
  expect([...lost[0]!.results.subarray(0, 2)]).toEqual([succeeded, failed]);
});

test('each event of a run is given a state that is frozen where that is wanted', async () => {
  const frozen: boolean[] = [];
  const given: Handler = (_, context) => {
    const state = context.state as { of: object };
    frozen.push(Object.isFrozen(state) && Object.isFrozen(state.of));
    context.setState({ of: {} });
  };
  await runOf([0, 1, 2], given, { initial: () => ({ of: {} }), limits: { freezeState: true } }).run();
  expect(frozen).toEqual([true, true, true]);
});

test('a state that is too large fails its try wherever it stands in the run', async () => {
  // As JSON each has six times its characters.
  const set: Handler = ({ data }, context) => context.setState('\u0001'.repeat(data as number));
  const report = await runOf([10, 30, 10], set, { limits: { stateSizeMax: 100 } }).run();
  expect([...report.results]).toEqual([succeeded, handlerResult.retrying, skipped]);
  expect(statesOf(report)).toEqual([[0, '\u0001'.repeat(10)]]);
});

test('a result that finds no room where it would survive ends the batch, and charges nobody', async () => {
  const thread = runOf([0, 1, 2], (event, context) => {
    counts(event, context);
    return event.data === 1 ? 'x'.repeat(300 * 1024) : undefined;
  });
  const report = await thread.run();
  expect([...report.results]).toEqual([succeeded, succeeded, skipped]);
  expect(statesOf(report)).toEqual([[1, 2]]);
  expect([...thread.lost().results]).toEqual([skipped, skipped, skipped]);
});

test('a state that finds no room where it would survive ends the batch, and is reported', async () => {
  const large = 'x'.repeat(255 * 1024);
  const thread = runOf([0, 1, 2, 3], ({ data }, context) => {
    context.setState({ data, text: 'y'.repeat(2000) });
    return data === 1 ? large : undefined;
  });
  const report = await thread.run();
  expect([...report.results]).toEqual([succeeded, succeeded, skipped, skipped]);
  expect(statesOf(report)).toEqual([[1, { data: 1, text: 'y'.repeat(2000) }]]);
  // Nobody is charged with what has ended: all of it runs again.
  expect([...thread.lost().results]).toEqual([skipped, skipped, skipped, skipped]);
});
