// The handlers of the bench with a state of about 200 bytes for each key, which every event changes: what a cell of these
// costs more than one of the map is what state costs.

import { defineHandlers, type HandlerContext, type HandlerEvent, type NamedHandler } from '../src/index.js';
import handlers, { type Payload, seedOf } from './handlers.js';

/** What is kept for a key: how many events came, and the sum of what they started from. */
export interface BenchState {
  readonly count: number;
  readonly sum: number;
  readonly padding: string;
}

const padding = 'x'.repeat(150);
export const benchState = { initial: (): BenchState => ({ count: 0, sum: 0, padding }) };

const stateful = Object.entries(handlers).map(([name, run]): NamedHandler => {
  return {
    ...{ name, on: name, state: benchState },
    run: (event: HandlerEvent<Payload>, context: HandlerContext) => {
      const { count, sum } = context.state as BenchState;
      context.setState({ count: count + 1, sum: sum + seedOf(event.data), padding });
      return run(event);
    },
  };
});

export default defineHandlers(stateful);
