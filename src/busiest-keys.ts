// Which keys have most waiting, and whether their order is what holds all up. It looks at every lane in memory, so it
// is asked for and not part of the counts.

import type { Dispatcher } from './dispatch/dispatcher.js';
import type { Lane } from './dispatch/lane.js';
import { shown } from './errors.js';
import { checkOption } from './option-spec.js';

export interface BusyKey {
  readonly handler: string;
  /** Null where all events of the handler, or of all handlers, have one order. */
  readonly key: string | null;
  /** Events of it that wait in memory, and their share of all that wait there. */
  readonly waiting: number;
  readonly share: number;
  /** Whether one of its events runs. */
  readonly isRunning: boolean;
}

export interface BusiestKeys {
  /** Those with most waiting, the most first. */
  readonly keys: readonly BusyKey[];
  /** What follows from it, in a sentence; null where no key stands out. */
  readonly verdict: string | null;
}

/** A key with this share of what waits is the bottleneck, if there are threads that it leaves idle. */
const bottleneckShare = 0.5;

const limitSpec = { kind: 'integer', default: 10, min: 1, max: 1000, unit: 'keys', sentence: '' } as const;

interface Parts {
  readonly dispatcher: Pick<Dispatcher, 'lanes' | 'counts'>;
  readonly threads: number;
  nameOf(handler: number): string;
}

export function busiestKeys({ dispatcher, threads, nameOf }: Parts, limit: number): BusiestKeys {
  checkOption('limit', limitSpec, limit);
  const top: Lane[] = [];
  for (const lane of dispatcher.lanes()) {
    if (lane.waiting === 0 || (top.length === limit && lane.waiting <= top.at(-1)!.waiting)) continue;
    const at = top.findIndex(({ waiting }) => waiting < lane.waiting);
    top.splice(at === -1 ? top.length : at, 0, lane);
    if (top.length > limit) top.pop();
  }
  const { buffered } = dispatcher.counts();
  const keys = top.map((lane): BusyKey => {
    const { waiting, state } = lane;
    const key = lane.key === '' ? null : lane.key;
    return {
      handler: nameOf(Math.max(0, lane.handler)),
      key,
      waiting,
      share: waiting / buffered,
      isRunning: state === 'busy',
    };
  });
  return { keys, verdict: verdictOf(keys, threads) };
}

function verdictOf([first]: readonly BusyKey[], threads: number): string | null {
  if (first === undefined || threads === 1 || first.share < bottleneckShare || !first.isRunning) return null;
  const name = first.key === null ? `handler ${shown(first.handler)}` : `key ${shown(first.key)}`;
  return `order is the bottleneck: ${name} holds ${Math.floor(first.share * 100)} % of what waits`;
}
