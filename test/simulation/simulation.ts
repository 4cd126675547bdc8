// One seeded life of a whole processor: real intake, pump and dispatcher between simulated threads and a simulated
// writer, on a simulated clock. What happened is judged from the records of the outside, never from the processor's.

import { KeylaneError } from '../../src/errors.js';
import { configFrom, type OrderMode } from '../../src/options.js';
import { Processor } from '../../src/processor.js';
import type { Source, SourceRecord } from '../../src/sources/source.js';
import { Trouble } from '../../src/trouble.js';
import { Random } from './random.js';
import { SimulatedClock } from './simulated-clock.js';
import { SimulatedThreads, type Try } from './simulated-threads.js';
import { SimulatedWriter } from './simulated-writer.js';

interface Accepted {
  readonly identity: string;
  readonly partition: string;
  readonly position: number;
  readonly lane: string | null;
}

/** Runs one seed to its end and gives what is wrong with it; nothing when all is well. */
export async function simulate(seed: number): Promise<string[]> {
  return new Simulation(seed).run();
}

const types = ['a', 'b', 'c'];

class Simulation {
  readonly #random: Random;
  readonly #clock = new SimulatedClock();
  readonly #order: OrderMode;
  readonly #keys: number;
  readonly #accepted: Accepted[] = [];
  readonly #threads: SimulatedThreads;
  readonly #writer: SimulatedWriter;
  /** Promises that have not settled, by what they are of. */
  readonly #pending = new Map<Promise<unknown>, string>();
  #left = 0;
  /** Outcomes that a listener heard of. */
  readonly #told = new Set<string>();
  readonly #wrong: string[] = [];

  constructor(seed: number) {
    const random = new Random(seed);
    this.#random = random;
    this.#order = random.pick(['key', 'key', 'key', 'none', 'global'] as const);
    this.#keys = random.pick([1, 2, 7, 40]);
    const laneOf = (handler: number, key: string | null): string | null => this.#laneOf(types[handler] as string, key);
    this.#threads = new SimulatedThreads(random.int(1, 4), { clock: this.#clock, random, laneOf });
    this.#writer = new SimulatedWriter({
      clock: this.#clock,
      random,
      accepted: (partition, below) =>
        this.#accepted.filter((a) => a.partition === partition && a.position < below).map((a) => a.identity),
    });
  }

  async run(): Promise<string[]> {
    const random = this.#random;
    const config = configFrom({
      ...{ handlers: 'simulated', store: 'simulated', order: this.#order, threads: this.#threads.threads },
      ...{ ringSize: random.int(16, 64), batchSizeMax: random.int(1, 12), groupSizeMax: random.int(1, 20) },
      ...{ groupWaitMs: random.int(0, 5), autoStart: random.oneIn(2) },
    });
    const table = { names: types, takes: 'its-own-type' } as const;
    const journal = await this.#writer.openJournal();
    const [clock, writer, pool, trouble] = [this.#clock, this.#writer, this.#threads, new Trouble()];
    const processor = new Processor({ config, table, journal, clock, writer, pool, trouble });
    processor.on('fatal', (error) => this.#wrong.push(`fatal: ${error.stack}`));

    processor.on('outcome', ({ identity }) => {
      const told = `${identity.partition}/${identity.position}`;
      if (!this.#writer.stored.has(told)) this.#wrong.push(`${told} was told before it was durable`);
      if (this.#told.has(told)) this.#wrong.push(`${told} was told twice`);
      this.#told.add(told);
    });
    for (let publisher = random.int(1, 3); publisher > 0; publisher -= 1) this.#publishMany(processor);
    const how = random.pick(['drain', 'drain', 'stop'] as const);
    if (random.oneIn(2)) this.#consume(processor, how);
    if (random.oneIn(3)) this.#burst(processor);
    await this.#steps(random.int(0, 400));
    this.#watch(
      how,
      processor[how]().then((came) => {
        this.#left = came?.left ?? 0;
        const { accepted, inFlight, unacknowledged } = processor.stats();
        if (inFlight + unacknowledged > 0) this.#wrong.push(`${how} left ${inFlight} + ${unacknowledged} unfinished`);
        const { size } = this.#writer.stored;
        if (how === 'drain' && size < accepted) this.#wrong.push(`drained at ${size} outcomes of ${accepted}`);
      }),
    );
    await this.#steps(Number.POSITIVE_INFINITY);
    return this.#judge(processor, how);
  }

  #publishMany(processor: Processor): void {
    const count = this.#random.int(0, 150);
    const publish = async (): Promise<void> => {
      for (let index = 0; index < count; index += 1) {
        const event = this.#event();
        const { identity } = await processor.publish(event);
        this.#accept(identity.partition, identity.position, this.#laneOf(event.type, event.key));
      }
    };
    this.#watch(
      'publish',
      publish().catch((error) => {
        // The end may overtake a publisher that waits; only that may.
        if (!(error instanceof KeylaneError && error.code === 'not-running')) throw error;
      }),
    );
  }

  /** Publishes without awaiting: the order of the calls is the order of acceptance all the same. */
  #burst(processor: Processor): void {
    let last = 0;
    for (let index = this.#random.int(1, 100); index > 0; index -= 1) {
      const event = this.#event();
      const published = processor.publish(event).then(
        ({ identity }) => {
          if (identity.position < last) this.#wrong.push(`journal/${identity.position} was accepted before its turn`);
          last = identity.position;
          this.#accept(identity.partition, identity.position, this.#laneOf(event.type, event.key));
        },
        () => {},
      );
      this.#watch('burst', published);
    }
  }

  #consume(processor: Processor, how: 'drain' | 'stop'): void {
    this.#watch(
      'consume',
      processor.consume(this.#source()).then(({ accepted }) => {
        const stored = [...this.#writer.stored.keys()].filter((identity) => identity.startsWith('source/')).length;
        if (how === 'drain' && stored < accepted) this.#wrong.push(`consumed at ${stored} outcomes of ${accepted}`);
      }),
    );
  }

  #source(): Source {
    const random = this.#random;
    let position = 0;
    const last = random.int(0, 200);
    return {
      partition: 'source',
      open: async () => null,
      request: async (demand): Promise<SourceRecord[] | null> => {
        if (position >= last) return null;
        const records: SourceRecord[] = [];
        for (let index = random.int(1, demand); index > 0 && position < last; index -= 1) {
          position += random.int(1, 3);
          const event = this.#event();
          this.#accept('source', position, this.#laneOf(event.type, event.key));
          records.push({ position, event: { ...event, id: null, extras: null, data: '1' } });
        }
        return records;
      },
      close: async () => {},
    };
  }

  #event(): { type: string; key: string | null } {
    const random = this.#random;
    const key = random.oneIn(10) ? null : `k${Math.floor(random.next() ** 2 * this.#keys)}`;
    return { type: random.pick(types), key };
  }

  #laneOf(type: string, key: string | null): string | null {
    if (this.#order === 'global') return 'all';
    return this.#order === 'none' || key === null ? null : `${type}:${key}`;
  }

  #accept(partition: string, position: number, lane: string | null): void {
    this.#accepted.push({ identity: `${partition}/${position}`, partition, position, lane });
  }

  #watch(name: string, promise: Promise<unknown>): void {
    this.#pending.set(promise, name);
    promise.then(
      () => this.#pending.delete(promise),
      (error) => this.#wrong.push(`${name} rejected: ${error instanceof Error ? error.stack : error}`),
    );
  }

  async #steps(max: number): Promise<void> {
    for (let step = 0; step < max; step += 1) {
      // Promises settle between steps as they would between messages; no chain here needs more hops than this.
      for (let hop = 0; hop < 24; hop += 1) await null;
      if (!this.#clock.step()) return;
    }
  }

  #judge(processor: Processor, how: 'drain' | 'stop'): string[] {
    const wrong = [...this.#wrong, ...this.#writer.objections];
    const { tries } = this.#threads;
    const { stored } = this.#writer;
    for (const name of this.#pending.values()) wrong.push(`${name} never settled`);
    if (processor.phase !== 'stopped') wrong.push(`the phase is ${processor.phase}`);
    if (!this.#threads.closed || !this.#writer.closed) wrong.push('a thread was left open');
    if (this.#threads.batchesMax > this.#threads.places) wrong.push('more batches in flight than places');
    if (this.#writer.groupsMax > 2) wrong.push('more than two groups in flight');
    // Records that a source gave and nobody admitted are dropped when it is cut; what has a place in the ring is not.
    const known = new Set(this.#accepted.map((accepted) => accepted.identity));
    for (const identity of stored.keys()) if (!known.has(identity)) wrong.push(`${identity} was never accepted`);
    const { accepted, lanesLive, bytesHeld } = processor.stats();
    if (how === 'drain' && lanesLive + bytesHeld > 0)
      wrong.push(`${lanesLive} lanes, ${bytesHeld} bytes outlived drain`);
    if (stored.size + this.#left !== accepted) {
      wrong.push(`${accepted} accepted, ${stored.size} outcomes, ${this.#left} said to be left`);
    }
    if (how === 'drain' && this.#left > 0) wrong.push(`drain left ${this.#left}`);
    if (this.#told.size !== stored.size) wrong.push(`${stored.size} outcomes, ${this.#told.size} told`);
    const journalled = this.#accepted.filter((a) => a.partition === Processor.journalPartition);
    if (how === 'drain') {
      for (const a of journalled) if (!stored.has(a.identity)) wrong.push(`${a.identity} has no outcome`);
    }
    return [...wrong, ...overlaps(tries), ...this.#disorder(tries, [...stored.keys()])];
  }

  /** Per lane: tries begin, and outcomes are stored, in the order of acceptance. */
  #disorder(tries: readonly Try[], stored: readonly string[]): string[] {
    const wrong: string[] = [];
    const begun = new Map<string, string[]>();
    for (const { identity, lane } of [...tries].sort((a, b) => a.startMs - b.startMs)) {
      const list = begun.get(lane) ?? [];
      // A try that was cut short by the thread is told apart by its identity coming twice in a row.
      if (list.at(-1) !== identity) list.push(identity);
      begun.set(lane, list);
    }
    const laneOf = new Map(this.#accepted.map((accepted) => [accepted.identity, accepted.lane]));
    const storedBy = new Map<string, string[]>();
    for (const identity of stored) {
      const lane = laneOf.get(identity) ?? null;
      if (lane !== null) storedBy.set(lane, [...(storedBy.get(lane) ?? []), identity]);
    }
    for (const lane of new Set(this.#accepted.map((accepted) => accepted.lane))) {
      if (lane === null) continue;
      for (const [what, orders] of [['tries', begun] as const, ['outcomes', storedBy] as const]) {
        for (const partition of [Processor.journalPartition, 'source']) {
          const positions = (orders.get(lane) ?? [])
            .filter((identity) => identity.startsWith(`${partition}/`))
            .map((identity) => Number(identity.split('/')[1]));
          const late = positions.findIndex(
            (position, index) => index > 0 && position <= (positions[index - 1] as number),
          );
          if (late !== -1) wrong.push(`${what} of lane ${lane} out of order: ${partition}/${positions[late]}`);
        }
      }
    }
    return wrong;
  }
}

/** No two tries of one lane execute at the same time. */
function overlaps(tries: readonly Try[]): string[] {
  const lastEnd = new Map<string, number>();
  const wrong: string[] = [];
  for (const { lane, identity, startMs, endMs } of [...tries].sort((a, b) => a.startMs - b.startMs)) {
    if (startMs < (lastEnd.get(lane) ?? 0)) wrong.push(`${identity} began before its predecessor stopped`);
    lastEnd.set(lane, Math.max(endMs, lastEnd.get(lane) ?? 0));
  }
  return wrong;
}
