// The events of the micro benches.

import { encodeEvent } from '../../src/event.js';
import { configFrom } from '../../src/options.js';
import { BenchEvents } from '../bench-events.js';

export const count = 1000;

export const config = configFrom({ handlers: 'none', store: 'none' });

const made = new BenchEvents({ workload: 'no-op', keys: 'uniform', keyCount: 100, payload: '100B' });

/** A new array at each call, as events are new when they are published. */
export const thousandEvents = () => [...made.range(0, count)];

/** A step that leaves events out would look fast. */
export function all(found: number): number {
  if (found !== count) throw new Error(`a step took ${found} of ${count} events`);
  return found;
}

export const thousandEncoded = () => thousandEvents().map((event) => encodeEvent(event, config));
