// A writer without SQLite: it decodes the real messages, takes its time on the simulated clock, and does each call at
// once when its time has come. What its process had asked for and it had not done is lost when the process dies.

import { type EncodedEvent, type Identity, journalPartition } from '../../src/event.js';
import { readExtras } from '../../src/extras.js';
import { EventsJoiner, JoinedEventsReader } from '../../src/joined-events.js';
import type { KeyState } from '../../src/keyed-state.js';
import { isOutcome, type Outcome, type OutcomeRow, RowsReader, type Verdict, verdict } from '../../src/outcome.js';
import type { LaneOrder } from '../../src/policy.js';
import { RunsGatherer } from '../../src/position-runs.js';
import type { DeadLettersRequest, DeadLettersResult } from '../../src/store/dead-letter-messages.js';
import type {
  CancelledFor,
  CancelRequest,
  CancelResult,
  EventOutcomes,
  OutcomesRequest,
} from '../../src/store/event-messages.js';
import type { HandlersKnown, OwedParked } from '../../src/store/handler-messages.js';
import type {
  DuplicateEvent,
  Emitters,
  GroupRequest,
  GroupResult,
  JournalEvents,
  JournalPage,
  JournalStart,
  LaneAway,
  LanePage,
  LanePageRequest,
  PageRequest,
  ParkedEvents,
  PartitionStart,
  StatesRequest,
  Watermark,
} from '../../src/store/messages.js';
import { keyWithoutOrder, type LaneName, withoutOrder } from '../../src/store-lanes.js';
import type { WriterThread } from '../../src/threads.js';
import { emitCount } from './fold.js';
import type { Random } from './random.js';
import type { SimulatedClock } from './simulated-clock.js';
import { freeLaneText, laneText, type Placed, type SimulatedStore, statuses } from './simulated-store.js';

/** Rows that one page looks at at most. */
const rowsPerPageMax = 20;

interface World {
  readonly clock: SimulatedClock;
  readonly random: Random;
  readonly store: SimulatedStore;
  /** Names of the handlers there are. */
  readonly handlers: readonly string[];
  /** Whether handlers emit what their events say. */
  readonly emits: boolean;
  /** Whether a handler keeps state. */
  keepsState(handler: string): boolean;
  orderOf(handler: string): LaneOrder;
  /** Dead letters were taken to be run again, by identity. */
  onRedrive(identities: readonly string[]): void;
  /** It gives an event of a lane to memory. */
  onRead(identity: string): void;
  /** An event was stored that another has emitted. */
  onEmitted(event: EncodedEvent, position: number): void;
  /** The events whose emitted ones come with a row: those that succeeded together come with the last of them. */
  emittersOf(identity: string, row: OutcomeRow): readonly string[];
  /** It is told of an event. */
  onRow(identity: string, row: OutcomeRow): void;
  /** An accepted event of a partition below a position that has no outcome. */
  missing(partition: string, below: number): string | undefined;
}

function outcomeOf(identity: Identity, of: { handler: string; found: Verdict | 'discarded' }): Outcome {
  const { handler, found } = of;
  const status = found === 'discarded' ? found : (statuses[found] as Outcome['status']);
  return {
    ...{ identity, id: null, type: '', key: null, handler, status, attempts: 1, startedAtUs: 0, durationUs: 0 },
    ...{ result: undefined, error: null },
  };
}

/** The index of the first that stands behind a place. */
function firstAbove(placed: readonly Placed[], place: number): number {
  let [low, high] = [0, placed.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (placed[middle]!.place > place) high = middle;
    else low = middle + 1;
  }
  return low;
}

export class SimulatedWriter implements WriterThread {
  groupsMax = 0;
  pages = 0;
  closed = false;
  #groups = 0;
  #freeAtMs = 0;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  async openPartition(name: string): Promise<PartitionStart> {
    const { store, handlers } = this.#world;
    const watermark = store.watermarks.get(name) ?? 0;
    const done = store.done(name);
    const runsOf = (isMeant: (identity: string) => boolean): Float64Array => {
      const runs = new RunsGatherer();
      const positions = done.filter(isMeant).map((identity) => Number(identity.split('/')[1]));
      for (const position of positions.sort((a, b) => a - b)) if (position >= watermark) runs.add(position);
      return runs.finish();
    };
    const highest = Math.max(0, ...done.map((identity) => Number(identity.split('/')[1])));
    const positionNext = Math.max(1, watermark, highest + 1);
    return {
      ...{ partition: store.numberOf(name), watermark, positionNext, positionUnused: positionNext, fingerprint: null },
      durable: runsOf(() => true),
      doneBy: handlers.map((handler) => runsOf((identity) => identity.endsWith(`/${handler}`))),
      suspects: store.suspects(name, handlers),
      retries: store.retries(name, handlers),
    };
  }

  async openJournal(how: { isVolatile: boolean }): Promise<JournalStart> {
    const { store } = this.#world;
    const { partition, watermark, positionNext, suspects, retries } = await this.openPartition(journalPartition);
    const pending = store.owed().length;
    const widest = Math.max(1, ...[...store.events.values()].map(({ handlers }) => handlers.length));
    const highest = Math.max(positionNext, ...[...store.events.keys()].map((position) => position + 1));
    // The largest ring of a life is smaller than that.
    const positionUnused = Math.max(highest, store.positionUnused) + (store.isVolatile ? 1000 : 0);
    store.positionUnused = positionUnused;
    store.isVolatile = how.isVolatile;
    const parked = [...store.waiting.values()].flat().filter(({ handler }) => !this.#world.handlers.includes(handler));
    const start = { partition, watermark, positionUnused, pending, widest, parked: parked.length };
    const handlerIds = Int32Array.from(this.#world.handlers, (_, index) => index + 1);
    return { ...start, handlerIds, suspects, retries, lanes: this.#lanes() };
  }

  async setFingerprint(): Promise<void> {}

  async parkOwed(): Promise<OwedParked> {
    throw new Error('not used');
  }

  async addHandlers(): Promise<HandlersKnown> {
    throw new Error('not used');
  }

  async removeHandler(): Promise<void> {}

  append(group: GroupRequest): Promise<GroupResult> {
    this.#groups += 1;
    this.groupsMax = Math.max(this.groupsMax, this.#groups);
    return this.#inTurn(() => {
      const { store, missing } = this.#world;
      this.#groups -= 1;
      store.raise(group.watermarks, missing);
      const withheld = group.events === null ? [] : this.#withheld(group.events);
      const duplicates = group.events === null ? [] : this.#addEvents(group.events, withheld);
      let stored = 0;
      for (const rows of group.rows) stored += this.#addRows(rows, group.events);
      store.setStates(group, this.#world.handlers);
      for (const { partition, position, eventHandler, ...name } of group.parked) {
        const identity = store.identityOf(partition, position, this.#world.handlers[eventHandler] as string);
        const found = store.outcomes.get(identity)?.verdict;
        if (found === verdict.cancelled) continue;
        if (found !== verdict.deadLettered) store.objections.push(`parked by ${position}, which is ${found}`);
        store.parked.set(this.#textOf(name), { partition, position });
      }
      const gauges = { walBytes: 0, storeBytes: 0, freeBytes: 1e12 };
      return { stored, ignored: 0, duplicates, tookUs: 1, gauges, ...(withheld.length > 0 && { withheld }) };
    });
  }

  readStates({ handlers, keys }: StatesRequest): Promise<readonly (KeyState | null)[]> {
    return this.#inTurn(() => {
      const { store, random, handlers: names } = this.#world;
      const count = random.int(1, Math.min(4, keys.length));
      return keys.slice(0, count).map((key, at) => store.states.get(`${names[handlers[at]!]} ${key}`) ?? null);
    });
  }

  readLane(request: LanePageRequest): Promise<LanePage> {
    return this.#inTurn(() => this.#lanePage(request));
  }

  deadLetters(request: DeadLettersRequest): Promise<DeadLettersResult> {
    return this.#inTurn(() => this.#deadLetters(request));
  }

  cancel({ event, handler }: CancelRequest): Promise<CancelResult> {
    return this.#inTurn(() => {
      const { store } = this.#world;
      if (typeof event === 'string') return { found: 'unknown', identity: null, cancelled: [] };
      const { partition, position } = event;
      const isMeant = (identity: string): boolean => {
        return (
          identity.startsWith(`${partition}/${position}/`) && (handler === null || identity.endsWith(`/${handler}`))
        );
      };
      const isDecided = [...store.outcomes.keys()].some(isMeant);
      const waiting = [...store.waiting.values()].flat().map(({ identity }) => identity);
      const owed = [...store.owed(), ...waiting].filter(isMeant);
      if (owed.length === 0) return { found: isDecided ? 'decided' : 'unknown', identity: event, cancelled: [] };
      return { found: 'cancelled', identity: event, cancelled: owed.map((identity) => this.#cancelFor(identity)) };
    });
  }

  readOutcomes({ events }: OutcomesRequest): Promise<readonly EventOutcomes[]> {
    return this.#inTurn(() => {
      const { store, random, handlers } = this.#world;
      return events.slice(0, random.int(1, 8)).map((identity) => {
        const { partition, position } = identity;
        const journaled = partition === journalPartition ? store.events.get(position) : undefined;
        const outcomes: Outcome[] = [];
        const owed: string[] = [];
        for (const handler of new Set([...handlers, ...(journaled?.handlers ?? [])])) {
          const name = `${partition}/${position}/${handler}`;
          const found = store.outcomes.get(name)?.verdict;
          if (found !== undefined) outcomes.push(outcomeOf(identity, { handler, found }));
          else if (journaled?.handlers.includes(handler) || store.isWaiting(name)) owed.push(handler);
        }
        return { outcomes, owed, isUnmatched: journaled?.handlers.length === 0 };
      });
    });
  }

  readJournal(request: PageRequest): Promise<JournalPage> {
    this.pages += 1;
    return this.#inTurn(() => this.#page(request));
  }

  async close(watermarks: readonly Watermark[]): Promise<void> {
    const { store, missing } = this.#world;
    store.raise(watermarks, missing);
    for (const { partition, positionNext } of watermarks) {
      if (partition === store.numberOf(journalPartition)) {
        store.positionUnused = Math.max(store.positionUnused, positionNext ?? 0);
      }
    }
    store.isVolatile = false;
    this.closed = true;
  }

  async abort(): Promise<void> {
    this.closed = true;
  }

  #cancelFor(identity: string): CancelledFor {
    const { store, handlers } = this.#world;
    const lane = [...store.waiting].find(([, waiting]) => waiting.some((one) => one.identity === identity))?.[0];
    const handlerName = identity.split('/')[2] as string;
    const index = handlers.indexOf(handlerName);
    const known = index === -1 ? undefined : this.#lanes().find((one) => this.#textOf(one) === lane);
    store.addOutcome(identity, { verdict: verdict.cancelled, error: null, key: this.#event(identity).key });
    const waitedIn = known ?? null;
    return { handler: index === -1 ? null : index, handlerName, hasWaited: lane !== undefined, waitedIn };
  }

  /** Does something once everything asked for before is done, and some time has passed. */
  #inTurn<Result>(work: () => Result): Promise<Result> {
    const { clock, random } = this.#world;
    const workedMs = clock.workedMs();
    this.#freeAtMs = Math.max(this.#freeAtMs, workedMs) + random.next() * 20;
    return new Promise((resolve) => {
      clock.work(this.#freeAtMs - workedMs, () => resolve(work()));
    });
  }

  /** What emitted them was cancelled in the store while it ran. */
  #withheld({ emitters }: JournalEvents): number[] {
    const { store } = this.#world;
    return [...(emitters?.indexes ?? [])].filter((_, at) => store.outcomes.has(this.#emitter(emitters!, at)));
  }

  #emitter({ partitions, positions, handlers }: Emitters, at: number): string {
    const handler = this.#world.handlers[handlers[at]!] as string;
    return this.#world.store.identityOf(partitions[at]!, positions[at]!, handler);
  }

  /** A succeeded event of a life with a journal has emitted what it emits, in the group of its outcome. */
  #judgeEmits(identity: string, { row, events }: { row: OutcomeRow; events: JournalEvents | null }): void {
    const { store } = this.#world;
    const emitters = events?.emitters;
    const found = [...(emitters?.indexes ?? [])].filter((_, at) => this.#emitter(emitters!, at) === identity).length;
    const [partition, position] = identity.split('/');
    const event = partition === journalPartition ? store.events.get(Number(position))?.event : undefined;
    const { depth } = readExtras(event?.extras ?? null);
    const emitting = this.#world.emits ? this.#world.emittersOf(identity, row) : [];
    const expected = emitting.reduce((count, one) => count + emitCount(one, depth), 0);
    if (found !== expected) store.objections.push(`${identity} came with ${found} emitted events, not ${expected}`);
  }

  #addEvents(events: JournalEvents, withheld: readonly number[]): DuplicateEvent[] {
    const { store, handlers } = this.#world;
    const duplicates: DuplicateEvent[] = [];
    const reader = new JoinedEventsReader(events);
    for (let index = 0; index < events.count; index += 1) {
      reader.advance();
      const event = reader.event();
      if (withheld.includes(index)) continue;
      const position = event.id === null ? undefined : store.positionOf(event.id);
      if (position !== undefined) duplicates.push({ index, position, outcome: null });
      else {
        const of = events.handlers[index]!;
        const route = of >= 0 ? [of] : events.routes[-1 - of]!;
        const names = route.map((handler) => handlers[handler] as string);
        store.addEvent(events.positionFirst + index, { event, handlers: names });
        if (events.emitters?.indexes.includes(index)) this.#world.onEmitted(event, events.positionFirst + index);
      }
    }
    return duplicates;
  }

  /** Gives how many were outcomes. */
  #addRows(rows: ArrayBuffer, events: JournalEvents | null): number {
    const { store, handlers } = this.#world;
    const reader = new RowsReader(rows);
    let outcomes = 0;
    for (let index = 0; index < reader.count; index += 1) {
      const row = reader.next();
      const handler = handlers[row.handler] as string;
      const identity = store.identityOf(row.partition, row.position, handler);
      this.#world.onRow(identity, row);
      const { type, key, id, extras, data } = row;
      const isJournaled = identity.startsWith(journalPartition) && store.events.has(row.position);
      const isOver = row.verdict === verdict.succeeded || row.verdict === verdict.superseded;
      if (!isOver && !isJournaled && !store.kept.has(identity))
        store.kept.set(identity, { type, key, id, extras, data });
      if (row.verdict === verdict.waiting) {
        const { partition, position } = row;
        const event = this.#event(identity);
        store.addWaiting(this.#laneOf(handler, row), { identity, partition, position, handler, event });
      } else if (isOutcome(row)) {
        outcomes += 1;
        // An event may have been cancelled in the store while a page brought it here.
        if (store.outcomes.get(identity)?.verdict !== verdict.cancelled) {
          store.addOutcome(identity, row);
          if (row.verdict === verdict.succeeded) this.#judgeEmits(identity, { row, events });
          const isKept = row.verdict === verdict.succeeded && key !== null && this.#world.keepsState(handler);
          if (isKept) store.foldIn(identity, { handler, key });
        }
      } else {
        store.addTry(identity, row);
      }
    }
    return outcomes;
  }

  #event(identity: string): EncodedEvent {
    const { store } = this.#world;
    const [partition, position] = identity.split('/');
    const stored = partition === journalPartition ? store.events.get(Number(position))?.event : undefined;
    const found = stored ?? store.kept.get(identity);
    if (found === undefined) throw new Error(`the store does not have ${identity}`);
    return found;
  }

  #laneOf(handler: string, event: Parameters<typeof keyWithoutOrder>[0] & { key: string | null }): string {
    const order = this.#world.orderOf(handler);
    if (order === 'global') return laneText('*', '');
    if (order === 'handler') return laneText(handler, '');
    const hasNoOrder = order === 'none' || event.key === null;
    return hasNoOrder ? freeLaneText(handler, keyWithoutOrder(event)) : laneText(handler, event.key as string);
  }

  #textOf({ handler, key }: LaneName): string {
    if (handler < -1) return freeLaneText(this.#world.handlers[withoutOrder(handler)] as string, key);
    return laneText(handler === -1 ? '*' : (this.#world.handlers[handler] as string), key);
  }

  /** Lanes of handlers that are there. */
  #lanes(): LaneAway[] {
    const { store, handlers } = this.#world;
    const texts = new Set([...store.waiting.keys(), ...store.parked.keys()]);
    return [...texts].flatMap((text): LaneAway[] => {
      const [, name = '', mark, key = ''] = /^(.+?)([ :])(.*)$/.exec(text) ?? [];
      if (name !== '*' && !handlers.includes(name)) return [];
      const index = handlers.indexOf(name);
      const lane = mark === ' ' ? { handler: withoutOrder(index), key } : { handler: index, key };
      const [parkedBy, waiting] = [store.parked.get(text) ?? null, this.#waitingIn(text).length];
      return parkedBy === null && waiting === 0 ? [] : [{ ...lane, parkedBy, waiting }];
    });
  }

  /** What waits in a lane for handlers that are there: the others of the one lane there may be are parked. */
  #waitingIn(lane: string): Placed[] {
    const { store, handlers } = this.#world;
    return (store.waiting.get(lane) ?? []).filter(({ handler }) => handlers.includes(handler));
  }

  #lanePage({ handler, key, after, countMax }: LanePageRequest): LanePage {
    const { store, handlers, random, onRead } = this.#world;
    const all = store.waiting.get(this.#textOf({ handler, key })) ?? [];
    const most = Math.min(countMax, random.int(1, 8));
    // Only of as many as are taken and one more: thousands may wait, and pages of them are read all the time.
    const found: Placed[] = [];
    for (let at = after === null ? 0 : firstAbove(all, after); at < all.length && found.length <= most; at += 1) {
      if (handlers.includes(all[at]!.handler)) found.push(all[at]!);
    }
    const taken = found.slice(0, most);
    const joiner = new EventsJoiner(taken.length);
    for (const { identity, event } of taken) {
      joiner.add(event);
      onRead(identity);
    }
    const tries = taken.map(({ identity }) => store.tries.get(identity));
    return {
      ...{ events: joiner.finish(), isLast: found.length <= most, names: store.names() },
      partitions: Float64Array.from(taken, ({ partition }) => partition),
      positions: Float64Array.from(taken, ({ position }) => position),
      handlers: Int32Array.from(taken, (of) => handlers.indexOf(of.handler)),
      deaths: Int32Array.from(taken, ({ identity }) => store.deathsOf(identity) ?? -1),
      redriven: Uint8Array.from(taken, ({ identity }) => Number(store.redriven.has(identity))),
      attempts: Int32Array.from(tries, (of) => of?.tries ?? 0),
      postponed: Int32Array.from(tries, (of) => of?.postponed ?? 0),
      dueAtUs: Float64Array.from(tries, (of) => of?.dueAtUs ?? 0),
      next: taken.at(-1)?.place ?? after ?? Number.NEGATIVE_INFINITY,
    };
  }

  #deadLetters({ wanted, reason, countMax, after }: DeadLettersRequest): DeadLettersResult {
    const { store, onRedrive, handlers } = this.#world;
    const byPosition = (a: string, b: string): number => Number(a.split('/')[1]) - Number(b.split('/')[1]);
    const dead = [...store.outcomes]
      .filter(([, found]) => found.verdict === verdict.deadLettered)
      .map(([name]) => name);
    const isWanted = (name: string): boolean =>
      (wanted.key === undefined || this.#event(name).key === wanted.key) &&
      handlers.includes(name.split('/')[2] as string);
    const start = after === null ? 0 : after.position + 1;
    const part = dead
      .filter(isWanted)
      .sort(byPosition)
      .slice(start, start + countMax);
    const lanes = new Set<string>();
    // In a parked lane the first is to be the first again.
    for (const identity of reason === null ? [...part].reverse() : part) {
      const event = this.#event(identity);
      const [name = '', position, handler = ''] = identity.split('/');
      const lane = this.#laneOf(handler, { key: event.key, position: Number(position) });
      const waiting = { identity, partition: store.numberOf(name), position: Number(position), handler, event };
      if (reason === null) store.redrive(identity, { lane, waiting });
      else {
        const found = store.outcomes.get(identity);
        store.outcomes.set(identity, { verdict: 'discarded', error: found?.error ?? null, key: event.key });
        const head = store.parked.get(lane);
        if (head?.partition === waiting.partition && head.position === waiting.position) store.parked.delete(lane);
      }
      if (!store.parked.has(lane)) lanes.add(lane);
    }
    if (reason === null) onRedrive(part);
    const known = new Map(this.#lanes().map((lane) => [this.#textOf(lane), lane]));
    const free = [...lanes].flatMap((lane) => known.get(lane) ?? this.#emptyLane(lane));
    return { count: part.length, parked: 0, withoutEvent: 0, lanes: free, next: null };
  }

  /** A lane that was parked and has nothing waiting. */
  #emptyLane(text: string): LaneAway {
    const [, name = '', mark, key = ''] = /^(.+?)([ :])(.*)$/.exec(text) ?? [];
    const handler = this.#world.handlers.indexOf(name);
    const lane = mark === ' ' ? { handler: withoutOrder(handler), key } : { handler, key };
    return { ...lane, parkedBy: null, waiting: 0 };
  }

  #page({ from, countMax }: PageRequest): JournalPage {
    const { store, handlers } = this.#world;
    const positions = [...store.events.keys()].filter((position) => position >= from).sort((a, b) => a - b);
    const taken: number[] = [];
    const owed: number[] = [];
    const counts: number[] = [];
    const parked = new Map<string, ParkedEvents>();
    let next = from;
    let isLast = true;
    let looked = 0;
    for (const position of positions) {
      looked += 1;
      const left = store.events.get(position)!.handlers.filter((handler) => {
        return !store.isPlaced(`${journalPartition}/${position}/${handler}`);
      });
      const here = left.filter((handler) => handlers.includes(handler));
      if (owed.length === countMax || owed.length + here.length > countMax || looked > rowsPerPageMax) {
        isLast = false;
        break;
      }
      next = position + 1;
      if (here.length > 0) {
        taken.push(position);
        counts.push(here.length);
        owed.push(...here.map((handler) => handlers.indexOf(handler)));
      }
      for (const handler of left.filter((one) => !handlers.includes(one))) {
        const { count, positionFirst } = parked.get(handler) ?? { count: 0, positionFirst: position };
        parked.set(handler, { handler, count: count + 1, positionFirst });
      }
    }
    const joiner = new EventsJoiner(taken.length);
    for (const position of taken) joiner.add(store.events.get(position)!.event);
    return {
      ...{ events: joiner.finish(), positions: Float64Array.from(taken), next, isLast, parked: [...parked.values()] },
      handlers: Int32Array.from(owed),
      owedCounts: owed.length === taken.length ? null : Int32Array.from(counts),
    };
  }
}
