// Why a lane is where it is: in words, and as data. It looks, and changes nothing.

import type { Audience } from './audience.js';
import type { AwayLanes } from './away-lanes.js';
import type { Clock } from './clock.js';
import type { Dispatcher } from './dispatch/dispatcher.js';
import type { Lane } from './dispatch/lane.js';
import { fewOf, KeylaneError, shown } from './errors.js';
import type { Identity } from './event.js';
import type { Flights } from './flights.js';
import type { Policy } from './handler.js';
import { type HandlerSet, noSuchHandler } from './handler-set.js';
import type { Phase } from './phase.js';
import type { LaneOrder } from './policy.js';

/**
 * - `empty`: nothing of it is held in memory; published events of it may still wait in the backlog.
 * - `queued`: its events can run, and wait for a thread.
 * - `listener-slow`: the same, and no batch starts until listeners have taken in what fills their queues.
 * - `running`: one of its events runs, or is about to in its batch.
 * - `retrying`: its first event failed and waits for its next try.
 * - `limited`: its events can run, and wait for the rate of their key, of their handler or of all.
 * - `parked`: it is stopped behind a dead letter.
 * - `paused`: somebody has paused it, or its handler's circuit breaker is open.
 * - `in-store`: its events wait in the store until there is room, or until a try is due.
 */
export type LaneSituation =
  | 'empty'
  | 'queued'
  | 'listener-slow'
  | 'running'
  | 'retrying'
  | 'limited'
  | 'parked'
  | 'paused'
  | 'in-store';

/** Where a lane is. */
export interface Explanation {
  readonly situation: LaneSituation;
  /** The same, and all that follows, in a sentence. */
  readonly text: string;
  /** Events that wait in memory, and in the store. */
  readonly waiting: number;
  readonly waitingInStore: number;
  /** The event that runs, or is the next to run. */
  readonly event: Identity | null;
  /** The try it is in, or waits for; of how many. */
  readonly attempt: number | null;
  readonly attemptsMax: number;
  /** Whether the thread before died while it ran, of what another may have left: it runs on a fresh one. */
  readonly isDoubted: boolean;
  /** The thread that runs it, and for how long it has. */
  readonly threadId: number | null;
  readonly runningMs: number | null;
  /**
   * How long until its next try, or until a rate lets one start; of a paused handler, until one event may show whether
   * it is well.
   */
  readonly dueInMs: number | null;
  /** What its last try failed with, as `TypeError: message`. */
  readonly lastError: string | null;
  /** The dead letter that it is stopped behind. */
  readonly parkedBy: Identity | null;
  readonly breaker: 'closed' | 'open' | 'probing';
  /** Whether `pause()` holds it back. */
  readonly isPaused: boolean;
}

interface Parts {
  readonly dispatcher: Dispatcher;
  readonly away: AwayLanes;
  readonly flights: Flights;
  readonly audience: Pick<Audience, 'behind'>;
  readonly handlers: Pick<HandlerSet, 'indexOf' | 'table'>;
  readonly policies: readonly Policy[];
  readonly clock: Clock;
  /** By handler. */
  readonly orders: readonly LaneOrder[];
  nameOf(partition: number): string;
  phase(): Phase;
}

/** Explains the lane of a handler and a key. Throws a KeylaneError `bad-option` where there is no such lane. */
export function explainLane(wanted: { readonly handler: string; readonly key: string }, parts: Parts): Explanation {
  const handler = parts.handlers.indexOf(wanted.handler);
  if (handler === -1) throw noSuchHandler(wanted.handler, parts.handlers.table);
  if (parts.orders[handler] === 'none') {
    const why = 'under order "none" events have no lanes, each runs when a thread is free and nothing is paused';
    throw new KeylaneError('bad-option', `there is nothing to explain: ${why}; stats() counts those that wait`);
  }
  if (typeof wanted.key !== 'string') {
    throw new KeylaneError(
      'bad-option',
      `key must be a string, got ${shown(wanted.key)}: events without one have no lane`,
    );
  }
  const facts = factsOf({ handler, key: wanted.key }, parts);
  return { ...facts, text: sentenceOf(facts, { ...wanted, phase: parts.phase(), behind: parts.audience.behind }) };
}

type Facts = Omit<Explanation, 'text'>;

function factsOf({ handler, key }: { handler: number; key: string }, parts: Parts): Facts {
  const { dispatcher, flights, clock, audience, nameOf } = parts;
  const lane = dispatcher.lane(handler, key);
  const order = parts.orders[handler];
  const own = { handler, key: order === 'handler' ? '' : key };
  const away = parts.away.find(order === 'global' ? { handler: -1, key: '' } : own);
  const slot = lane?.state === 'busy' ? flights.inLane((other) => other.lane === lane) : (lane?.head ?? null);
  const running = slot === null || lane?.state !== 'busy' ? null : flights.running(slot);
  const limitMs = lane === null ? null : dispatcher.departures.limitMsOf(lane);
  const dueMs = limitMs ?? (lane === null ? null : dueMsOf(lane, dispatcher));
  const parkedBy = away?.parkedBy ?? null;
  return {
    situation: situationOf(lane, {
      ...{ isParked: parkedBy !== null, inStore: away?.waiting ?? 0, limitMs },
      isHeldUp: audience.behind.length > 0,
    }),
    waiting: lane?.waiting ?? 0,
    waitingInStore: away?.waiting ?? 0,
    event: slot === null ? null : { partition: nameOf(slot.partition), position: slot.position },
    attempt: slot?.attempt ?? null,
    attemptsMax: parts.policies[slot?.handler ?? handler]!.attemptsMax,
    isDoubted: slot?.isDoubted ?? false,
    threadId: running?.threadId ?? null,
    runningMs: running?.forMs ?? null,
    dueInMs: dueMs === null ? null : Math.max(0, dueMs - clock.nowMs()),
    lastError: slot?.problem ?? null,
    parkedBy: parkedBy === null ? null : { partition: nameOf(parkedBy.partition), position: parkedBy.position },
    breaker: dispatcher.breakerOf(slot?.handler ?? handler).state,
    isPaused: lane?.state === 'paused',
  };
}

function situationOf(
  lane: Lane | null,
  of: { isParked: boolean; inStore: number; limitMs: number | null; isHeldUp: boolean },
): LaneSituation {
  if (of.isParked) return 'parked';
  if (of.limitMs !== null) return 'limited';
  switch (lane?.state) {
    case 'busy':
      return 'running';
    case 'delayed':
      return 'retrying';
    case 'gated':
    case 'paused':
      return 'paused';
    case 'ready':
    case 'doubted':
      return of.isHeldUp ? 'listener-slow' : 'queued';
    default:
      return of.inStore > 0 ? 'in-store' : 'empty';
  }
}

function sentenceOf(facts: Facts, of: { handler: string; key: string; phase: Phase; behind: string[] }): string {
  const lane = `key ${shown(of.key)} of handler ${shown(of.handler)}`;
  const event = facts.event === null ? '' : ` ${facts.event.partition}/${facts.event.position}`;
  const count = facts.waiting + facts.waitingInStore;
  const others = count === 0 ? 'nothing waits' : `${count} ${count === 1 ? 'event waits' : 'events wait'}`;
  const after = facts.lastError === null ? '' : ` after ${facts.lastError}`;
  const tries = `try ${facts.attempt} of ${facts.attemptsMax}`;
  const held = of.phase === 'running' || of.phase === 'draining' ? '' : ` (the processor is ${of.phase})`;
  const thread = facts.isDoubted ? 'a fresh thread (the one before died of what another may have left)' : 'a thread';
  switch (facts.situation) {
    case 'empty':
      return `${lane}: nothing is held in memory${held}`;
    case 'queued':
      return `${lane}: ${others} for ${thread}, event${event} first, ${tries}${after}${held}`;
    case 'listener-slow':
      return `${lane}: ${others} until listeners have taken in what fills their queues: ${fewOf(of.behind)}${held}`;
    case 'running': {
      if (facts.threadId === null) return `${lane}: event${event} is about to run on ${thread}, ${others} behind it`;
      const where = `for ${ms(facts.runningMs)} on thread ${facts.threadId}`;
      return `${lane}: event${event} has been running ${where}, ${tries}${after}, ${others} behind it`;
    }
    case 'retrying':
      return `${lane}: ${tries} of event${event} comes in ${ms(facts.dueInMs)}${after}, ${others} in all${held}`;
    case 'limited':
      return `${lane}: at its rate limit, event${event} may start in ${ms(facts.dueInMs)}, ${others} in all${held}`;
    case 'parked': {
      const by = facts.parkedBy!;
      const behind = `parked behind dead letter ${by.partition}/${by.position}`;
      return `${lane}: ${behind}, ${others} until it is redriven or discarded`;
    }
    case 'paused':
      if (facts.isPaused) return `${lane}: paused until resume(), ${others}${after}`;
      return `${lane}: the circuit breaker of its handler is ${facts.breaker}${probeText(facts)}, ${others}${after}`;
    case 'in-store':
      return `${lane}: ${others} in the store until there is room in memory or a try is due${held}`;
  }
}

function dueMsOf(lane: Lane, dispatcher: Dispatcher): number | null {
  if (lane.state === 'delayed') return lane.rank;
  return lane.state === 'gated' ? dispatcher.breakerOf(lane.head!.handler).probeMs : null;
}

function probeText({ dueInMs }: Facts): string {
  if (dueInMs === null) return '';
  return dueInMs === 0 ? ', one event is tried next' : `, one event is tried in ${ms(dueInMs)}`;
}

function ms(time: number | null): string {
  if (time === null) return '?';
  return time < 1000 ? `${Math.round(time)} ms` : `${(time / 1000).toFixed(1)} s`;
}
