// Which keys have most waiting, have waited longest, or take most handler time, and whether the order of one is what
// holds all up. It looks at every lane in memory, so it is asked for and not part of the counts.

import type { AdmissionTimes } from './admission-times.js';
import type { Dispatcher } from './dispatch/dispatcher.js';
import type { Lane } from './dispatch/lane.js';
import { shown } from './errors.js';
import { allHandlers, type KeyCosts } from './key-costs.js';
import { checkOption } from './option-spec.js';
import type { LaneOrder } from './policy.js';

/** What puts one key before another: events that wait, the age of the oldest of them, handler time of late. */
export type BusiestBy = 'waiting' | 'age' | 'cpu';

export interface BusyKey {
  /** Null where all events of all handlers have one order. */
  readonly handler: string | null;
  /** Null there, and where all events of the handler have one order. */
  readonly key: string | null;
  /** Events of it that wait in memory, and their share of all that wait there. */
  readonly waiting: number;
  readonly share: number;
  /** How long the oldest of them has been in memory, in milliseconds; null when none waits. */
  readonly oldestMs: number | null;
  /** The share that it took of all handler time of late; 0 for one that took next to none. */
  readonly cpuShare: number;
  /** Whether one of its events runs. */
  readonly isRunning: boolean;
}

export interface BusiestKeys {
  /** In the order asked for. */
  readonly keys: readonly BusyKey[];
  /** What follows from what waits, in a sentence; null where no key stands out. */
  readonly verdict: string | null;
}

/** A key with this share of what waits is the bottleneck, if there are threads that it leaves idle. */
const bottleneckShare = 0.5;

const limitSpec = { kind: 'integer', default: 10, min: 1, max: 1000, unit: 'keys', sentence: '' } as const;
const bySpec = { kind: 'choice', default: 'waiting', choices: ['waiting', 'age', 'cpu'], sentence: '' } as const;

interface Parts {
  readonly dispatcher: Pick<Dispatcher, 'lanes' | 'lane' | 'counts'>;
  readonly admissions: AdmissionTimes;
  readonly costs: KeyCosts;
  readonly threads: number;
  /** Events that wait in the store. */
  readonly backlog: number;
  readonly nowMs: number;
  nameOf(handler: number): string;
  /** The order of each handler's events. */
  readonly orders: readonly LaneOrder[];
}

/** Events that wait in memory, as a base of shares. */
type WithWaiting = Parts & { readonly allWaiting: number };

export function busiestKeys(of: Parts, { limit, by }: { limit: number; by: BusiestBy }): BusiestKeys {
  checkOption('limit', limitSpec, limit);
  checkOption('by', bySpec, by);
  const { dispatcher, costs } = of;
  const parts = { ...of, allWaiting: Math.max(1, dispatcher.counts().buffered) };
  const waiting = topLanes(dispatcher.lanes(), { limit, rankOf: (lane) => lane.waiting }).map((lane) =>
    ofLane(lane, parts),
  );
  const verdict = verdictOf(waiting, parts);
  if (by === 'waiting') return { keys: waiting, verdict };
  if (by === 'age') {
    const oldest = topLanes(dispatcher.lanes(), { limit, rankOf: (lane) => -lane.headSequence });
    return { keys: oldest.map((lane) => ofLane(lane, parts)), verdict };
  }
  const keys = costs.top(limit).map(({ handler, key, share }): BusyKey => {
    // Under order "global" any handler has the lane.
    const lane = dispatcher.lane(Math.max(0, handler), key);
    const name = { handler: nameOf(handler, parts), key: keyOf(handler, key, parts) };
    if (lane !== null) return { ...ofLane(lane, parts), ...name, cpuShare: share };
    const idle = { waiting: 0, share: 0, oldestMs: null, isRunning: false };
    return { ...name, ...idle, cpuShare: share };
  });
  return { keys, verdict };
}

/** The lanes with events that rank highest, the highest first. */
function topLanes(lanes: Iterable<Lane>, of: { limit: number; rankOf(lane: Lane): number }): Lane[] {
  const { limit, rankOf } = of;
  const top: { readonly lane: Lane; readonly rank: number }[] = [];
  for (const lane of lanes) {
    if (lane.waiting === 0) continue;
    const rank = rankOf(lane);
    if (top.length === limit && rank <= top.at(-1)!.rank) continue;
    const at = top.findIndex((other) => other.rank < rank);
    top.splice(at === -1 ? top.length : at, 0, { lane, rank });
    if (top.length > limit) top.pop();
  }
  return top.map(({ lane }) => lane);
}

function nameOf(handler: number, parts: Parts): string | null {
  return handler === allHandlers ? null : parts.nameOf(handler);
}

/** Null where a lane has the events of all keys; an empty text is a key like any other. */
function keyOf(handler: number, key: string | null, { orders }: Parts): string | null {
  return handler === allHandlers || orders[handler] === 'handler' ? null : key;
}

function ofLane(lane: Lane, parts: WithWaiting): BusyKey {
  const { allWaiting, admissions, costs, nowMs } = parts;
  const { handler, waiting, state, head } = lane;
  return {
    handler: nameOf(handler, parts),
    key: keyOf(handler, lane.key, parts),
    waiting,
    share: waiting / allWaiting,
    oldestMs: head === null ? null : admissions.ageMs(head.sequence, nowMs),
    cpuShare: costs.shareOf(handler, lane.key ?? ''),
    isRunning: state === 'busy',
  };
}

function verdictOf([first]: readonly BusyKey[], { threads, backlog }: Parts): string | null {
  if (first === undefined || threads === 1 || first.share < bottleneckShare || !first.isRunning) return null;
  const name =
    first.handler === null
      ? 'order "global"'
      : first.key === null
        ? `handler ${shown(first.handler)}`
        : `key ${shown(first.key)}`;
  // Of what waits in the store it is not known whose it is.
  const where = backlog > 0 ? 'waits in memory' : 'waits';
  return `order is the bottleneck: ${name} holds ${Math.floor(first.share * 100)} % of what ${where}`;
}
