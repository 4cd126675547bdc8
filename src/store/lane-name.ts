// Which lane an event waits in, and the names of lanes on both sides of the wire. The main thread names handlers by
// their index, the store by the id it has given them, as modules change.
//
// | lane of                  | handler in the store | handler on the wire | key                    |
// | ------------------------ | -------------------- | ------------------- | ---------------------- |
// | one key of one handler   | id                   | index               | the key                |
// | everything, order global | 0                    | -1                  | ''                     |
// | all of one handler       | id                   | index               | ''                     |
// | events without an order  | -id                  | -2 - index          | see keyWithoutOrder    |

import { invariant } from '../invariant.js';
import type { LaneOrder } from '../policy.js';
import { isWithoutOrder, keyWithoutOrder, type LaneName, withoutOrder } from '../store-lanes.js';

/** A lane by the id of its handler, as in the tables. */
export interface StoredLane {
  readonly handler: number;
  readonly key: string;
}

export const globalLane: StoredLane = { handler: 0, key: '' };

/** The lane that an event waits in; the handler is an id. For its times see `keyWithoutOrder`. */
export function laneOf(
  event: Parameters<typeof keyWithoutOrder>[0] & { readonly handler: number; readonly key: string | null },
  order: LaneOrder,
): StoredLane {
  const { handler, key } = event;
  if (order === 'global') return globalLane;
  if (order === 'handler') return { handler, key: '' };
  // Without an order a key is no reason to wait for others.
  if (order === 'none' || key === null) return { handler: -handler, key: keyWithoutOrder(event) };
  return { handler, key };
}

/** Puts names of lanes into the store's terms and back. */
export class LaneNames {
  /** Of the handlers, by index. */
  readonly ids: number[];
  /** By id, of those that are there. */
  readonly #indexes: Map<number, number>;

  /** @param ids of the handlers, by index. */
  constructor(ids: readonly number[]) {
    this.ids = [...ids];
    this.#indexes = new Map(ids.map((id, index) => [id, index]));
  }

  /** A handler comes, behind the others. */
  add(id: number): void {
    this.ids.push(id);
    this.#indexes.set(id, this.ids.length - 1);
  }

  /** A handler goes; its index still stands for it. */
  remove(index: number): void {
    const id = this.idOf(index);
    if (this.#indexes.get(id) === index) this.#indexes.delete(id);
  }

  /** The id of a handler. */
  idOf(index: number): number {
    const id = this.ids[index];
    invariant(id !== undefined, 'a row names a handler of its store');
    return id;
  }

  /** The index of a handler; undefined when it is not there. */
  indexOf(id: number): number | undefined {
    return this.#indexes.get(id);
  }

  stored({ handler, key }: LaneName): StoredLane {
    if (handler === -1) return globalLane;
    const isFree = isWithoutOrder({ handler, key });
    return isFree ? { handler: -this.idOf(withoutOrder(handler)), key } : { handler: this.idOf(handler), key };
  }

  /** Null for a lane whose handler is not there. */
  named({ handler, key }: StoredLane): LaneName | null {
    if (handler === 0) return { handler: -1, key };
    const index = this.#indexes.get(Math.abs(handler));
    if (index === undefined) return null;
    return { handler: handler > 0 ? index : withoutOrder(index), key };
  }
}
