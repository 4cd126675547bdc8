// Wires the parts of a processor together. Each knows only what it is given here; none of them knows the processor.

import { Acceptance } from './acceptance.js';
import type { Announcer } from './announcer.js';
import { Audience } from './audience.js';
import { AwayLanes } from './away-lanes.js';
import { Cancellations } from './cancellations.js';
import type { Clock } from './clock.js';
import { Consumption } from './consumption.js';
import { DeadLetters } from './dead-letters.js';
import type { BreakerLimits } from './dispatch/breaker.js';
import type { BreakerNews } from './dispatch/breakers.js';
import { Dispatcher } from './dispatch/dispatcher.js';
import { DueTimes } from './due-times.js';
import type { KeylaneError } from './errors.js';
import { type Identity, journalPartition } from './event.js';
import { Flights } from './flights.js';
import type { HandlerTable, Policy } from './handler.js';
import { Idleness } from './idleness.js';
import { Intake } from './intake.js';
import { Journal } from './journal.js';
import type { Config, OrderMode } from './options.js';
import type { RowNames } from './outcome.js';
import { OutcomeNews } from './outcome-news.js';
import { warnsOfParked } from './parked-warning.js';
import { Partitions } from './partitions.js';
import { policiesOf } from './policy.js';
import { Publishing } from './publishing.js';
import { Pump } from './pump.js';
import { Receipts } from './receipts.js';
import type { EventOutcomes, JournalStart } from './store/messages.js';
import type { FlightRecorder, HandlerThreads, WriterThread } from './threads.js';

export interface EngineParts {
  readonly config: Config;
  readonly table: HandlerTable;
  readonly writer: WriterThread;
  readonly pool: HandlerThreads;
  readonly journal: JournalStart;
  readonly flight: FlightRecorder;
  readonly clock: Clock;
}

/** Who is told what. */
export interface EngineHearers {
  readonly announcer: Announcer;
  onBreaker(news: BreakerNews): void;
  onWarning(error: KeylaneError): void;
  onFatal(error: KeylaneError): void;
}

export class Engine {
  readonly names: RowNames;
  readonly policies: readonly Policy[];
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
  readonly order: OrderMode;
  readonly audience: Audience;
  readonly receipts: Receipts;
  readonly news: OutcomeNews;
  readonly idleness: Idleness;

  constructor(parts: EngineParts, hearers: EngineHearers) {
    const { config, table, clock, journal, writer } = parts;
    const { onWarning } = hearers;
    this.policies = policiesOf(table, config);
    this.dispatcher = new Dispatcher({
      ...{ ...config, handlerCount: table.names.length, breaker: breakerLimits(config) },
      parks: this.policies.map(({ onDeadLetter }) => onDeadLetter === 'park'),
    });
    const dispatcher = this.dispatcher;
    const dueTimes = new DueTimes(clock, this.policies);
    const partitions = new Partitions(dispatcher, dueTimes);
    this.partitions = partitions;
    this.names = { partition: (index) => partitions.nameOf(index), handler: (index) => table.names[index] ?? '' };
    const pageBytesMax = config.batchBytesMax;
    this.away = new AwayLanes({
      ...{ dispatcher, clock, dueTimes, pageBytesMax },
      groups: () => this.pump.groupNumbers,
      learnNames: (names) => partitions.learnNames(names),
    });
    const away = this.away;
    const room = (): number => Math.max(0, dispatcher.room - away.reserved);
    this.journal = new Journal(journal, { dispatcher, partitions, room, onWarning, pageBytesMax });
    this.flights = this.#flights(parts);
    this.order = config.order;
    this.audience = new Audience({ clock, wake: () => this.pump.wake(), onWarning });
    this.receipts = this.#receipts(parts);
    const { receipts } = this;
    this.news = this.#news(parts, hearers);
    this.idleness = new Idleness({
      ...{ dispatcher, journal: this.journal, away, handlerName: this.names.handler, wake: () => this.pump.wake() },
      whenStored: () => this.pump.whenStored(),
    });
    this.pump = this.#pump(parts, hearers);
    const pump = this.pump;
    away.begin(journal.lanes);
    this.acceptance = new Acceptance({
      ...{ limits: config, dispatcher, room, journal: this.journal, away, pump, clock, onWarning },
    });
    this.intake = this.#intake(parts);
    const intake = this.intake;
    this.publishing = new Publishing({ intake, pump, receipts, limits: config, partition: journalPartition });
    this.consumption = new Consumption({
      ...{ writer, clock, limits: config, handlers: table, reserved: journalPartition, intake, partitions, onWarning },
    });
    const calls = {
      ...{ dispatcher, flights: this.flights, writer, pump, away, journal: this.journal, wallMs: () => clock.wallMs() },
      allStored: () => pump.allStored(),
    };
    this.deadLetters = new DeadLetters({
      ...calls,
      deadLetters: (request) => pump.takeIn(writer.deadLetters(request), ({ lanes }) => away.goOn(lanes)),
    });
    this.cancellations = new Cancellations({
      ...calls,
      indexOf: (partition) => partitions.indexOf(partition),
      onDecidedInStore: (identity) => receipts.decidedInStore(identity),
      tellStored: (identity) => this.news.tellStored(identity),
    });
  }

  #receipts({ config, writer }: EngineParts): Receipts {
    const { dispatcher, journal } = this;
    const { partition } = journal;
    return new Receipts({
      ...{ partition, partitionName: journalPartition },
      allStored: () => this.pump.allStored(),
      read: (events, act) => this.#readOutcomes({ config, writer }, { events, act }),
      isHeld: (position) => dispatcher.find({ partition, position }) !== null,
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

  #flights({ config, pool, flight }: EngineParts): Flights {
    return new Flights({
      ...{ runners: pool, recorder: flight, policies: this.policies },
      limits: { errorSizeMax: config.errorSizeMax, isJournaled: config.intake === 'journal' },
      nameOf: (partition) => this.partitions.nameOf(partition),
    });
  }

  #pump({ config, writer, clock }: EngineParts, hearers: EngineHearers): Pump {
    const { dispatcher, partitions, journal, away, flights } = this;
    const isJournaled = config.intake === 'journal';
    return new Pump({
      ...{ dispatcher, partitions, journal, away, flights, writer, clock, limits: config },
      isStored: ({ partition }) => isJournaled && partition === journal.partition,
      letIn: () => {
        this.acceptance.look();
        this.intake.letIn();
        this.idleness.look();
      },
      isAudienceBehind: () => this.audience.isBehind,
      inspect: (report, slots) => this.news.inspect(report, slots),
      onSettled: (batch, { results }) => this.cancellations.settled(batch, results),
      onParked: warnsOfParked(hearers.onWarning),
      onBreaker: (news) => hearers.onBreaker(news),
      onFatal: (error) => hearers.onFatal(error),
    });
  }

  #intake({ config, table }: EngineParts): Intake {
    const { dispatcher, acceptance, pump } = this;
    return new Intake({
      room: () => acceptance.roomForSources,
      admit: (event, owed) => dispatcher.admit(event, owed),
      accept: (owed) => acceptance.accept(owed),
      refill: () => pump.refill(),
      watermark: (index) => dispatcher.watermark(index),
      handlerOf: handlerFinder(table),
      wake: () => pump.wake(),
      publishersMax: config.publishersMax,
    });
  }
}

/** Null when no handler is ever paused. */
function breakerLimits({ breaker }: Config): BreakerLimits | null {
  if (breaker === null) return null;
  const { failurePercent = 50, triesMin = 20, windowMs = 10_000, pauseMs = 5000 } = breaker;
  return { failurePercent, triesMin, windowMs, pauseMs };
}

/** Finds the index of the handler that takes a type. */
function handlerFinder({ names, takes }: HandlerTable): (type: string) => number | null {
  if (takes === 'every-type') return () => 0;
  const indexes = new Map(names.map((name, index) => [name, index]));
  return (type) => indexes.get(type) ?? null;
}
