// T1 and T2: the share of what one thread can insert, and the lead over what people write by hand.

import type { Lab } from '../lab.js';
import { cellOf } from '../plan.js';
import type { CellSpec, TargetVerdict } from '../report.js';
import type { TargetPlan } from './judge.js';
import { type PeerName, peerRate } from './peer.js';
import { ratios, shown, verdictOf } from './verdict.js';

const peers = [
  { peer: 'by-hand', atLeast: 20, share: 1 / 15 },
  { peer: 'hash-sharded', atLeast: 8, share: 1 / 6 },
] as const;

export async function judgeThroughput(lab: Lab, plan: TargetPlan): Promise<TargetVerdict[]> {
  const seconds = plan.isSmoke ? 0.03 : 1.5;
  const lightest = cellOf({}, seconds);
  const asDefault = cellOf({ intake: 'journal', durability: 'power' }, seconds);
  const rounds = { lightest: [] as Round[], asDefault: [] as Round[] };
  const peerRates: Record<PeerName, number[]> = { 'by-hand': [], 'hash-sharded': [] };
  for (let round = 1; round <= plan.repeats; round += 1) {
    lab.say(`T1, T2: round ${round} of ${plan.repeats}`);
    rounds.lightest.push(await roundOf(lab, lightest));
    rounds.asDefault.push(await roundOf(lab, asDefault));
    // A peer that is so much slower needs no more events to take as long.
    for (const { peer, share } of peers) {
      peerRates[peer].push(await peerRate(lab, peer, lightest, Math.ceil(lightest.events * share)));
    }
  }
  const rates = rounds.lightest.map(({ rate }) => rate);
  return [
    limitVerdict({ target: 'T1', what: 'no-op, memory / process, over the one-thread insert limit' }, rounds.lightest),
    ...peers.map(({ peer, atLeast }) => {
      const judged = { target: 'T1', what: `no-op, memory / process, over ${peer}` };
      return verdictOf(judged, { runs: ratios(rates, peerRates[peer]), atLeast });
    }),
    limitVerdict({ target: 'T2', what: 'no-op, journal / power, over the one-thread insert limit' }, rounds.asDefault),
  ];
}

interface Round {
  readonly rate: number;
  readonly limit: number;
  readonly cpu: string;
}

async function roundOf(lab: Lab, spec: CellSpec): Promise<Round> {
  const limit = await lab.insertLimit(spec);
  const { eventsPerSecond: rate, cpuUsPerEvent } = await lab.cell({ spec, latency: null });
  const { main, handlers, writer, other } = cpuUsPerEvent;
  const cpu = `CPU us/event: main ${shown(main)}, handlers ${shown(handlers)}, writer ${shown(writer)}, other ${shown(other)}`;
  return { rate, limit, cpu };
}

function limitVerdict(of: { target: string; what: string }, rounds: readonly Round[]): TargetVerdict {
  const [rates, limits] = [rounds.map(({ rate }) => rate), rounds.map(({ limit }) => limit)];
  const last = rounds.at(-1);
  const note = `last run: ${shown(last?.rate ?? 0)} of ${shown(last?.limit ?? 0)} events/s; ${last?.cpu}`;
  return verdictOf({ ...of, note }, { runs: ratios(rates, limits), atLeast: 0.6 });
}
