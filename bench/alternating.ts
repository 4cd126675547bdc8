// What a variant costs the main thread, told apart from noise: an ordinary processor and one of the variant, both in this
// process, given the same events in short turns. Two processes that run the same code differ by several percent, as code
// is compiled and memory laid out otherwise in each, and what else is on the machine changes from one second to the next.
// Called as `node alternating.js '<AlternatingRequest as JSON>'`; prints one AlternatingRun as JSON.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BenchEvents } from './bench-events.js';
import { checkStore } from './check.js';
import type { CellSpec } from './report.js';
import { cpuPerEvent, ThreadCpu } from './thread-cpu.js';
import { allDurable, type BenchProcessor, openVariant, publishAs, type Variant } from './variant.js';

export interface AlternatingRequest {
  /** Of a turn. */
  readonly spec: CellSpec;
  readonly variant: Variant;
  /** How often each of the two has its turn. */
  readonly rounds: number;
}

/** CPU in the turns of one of the two, in microseconds per event. */
export interface TurnsCpu {
  readonly main: number;
  /** Of all threads: most of what it differs by from one run to the next is V8's collection of garbage. */
  readonly all: number;
}

export interface AlternatingRun {
  readonly ordinary: TurnsCpu;
  readonly having: TurnsCpu;
  /** What is wrong with the stored outcomes; empty when nothing is. */
  readonly wrong: readonly string[];
}

/** Turns of each before the first that counts: code is compiled for speed by then. */
const warmingRounds = 10;

/** One of the two processors, with what was published to it. */
class Side {
  readonly #variant: Variant;
  readonly #events: BenchEvents;
  readonly #store: string;
  readonly #processor: BenchProcessor;
  #published = 0;

  private constructor(variant: Variant, of: { events: BenchEvents; store: string; processor: BenchProcessor }) {
    this.#variant = variant;
    this.#events = of.events;
    this.#store = of.store;
    this.#processor = of.processor;
  }

  static async open(variant: Variant, spec: CellSpec): Promise<Side> {
    const store = join(await mkdtemp(join(folder, 'side-')), 'bench.db');
    return new Side(variant, {
      events: new BenchEvents(spec),
      store,
      processor: await openVariant(variant, spec, store),
    });
  }

  /** Gives what it takes until so many more events are durable. */
  async turn(events: number, cpu: ThreadCpu): Promise<TurnsCpu> {
    const first = this.#published;
    this.#published += events;
    const before = cpu.read();
    await publishAs(this.#variant, this.#processor, this.#events.range(first, this.#published));
    await allDurable(this.#processor, this.#published);
    const { main, handlers, writer, other } = cpuPerEvent(before, cpu.read(), events);
    return { main, all: main + handlers + writer + other };
  }

  /** Gives what is wrong with its outcomes. */
  async close(): Promise<string[]> {
    await this.#processor.drain();
    return checkStore(this.#store, { events: this.#events, count: this.#published });
  }
}

const request = JSON.parse(process.argv[2] ?? 'null') as AlternatingRequest | null;
if (request === null) throw new Error('expected a request as JSON; run `npm run bench -- --targets unused`');
const folder = await mkdtemp(join(tmpdir(), 'keylane-bench-'));
try {
  console.log(JSON.stringify(await run(request)));
} finally {
  await rm(folder, { recursive: true });
}

async function run({ spec, variant, rounds }: AlternatingRequest): Promise<AlternatingRun> {
  const cpu = new ThreadCpu();
  const ordinary = await Side.open('ordinary', spec);
  cpu.find({ handlers: spec.threads });
  const having = await Side.open(variant, spec);
  const turns = { ordinary: [] as TurnsCpu[], having: [] as TurnsCpu[] };
  for (let round = -warmingRounds; round < rounds; round += 1) {
    const take = [
      async () => turns.ordinary.push(await ordinary.turn(spec.events, cpu)),
      async () => turns.having.push(await having.turn(spec.events, cpu)),
    ];
    // Whoever comes second finds the garbage of the first: they take turns in that too.
    for (const turn of round % 2 === 0 ? take : take.reverse()) await turn();
  }
  const wrong = [...(await ordinary.close()), ...(await having.close())];
  return { ordinary: meanOf(turns.ordinary), having: meanOf(turns.having), wrong };
}

/** Of the turns that count. */
function meanOf(turns: readonly TurnsCpu[]): TurnsCpu {
  const counted = turns.slice(warmingRounds);
  const mean = (of: keyof TurnsCpu): number => counted.reduce((sum, turn) => sum + turn[of], 0) / counted.length;
  return { main: mean('main'), all: mean('all') };
}
