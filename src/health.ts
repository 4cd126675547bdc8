// Whether a processor is well, judged from one snapshot of its counts: what an operator would want to look at, and why.

import { fewOf } from './errors.js';
import type { Stats } from './stats.js';

export type HealthReason =
  /** It has failed or ended, or has not been started. */
  | 'not-running'
  /** Circuit breakers hold handlers back. */
  | 'breaker-open'
  /** Somebody has paused something. */
  | 'paused'
  /** Events wait behind dead letters, or for handlers that are not there. */
  | 'parked'
  /** Memory for events is taken by four fifths or more. */
  | 'memory-full'
  /** Accepted events wait in the store, as memory is or was full. */
  | 'backlog'
  /** Publishers wait for room. */
  | 'publishers-waiting'
  /** No batch starts, as listeners leave their queues full. */
  | 'listener-slow'
  /** Nothing new is taken in, as the store has no room for it. */
  | 'store-full'
  /** The write-ahead log is large: a reader holds on to it. */
  | 'wal-large';

/** How a processor is. `degraded`: it does its work, and something wants to be looked at. */
export interface Health {
  readonly status: 'healthy' | 'degraded' | 'failed';
  readonly reasons: readonly { readonly code: HealthReason; readonly text: string }[];
}

/** Above this memory is nearly full. */
const fullShare = 0.8;

const walLargeBytes = 256 * 1024 * 1024;

/** Judges a snapshot. A processor that has ended in order, or was not started, is degraded: it runs nothing. */
export function healthOf(stats: Stats, failure: Error | null): Health {
  const reasons: Health['reasons'][number][] = [];
  const look = (code: HealthReason, isSo: boolean, text: string): void => {
    if (isSo) reasons.push({ code, text });
  };
  const { phase } = stats;
  const slots = stats.slotsHeld / stats.slots;
  const bytes = stats.bytesHeld / stats.bytesMax;
  const why = failure === null ? '' : `: ${failure.message}`;
  look('not-running', phase !== 'running' && phase !== 'draining', `the processor is ${phase}${why}`);
  look('breaker-open', stats.paused.length > 0, `circuit breakers hold back ${stats.paused.join(', ')}`);
  look('paused', stats.pausedByHand.length > 0, `${stats.pausedByHand.length} pauses are in force`);
  look('parked', stats.parked > 0, `${stats.parked} events are parked`);
  const share = Math.max(slots, bytes);
  look('memory-full', share >= fullShare, `memory for events is taken by ${Math.floor(share * 100)} %`);
  look('backlog', stats.backlog > 0, `${stats.backlog} events wait in the store`);
  look('publishers-waiting', stats.publishersWaiting > 0, `${stats.publishersWaiting} publishers wait for room`);
  const { listenersBehind: behind, storeShortBy: limits } = stats;
  const slow = `no batch starts until listeners take in what fills their queues: ${fewOf(behind)}`;
  look('listener-slow', behind.length > 0, slow);
  look('store-full', limits.length > 0, `nothing is taken in until the store has room: ${limits.join(' and ')}`);
  look('wal-large', stats.walBytes > walLargeBytes, `the write-ahead log has ${stats.walBytes} bytes`);
  const status = phase === 'failed' ? 'failed' : reasons.length > 0 ? 'degraded' : 'healthy';
  return { status, reasons };
}
