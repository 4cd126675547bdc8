// What the outside asks of superseded events: that their handler wants the newest only, that nothing was said of a try
// of theirs, that none begins from then on, and that a newer event of their key is there in their place.

import { journalPartition } from '../../src/event.js';
import { type OutcomeRow, verdict } from '../../src/outcome.js';
import type { Ledger } from './ledger.js';
import type { Try } from './simulated-handlers.js';
import { laneText, type SimulatedStore } from './simulated-store.js';

interface World {
  readonly ledger: Ledger;
  readonly store: SimulatedStore;
}

/** The store is told that an event is superseded, which had these tries in this life. Gives what is wrong with it. */
export function wrongInSuperseded(
  identity: string,
  { row, tries, isVolatile, ledger, store }: World & { row: OutcomeRow; tries: readonly Try[]; isVolatile: boolean },
): string | null {
  const handler = identity.split('/')[2] as string;
  if (row.key === null || !ledger.wantsLatest(handler)) return `${identity} is superseded, and ${handler} wants all`;
  if (row.data !== null || row.extras !== null) return `${identity} is superseded, and its event is sent to be kept`;
  const isKnown = store.tries.has(identity) || store.deathsOf(identity) !== null || tries.some(({ rows }) => rows > 0);
  if (isKnown || row.attempts !== 0) return `${identity} is superseded, and it was tried`;
  if (ledger.redriven.has(identity)) return `${identity} is superseded, and was a dead letter that is run again`;
  const late = tries.find(({ startUs }) => startUs >= row.startedAtUs);
  if (late !== undefined) return `${identity} was superseded at ${row.startedAtUs}, and ran at ${late.startUs}`;
  // What is in memory alone need not be known outside.
  if (isVolatile || hasNewer(identity, { ledger, store, key: row.key })) return null;
  return `${identity} is superseded by nothing`;
}

/** At the very end: every superseded event has given its place to one that has another outcome. */
export function judgeNewest({ ledger, store }: World): string[] {
  const wrong: string[] = [];
  for (const [lane, identities] of lanesOf({ ledger, store })) {
    const others = identities.filter((one) => store.outcomes.get(one)?.verdict !== verdict.superseded);
    for (const identity of identities) {
      if (others.includes(identity) || ledger.outlivesNewer.has(identity)) continue;
      // One that is run again supersedes none, but may have done so before it was a dead letter.
      if (!others.some((one) => isNewer(one, identity))) {
        wrong.push(`${identity} was superseded, and nothing of ${lane} came in its place`);
      }
    }
  }
  return wrong;
}

/** Events that were accepted, by the lanes of handlers that want the newest; of the source some may be left. */
function lanesOf({ ledger, store }: World): Map<string, string[]> {
  const keys = new Map(ledger.all.map(({ identity, key }) => [identity, key]));
  for (const [identity, { key }] of store.outcomes) keys.set(identity, key);
  const lanes = new Map<string, string[]>();
  for (const [identity, key] of keys) {
    const handler = identity.split('/')[2] as string;
    if (key === null || !ledger.wantsLatest(handler)) continue;
    const lane = ledger.laneOf(handler, key)!;
    lanes.set(lane, [...(lanes.get(lane) ?? []), identity]);
  }
  return lanes;
}

/** Whether a newer event of a key was accepted. */
function hasNewer(identity: string, { ledger, store, key }: World & { key: string }): boolean {
  const handler = identity.split('/')[2] as string;
  const lane = ledger.laneOf(handler, key);
  if (ledger.all.some((one) => one.lane === lane && isNewer(one.identity, identity))) return true;
  const isWaiting = (store.waiting.get(laneText(handler, key)) ?? []).some((one) => isNewer(one.identity, identity));
  return (
    isWaiting ||
    [...store.events].some(([position, { event, handlers }]) => {
      const isOfLane = event.key === key && handlers.includes(handler);
      return isOfLane && isNewer(`${journalPartition}/${position}/${handler}`, identity);
    })
  );
}

/** Of two partitions either may be. */
function isNewer(one: string, than: string): boolean {
  const [partition, position] = one.split('/');
  const [partitionThan, positionThan] = than.split('/');
  return one !== than && (partition !== partitionThan || Number(position) > Number(positionThan));
}
