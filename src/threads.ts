// What the pump and the processor need of the two kinds of thread, as interfaces: HandlerPool and StoreWriter are the
// real ones, and the simulation has its own.

import type { KeyState } from './keyed-state.js';
import type { BatchMessage, BatchReport } from './pool/messages.js';
import type { RunningEvent } from './pool/overseer.js';
import type { PoolHandlers } from './pool/pool-options.js';
import type { DeadLettersRequest, DeadLettersResult } from './store/dead-letter-messages.js';
import type { CancelRequest, CancelResult, EventOutcomes, OutcomesRequest } from './store/event-messages.js';
import type { BatchInFlight } from './store/flight-log.js';
import type { HandlersAdded, HandlersKnown, OwedParked, OwedRequest } from './store/handler-messages.js';
import type {
  GroupRequest,
  GroupResult,
  JournalPage,
  JournalStart,
  LanePage,
  LanePageRequest,
  PageRequest,
  PartitionStart,
  StatesRequest,
  Watermark,
} from './store/messages.js';

/** Threads that run batches. */
export interface HandlerThreads {
  readonly threads: number;
  /** Those that live, as `worker_threads.threadId`. */
  readonly threadIds: readonly number[];
  /** How many batches may be under way at once; it changes with the number of threads. */
  readonly places: number;
  /** Gives a report even when a thread dies. Rejects only with what ends the processor. */
  run(message: BatchMessage): Promise<BatchReport>;
  /** The same for one event, on a thread that has run nothing: what ends that thread is charged to it. */
  runFresh(message: BatchMessage): Promise<BatchReport>;
  /** Has the try of an event end, or not begin: its result is `cancelled`, unless it ends otherwise before. */
  cancel(place: number, index: number): void;
  /** What the batch in a place is doing: the event that runs, by its index, and where; null before and after. */
  running(place: number): RunningEvent | null;
  /** Resolves when so many threads have taken over; those before finish what they run. */
  setThreads(threads: number): Promise<void>;
  /** The same when threads have taken over that run other handlers as well. */
  setHandlers(handlers: PoolHandlers): Promise<void>;
  /** Runs `teardown()` in every thread and ends them. */
  close(): Promise<void>;
  /** Ends them at once. */
  abort(): Promise<void>;
}

/** Remembers which events are running, for the time after the process has died of one. */
export interface FlightRecorder {
  /** A batch is about to leave for its thread. */
  depart(place: number, batch: BatchInFlight): void;
  /** The batch of a place, if it had one, has come back. */
  arrive(place: number): void;
  /** Handlers come, behind the others; their ids in the store. */
  addHandlers(ids: readonly number[]): void;
  /** The processor has ended, and the process lives. */
  close(): void;
}

/** The thread that stores events and outcomes. */
export interface WriterThread {
  openPartition(name: string): Promise<PartitionStart>;
  openJournal(how: { isVolatile: boolean }): Promise<JournalStart>;
  /**
   * Has journaled events that are owed to a handler which is to come wait in its lanes. Rejects with `bad-handlers`
   * where its lanes could not be kept as they are.
   */
  parkOwed(request: OwedRequest): Promise<OwedParked>;
  /** Makes handlers known that come; gives what the store has of them. Rejects as `parkOwed` does. */
  addHandlers(request: HandlersAdded): Promise<HandlersKnown>;
  /** What is owed to a handler stays in the store from here on. */
  removeHandler(index: number): Promise<void>;
  /** Reads journaled events that have no outcome, in order; sees what was appended before the call. */
  readJournal(request: PageRequest): Promise<JournalPage>;
  /** Reads events of a lane that wait in the store; sees what was appended before the call. */
  readLane(request: LanePageRequest): Promise<LanePage>;
  /** Runs dead letters again or gives them up; durable when it resolves. */
  deadLetters(request: DeadLettersRequest): Promise<DeadLettersResult>;
  /** Cancels an event that is not in memory; durable when it resolves. */
  cancel(request: CancelRequest): Promise<CancelResult>;
  /** Reads what has become of the first ones of some events, at least one; sees what was appended before the call. */
  readOutcomes(request: OutcomesRequest): Promise<readonly EventOutcomes[]>;
  /** Reads states of keys, those of the first ones, at least one; sees what was appended before the call. */
  readStates(request: StatesRequest): Promise<readonly (KeyState | null)[]>;
  setFingerprint(partition: number, fingerprint: string): Promise<void>;
  /** Resolves when the group is durable. Groups are stored in the order of the calls. */
  append(group: GroupRequest): Promise<GroupResult>;
  /** Stores the last watermarks and closes the store. */
  close(watermarks: readonly Watermark[]): Promise<void>;
  /** Ends it at once. */
  abort(): Promise<void>;
}
