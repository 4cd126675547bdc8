// One life of a process: a real processor (intake, pump, dispatcher, journal, pool) between simulated threads and a
// simulated writer, on a simulated clock, over a store that may have seen other lives. It ends in order, or it dies: then nothing
// of it happens any more, at whatever moment it is.

import { KeylaneError } from '../../src/errors.js';
import type { GivenPolicy, HandlerEvent, HandlerTable, OnDeadLetter } from '../../src/handler.js';
import { type Config, configFrom, type IntakeMode } from '../../src/options.js';
import { type Outcome, verdict } from '../../src/outcome.js';
import { policiesOf } from '../../src/policy.js';
import { ChangingPool } from '../../src/pool/changing-pool.js';
import { Processor } from '../../src/processor.js';
import type { Receipt } from '../../src/receipts.js';
import type { Source, SourceRecord } from '../../src/sources/source.js';
import { Trouble } from '../../src/trouble.js';
import { type Accepted, killerKey, type Ledger, types } from './ledger.js';
import type { Random } from './random.js';
import { SimulatedClock } from './simulated-clock.js';
import type { Try } from './simulated-handlers.js';
import { SimulatedMachine } from './simulated-machine.js';
import { type SimulatedStore, statuses } from './simulated-store.js';
import type { Begun } from './simulated-thread.js';
import { SimulatedWriter } from './simulated-writer.js';
import { Tries } from './tries.js';
import { WatchedPool } from './watched-pool.js';

export interface LifePlan {
  readonly intake: IntakeMode;
  readonly end: 'drain' | 'stop' | 'death';
  /** Names of the handlers that its module has. */
  readonly handlers: readonly string[];
  /** Whether it publishes the event that ends its process. */
  readonly hasKiller: boolean;
  readonly attemptsMax: number;
  readonly onDeadLetter: OnDeadLetter;
  /** How dead letters are met before the end: in a last life, all of them. */
  readonly last: 'redrive' | 'discard' | null;
}

/** More than any life needs. */
const stepsMax = 40_000;

/** By how much a clock moves at the most that is looked at while an event begins. */
const lookedUsMax = 100;

/** Promises that follow one another between two steps, at most. */
const hopsMax = 40;

export class Life {
  readonly #plan: LifePlan;
  readonly #random: Random;
  readonly #ledger: Ledger;
  readonly #store: SimulatedStore;
  readonly #clock: SimulatedClock;
  readonly #config: Config;
  readonly #table: HandlerTable;
  readonly #machine: SimulatedMachine;
  #pool: WatchedPool | null = null;
  readonly #tries: Tries;
  readonly #writer: SimulatedWriter;
  readonly #wrong: string[];
  /** Promises that have not settled, by what they are of. */
  readonly #pending = new Map<Promise<unknown>, string>();
  /** Outcomes that a listener heard of. */
  readonly #told = new Set<string>();
  #isDead = false;
  /** Whether somebody has redriven or discarded dead letters. */
  #isMeddled = false;

  constructor(plan: LifePlan, of: { random: Random; ledger: Ledger; store: SimulatedStore }) {
    const { random, ledger, store } = of;
    this.#plan = plan;
    this.#random = random;
    this.#ledger = ledger;
    this.#store = store;
    this.#clock = new SimulatedClock({ tickMs: random.oneIn(2) ? 0.001 : 0 });
    this.#wrong = ledger.wrong;
    const clock = this.#clock;
    const whim = (): GivenPolicy => (random.oneIn(3) ? limits(random) : {});
    this.#table = {
      names: plan.handlers,
      takes: ledger.takes(plan.handlers),
      policies: plan.handlers.map((name) => ({
        ...{ ...ledger.claims[name], ...whim() },
        ...(ledger.keepsState(name) && { isStateful: true as const }),
        ...(ledger.wantsLatest(name) && { waiting: 'latest' as const }),
        ...(ledger.takesRuns(name) && { takesRuns: true as const }),
      })),
    };
    this.#config = this.#makeConfig();
    this.#tries = new Tries({ ledger, store, isVolatile: plan.intake === 'memory' });
    // Whoever meets dead letters has enough to do, and nothing more comes by itself.
    const emits = plan.intake === 'journal' && plan.last === null;
    this.#machine = new SimulatedMachine({
      ...{ clock, random, wrong: this.#wrong, limits: policiesOf(this.#table, this.#config) },
      ...{ postponedIn: ledger.postponedIn, waitMsMax: ledger.waitMsMax, emits },
      begin: (events, of) => this.#beginTry(events, of),
      end: (one) => {
        one.endMs = clock.nowMs();
        one.endWorkedMs = clock.workedMs();
      },
    });
    this.#writer = new SimulatedWriter({
      ...{ clock, random, store, emits, handlers: plan.handlers, orderOf: (name) => ledger.orderOf(name) },
      keepsState: (name) => ledger.keepsState(name),
      onRedrive: (identities) => {
        for (const identity of identities) {
          ledger.redriven.add(identity);
          this.#told.delete(identity);
          this.#tries.forgive(identity);
        }
      },
      onRead: (identity) => this.#pool?.comesAgain(identity),
      onEmitted: (event, position) => ledger.emitted(event, { position, handlers: plan.handlers }),
      onRow: (identity, row) => this.#tries.hear(identity, row),
      emittersOf: (identity, row) => this.#tries.emittersOf(identity, row),
      missing: (partition, below) => ledger.missing({ partition, below, has: (identity) => store.isPlaced(identity) }),
    });
  }

  /** Lives; gives whether it died. */
  async run(): Promise<boolean> {
    const random = this.#random;
    const { end } = this.#plan;
    const outcomesBefore = this.#store.outcomes.size;
    const processor = await this.#begin();
    for (let publisher = random.int(0, 3); publisher > 0; publisher -= 1) this.#publishInTurn(processor);
    const orderly = end === 'stop' ? 'stop' : 'drain';
    if (random.oneIn(2)) this.#consume(processor, orderly);
    for (let stops = random.int(0, 3); stops > 0; stops -= 1)
      this.#later(() => this.#clock.stop(random.int(1_000, 60_000)));
    if (random.oneIn(3)) this.#burst(processor);
    if (random.oneIn(3)) this.#publishMany(processor);
    if (this.#plan.hasKiller) this.#publishKiller(processor);
    for (let times = random.int(0, 2); times > 0; times -= 1) this.#later(() => this.#whenIdle(processor));
    for (let times = random.int(0, 2); times > 0; times -= 1) this.#later(() => this.#meddle(processor));
    for (let times = random.int(0, 2); times > 0; times -= 1) this.#later(() => this.#pause(processor));
    if (this.#plan.last !== null) this.#meetDeadLetters(processor, this.#plan.last);
    if (this.#plan.last === 'discard') processor.start();
    await this.#steps(this.#plan.last === 'discard' ? 3000 : random.int(0, 400));
    if (end === 'death' || this.#isDead) return this.#die();
    this.#watch(orderly, processor[orderly]());
    await this.#steps(Number.POSITIVE_INFINITY);
    if (this.#isDead) return this.#die();
    this.#judge(processor, outcomesBefore);
    this.#forget();
    return false;
  }

  #makeConfig(): Config {
    const random = this.#random;
    const { intake, attemptsMax, onDeadLetter } = this.#plan;
    const config = configFrom({
      ...{ handlers: 'simulated', store: 'simulated', order: this.#ledger.order, threads: random.int(1, 4) },
      ...{ ringSize: random.int(16, 64), batchSizeMax: random.int(1, 12), groupSizeMax: random.int(1, 20) },
      ...{ groupWaitMs: random.int(0, 5), autoStart: random.oneIn(2), intake, attemptsMax, onDeadLetter },
      ...{ backoffMsMin: random.pick([0, 5, 100]), backoffMsMax: 400, postponementsMax: 5 },
      ...(random.oneIn(3) ? {} : limits(random)),
      ...(random.oneIn(4) && { breaker: { triesMin: 3, windowMs: 100, pauseMs: random.int(1, 30) } }),
    });
    // Less than the option lets anybody have, as there are few keys.
    return random.oneIn(3) ? config : { ...config, stateBytesMax: random.int(0, 800) };
  }

  #beginTry(events: readonly HandlerEvent[], { handler, isLate, isFirst, startedAtUs }: Begun): Try | null {
    const [{ key }] = events as [HandlerEvent];
    if (key === killerKey) {
      this.#isDead = true;
      return null;
    }
    const name = this.#plan.handlers[handler] as string;
    const identities = events.map(({ partition, position }) => `${partition}/${position}/${name}`);
    const identity = identities[0]!;
    const lane = this.#ledger.laneOf(name, key) ?? `free ${identity}`;
    if (events.some((event) => event.key !== key)) this.#wrong.push(`${identities} are of several keys`);
    const { timeoutMs: limitMs, graceMs } = policiesOf(this.#table, this.#config)[handler]!;
    const startWorkedMs = this.#clock.workedMs();
    const one: Try = {
      ...{
        identity,
        identities,
        lane,
        startUs: startedAtUs,
        startMs: this.#clock.nowMs(),
        endMs: Number.POSITIVE_INFINITY,
      },
      ...{ startWorkedMs, endWorkedMs: Number.POSITIVE_INFINITY, limitMs, graceMs, deed: 'runs', rows: 0, charges: 0 },
      ...{ isLate, isFirst, waitMs: 0, dueUs: 0 },
    };
    const agoUs = this.#machine.nowUs() - startedAtUs;
    if (agoUs < 0 || agoUs > lookedUsMax) this.#wrong.push(`${identity} is said to have begun ${agoUs} us ago`);
    if (!isFirst && this.#pool?.isFresh(identity)) this.#wrong.push(`${identity} ran on a thread that is not fresh`);
    this.#tries.add(one);
    return one;
  }

  async #begin(): Promise<Processor> {
    const { intake } = this.#plan;
    const config = this.#config;
    const trouble = new Trouble();
    const started = await this.#reached(
      ChangingPool.start({
        sources: [{ url: 'simulated:handlers', exportName: 'default', table: this.#table }],
        policies: policiesOf(this.#table, config),
        ...{ execArgv: [], config, machine: this.#machine },
        onWarning: (error) => trouble.warning(error),
        onFatal: (error) => trouble.fatal(error),
      }),
    );
    const pool = new WatchedPool(started, { wrong: this.#wrong, names: this.#plan.handlers });
    this.#pool = pool;
    const processor = new Processor({
      ...{ config, clock: this.#clock, writer: this.#writer, pool, trouble, table: this.#table, schemas: null },
      journal: await this.#writer.openJournal({ isVolatile: intake === 'memory' }),
      opened: { epoch: 1, wasClean: true, path: 'simulated', file: { device: 0, inode: 0 } },
      flight: {
        depart: (place, { events, alone }) => {
          const isDisturbed = alone
            ? this.#store.flight.size > 0
            : [...this.#store.flight.values()].some((b) => b.alone);
          if (isDisturbed) this.#wrong.push('something ran beside a suspect');
          const identities = events.map(({ partition, position, handler }) => {
            return this.#store.identityOf(partition, position, this.#plan.handlers[handler] as string);
          });
          this.#store.flight.set(place, { identities, alone });
        },
        arrive: (place) => {
          this.#store.flight.delete(place);
        },
        addHandlers: () => {},
        close: () => this.#store.flight.clear(),
      },
    });
    processor.on('warning', () => {});
    processor.on('fatal', (error) => this.#wrong.push(`fatal: ${error.stack}`));
    // What nobody listens for is not decoded, and receipts must hear of it all the same.
    if (this.#random.oneIn(3)) return processor;
    processor.on('outcome', ({ identity, handler }) => {
      const told = `${identity.partition}/${identity.position}/${handler}`;
      if (!this.#store.outcomes.has(told)) this.#wrong.push(`${told} was told before it was durable`);
      if (this.#told.has(told)) this.#wrong.push(`${told} was told twice`);
      this.#told.add(told);
    });
    return processor;
  }

  #publishInTurn(processor: Processor): void {
    const count = this.#random.int(0, 80);
    const publish = async (): Promise<void> => {
      for (let index = 0; index < count; index += 1) {
        const event = this.#ledger.event();
        if (!this.#plan.handlers.includes(event.type)) continue;
        if (this.#random.oneIn(6)) this.#process(processor, event);
        else this.#receipt(event, await processor.publish(event));
      }
    };
    this.#watch('publish', publish().catch(forgiveTheEnd));
  }

  #process(processor: Processor, event: ReturnType<Ledger['event']>): void {
    if (event.id !== null) return;
    const owesOne = this.#ledger.routeOf(event.type, this.#plan.handlers).length === 1;
    const processed = processor.process(event).then(
      (outcome) => {
        if (!owesOne) this.#wrong.push(`an event of ${event.type} with several handlers was processed`);
        if (this.#isDead) return;
        this.#receipt(event, { identity: outcome.identity, duplicate: false });
        this.#judgeOutcome(outcome);
      },
      (error) => {
        if (owesOne || error.code !== 'several-outcomes') forgiveTheEnd(error);
      },
    );
    this.#watch('process', processed);
  }

  /** Somebody asks what became of an event, at once or later. */
  #askFor(processor: Processor, { receipt, type }: { receipt: Receipt; type: string }): void {
    const { position } = receipt.identity;
    const owedTo = this.#ledger.routeOf(type, this.#plan.handlers);
    const ask = (): void => {
      const isInTime = processor.phase === 'idle' || processor.phase === 'running';
      const told = receipt.outcomes().then(
        (outcomes) => {
          if (this.#isDead) return;
          if (outcomes.some(({ identity }) => identity.position !== position)) {
            this.#wrong.push(`${position} was told another`);
          }
          const handlers = outcomes.map(({ handler }) => handler).sort();
          if (handlers.join() !== [...owedTo].sort().join()) {
            this.#wrong.push(`${position} is owed to ${owedTo}, and was told of ${handlers}`);
          }
          for (const outcome of outcomes) this.#judgeOutcome(outcome);
        },
        (error) => {
          forgiveTheEnd(error);
          const names = owedTo.map((handler) => `journal/${position}/${handler}`);
          const isDecided = names.every((name) => this.#store.outcomes.has(name) && !this.#ledger.redriven.has(name));
          if (isInTime && isDecided && !this.#isDead) this.#wrong.push(`${names} have outcomes that were not told`);
        },
      );
      this.#watch('outcomes', told);
    };
    if (this.#random.oneIn(2)) ask();
    else this.#later(ask);
  }

  #judgeOutcome({ identity, handler, status }: Outcome): void {
    const name = `${identity.partition}/${identity.position}/${handler}`;
    const found = this.#store.outcomes.get(name)?.verdict;
    // Both may have come to it since.
    if (found === 'discarded' || this.#ledger.redriven.has(name)) return;
    const stored = found === undefined ? 'nothing' : statuses[found];
    if (stored !== status) this.#wrong.push(`${name} was told as ${status}, the store has ${stored}`);
  }

  /** Somebody waits until nothing of a key, or of a handler, is under way. */
  #whenIdle(processor: Processor): void {
    const random = this.#random;
    const which = random.oneIn(3) ? {} : { key: `k${random.int(0, 3)}` };
    const of = random.oneIn(3) ? { ...which, handler: random.pick(this.#plan.handlers) } : which;
    // What is owed to a handler that the module does not have is parked.
    const isMeant = ({ partition, key, handler }: Accepted): boolean =>
      partition === 'journal' &&
      (!('key' in of) || key === of.key) &&
      (!('handler' in of) || handler === of.handler) &&
      this.#plan.handlers.includes(handler);
    const before = this.#ledger.all.filter(isMeant);
    const idle = processor.whenIdle(of).then(() => {
      if (this.#isDead) return;
      const left = before.find(
        ({ identity }) => !this.#store.isPlaced(identity) && !this.#ledger.redriven.has(identity),
      );
      if (left !== undefined) this.#wrong.push(`${left.identity} is under way, and it was told to be idle`);
    }, forgiveTheEnd);
    this.#watch('whenIdle', idle);
  }

  /** Publishes without awaiting: the order of the calls is the order of acceptance all the same. */
  #burst(processor: Processor): void {
    let last = 0;
    for (let index = this.#random.int(1, 60); index > 0; index -= 1) {
      const event = { ...this.#ledger.event(), type: this.#random.pick(this.#plan.handlers), id: null };
      const published = processor.publish(event).then((receipt) => {
        const { position } = receipt.identity;
        if (position < last) this.#wrong.push(`${position} was accepted before its turn`);
        last = position;
        this.#receipt(event, receipt);
        if (this.#random.oneIn(4)) this.#askFor(processor, { receipt, type: event.type });
      }, forgiveTheEnd);
      this.#watch('burst', published);
    }
  }

  #publishMany(processor: Processor): void {
    const events = Array.from({ length: this.#random.int(0, 60) }, () => {
      return { ...this.#ledger.event(), type: this.#random.pick(this.#plan.handlers) };
    });
    const before = this.#store.events.size;
    const many = processor.publishMany(events).then(({ accepted, duplicates }) => {
      if (accepted + duplicates !== events.length)
        this.#wrong.push(`publishMany lost count: ${accepted}, ${duplicates}`);
      const isJournal = this.#plan.intake === 'journal';
      if (isJournal && this.#store.events.size < before + accepted)
        this.#wrong.push('publishMany came before its time');
    }, forgiveTheEnd);
    this.#watch('publishMany', many);
  }

  #publishKiller(processor: Processor): void {
    const event = { type: 'a', key: killerKey, id: null };
    const publish = processor.publish(event).then((receipt) => this.#receipt(event, receipt), forgiveTheEnd);
    this.#watch('killer', publish);
  }

  #receipt(event: ReturnType<Ledger['event']>, receipt: Pick<Receipt, 'identity' | 'duplicate'>): void {
    if (this.#isDead) return;
    // Only the journal knows ids.
    this.#ledger.receipt(
      this.#plan.intake === 'journal' ? event : { ...event, id: null },
      receipt,
      this.#plan.handlers,
    );
    if (this.#plan.intake === 'journal' && !this.#store.events.has(receipt.identity.position)) {
      this.#wrong.push(`journal/${receipt.identity.position} was acknowledged before it was stored`);
    }
  }

  #consume(processor: Processor, end: 'drain' | 'stop'): void {
    const consumed = processor.consume(this.#source()).then(({ accepted }) => {
      const stored = new Set(this.#store.done('source').map((identity) => identity.split('/')[1])).size;
      if (end === 'drain' && stored < accepted) this.#wrong.push(`consumed at ${stored} outcomes of ${accepted}`);
    }, forgiveMissingHandler);
    this.#watch('consume', consumed);
  }

  #source(): Source {
    let next = 0;
    return {
      partition: 'source',
      open: async ({ watermark }) => {
        next = watermark;
        return null;
      },
      request: async (demand): Promise<SourceRecord[] | null> => {
        const records = this.#ledger.recordsFrom(next, this.#random.int(1, demand), this.#plan.handlers);
        const last = records.at(-1);
        if (last === undefined) return null;
        next = last.position + 1;
        return records;
      },
      close: async () => {},
    };
  }

  #later(act: () => void): void {
    this.#clock.alarm(this.#random.int(0, 300), () => {
      if (!this.#isDead) act();
    });
  }

  /** Somebody pauses something, and resumes it after a while, unless the end does. */
  #pause(processor: Processor): void {
    const random = this.#random;
    const ofHandler = random.oneIn(2) ? { handler: random.pick(this.#plan.handlers) } : {};
    const which = random.oneIn(2) ? { ...ofHandler, key: `k${random.int(0, 3)}` } : ofHandler;
    if (processor.phase !== 'idle' && processor.phase !== 'running') return;
    processor.pause(which);
    if (!random.oneIn(3)) this.#later(() => processor.resume(random.oneIn(2) ? which : undefined));
  }

  /** Somebody looks after dead letters, cancels an event, or asks why a lane is where it is. */
  #meddle(processor: Processor): void {
    this.#isMeddled = true;
    const random = this.#random;
    const key = `k${random.int(0, 3)}`;
    const which = random.oneIn(2) ? {} : { key };
    if (random.oneIn(3))
      this.#watch(
        'redrive',
        processor.redrive(which).then(() => {}, forgiveTheEnd),
      );
    if (random.oneIn(4))
      this.#watch(
        'discard',
        processor.discard(which, 'a whim').then(() => {}, forgiveTheEnd),
      );
    if (random.oneIn(3)) this.#cancel(processor);
    if (random.oneIn(2))
      this.#watch(
        'setThreads',
        processor.setThreads(random.int(1, 4)).then(() => {}, forgiveTheEnd),
      );
    const handler = random.pick(this.#plan.handlers);
    if (this.#ledger.orderOf(handler) === 'none') return;
    const { text } = processor.explain({ handler, key });
    if (/undefined|NaN|null/.test(text)) this.#wrong.push(`explained as ${text}`);
  }

  #cancel(processor: Processor): void {
    const published = this.#ledger.all.filter(({ partition }) => partition === 'journal');
    if (published.length === 0) return;
    const { partition, position, handler } = this.#random.pick(published);
    const only = this.#random.oneIn(2) ? { handler } : {};
    const names = 'handler' in only ? [handler] : types;
    const meant = names.map((name) => `${partition}/${position}/${name}`);
    for (const identity of meant) this.#ledger.toldToEnd.add(identity);
    const cancelled = processor.cancel({ partition, position }, only).then((found) => {
      const stored = meant.map((identity) => this.#store.outcomes.get(identity)?.verdict);
      if (this.#isDead || this.#plan.intake === 'memory') return;
      if (found === 'cancelled' && !stored.includes(verdict.cancelled))
        this.#wrong.push(`${meant} is ${stored}, not cancelled`);
      const isRedriven = meant.some((identity) => this.#ledger.redriven.has(identity));
      if (found === 'decided' && stored.every((one) => one === undefined) && !isRedriven) {
        this.#wrong.push(`${meant} is decided and has no outcome`);
      }
    }, forgiveTheEnd);
    this.#watch('cancel', cancelled);
  }

  #meetDeadLetters(processor: Processor, how: 'redrive' | 'discard'): void {
    this.#isMeddled = true;
    const meet = (): void => {
      const met = how === 'redrive' ? processor.redrive({}) : processor.discard({}, 'the end');
      this.#watch(
        how,
        met.then(() => {}, forgiveTheEnd),
      );
    };
    meet();
    if (how === 'discard') processor.on('deadLetter', meet);
  }

  #watch(name: string, promise: Promise<unknown>): void {
    this.#pending.set(promise, name);
    promise.then(
      () => this.#pending.delete(promise),
      (error) => {
        this.#pending.delete(promise);
        if (!this.#isDead) this.#wrong.push(`${name} rejected: ${error instanceof Error ? error.stack : error}`);
      },
    );
  }

  /** What comes of a promise that time alone brings. */
  async #reached<Value>(coming: Promise<Value>): Promise<Value> {
    let isSettled = false;
    const settle = (): void => {
      isSettled = true;
    };
    coming.then(settle, settle);
    while (!isSettled && this.#clock.nextAtMs() < Number.POSITIVE_INFINITY) await this.#steps(1);
    return coming;
  }

  async #steps(max: number): Promise<void> {
    for (let step = 0; step < max && !this.#isDead; step += 1) {
      // Promises settle between steps as they would between messages; no chain here needs more hops than this.
      for (let hop = 0; hop < hopsMax; hop += 1) await null;

      if (this.#isDead || !this.#clock.step()) return;
      if (step === stepsMax) {
        this.#wrong.push(`it had not ended after ${stepsMax} steps`);
        return;
      }
    }
  }

  #die(): true {
    this.#isDead = true;
    this.#store.die();
    this.#forget();
    this.#tries.judgeOrder();
    return true;
  }

  /** Published events that were only in memory are gone with the process. */
  #forget(): void {
    this.#ledger.forgetUnstored((identity) => this.#store.knows(identity));
  }

  #judge(processor: Processor, outcomesBefore: number): void {
    const wrong = this.#wrong;
    const { end } = this.#plan;
    const stats = processor.stats();
    const { lanesLive, bytesHeld, inFlight, unacknowledged, accepted, recovered, waiting, backlog, parked } = stats;
    for (const name of this.#pending.values()) wrong.push(`${name} never settled`);
    if (processor.phase !== 'stopped') wrong.push(`the phase is ${processor.phase}`);
    if (this.#machine.live > 0 || !this.#writer.closed) wrong.push('a thread was left open');
    if (this.#writer.groupsMax > 2) wrong.push('more than two groups in flight');
    if (inFlight + unacknowledged > 0) wrong.push(`${end} left ${inFlight} + ${unacknowledged} unfinished`);
    // A lane that is let go on while the store is being closed goes on next time.
    const left = this.#isMeddled ? 0 : backlog;
    if (end === 'drain' && lanesLive + bytesHeld + waiting + left > 0) {
      wrong.push(`${lanesLive} lanes, ${bytesHeld} bytes, ${waiting} and ${backlog} events outlived drain`);
    }
    const durable = this.#store.outcomes.size - outcomesBefore;
    if (durable + waiting + backlog + parked !== accepted + recovered) {
      wrong.push(`${accepted} + ${recovered} events, ${durable} outcomes, ${waiting} + ${backlog} + ${parked} left`);
    }
    this.#tries.judgeEnd();
    this.#tries.judgeOrder();
  }
}

/** Time limits, or only the time that one who is told to end has. */
function limits(random: Random): Pick<GivenPolicy, 'timeoutMs' | 'graceMs'> {
  return { timeoutMs: random.int(8, 40), graceMs: random.int(0, 25) };
}

/** A source may give types that the module has no handler for. */
function forgiveMissingHandler(error: unknown): void {
  if (!(error instanceof KeylaneError && error.code === 'bad-input')) throw error;
}

/** The end may overtake a publisher that waits for room; only that may. */
function forgiveTheEnd(error: unknown): void {
  if (!(error instanceof KeylaneError && error.code === 'not-running')) throw error;
}
