// Which outcomes of a source's events the store has already, above the watermark: what of an event that comes again is
// owed still. An event that several handlers take may be done for some of them.

import type { HandlerTable } from './handler.js';
import { PositionRuns } from './position-runs.js';
import type { Route } from './routes.js';
import type { PartitionStart } from './store/messages.js';

const nothing: Route = [];

export class DonePositions {
  /** Positions at which anything is done. */
  readonly #touched: PositionRuns;
  /** By index of the handler; null where an event has one alone, whatever its name was. */
  readonly #byHandler: readonly PositionRuns[] | null;

  constructor({ durable, doneBy }: Pick<PartitionStart, 'durable' | 'doneBy'>, { takes }: HandlerTable) {
    this.#touched = new PositionRuns(durable);
    this.#byHandler = typeof takes === 'string' ? null : doneBy.map((runs) => new PositionRuns(runs));
  }

  /** Whether all is done at a position, whatever the type of its event. */
  has(position: number): boolean {
    if (!this.#touched.has(position)) return false;
    return this.#byHandler === null || this.#byHandler.every((runs) => runs.has(position));
  }

  /** What of a route is not done at a position; null where no handler takes what is there and nothing was done. */
  owed(position: number, route: Route | null): Route | null {
    if (!this.#touched.has(position)) return route;
    const done = this.#byHandler;
    if (route === null || done === null) return nothing;
    return route.filter((handler) => !done[handler]?.has(position));
  }
}
