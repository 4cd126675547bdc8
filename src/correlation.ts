// Which ids an event has that follows from another: it belongs to what that belongs to, and names it as its cause.

import { badEvent } from './errors.js';
import { type Identity, isIdentity, type SourceEvent } from './event.js';

/** What is asked of the event that another follows from; a handler's event has it all, and so has one of a store. */
export type Cause = { readonly id: string | null; readonly correlationId: string | null } & (
  | Identity
  | { readonly identity: Identity }
);

/**
 * An event with the ids that it has as a follow-up of `cause`. Its `causationId` is the id of that event, or, where it
 * has none, its identity as `partition/position`; its `correlationId` that of the cause, or else what names the cause,
 * with which all of it began. What the event gives itself stays. Throws a KeylaneError `bad-event` for a cause that
 * does not tell these, as an outcome or a receipt.
 */
export function correlate<Event extends SourceEvent>(
  cause: Cause,
  event: Event,
): Event & { correlationId: string; causationId: string } {
  const { partition, position } = identityOf(cause);
  const named = cause.id || `${partition}/${position}`;
  return {
    ...event,
    correlationId: event.correlationId ?? cause.correlationId ?? named,
    causationId: event.causationId ?? named,
  };
}

function identityOf(cause: Cause): Identity {
  const given = cause as Partial<Cause & Identity & { identity: Identity }> | null;
  const identity = given?.identity ?? given;
  const isNamed = (name: unknown): boolean => name === null || typeof name === 'string';
  if (isIdentity(identity) && isNamed(given!.id) && isNamed(given!.correlationId)) return identity;
  throw badEvent(
    'the cause of an event',
    'an event, of a handler or a store, with its identity, id and correlationId',
    cause,
  );
}
