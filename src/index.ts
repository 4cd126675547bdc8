// The public API; nothing is defined here.

export type { ProcessorEvents } from './announcer.js';
export type { BusiestBy, BusiestKeys, BusyKey } from './busiest-keys.js';
export type { CancelFound } from './cancellations.js';
export type { AddOptions, RemoveOptions } from './changing-handlers.js';
export { type CloudEvent, fromCloudEvent, type StoredContent, toCloudEvent } from './cloud-events.js';
export { type Cause, correlate } from './correlation.js';
export { createProcessor, type Published, type WithSchemas } from './create-processor.js';
export type { DeadLetterSelection } from './dead-letter-selection.js';
export { type ErrorRecord, KeylaneError, type KeylaneErrorCode } from './errors.js';
export {
  type EncodedEvent,
  type EventLimits,
  encodeEvent,
  type Identity,
  type SourceEvent,
} from './event.js';
export type { EventMap, EventMapOf, EventOf, TypeOf } from './event-map.js';
export type { Explanation, LaneSituation } from './explain.js';
export type { Fed } from './feed.js';
export {
  defineHandlers,
  type Handler,
  type HandlerContext,
  type HandlerEvent,
  type HandlerPolicy,
  type Handlers,
  type HandlerTable,
  type KeyBatchHandler,
  type NamedHandler,
  type OnDeadLetter,
  PermanentError,
  type Policies,
  RetryLater,
} from './handler.js';
export type { HandlerFigures } from './handler-tallies.js';
export type { Health, HealthReason } from './health.js';
export { type OpenStoreOptions, openStore } from './open-store.js';
export type { WithSignal } from './option-spec.js';
export type { Durability, IntakeMode, OrderMode, ProcessorOptions, Retention } from './options.js';
export type { Outcome, OutcomeStatus, Retry } from './outcome.js';
export type { EventFilter, OutcomeFilter } from './outcome-filter.js';
export type { OutcomeIterator } from './outcome-iterator.js';
export type { PauseFilter } from './pausing.js';
export type { Phase } from './phase.js';
export type { Processor, Recovery } from './processor.js';
export { prometheusContentType } from './prometheus.js';
export type { ManyAccepted } from './publishing.js';
export type { Receipt } from './receipts.js';
export { type Replayed, type ReplayOptions, replay } from './replay.js';
export { IterableSource } from './sources/iterable-source.js';
export { NdjsonSource } from './sources/ndjson-source.js';
export type { Source, SourceRecord, SourceStart } from './sources/source.js';
export type { InputOf, SchemaIssue, SchemaResult, Schemas, StandardSchema } from './standard-schema.js';
export type { DurableState } from './state-look-up.js';
export type { Stats } from './stats.js';
export type { FailedTry, ParkedLane } from './store/lane-reader.js';
export { type PruneOptions, pruneStore } from './store/prune-store.js';
export {
  type Discarded,
  type DiscardOptions,
  discardDeadLetters,
  type Redriven,
  type RedriveOptions,
  redriveDeadLetters,
} from './store/redrive-store.js';
export type { Pruned } from './store/retention-pass.js';
export type { StatesFilter, StoredState } from './store/state-pages.js';
export type { StoreCounts, StoreTimes, TypeCounts } from './store/store-figures.js';
export type { DeadLetterFilter, StoreReader } from './store/store-reader.js';
export type { JournaledEvent, KeptEvent, PendingEvent } from './store/stored-event.js';
export type { WritableOptions } from './streams.js';
export type { OutcomeListener, QueueOptions, SubscribeOptions, Subscription } from './subscription.js';
export type { ThreadShare } from './thread-shares.js';
export type { TypeFigures } from './type-tallies.js';
