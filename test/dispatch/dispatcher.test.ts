// The core as tables: given an order mode and limits, when these things happen, then batches are these. An event is
// written as its key and its number in its partition (`a1`), `-3` without a key; `b:a1` is key a of handler b.

import { describe, expect, test } from 'vitest';
import type { Batch } from '../../src/dispatch/batch.js';
import { Dispatcher } from '../../src/dispatch/dispatcher.js';
import type { DispatcherOptions } from '../../src/dispatch/dispatcher-options.js';
import type { Slot } from '../../src/dispatch/ring-buffer.js';
import { handlerResult } from '../../src/handler.js';

const limits: DispatcherOptions = {
  order: 'key',
  handlerCount: 2,
  widest: 1,
  threads: 1,
  ringSize: 64,
  ringBytesMax: 1_000_000,
  batchSizeMax: 100,
  batchTargetMs: 10,
  batchBytesMax: 1_000_000,
  parks: [false, false],
  breaker: null,
};

/** A dispatcher with its batches by name, and its events by what they are called. */
class Bench {
  readonly dispatcher: Dispatcher;
  readonly #batches: Batch[] = [];
  #position = 0;
  #partition = 1;

  constructor(options: Partial<DispatcherOptions> & { measured?: false } = {}) {
    this.dispatcher = new Dispatcher({ ...limits, ...options });
    this.dispatcher.openPartition(1, 0);
    if (options.measured === false) return;
    // One event that took no time, so that from here on only batchSizeMax bounds a batch.
    this.admit('-').batch();
    this.settle().confirm();
    this.#position = 0;
    this.#partition = 2;
    this.dispatcher.openPartition(2, 0);
  }

  /** Admits events given by key, such as 'a b a -'. */
  admit(keys: string, data = ''): this {
    for (const word of keys.split(' ')) {
      const [key, handler] = word.split(':').reverse() as [string, string?];
      this.#position += 1;
      this.dispatcher.admit(
        { type: 't', key: key === '-' ? null : key, id: null, extras: null, data },
        {
          partition: this.#partition,
          position: this.#position,
          handler: Math.max(0, ['a', 'b', 'c'].indexOf(handler ?? 'a')),
        },
      );
    }
    return this;
  }

  /** Takes a batch and tells its events in order, and whether it runs on a fresh thread. */
  batch(placesFree = 1, nowMs = 0): string {
    const batch = this.dispatcher.nextBatch(placesFree, nowMs);
    if (batch === null) return 'none';
    this.#batches.push(batch);
    const events = batch.slots.map((slot) => `${slot.event?.key ?? '-'}${slot.position}`).join(' ');
    return batch.isFresh ? `fresh ${events}` : events;
  }

  /** Which try each event of the oldest batch in flight has now, and how often it was put off. */
  tries(): string {
    return this.#batches[0]?.slots.map(({ attempt, postponed }) => `${attempt}+${postponed}`).join(' ') ?? 'none';
  }

  /**
   * Settles the oldest batch, or the one at `index`: one letter per event, s(ucceeded), f(ailed), k (skipped),
   * r(etrying), p(ostponed) or d(oubted); `s` alone means all. Another try is due in 50 ms.
   */
  settle(results = 's', busyUs = 0, index = 0): this {
    const codes: Record<string, number> = handlerResult;
    const names: Record<string, string> = {
      ...{ s: 'succeeded', f: 'failed', k: 'skipped', r: 'retrying', p: 'postponed', d: 'doubted' },
    };
    const batch = this.#batches.splice(index, 1)[0] as Batch;
    const letters = results.length === 1 ? results.repeat(batch.slots.length) : results;
    const came = Uint8Array.from(letters, (letter) => codes[names[letter] as string] as number);
    const delaysMs = new Float64Array(came.length).fill(50);
    this.#settled.push(this.dispatcher.settle(batch, { results: came, delaysMs, busyUs }, 0));
    return this;
  }

  /** Confirms what was settled, the given settlement first. */
  confirm(index = 0): this {
    this.dispatcher.confirm(this.#settled.splice(index, 1)[0] as never);
    return this;
  }

  readonly #settled: (readonly unknown[])[] = [];
}

describe('order per key', () => {
  test('a lane with a run in flight gives none; others go on', () => {
    const bench = new Bench({ batchSizeMax: 2 }).admit('a a a b');
    expect(bench.batch()).toBe('a1 b4');
    expect(bench.batch()).toBe('none');
    bench.settle();
    expect(bench.batch()).toBe('a2 a3');
  });

  test('a lane is free when its run is settled, before it is durable', () => {
    const bench = new Bench({ batchSizeMax: 1 }).admit('a a');
    expect(bench.batch()).toBe('a1');
    bench.settle();
    expect(bench.batch()).toBe('a2');
  });

  test('a failed event does not hold its lane', () => {
    const bench = new Bench({ batchSizeMax: 1 }).admit('a a');
    bench.batch();
    bench.settle('f');
    expect(bench.batch()).toBe('a2');
  });

  test('skipped events go back in front of their lanes, in order', () => {
    const bench = new Bench().admit('a a a b b');
    expect(bench.batch()).toBe('a1 a2 a3 b4 b5');
    bench.admit('a b');
    bench.settle('skksk');
    expect(bench.batch()).toBe('a2 a3 a6 b5 b7');
  });

  test('the same key under two handlers is two lanes', () => {
    const bench = new Bench({ batchSizeMax: 2 }).admit('a b:a a');
    expect(bench.batch()).toBe('a1 a2');
  });

  test('events without a key run free beside keyed ones', () => {
    const bench = new Bench({ batchSizeMax: 2 }).admit('- a - a -');
    expect(bench.batch()).toBe('-1 a2');
    expect(bench.batch()).toBe('-3 -5');
    bench.settle();
    expect(bench.batch()).toBe('a4');
  });
});

describe('another try', () => {
  test('comes when it is due, before what follows in its lane; what was skipped behind it is charged nothing', () => {
    const bench = new Bench().admit('a a b');
    expect([bench.batch(), bench.tries()]).toEqual(['a1 a2 b3', '1+0 1+0 1+0']);
    bench.settle('rks').admit('a b');
    expect(bench.batch(1, 49)).toBe('b5');
    expect(bench.dispatcher.nextWakeMs).toBe(50);
    bench.settle();
    expect([bench.batch(1, 50), bench.tries()]).toEqual(['a1 a2 a4', '2+0 1+0 1+0']);
  });

  test('that was put off is not counted', () => {
    const bench = new Bench().admit('a');
    bench.batch();
    bench.settle('p');
    expect(bench.batch()).toBe('none');
    expect([bench.batch(1, 50), bench.tries()]).toEqual(['a1', '1+1']);
  });

  test('of an event without a key holds nobody', () => {
    const bench = new Bench().admit('- -');
    bench.batch();
    bench.settle('rs').admit('-');
    expect(bench.batch()).toBe('-3');
    expect(bench.batch(1, 50)).toBe('-1');
  });
});

describe('a doubted event', () => {
  test('departs by itself for a fresh thread, beside others and in the order of its lane, and is charged nothing', () => {
    const bench = new Bench().admit('a a a b');
    bench.batch();
    bench.settle('sdks').admit('c');
    expect([bench.batch(), bench.tries()]).toEqual(['fresh a2', '1+0']);
    expect([bench.batch(), bench.batch()]).toEqual(['c5', 'none']);
    bench.settle();
    expect(bench.batch()).toBe('a3');
  });

  test('is doubted no longer once a fresh thread has run it, whatever came of it, unless it was skipped there', () => {
    const bench = new Bench().admit('a');
    bench.batch();
    bench.settle('d');
    expect(bench.batch()).toBe('fresh a1');
    bench.settle('k');
    expect(bench.batch()).toBe('fresh a1');
    bench.settle('r').admit('a');
    expect([bench.batch(1, 50), bench.tries()]).toEqual(['a1 a2', '2+0 1+0']);
  });

  test('that went back behind others runs after these, and not with them', () => {
    const bench = new Bench().admit('a a a a');
    bench.batch();
    bench.settle('kkdk');
    expect([bench.batch(), bench.batch()]).toEqual(['a1 a2', 'none']);
    bench.settle();
    expect(bench.batch()).toBe('fresh a3');
    bench.settle();
    expect(bench.batch()).toBe('a4');
  });

  test('gives its slot back without the doubt', () => {
    const bench = new Bench({ ringSize: 1 }).admit('a');
    bench.batch();
    bench.settle('d');
    bench.batch();
    bench.settle().confirm(1).admit('a');
    expect(bench.batch()).toBe('a2');
  });

  test('waits while another runs on a fresh thread, and other lanes do not', () => {
    const bench = new Bench().admit('a b -');
    bench.batch();
    bench.settle('ddd').admit('c b');
    expect([bench.batch(), bench.batch(), bench.batch()]).toEqual(['fresh a1', 'c4', 'none']);
    bench.settle();
    expect([bench.batch(), bench.batch()]).toEqual(['fresh b2', 'none']);
    bench.settle('s', 0, 1);
    expect([bench.batch(), bench.batch()]).toEqual(['fresh -3', 'b5']);
  });

  test('can be withdrawn, and what follows in its lane departs as ever', () => {
    const bench = new Bench().admit('a a -');
    bench.batch();
    bench.settle('dkd');
    const { dispatcher } = bench;
    for (const position of [1, 3]) dispatcher.withdraw(dispatcher.find({ partition: 2, position })[0] as Slot);
    expect([bench.batch(), bench.batch()]).toEqual(['a2', 'none']);
    bench.settle();
    expect(dispatcher.counts()).toMatchObject({ buffered: 0, inFlight: 0, lanesLive: 0, lanesReady: 0 });
  });

  test('goes to the store with its lane where that is sent away', () => {
    const bench = new Bench().admit('a a');
    bench.batch();
    bench.settle('dk');
    bench.dispatcher.away.holdLane(0, 'a');
    expect(bench.dispatcher.away.takeAside().map(({ position }) => position)).toEqual([1, 2]);
    expect(bench.admit('b').batch()).toBe('b3');
  });

  test('that is a suspect runs alone on its fresh thread, and others wait until it has', () => {
    const bench = new Bench();
    bench.dispatcher.remember({ partition: 2, position: 1, handler: 0 }, { deaths: 0 });
    bench.admit('a b');
    bench.batch();
    bench.settle('d');
    expect(bench.batch()).toBe('fresh a1');
    expect(bench.batch()).toBe('none');
    bench.settle('k').admit('c');
    expect(bench.batch()).toBe('fresh a1');
    bench.settle();
    expect(bench.batch()).toBe('b2 c3');
  });

  test('that is a suspect lets nothing new depart while an event that shows whether a handler is well is in flight', () => {
    const breaker = { failurePercent: 50, triesMin: 1, windowMs: 1000, pauseMs: 500 };
    const bench = new Bench({ breaker }).admit('b:y');
    bench.batch();
    bench.settle('f');
    bench.dispatcher.remember({ partition: 2, position: 3, handler: 0 }, { deaths: 0 });
    bench.admit('b:z a');
    expect(bench.batch()).toBe('a3');
    bench.settle('d').admit('c');
    expect([bench.batch(1, 500), bench.batch(1, 500)]).toEqual(['z2', 'none']);
    bench.settle();
    expect([bench.batch(1, 500), bench.batch(1, 500)]).toEqual(['fresh a3', 'none']);
    bench.settle();
    expect(bench.batch(1, 500)).toBe('c4');
  });

  test('of a paused handler waits with it, and shows on a fresh thread whether it is well', () => {
    const breaker = { failurePercent: 50, triesMin: 1, windowMs: 1000, pauseMs: 500 };
    const bench = new Bench({ batchSizeMax: 1, breaker }).admit('a b');
    expect([bench.batch(), bench.batch()]).toEqual(['a1', 'b2']);
    bench.settle('d').settle('f');
    expect([bench.batch(), bench.batch(1, 500)]).toEqual(['none', 'fresh a1']);
    bench.settle().admit('a');
    expect(bench.batch()).toBe('a3');
  });
});

describe('a lane with a dead letter', () => {
  test('stops where its handler says so: what waits is set aside, in order, and what comes later follows', () => {
    const bench = new Bench({ parks: [true, false] }).admit('a a b b:a b:a');
    expect(bench.batch()).toBe('a1 a2 b3 a4 a5');
    bench.settle('fksfk').admit('a');
    expect(bench.batch()).toBe('a5');
    const { away } = bench.dispatcher;
    expect(away.takeParked()).toMatchObject([{ partition: 2, position: 1, letGo: 0 }]);
    expect(away.takeAside().map(({ position }) => position)).toEqual([2, 6]);
  });
});

describe('memory that lanes hold which may not run', () => {
  const breaker = { failurePercent: 50, triesMin: 1, windowMs: 1000, pauseMs: 500 };
  /** Keys and times of the lanes that are sent away at 10 ms. */
  const relieved = ({ dispatcher }: Bench): string =>
    dispatcher.away
      .relieve(10)
      .map(({ lane, dueMs }) => `${lane.key} ${dueMs}`)
      .join(', ');

  test('is given up at half of the slots, by those whose tries are due last', () => {
    const bench = new Bench({ ringSize: 4 }).admit('a b');
    bench.batch();
    bench.settle('rr').admit('c');
    expect(relieved(bench)).toBe('');
    bench.admit('d');
    expect(relieved(bench)).toBe('b 50, a 50');
    expect(bench.dispatcher.away.takeAside().map(({ position }) => position)).toEqual([2, 1]);
    expect(bench.batch(1, 60)).toBe('c3 d4');
  });

  test('is given up at half of the bytes', () => {
    const bench = new Bench({ ringBytesMax: 1000 }).admit('a b c', 'x'.repeat(300));
    bench.batch();
    bench.settle('r');
    expect(relieved(bench)).toBe('c 50, b 50, a 50');
    bench.dispatcher.confirm(bench.dispatcher.away.takeAside());
    expect(bench.dispatcher.counts()).toMatchObject({ bytesHeld: 0, delayed: 0 });
  });

  test('is given up by lanes of a paused handler, the oldest last, until one of them may be tried', () => {
    const bench = new Bench({ ringSize: 8, breaker }).admit('-');
    bench.batch();
    bench.settle('f').confirm().admit('a b c d e f g b:z');
    expect(relieved(bench)).toBe('g 500, f 500, e 500, d 500, c 500, b 500');
    expect(bench.batch()).toBe('z9');
    expect(bench.batch(1, 500)).toBe('a2');
  });

  test('is given up by a lane that is on probation no sooner than it is worth a look again', () => {
    const bench = new Bench({ ringSize: 4, breaker }).admit('-');
    bench.batch();
    bench.settle('f').confirm().admit('a b c d');
    expect(bench.batch(1, 500)).toBe('a2');
    expect(relieved(bench)).toBe('d 510, c 510, b 510');
  });

  test.each([
    { order: 'key', keys: '- - b', others: 'b3 -4' },
    { order: 'none', keys: 'a a b', others: 'b3 -4' },
  ] as const)(
    'is given up by events without an order ($order), and nothing follows those',
    ({ order, keys, others }) => {
      const bench = new Bench({ ringSize: 4, order, batchSizeMax: 2 }).admit(keys);
      expect(bench.batch()).toBe(keys.startsWith('-') ? '-1 -2' : 'a1 a2');
      bench.settle('rp').admit('-');
      expect(relieved(bench)).toBe('');
      const { away } = bench.dispatcher;
      const aside = away.takeAside();
      expect(aside.map(({ position, dueMs }) => [position, dueMs])).toEqual([
        [1, 50],
        [2, 50],
      ]);
      bench.dispatcher.confirm(aside);
      // One comes back too early: it is sent once more, as the store is to be told when it is due.
      const event = { type: 't', key: null, id: null, extras: null, data: '' };
      const owed = { partition: 2, position: 1, handler: 0, lane: { handler: -2, key: '32+1' } };
      const history = { deaths: null, tries: 1, postponed: 0, dueMs: 40, isRedriven: false };
      bench.dispatcher.readmit(event, owed, history);
      bench.dispatcher.readmit(event, { ...owed, position: 2 }, history);
      expect([relieved(bench), away.takeAside().map(({ position }) => position)]).toEqual(['', [1, 2]]);
      expect([bench.batch(1, 60), bench.dispatcher.counts().delayed]).toEqual([others, 0]);
    },
  );

  test('has room for what cannot run yet until that holds a quarter of it', () => {
    const bench = new Bench({ ringSize: 8 }).admit('- a');
    const { away } = bench.dispatcher;
    expect([bench.batch(), away.returns.roomToWait]).toEqual(['-1 a2', 2]);
    bench.settle('rs');
    expect(away.returns.roomToWait).toBe(1);
    bench.admit('a');
    bench.batch();
    bench.settle('r');
    expect(away.returns.roomToWait).toBe(0);
  });

  test('is given up by events without a key of a paused handler', () => {
    const bench = new Bench({ ringSize: 4, breaker }).admit('-');
    bench.batch();
    bench.settle('f').confirm().admit('- - - b:b');
    expect(relieved(bench)).toBe('');
    const { away } = bench.dispatcher;
    expect(away.takeAside().map(({ position, dueMs }) => [position, dueMs])).toEqual([
      [2, -1],
      [3, -1],
      [4, -1],
    ]);
    expect([away.returns.lookAgainMs(0, 10), bench.batch(1, 10)]).toEqual([500, 'b5']);
  });

  test('is not filled again by lanes of a paused handler that come back, but for one that can be tried', () => {
    const bench = new Bench({ ringSize: 8, breaker }).admit('- b:-');
    bench.batch();
    bench.settle('f').confirm();
    const { returns } = bench.dispatcher.away;
    const rooms = () => [0, 1, -1].map((handler) => returns.roomOf(handler, { all: 0, ofHandler: 0 }, 10));
    expect(rooms()).toEqual([2, 2, Infinity]);
    expect(returns.roomOf(0, { all: 5, ofHandler: 5 }, 10)).toBe(1);
    bench.admit('a');
    expect(rooms()).toEqual([1, 1, Infinity]);
    bench.admit('c d');
    expect([rooms(), returns.lookAgainMs(0, 10), returns.lookAgainMs(0, 600)]).toEqual([[0, 1, Infinity], 500, 1100]);
  });
});

test('a suspect that is to show whether its handler is well keeps no other handler waiting', () => {
  const breaker = { failurePercent: 50, triesMin: 1, windowMs: 1000, pauseMs: 500 };
  const bench = new Bench({ handlerCount: 3, batchSizeMax: 2, breaker }).admit('a b:a');
  bench.batch();
  bench.settle('ff');
  bench.dispatcher.remember({ partition: 2, position: 3, handler: 0 }, { deaths: 1 });
  bench.admit('a b:a c:a');
  expect([bench.batch(2, 100), bench.batch(2, 500), bench.batch(2, 500)]).toEqual(['a5', 'a4', 'none']);
  bench.settle().settle();
  expect(bench.batch(2, 500)).toBe('a3');
});

describe('order modes', () => {
  test('none: every event is free', () => {
    const bench = new Bench({ order: 'none', batchSizeMax: 2 }).admit('a a a');
    expect(bench.batch()).toBe('a1 a2');
    expect(bench.batch()).toBe('a3');
  });

  test('global: one lane for all, across handlers and without keys', () => {
    const bench = new Bench({ order: 'global', batchSizeMax: 2 }).admit('a b:b - a');
    expect(bench.batch()).toBe('a1 b2');
    expect(bench.batch()).toBe('none');
    bench.settle();
    expect(bench.batch()).toBe('-3 a4');
  });
});

describe('which events a batch takes', () => {
  test('the oldest first, a short run of each lane while many are ready', () => {
    const bench = new Bench({ batchSizeMax: 4 }).admit('a a a b b c d');
    expect(bench.batch()).toBe('a1 b4 c6 d7');
    bench.settle();
    expect(bench.batch()).toBe('a2 a3 b5');
  });

  test('long runs when few lanes are ready', () => {
    const bench = new Bench({ batchSizeMax: 6 }).admit('a a a a b b b b');
    expect(bench.batch()).toBe('a1 a2 a3 b5 b6 b7');
  });

  test('a long run of a hot lane, whose events would fill the memory otherwise', () => {
    const bench = new Bench({ batchSizeMax: 4 }).admit('a a a a a a a a b c d');
    expect([bench.batch(), bench.batch()]).toEqual(['a1 a2 a3 a4', 'b9 c10 d11']);
  });

  test('the lane whose head is oldest comes first, whenever it became ready', () => {
    const bench = new Bench({ batchSizeMax: 1 }).admit('a b c a b c');
    expect([bench.batch(), bench.batch(), bench.batch()]).toEqual(['a1', 'b2', 'c3']);
    bench.settle().settle().settle();
    expect([bench.batch(), bench.batch(), bench.batch()]).toEqual(['a4', 'b5', 'c6']);
  });

  test('its share of the ready lanes, so that other threads find work too', () => {
    const bench = new Bench().admit('a b c d a b c d');
    expect(bench.batch(4)).toBe('a1 a5');
    expect(bench.batch(3)).toBe('b2 b6');
  });

  test('no more once its bytes are over the limit', () => {
    const bench = new Bench({ batchBytesMax: 200 }).admit('a b c', 'x'.repeat(100));
    expect(bench.batch()).toBe('a1 b2');
  });
});

describe('how many', () => {
  test('few before anything was measured, then as many as fill the target', () => {
    const bench = new Bench({ batchTargetMs: 10, measured: false }).admit(`a${' a'.repeat(59)}`);
    expect(bench.batch().split(' ')).toHaveLength(16);
    bench.settle('s', 16 * 1000);
    expect(bench.batch().split(' ')).toHaveLength(10);
  });

  test('half a share of what is waiting, so that the last batches leave no thread idle', () => {
    const bench = new Bench({ threads: 2, measured: false }).admit(`a${' a'.repeat(15)}`);
    bench.batch();
    bench.settle('s', 4 * 1000);
    expect(bench.batch().split(' ')).toHaveLength(3);
  });

  test('but no batch so short that its way there and back costs more than a fifth', () => {
    const bench = new Bench({ threads: 2, measured: false }).admit(`a${' a'.repeat(15)}`);
    bench.batch();
    bench.settle('s', 4 * 70);
    expect(bench.batch().split(' ')).toHaveLength(7);
  });
});

describe('limits', () => {
  test('room is what the ring has left, and comes back when outcomes are durable', () => {
    const bench = new Bench({ ringSize: 3 }).admit('a b');
    expect(bench.dispatcher.room).toBe(1);
    bench.admit('c');
    expect(bench.dispatcher.room).toBe(0);
    bench.batch();
    bench.settle();
    expect(bench.dispatcher.room).toBe(0);
    bench.confirm();
    expect(bench.dispatcher.room).toBe(3);
  });

  test('room is none while the bytes held are at their limit', () => {
    const bench = new Bench({ ringBytesMax: 100 }).admit('a', 'x'.repeat(100));
    expect(bench.dispatcher.room).toBe(0);
    bench.batch();
    bench.settle().confirm();
    expect(bench.dispatcher.room).toBe(64);
  });

  test('a lane is gone when it is empty', () => {
    const bench = new Bench().admit('a b c');
    bench.batch();
    expect(bench.dispatcher.counts().lanesLive).toBe(3);
    bench.settle();
    expect(bench.dispatcher.counts().lanesLive).toBe(0);
    expect(['a', 'b', 'c'].map((key) => bench.dispatcher.lane(0, key))).toEqual([null, null, null]);
  });

  test('every event is counted in one place', () => {
    const bench = new Bench({ batchSizeMax: 2 }).admit('a b c d e');
    bench.batch();
    bench.batch();
    bench.settle();
    expect(bench.dispatcher.counts()).toMatchObject({ admitted: 6, buffered: 1, inFlight: 2, settled: 2 });
    bench.confirm();
    expect(bench.dispatcher.counts()).toMatchObject({ admitted: 6, buffered: 1, inFlight: 2, settled: 0 });
    expect(bench.dispatcher.held).toBe(3);
  });
});

describe('the watermark', () => {
  test('is the oldest event without a durable outcome, not the highest seen', () => {
    const bench = new Bench({ batchSizeMax: 1 }).admit('a b c');
    bench.batch();
    bench.batch();
    bench.batch();
    bench.settle().settle().settle();
    expect(bench.dispatcher.watermark(2)).toBe(1);
    bench.confirm(2).confirm(1);
    expect(bench.dispatcher.watermark(2)).toBe(1);
    bench.confirm();
    expect(bench.dispatcher.watermark(2)).toBe(4);
  });

  test('of a partition without events is where it began', () => {
    const { dispatcher } = new Bench();
    dispatcher.openPartition(3, 17);
    expect(dispatcher.watermark(3)).toBe(17);
  });
});
