// What the judge asks of the log of tries: in a life, the tries of one handler and key never overlap, and come in the
// order of positions. The file is one for all threads, so that its lines have one order; the clock must agree with it.

import type { Findings } from './findings.js';
import { logPath, readLines, type TryLine } from './line-log.js';

export interface TriesFound {
  readonly count: number;
  /** `partition position` of every event of which a try has ended. */
  readonly ended: ReadonlySet<string>;
}

interface LaneFound {
  /** Position of the try under way, by partition; null when none is. */
  running: string | null;
  endedNs: number;
  /** The last position that was tried, by partition. */
  readonly last: Map<string, number>;
}

export function judgeTries({ folder, lives }: { folder: string; lives: number }, findings: Findings): TriesFound {
  const ended = new Set<string>();
  let count = 0;
  for (let life = 1; life <= lives; life += 1) {
    const lanes = new Map<string, LaneFound>();
    for (const [what, partition, position, type, key, , atNs] of readLines<TryLine>(
      logPath(folder, { log: 'tries', life }),
    )) {
      const identity = `${partition} ${position}`;
      if (what === 'end') ended.add(identity);
      else count += 1;
      if (key === null) continue;
      const name = `${type} ${key}`;
      const lane = lanes.get(name) ?? { running: null, endedNs: 0, last: new Map() };
      lanes.set(name, lane);
      const where = `life ${life}, handler and key ${name}`;
      if (what === 'end') {
        if (lane.running !== identity) findings.add('outOfOrder', `${where}: ${identity} ended amid ${lane.running}`);
        lane.running = null;
        lane.endedNs = atNs;
        continue;
      }
      if (lane.running !== null || atNs < lane.endedNs) {
        findings.add('outOfOrder', `${where}: ${identity} began before ${lane.running ?? 'the one before'} ended`);
      }
      const last = lane.last.get(partition) ?? 0;
      if (position <= last) findings.add('outOfOrder', `${where}: ${identity} was tried after ${last}`);
      lane.running = identity;
      lane.last.set(partition, position);
    }
  }
  return { count, ended };
}
