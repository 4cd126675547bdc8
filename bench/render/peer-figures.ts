// keylane beside other ways to do the same work: on even keys and on skewed ones.

import type { BenchReport, PeerSummary } from '../report.js';
import { barChart } from './bar-chart.js';
import { counted, type Figure, said } from './figure.js';
import { amountText, percentText, timesText } from './figure-text.js';
import { barRows } from './row-chart.js';
import { peersAtSameWork, shardedPeers } from './selection.js';
import type { Drawing } from './svg.js';
import { type Field, tableOf } from './table.js';
import { peerName } from './tables.js';

/** Every group of peers that did the same work, with keylane among them. */
export function peerCharts(report: BenchReport): Drawing[] {
  return peersAtSameWork(report).map((same) => {
    const [first] = same as [PeerSummary, ...PeerSummary[]];
    const rows = [
      { name: 'keylane', value: keylaneRate(first), isOurs: true },
      ...same.map((peer) => ({ name: peerName(peer), value: peer.eventsPerSecond.median, isOurs: false })),
    ].sort((a, b) => b.value - a.value);
    return barRows({
      title: `Events per second: ${first.workload}, ${counted(first.threads)}, keys ${first.keys}${intakeText(first)}`,
      description: said(rows.map(({ name, value }) => `${name}: ${amountText(value)} events/s`)),
      ...{ text: amountText, rows },
    });
  });
}

export function peers(report: BenchReport): Figure {
  return {
    ...{ id: 'peers', title: 'Other ways to do it', charts: peerCharts(report) },
    lead: 'Events per second at the same work. The table of peers below says what each does not promise.',
    table: tableOf(peersAtSameWork(report).flat(), peerFields),
    needs: 'two or more peers at the same work, beside keylane',
  };
}

/** Beside peers that keep what they were given, keylane has its journal. */
function intakeText({ keylaneIntake }: PeerSummary): string {
  return keylaneIntake === 'journal' ? ', all journaled' : '';
}

const peerFields: readonly Field<PeerSummary>[] = [
  { title: 'peer', of: peerName, isWord: true },
  { title: 'workload', of: (peer) => peer.workload, isWord: true },
  { title: 'threads', of: (peer) => String(peer.threads) },
  { title: 'keys', of: ({ keys }) => keys, isWord: true },
  { title: 'events/s', of: ({ eventsPerSecond }) => amountText(eventsPerSecond.median) },
  { title: 'spread', of: ({ eventsPerSecond }) => percentText(eventsPerSecond.spread) },
  { title: 'keylane, events/s', of: (peer) => amountText(keylaneRate(peer)) },
  { title: 'keylane is', of: ({ keylaneOver }) => timesText(keylaneOver) },
];

function keylaneRate({ eventsPerSecond, keylaneOver }: PeerSummary): number {
  return eventsPerSecond.median * (keylaneOver ?? 0);
}

export function skew(report: BenchReport): Figure {
  const families = shardedPeers(report);
  const charts = families.map((same) => {
    const [first] = same as [PeerSummary, ...PeerSummary[]];
    return barChart({
      title: `Skewed keys: ${first.workload}, ${counted(first.threads)}`,
      description: said(same.map(({ keys, keylaneOver }) => `${keys}: keylane is ${timesText(keylaneOver)}`)),
      ...{ yTitle: `events/s, ${first.workload}`, text: amountText, series: ['keylane', first.name], limitName: null },
      groups: same.map((peer) => ({
        name: peer.keys,
        bars: [keylaneRate(peer), peer.eventsPerSecond.median].map((value) => ({ value, limit: null })),
      })),
    });
  });
  return {
    ...{ id: 'skew', title: 'Skewed keys, against hash-sharding', charts },
    lead: 'A shard that has a hot key falls behind while the others wait; lanes go to whichever thread is free.',
    table: tableOf(families.flat(), peerFields),
    needs: 'the peer "hash-sharded" with two or more kinds of keys',
  };
}
