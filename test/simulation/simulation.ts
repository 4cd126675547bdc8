// One seeded history of a store: some lives that end in order or die, and a last one that drains. What happened is
// judged from the records of the outside, never from the processor's.

import { journalPartition } from '../../src/event.js';
import { verdict } from '../../src/outcome.js';
import type { LaneOrder } from '../../src/policy.js';
import { isPublished, Ledger, types } from './ledger.js';
import { Life, type LifePlan } from './life.js';
import { Random } from './random.js';
import { SimulatedStore } from './simulated-store.js';
import { judgeNewest } from './superseded.js';

export interface History {
  /** Nothing when all is well. */
  readonly wrong: readonly string[];
  /** How many events newer ones have superseded. */
  readonly superseded: number;
  /** How many calls with several events have succeeded. */
  readonly together: number;
}

/** Runs one seed to its end, and gives what came of it. */
export async function simulate(seed: number): Promise<History> {
  // Handler threads draw their waits from it.
  const chance = Math.random;
  Math.random = new Random(-seed).next;
  try {
    return await history(seed);
  } finally {
    Math.random = chance;
  }
}

async function history(seed: number): Promise<History> {
  const random = new Random(seed);
  const ledger = new Ledger(random);
  const store = new SimulatedStore();
  // A third of the histories has an event that ends its process; then nothing else does.
  const hasKiller = random.oneIn(3);
  const attemptsMax = hasKiller ? random.int(1, 3) : random.int(1, 5);
  const onDeadLetter = random.pick(['continue', 'park'] as const);
  const policy = { attemptsMax, onDeadLetter };
  for (let lives = random.int(0, 2); lives > 0; lives -= 1) {
    const handlers = random.oneIn(4) ? types.slice(0, 2) : types;
    ledger.lacksHandlers ||= handlers !== types;
    const end = random.pick(hasKiller ? (['stop'] as const) : (['death', 'death', 'stop'] as const));
    const intake = random.oneIn(5) ? 'memory' : 'journal';
    await live({ intake, end, handlers, hasKiller: hasKiller && lives === 1, ...policy, last: null });
  }
  // As often as the process ends, somebody starts it again, and meets the dead letters that others wait behind.
  for (let starts = 0; ; starts += 1) {
    if (starts > 60) return came([`the process was started ${starts} times`]);
    const last = starts === 0 ? null : starts > 4 ? 'discard' : 'redrive';
    const died = await live({ intake: 'journal', end: 'drain', handlers: types, hasKiller: false, ...policy, last });
    if (!died && store.waiting.size === 0 && store.parked.size === 0) break;
  }
  return came([...ledger.wrong, ...store.objections, ...judge(), ...judgeNewest({ ledger, store })]);

  function came(wrong: readonly string[]): History {
    const verdicts = [...store.outcomes.values()].map((outcome) => outcome.verdict);
    const superseded = verdicts.filter((one) => one === verdict.superseded).length;
    return { wrong, superseded, together: ledger.together };
  }

  function live(plan: LifePlan): Promise<boolean> {
    return new Life(plan, { random, ledger, store }).run();
  }

  function orderOf(identity: string): LaneOrder {
    return ledger.orderOf(identity.split('/')[2] as string);
  }

  function judge(): string[] {
    const wrong: string[] = [];
    const laneOf = new Map(ledger.all.map(({ identity, lane }) => [identity, lane]));
    for (const [position, { event, handlers }] of store.events) {
      for (const handler of handlers) {
        const identity = `${journalPartition}/${position}/${handler}`;
        laneOf.set(identity, ledger.laneOf(handler, event.key));
        if (!store.outcomes.has(identity)) wrong.push(`stored event ${identity} has no outcome`);
      }
    }
    for (const { identity } of ledger.all) {
      if (isPublished(identity) && !store.outcomes.has(identity)) wrong.push(`accepted ${identity} has no outcome`);
    }
    const last = new Map<string, number>();
    for (const [identity, { error, verdict: found }] of store.outcomes) {
      if (!laneOf.has(identity) && (!isPublished(identity) || store.isJournaled(identity)))
        wrong.push(`${identity} was never accepted`);
      const isKilled = error?.includes('killed-process') ?? false;
      // One that was in memory alone, and whose publisher died with it, has a lane that nobody knows of.
      const killed = laneOf.get(identity) ?? ':killer';
      if (isKilled && !killed.endsWith(':killer') && hasKiller && orderOf(identity) === 'key') {
        wrong.push(`${identity} was charged with deaths of another`);
      }
      const lane = laneOf.get(identity);
      // Events that were parked come after others of the one lane there is.
      if (lane == null || (ledger.lacksHandlers && lane === 'all')) continue;
      // One that waits is cancelled or superseded there and then.
      if (found === verdict.cancelled || found === verdict.superseded) continue;
      if (onDeadLetter === 'continue' && ledger.redriven.has(identity)) continue;
      const [partition, position] = [identity.split('/')[0], Number(identity.split('/')[1])];
      if (position < (last.get(`${lane} ${partition}`) ?? 0)) wrong.push(`outcome ${identity} of ${lane} out of order`);
      last.set(`${lane} ${partition}`, position);
    }
    return wrong;
  }
}
