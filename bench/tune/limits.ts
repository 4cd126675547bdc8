// What keeps a setting from being faster, from how busy its threads were. Sentences for people, the weightiest first.

import type { OrderMode } from '../../src/index.js';
import { numberText } from '../render/figure-text.js';

/** Shares of the time in which a CPU was used: by the main thread, by each handler thread, by the writer. */
export interface Busy {
  readonly main: number;
  readonly handlers: number;
  readonly writer: number;
  /** All threads of the process, over the cores. */
  readonly cores: number;
}

export interface Observed {
  readonly threads: number;
  readonly cores: number;
  /** Null where the CPU of each thread is not known. */
  readonly busy: Busy | null;
  readonly order: OrderMode;
  readonly hottestLane: { readonly key: string; readonly share: number } | null;
  /** Of the handlers' time in a plain loop, the part in which there was nothing to run. */
  readonly idleShare: number;
  readonly durability: 'process' | 'power';
  /** Of the machine, before anything was measured: how many threads of other programs wanted a CPU. */
  readonly load: number;
}

const busyMin = 0.85;
const coresBusyMin = 0.9;
/** Handlers that are idle for more of their time want more threads than cores. */
export const idleShareMax = 0.3;
/** Other programs that want more than this share of the cores spoil the figures. */
const loadShareMax = 0.5;

export function limitsOf(observed: Observed): string[] {
  const { load, cores } = observed;
  if (load < cores * loadShareMax) return ownLimits(observed);
  const others = `other programs keep the machine busy (load ${numberText(load)} on ${cores} cores)`;
  return [...ownLimits(observed), `${others}: measure again when it is quiet`];
}

function ownLimits(observed: Observed): string[] {
  const { busy, cores, durability } = observed;
  const found = [...orderLimits(observed), ...(busy === null ? [] : threadLimits(observed, busy))];
  if (busy === null) {
    const why = 'the CPU of each thread can be told on Linux only, and not after a thread has ended';
    return [...found, `how busy the threads are is not known: ${why}`];
  }
  if (busy.cores >= coresBusyMin) found.push(`all ${cores} cores are busy: only more cores, or cheaper handlers, help`);
  if (observed.idleShare > idleShareMax) {
    const share = percent(observed.idleShare);
    found.push(`handlers await something for ${share} of their time: more threads than cores can help`);
  }
  if (found.length > 0) return found;
  const disk = durability === 'power' ? 'the disk (durability power), or for ' : '';
  return [
    `no thread is busy all the time (main ${percent(busy.main)}, handlers ${percent(busy.handlers)}, writer ` +
      `${percent(busy.writer)}): they wait for ${disk}one another`,
  ];
}

/** One key cannot be in two threads. */
function orderLimits({ order, hottestLane, threads, busy }: Observed): string[] {
  if (order === 'none' || threads === 1) return [];
  if (order === 'global') return ['order is the bottleneck: with order global one event runs at a time'];
  if (hottestLane === null || hottestLane.share * threads <= 1) return [];
  // Where all threads are busy all the same, it is no limit.
  if (busy !== null && busy.handlers >= busyMin) return [];
  const { key, share } = hottestLane;
  const most = `no more than ${numberText(1 / share)} threads can be busy`;
  return [`order is the bottleneck: key ${JSON.stringify(key)} holds ${percent(share)} of the events, so ${most}`];
}

function threadLimits({ threads, cores }: Observed, busy: Busy): string[] {
  const found: string[] = [];
  if (busy.main >= busyMin) found.push(`main thread ${percent(busy.main)} busy: more threads will not help`);
  if (busy.writer >= busyMin) {
    found.push(`writer thread ${percent(busy.writer)} busy: more threads will not help, smaller results would`);
  }
  if (busy.handlers >= busyMin) {
    const isRoom = threads < cores && busy.cores < coresBusyMin;
    const what = isRoom ? 'more threads will help' : 'cheaper handlers, or more cores, help';
    found.push(`handler threads ${percent(busy.handlers)} busy: they do what is to be done; ${what}`);
  }
  return found;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
