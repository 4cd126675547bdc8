// Which ids an event has that follows from another: it belongs to what that belongs to, and names it as its cause.

import type { Identity, SourceEvent } from './event.js';

/** What is asked of the event that another follows from; a handler's event has it all. */
export interface Cause extends Identity {
  readonly id: string | null;
  readonly correlationId: string | null;
}

/**
 * An event with the ids that it has as a follow-up of `cause`. Its `causationId` is the id of that event, or, where it
 * has none, its identity as `partition/position`; its `correlationId` that of the cause, or else what names the cause,
 * with which all of it began. What the event gives itself stays.
 */
export function correlate<Event extends SourceEvent>(
  cause: Cause,
  event: Event,
): Event & { correlationId: string; causationId: string } {
  const named = cause.id ?? `${cause.partition}/${cause.position}`;
  return {
    ...event,
    correlationId: event.correlationId ?? cause.correlationId ?? named,
    causationId: event.causationId ?? named,
  };
}
