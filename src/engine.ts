// Wires the parts of a processor together. Each knows only what it is given here; none of them knows the processor.

import { Acceptance } from './acceptance.js';
import { AdmissionTimes } from './admission-times.js';
import type { Announcer } from './announcer.js';
import { Audience } from './audience.js';
import { AwayLanes } from './away-lanes.js';
import { Cancellations } from './cancellations.js';
import { ChangingHandlers, type HandlerLoader } from './changing-handlers.js';
import type { Clock } from './clock.js';
import { Consumption } from './consumption.js';
import { DeadLetters } from './dead-letters.js';
import { isHeard } from './diagnostics.js';
import type { BreakerLimits } from './dispatch/breaker.js';
import type { BreakerNews } from './dispatch/breakers.js';
import { Dispatcher } from './dispatch/dispatcher.js';
import { DueTimes } from './due-times.js';
import { KeylaneError } from './errors.js';
import { type Identity, journalPartition } from './event.js';
import { EventEncoder } from './event-encoder.js';
import { Flights } from './flights.js';
import type { HandlerTable, Policy } from './handler.js';
import { HandlerSet } from './handler-set.js';
import { Idleness } from './idleness.js';
import { Intake } from './intake.js';
import { Journal } from './journal.js';
import type { Config } from './options.js';
import type { RowNames } from './outcome.js';
import { OutcomeNews } from './outcome-news.js';
import { warnsOfParked } from './parked-warning.js';
import { Partitions } from './partitions.js';
import { Pausing } from './pausing.js';
import { claimsOf, type LaneOrder, supersedingOf } from './policy.js';
import type { HandlerSource } from './pool/messages.js';
import { Publishing } from './publishing.js';
import { Pump } from './pump.js';
import { rateLimitFrom } from './rate-options.js';
import { Receipts } from './receipts.js';
import { emptyRoute } from './routes.js';
import type { StandardSchema } from './standard-schema.js';
import { StateLookUp } from './state-look-up.js';
import type { EventOutcomes } from './store/event-messages.js';
import type { JournalStart } from './store/messages.js';
import type { FlightRecorder, HandlerThreads, WriterThread } from './threads.js';
import type { Tracing } from './tracing.js';

export interface EngineParts {
  readonly config: Config;
  readonly table: HandlerTable;
  /** By event type; null where nothing is checked. */
  readonly schemas: ReadonlyMap<string, StandardSchema> | null;
  /** Null, or left out, where nothing is traced. */
  readonly tracing?: Tracing | null;
  readonly writer: WriterThread;
  readonly pool: HandlerThreads;
  readonly journal: JournalStart;
  readonly flight: FlightRecorder;
  readonly clock: Clock;
  /** Whether its events ran before: none supersedes another, and what they emit is there already. */
  readonly isReplay?: boolean;
  /** What the threads were started with; left out where no handlers come. */
  readonly sources?: readonly HandlerSource[];
  /** Likewise. */
  readonly load?: HandlerLoader;
}

type CancellationParts = ConstructorParameters<typeof Cancellations>[0];
type CancellationCalls = Omit<CancellationParts, 'indexOf' | 'nameOf' | 'onDecidedInStore' | 'tellStored'>;

/** Who is told what. */
export interface EngineHearers {
  readonly announcer: Announcer;
  onBreaker(news: BreakerNews): void;
  onWarning(error: KeylaneError): void;
  onFatal(error: KeylaneError): void;
}

export class Engine {
  readonly names: RowNames;
  readonly handlers: HandlerSet;
  readonly policies: readonly Policy[];
  /** The order of each handler's events. */
  readonly orders: readonly LaneOrder[];
  /** The same by its name; of one that is not there, that of the options. */
  readonly orderOf: (handler: string) => LaneOrder;
  readonly clock: Clock;
  readonly dispatcher: Dispatcher;
  readonly partitions: Partitions;
  readonly away: AwayLanes;
  readonly journal: Journal;
  readonly flights: Flights;
  readonly pump: Pump;
  readonly acceptance: Acceptance;
  readonly intake: Intake;
  readonly publishing: Publishing;
  readonly consumption: Consumption;
  readonly deadLetters: DeadLetters;
  readonly cancellations: Cancellations;
  readonly pausing: Pausing;
  readonly states: StateLookUp;
  readonly changing: ChangingHandlers;
  readonly audience: Audience;
  readonly receipts: Receipts;
  readonly news: OutcomeNews;
  readonly idleness: Idleness;
  readonly admissions = new AdmissionTimes();

  constructor(parts: EngineParts, hearers: EngineHearers) {
    const { config, table, clock, journal, writer, schemas, tracing = null } = parts;
    const { onWarning } = hearers;
    const handlers = new HandlerSet(table, { config, owed: journal.widest });
    const { names } = handlers;
    [this.handlers, this.policies, this.orders] = [handlers, handlers.policies, handlers.orders];
    this.orderOf = (handler) => this.orders[names.indexOf(handler)] ?? config.order;
    this.clock = clock;
    const widest = (): number => handlers.widest;
    this.dispatcher = this.#dispatcher(parts);
    const dispatcher = this.dispatcher;
    const dueTimes = new DueTimes(clock, this.policies);
    const partitions = new Partitions(dispatcher, dueTimes);
    this.partitions = partitions;
    this.names = { partition: (index) => partitions.nameOf(index), handler: (index) => names[index] ?? '' };
    const pageBytesMax = config.batchBytesMax;
    this.away = this.#awayLanes({ dueTimes, pageBytesMax, clock });
    const away = this.away;
    const room = (): number => Math.max(0, dispatcher.room - away.reserved);
    this.journal = new Journal(journal, { dispatcher, partitions, room, widest, onWarning, pageBytesMax });
    this.flights = this.#flights(parts);
    this.audience = new Audience({ clock, wake: () => this.pump.wake(), onWarning });
    this.receipts = this.#receipts(parts);
    this.news = this.#news(parts, hearers);
    this.idleness = new Idleness({
      ...{ dispatcher, journal: this.journal, away, handlerName: (index) => this.names.handler(index) },
      ...{ orders: this.orders, wake: () => this.pump.wake() },
      whenStored: () => this.pump.whenStored(),
    });
    this.pump = this.#pump(parts, hearers);
    away.begin(journal.lanes);
    this.acceptance = new Acceptance({
      ...{ limits: config, dispatcher, room, journal: this.journal, away, pump: this.pump, clock, onWarning },
    });
    this.intake = this.#intake(parts);
    const { intake, pump, receipts } = this;
    const encoder = new EventEncoder({ limits: config, schemas, intake });
    const isJournaled = config.intake === 'journal';
    const accepting = { isJournaled, limits: config, partition: journalPartition, tracing };
    this.publishing = new Publishing({ intake, pump, receipts, encoder, ...accepting });
    this.consumption = new Consumption({
      ...{ writer, clock, limits: config, reserved: journalPartition, intake, partitions, onWarning },
      handlers: () => handlers.table,
    });
    this.changing = this.#changing(parts, { dueTimes, onWarning });
    const stored = { wallMs: () => clock.wallMs(), allStored: () => pump.allStored() };
    const calls = { dispatcher, flights: this.flights, writer, pump, away, journal: this.journal, ...stored };
    this.states = new StateLookUp({ writer, handlers: names });
    this.pausing = new Pausing({ dispatcher, handlers, wake: () => pump.wake() });
    this.deadLetters = new DeadLetters({
      ...calls,
      deadLetters: (request) => pump.takeIn(writer.deadLetters(request), (result) => away.goOn(result)),
    });
    this.cancellations = this.#cancellations({ ...calls, widest });
  }

  #awayLanes(of: { dueTimes: DueTimes; pageBytesMax: number; clock: Clock }): AwayLanes {
    return new AwayLanes({
      ...{ ...of, dispatcher: this.dispatcher },
      groups: () => this.pump.groupNumbers,
      learnNames: (names) => this.partitions.learnNames(names),
    });
  }

  #changing(
    { pool, writer, flight, sources = [], load = cannotLoad }: EngineParts,
    of: { dueTimes: DueTimes; onWarning: (error: KeylaneError) => void },
  ): ChangingHandlers {
    const { handlers, dispatcher, away, journal, pump, idleness } = this;
    return new ChangingHandlers({
      ...{ handlers, dispatcher, away, journal, pump, idleness, ...of },
      ...{ pool, writer, flight, sources, load },
    });
  }

  #cancellations(calls: CancellationCalls): Cancellations {
    return new Cancellations({
      ...calls,
      indexOf: (partition) => this.partitions.indexOf(partition),
      nameOf: (handler) => this.names.handler(handler),
      onDecidedInStore: (identity) => this.receipts.decidedInStore(identity),
      tellStored: (identity, handlers) => this.news.tellStored(identity, handlers),
    });
  }

  #dispatcher({ config, table, journal, isReplay = false }: EngineParts): Dispatcher {
    const stateful = table.policies.map(({ isStateful = false }) => isStateful);
    return new Dispatcher({
      ...{ ...config, widest: this.handlers.widest, handlerCount: table.names.length, breaker: breakerLimits(config) },
      states: stateful.includes(true) ? { stateful, bytesMax: config.stateBytesMax } : null,
      parks: this.policies.map(({ onDeadLetter }) => onDeadLetter === 'park'),
      ...{ orders: this.orders, supersedes: isReplay ? [] : supersedingOf(table, config.order) },
      volatile:
        config.intake === 'journal' ? null : { partition: journal.partition, positionFirst: journal.positionUnused },
      ...{ claims: claimsOf(table, config.order), rateLimit: rateLimitFrom(config.rateLimit) },
    });
  }

  #receipts({ config, writer }: EngineParts): Receipts {
    const { dispatcher, journal, names } = this;
    const { partition } = journal;
    // With a journal the store has every event that there is a receipt of.
    const isJournaled = config.intake === 'journal';
    return new Receipts({
      ...{ partition, partitionName: journalPartition, widest: () => this.handlers.widest },
      allStored: () => this.pump.allStored(),
      read: (events, act) => this.#readOutcomes({ config, writer }, { events, act }),
      heldFor: (position) => {
        const held = isJournaled ? [] : dispatcher.find({ partition, position });
        return held.map(({ handler }) => names.handler(handler));
      },
    });
  }

  #news({ config, writer }: EngineParts, { announcer }: EngineHearers): OutcomeNews {
    const { audience, receipts, names } = this;
    return new OutcomeNews({
      ...{ announcer, audience, receipts, names },
      read: (events, act) => this.#readOutcomes({ config, writer }, { events, act }),
    });
  }

  #readOutcomes(
    { config, writer }: Pick<EngineParts, 'config' | 'writer'>,
    { events, act }: { events: readonly Identity[]; act: (found: readonly EventOutcomes[]) => void },
  ): Promise<unknown> {
    return this.pump.takeIn(writer.readOutcomes({ events, sizeMax: config.batchBytesMax }), act);
  }

  #flights({ config, pool, flight, tracing = null }: EngineParts): Flights {
    return new Flights({
      ...{ runners: pool, recorder: flight, policies: this.policies, hasStates: () => this.dispatcher.states !== null },
      tracing,
      limits: { errorSizeMax: config.errorSizeMax, isJournaled: config.intake === 'journal' },
      nameOf: (partition) => this.partitions.nameOf(partition),
    });
  }

  #pump({ config, writer, clock, isReplay = false }: EngineParts, hearers: EngineHearers): Pump {
    const { dispatcher, partitions, journal, away, flights } = this;
    const isJournaled = config.intake === 'journal';
    return new Pump({
      ...{ dispatcher, partitions, journal, away, flights, writer, clock, limits: config },
      ...{ handlerCount: this.policies.length, dropsEmitted: isReplay },
      isStored: ({ partition }) => isJournaled && partition === journal.partition,
      routeOf: (type) => this.handlers.routes.of(type) ?? emptyRoute,
      letIn: () => {
        this.acceptance.look();
        this.intake.letIn();
        this.admissions.note(dispatcher.sequenceNext, clock.nowMs());
        this.idleness.look();
      },
      // A state must not be of an event that the store is about to cancel.
      isAudienceBehind: () => this.audience.isBehind || (dispatcher.states !== null && this.cancellations.isInStore),
      inspect: (report, slots) => this.news.inspect(report, slots),
      onSettled: (batch, { results, busyUs }) => {
        this.cancellations.settled(batch, results);
        if (isHeard('batch')) hearers.announcer.tellBatch({ events: results.length, busyUs });
      },
      onParked: warnsOfParked(hearers.onWarning),
      onBreaker: (news) => hearers.onBreaker(news),
      onFatal: (error) => hearers.onFatal(error),
    });
  }

  #intake({ config }: EngineParts): Intake {
    if (config.unmatched === 'record' && config.intake === 'memory') {
      const why = 'with intake "memory" there is no journal that would hold the event';
      throw new KeylaneError('bad-option', `unmatched must be "refuse", got "record": ${why}`);
    }
    const { dispatcher, acceptance, pump } = this;
    return new Intake({
      room: () => acceptance.roomForSources,
      admit: (event, owed) => dispatcher.admit(event, owed),
      ...{ hasRoomFor: (route) => acceptance.hasRoomFor(route), accept: (owed) => acceptance.accept(owed) },
      refill: () => pump.refill(),
      watermark: (index) => dispatcher.watermark(index),
      routeOf: (type) => this.handlers.routes.of(type),
      refusesUnmatched: config.unmatched === 'refuse',
      wake: () => pump.wake(),
      publishersMax: config.publishersMax,
    });
  }
}

const cannotLoad: HandlerLoader = () => Promise.reject(new KeylaneError('bad-option', 'handlers cannot be added here'));

/** Null when no handler is ever paused. */
function breakerLimits({ breaker }: Config): BreakerLimits | null {
  if (breaker === null) return null;
  const { failurePercent = 50, triesMin = 20, windowMs = 10_000, pauseMs = 5000 } = breaker;
  return { failurePercent, triesMin, windowMs, pauseMs };
}
