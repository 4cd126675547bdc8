// Lanes that wait in the store by themselves: which pages are asked for, when, and for when their events come.

import { expect, test, vi } from 'vitest';
import { AwayLanes } from '../src/away-lanes.js';
import { Cancellations } from '../src/cancellations.js';
import { Dispatcher } from '../src/dispatch/dispatcher.js';
import { Slot } from '../src/dispatch/ring-buffer.js';
import { DueTimes } from '../src/due-times.js';
import { handlerResult, retryLaterMsMax } from '../src/handler.js';
import { EventsJoiner } from '../src/joined-events.js';
import { LaneAgenda } from '../src/lane-agenda.js';
import { configFrom } from '../src/options.js';
import { Partitions } from '../src/partitions.js';
import type { CancelResult } from '../src/store/event-messages.js';
import type { LanePage, LanePageRequest } from '../src/store/messages.js';
import { SimulatedClock } from './simulation/simulated-clock.js';

const hourMs = 3_600_000;

/** Lanes of as many keys, each with as many events in the store. */
function makeLanes({ keys, each = 1, ringSize = 64 }: { keys: number; each?: number; ringSize?: number }) {
  const clock = new SimulatedClock();
  const config = configFrom({ handlers: 'none', store: 'none', threads: 1, ringSize });
  const dispatcher = new Dispatcher({
    ...{ ...config, handlerCount: 1, widest: 1, parks: [false], breaker: null, rateLimit: null },
  });
  const dueTimes = new DueTimes(clock, [{ backoffMsMax: 100 }, { backoffMsMax: 50 }]);
  const groups = { begun: 1, sent: 1 };
  const lanes = new AwayLanes({
    ...{ dispatcher, clock, dueTimes, pageBytesMax: 1000, groups: () => groups, learnNames: () => {} },
  });
  dispatcher.openPartition(1, 0);
  lanes.begin(Array.from({ length: keys }, (_, at) => ({ handler: 0, key: `${at}`, parkedBy: null, waiting: each })));
  return { clock, dispatcher, dueTimes, lanes, groups };
}

/** All pages that are asked for at once. */
function wishes(lanes: AwayLanes, room: number): LanePageRequest[] {
  const asked: LanePageRequest[] = [];
  for (let wish = lanes.wish(room); wish !== null; wish = lanes.wish(room)) asked.push(wish);
  return asked;
}

function pageOf(key: string | null, of: Partial<LanePage> & { position: number }): LanePage {
  const joiner = new EventsJoiner(1);
  joiner.add({ type: 't', key, id: null, extras: null, data: '1' });
  return {
    ...{ events: joiner.finish(), partitions: Float64Array.of(1), positions: Float64Array.of(of.position) },
    ...{
      handlers: Int32Array.of(0),
      attempts: Int32Array.of(1),
      deaths: Int32Array.of(-1),
      postponed: Int32Array.of(0),
      redriven: Uint8Array.of(0),
    },
    ...{ dueAtUs: Float64Array.of(0), names: {}, next: 1, isLast: true, ...of },
  };
}

test('pages of many lanes are under way at once, one of each lane, within the room there is', () => {
  const { lanes } = makeLanes({ keys: 100, each: 3 });
  const asked = wishes(lanes, 10);
  expect(asked.map(({ key, countMax }) => `${key}: ${countMax}`)).toEqual(['0: 3', '1: 3', '2: 3', '3: 1']);
  expect([lanes.reserved, lanes.backlog]).toEqual([10, 300]);
  expect(new Set([...asked, ...wishes(lanes, 1000)].map(({ key }) => key)).size).toBe(32);
});

test('a page belongs to the lane it was asked for, in whatever order pages come; the rest is asked for behind others', () => {
  const { lanes, dispatcher } = makeLanes({ keys: 3, each: 2 });
  const [first, second] = [lanes.wish(4), lanes.wish(4)] as [LanePageRequest, LanePageRequest];
  lanes.turn(second, pageOf('1', { position: 7 }));
  lanes.turn(first, pageOf('0', { position: 5, isLast: false, next: 9 }));
  expect([lanes.reserved, dispatcher.lane(0, '0')?.isAway, dispatcher.lane(0, '1')?.isAway]).toEqual([0, true, false]);
  expect(wishes(lanes, 9)).toMatchObject([
    { key: '2', after: null },
    { key: '0', after: 9 },
  ]);
});

test('an event that is in memory already leaves the backlog no second time when a page brings it again', () => {
  const { lanes } = makeLanes({ keys: 1, each: 3 });
  lanes.turn(lanes.wish(9) as LanePageRequest, pageOf('0', { position: 5, isLast: false }));
  expect(lanes.backlog).toBe(2);
  lanes.goOn({ lanes: [{ handler: 0, key: '0', parkedBy: null, waiting: 4 }], parked: 0 });
  expect(lanes.backlog).toBe(3);
  lanes.turn(lanes.wish(9) as LanePageRequest, pageOf('0', { position: 5, isLast: false, next: 1 }));
  expect(lanes.backlog).toBe(3);
  lanes.turn(lanes.wish(9) as LanePageRequest, pageOf('0', { position: 6, isLast: false, next: 2 }));
  expect(lanes.backlog).toBe(2);
});

test('a page is not taken in that was asked for before its lane began anew', () => {
  const { lanes, dispatcher } = makeLanes({ keys: 1 });
  const before = lanes.wish(9) as LanePageRequest;
  lanes.goOn({ lanes: [{ handler: 0, key: '0', parkedBy: null, waiting: 2 }], parked: 0 });
  const after = lanes.wish(9) as LanePageRequest;
  lanes.turn(before, pageOf('0', { position: 5 }));
  expect([dispatcher.held, lanes.open.size === 0]).toEqual([0, false]);
  lanes.turn(after, pageOf('0', { position: 5 }));
  expect([dispatcher.held, lanes.open.size === 0]).toEqual([1, true]);
});

test('a lane is not asked for before the group is sent that events of it are in', () => {
  const { lanes, groups, dispatcher } = makeLanes({ keys: 2 });
  groups.begun = 2;
  lanes.joined(Object.assign(new Slot(), { lane: dispatcher.lane(0, '0') }));
  expect(wishes(lanes, 9)).toMatchObject([{ key: '1' }]);
  groups.sent = 2;
  expect(wishes(lanes, 9)).toMatchObject([{ key: '0', countMax: 2 }]);
});

test('a lane that gave its memory to others is asked for when it is due', () => {
  const { lanes, dispatcher, clock } = makeLanes({ keys: 0 });
  const lane = (key: string) => dispatcher.away.holdLane(0, key);
  lanes.sentAway([
    { lane: lane('later'), dueMs: 50, letGo: 1 },
    { lane: lane('sooner'), dueMs: 20, letGo: 1 },
  ]);
  expect([lanes.nextWakeMs(clock.nowMs()), wishes(lanes, 9)]).toEqual([20, []]);
  clock.alarm(20, () => {});
  clock.step();
  expect([wishes(lanes, 9).map(({ key }) => key), lanes.nextWakeMs(clock.nowMs())]).toEqual([['sooner'], 50]);
});

/** Lanes without an order that the store has when it is opened. */
function withSpans(spans: Readonly<Record<string, number>>, ringSize = 16) {
  const made = makeLanes({ keys: 0, ringSize });
  const lanes = Object.entries(spans).map(([key, waiting]) => ({ handler: -2, key, parkedBy: null, waiting }));
  made.lanes.begin(lanes);
  const moveTo = (ms: number): void => {
    made.clock.alarm(ms - made.clock.nowMs(), () => {});
    while (made.clock.nowMs() < ms) made.clock.step();
  };
  return { ...made, moveTo };
}

test('a lane that stands for a span of time is asked for when that begins, also after a restart', () => {
  const { lanes, moveTo, clock } = withSpans({ '64+2': 1, '7': 1, '128+4': 1 });
  expect(wishes(lanes, 99).map(({ key }) => key)).toEqual(['7']);
  moveTo(64);
  expect([wishes(lanes, 99).map(({ key }) => key), lanes.nextWakeMs(clock.nowMs())]).toEqual([['64+2'], 128]);
});

test('a span is not waited for any longer than when it was made, wherever the wall clock was set to', () => {
  const { lanes, clock } = withSpans({ '9999999999999+2': 1 });
  expect(lanes.nextWakeMs(clock.nowMs())).toBe(128);
});

test('what is not due yet takes no more than its part of memory, and all of it comes when its span has ended', () => {
  const { lanes, moveTo, clock } = withSpans({ '1024+32': 40, '1024+16': 40 });
  moveTo(1024);
  // A quarter of the ring is for what cannot run yet.
  expect(wishes(lanes, 16)).toMatchObject([{ key: '1024+32', countMax: 4 }]);
  expect(lanes.nextWakeMs(clock.nowMs())).toBe(1028);
  moveTo(1040);
  expect(wishes(lanes, 16)).toMatchObject([{ key: '1024+16', countMax: 12 }]);
});

test('an event without an order is counted where it goes, and the lane comes back no later than it is due', () => {
  const { lanes, groups, moveTo, clock } = withSpans({});
  const sentTo = (key: string): Slot => Object.assign(new Slot(), { sentTo: { handler: -2, key } });
  groups.begun = 2;
  lanes.joined(sentTo('640+16'));
  lanes.joined(sentTo('640+16'));
  expect([lanes.backlog, lanes.nextWakeMs(clock.nowMs())]).toEqual([2, 640]);
  moveTo(640);
  expect(wishes(lanes, 16)).toEqual([]);
  groups.sent = 2;
  expect(wishes(lanes, 16)).toMatchObject([{ handler: -2, key: '640+16', countMax: 2 }]);
});

test('events on their way from one lane without an order to another are counted once when the store tells of both', () => {
  const { lanes, dispatcher, clock } = withSpans({ '3': 2 });
  const request = lanes.wish(9) as LanePageRequest;
  lanes.turn(request, pageOf(null, { position: 7, isLast: false }));
  expect([dispatcher.held, lanes.backlog]).toEqual([1, 1]);
  // It is sent away; the store counts it where it was.
  const slot = dispatcher.taken()[0]!;
  expect(slot.recalledFrom).toEqual({ handler: -2, key: '3' });
  slot.state = 'aside';
  slot.sentTo = { handler: -2, key: '640+16' };
  lanes.joined(slot);
  const told = (key: string, waiting: number) => ({ handler: -2, key, parkedBy: null, waiting });
  lanes.goOn({ lanes: [told('3', 2), told('640+16', 0)], parked: 0 });
  expect([lanes.backlog, lanes.nextWakeMs(clock.nowMs())]).toEqual([2, 640]);
});

/** Calls of cancel that the store answers. */
function makeCancellations(of: {
  lanes: AwayLanes;
  dispatcher: Dispatcher;
  answered: Promise<CancelResult>;
  cancelledInStore: () => void;
}) {
  const { lanes, dispatcher, answered, cancelledInStore } = of;
  const pump = {
    figures: { cancelledInStore },
    withdraw: (slot: Slot) => dispatcher.withdraw(slot),
    takeIn: async (call: Promise<CancelResult>, act: (result: CancelResult) => void) => {
      const result = await call;
      act(result);
      return result;
    },
  };
  return new Cancellations({
    ...{ dispatcher, away: lanes, indexOf: () => 1, wallMs: () => 0, allStored: async () => {} },
    ...{ nameOf: () => 'h', widest: () => 1, onDecidedInStore: () => {}, tellStored: async () => {} },
    ...{
      pump: pump as never,
      writer: { cancel: () => answered } as never,
      flights: { cancel: () => {} } as never,
      journal: null as never,
    },
  });
}

test.each(['on its way to the store', 'on its way from the store'])(
  'an event that is cancelled in the store while it is %s is counted no more when its lane goes on',
  async (where) => {
    const { lanes, dispatcher } = makeLanes({ keys: 1, each: 3 });
    const identity = { partition: 'p', position: 5 };
    let answer = (_result: CancelResult): void => {};
    const answered = new Promise<CancelResult>((resolve) => {
      answer = resolve;
    });
    const cancelledInStore = vi.fn();
    const cancellations = makeCancellations({ lanes, dispatcher, answered, cancelledInStore });
    let cancelled: Promise<unknown>;
    if (where === 'on its way to the store') {
      const event = { type: 't', key: '0', id: null, extras: null, data: '1' };
      dispatcher.admit(event, { partition: 1, position: 5, handler: 0 });
      const [slot] = dispatcher.away.takeAside() as [Slot];
      lanes.joined(slot);
      cancelled = cancellations.cancel(identity);
    } else {
      cancelled = cancellations.cancel(identity);
      lanes.turn(lanes.wish(9) as LanePageRequest, pageOf('0', { position: 5, isLast: false }));
    }
    const cancelledFor = { handler: 0, handlerName: 'h', hasWaited: false, waitedIn: null };
    answer({ found: 'cancelled', identity, cancelled: [cancelledFor] });
    expect([await cancelled, dispatcher.held]).toEqual(['cancelled', 1]);
    // What came into memory meanwhile is withdrawn there, and counted with its group.
    expect(cancelledInStore).toHaveBeenCalledTimes(where === 'on its way to the store' ? 1 : 0);
    // Another was redriven, and the store counts it.
    lanes.goOn({ lanes: [{ handler: 0, key: '0', parkedBy: null, waiting: lanes.backlog + 1 }], parked: 0 });
    expect(lanes.backlog).toBe(where === 'on its way to the store' ? 4 : 3);
  },
);

test('an event that is cancelled in the store while it runs counts as that where its try decides nothing', async () => {
  const { lanes, dispatcher } = makeLanes({ keys: 1, each: 3 });
  const identity = { partition: 'p', position: 5 };
  const answers: ((result: CancelResult) => void)[] = [];
  const answered = new Promise<CancelResult>((resolve) => answers.push(resolve));
  const cancelledInStore = vi.fn();
  const cancellations = makeCancellations({ lanes, dispatcher, answered, cancelledInStore });
  const cancelled = cancellations.cancel(identity);
  lanes.turn(lanes.wish(9) as LanePageRequest, pageOf('0', { position: 5, isLast: false }));
  const batch = dispatcher.nextBatch(1, 0)!;
  expect(batch.slots.map(({ position }) => position)).toEqual([5]);
  const cancelledFor = { handler: 0, handlerName: 'h', hasWaited: false, waitedIn: null };
  answers[0]!({ found: 'cancelled', identity, cancelled: [cancelledFor] });
  await answered.then(() => {});
  expect(cancelledInStore).not.toHaveBeenCalled();
  cancellations.settled(batch, Uint8Array.of(handlerResult.retrying));
  expect(await cancelled).toBe('cancelled');
  expect(cancelledInStore).toHaveBeenCalledTimes(1);
});

test('a lane that one handler of an event has stopped is not let go on by another one', () => {
  const { lanes, dispatcher } = makeLanes({ keys: 1 });
  const lane = dispatcher.lane(0, '0')!;
  lanes.park({ lane, partition: 1, position: 3, handler: 0, letGo: 0 });
  const of = (handler: number): Slot => Object.assign(new Slot(), { partition: 1, position: 3, handler, lane });
  lanes.letGo(of(1))();
  expect(lanes.parkedLanes).toBe(1);
  lanes.letGo(of(0))();
  expect(lanes.parkedLanes).toBe(0);
});

test('lanes that are stopped are counted until they go on, and not asked for', () => {
  const { lanes, dispatcher } = makeLanes({ keys: 2 });
  lanes.park({ lane: dispatcher.lane(0, '0')!, partition: 1, position: 3, handler: 0, letGo: 0 });
  expect([lanes.parkedLanes, lanes.parked, lanes.backlog]).toEqual([1, 1, 1]);
  expect(wishes(lanes, 9)).toMatchObject([{ key: '1' }]);
  lanes.goOn({ lanes: [{ handler: 0, key: '0', parkedBy: null, waiting: 1 }], parked: 0 });
  expect(lanes.parkedLanes).toBe(0);
  expect(wishes(lanes, 9)).toMatchObject([{ key: '0' }]);
});

test('what a turn costs does not grow with the lanes there are', () => {
  let looks = 0;
  const agenda = new LaneAgenda<{ readonly group: number; readonly dueMs: number; readonly barrier: number }>();
  const entry = (dueMs: number, barrier: number) => ({
    ...{ group: 0, dueMs },
    get barrier() {
      looks += 1;
      return barrier;
    },
  });
  for (let at = 0; at < 10_000; at += 1) agenda.put(entry(0, 2), 0);
  const free = entry(0, 1);
  agenda.put(free, 0);
  agenda.put(entry(9, 1), 0);
  expect([agenda.take(5, 1), agenda.nextMs(5), looks]).toEqual([null, 9, 64]);
  // Others are looked at the next time, so that one behind them has its turn.
  let found = null;
  while (found === null) found = agenda.take(5, 1);
  expect([found, looks]).toEqual([free, 10_001]);
});

test('one that was taken out, or put off, is not taken when it would have been due', () => {
  const agenda = new LaneAgenda<{ readonly group: number; dueMs: number; readonly barrier: number }>();
  const [gone, put] = [
    { group: 0, dueMs: 1, barrier: 0 },
    { group: 0, dueMs: 1, barrier: 0 },
  ];
  agenda.put(gone, 0);
  agenda.put(put, 0);
  agenda.delete(gone);
  put.dueMs = 5;
  agenda.put(put, 0);
  expect([agenda.take(1, 0), agenda.nextMs(1), agenda.take(5, 0), agenda.nextMs(5)]).toEqual([null, 5, put, Infinity]);
});

test('lanes of one group are held back together, and looked at one by one', () => {
  let looks = 0;
  const agenda = new LaneAgenda<{ readonly group: number; readonly dueMs: number; readonly barrier: number }>();
  const entry = (group: number) => ({
    ...{ group, dueMs: 0 },
    get barrier() {
      looks += 1;
      return 0;
    },
  });
  for (let at = 0; at < 1000; at += 1) agenda.put(entry(1), 0);
  const other = [entry(2), entry(2)];
  for (const one of other) agenda.put(one, 0);
  agenda.put(agenda.take(0, 0)!, 0);
  agenda.hold(1, 5);
  expect([agenda.take(0, 0), agenda.take(0, 0), agenda.take(0, 0), agenda.isAnyDue]).toEqual([...other, null, false]);
  expect([looks, agenda.nextMs(0), agenda.nextMs(5)]).toEqual([3, 5, Infinity]);
  expect([agenda.isAnyDue, agenda.take(5, 0)?.group]).toEqual([true, 1]);
});

test('no event waits for longer than it could when its wait began, wherever the wall clock was set to', () => {
  const { lanes, dispatcher, dueTimes } = makeLanes({ keys: 2 });
  const dueAtUs = Float64Array.of(30 * 24 * hourMs * 1000);
  const [first, second] = wishes(lanes, 9) as [LanePageRequest, LanePageRequest];
  lanes.turn(second, pageOf('1', { position: 7, dueAtUs, postponed: Int32Array.of(1) }));
  expect(dispatcher.nextWakeMs).toBe(retryLaterMsMax);
  lanes.turn(first, pageOf('0', { position: 5, dueAtUs }));
  expect(dispatcher.nextWakeMs).toBe(100);
  const other = makeLanes({ keys: 0 }).dispatcher;
  const retries = Float64Array.of(1, 0, 1, 0, hourMs * 1000);
  new Partitions(other, dueTimes).open('p', { partition: 2, watermark: 1, suspects: new Float64Array(0), retries });
  other.admit({ type: 't', key: 'k', id: null, extras: null, data: '1' }, { partition: 2, position: 1, handler: 0 });
  expect(other.nextWakeMs).toBe(100);
});
