// The handlers of the bench, one for each workload. The result depends on the number and on the size of the payload as
// the thread received it, so that a checker that knows both notices what was lost on the way.

import { defineHandlers, type HandlerEvent } from '../src/index.js';
import { roundsOf, work } from './workloads.js';

/** The number of the event and what fills the payload up; as bytes, the number is the first four of them. */
export type Payload = { readonly n: number; readonly padding: string } | Uint8Array;

/** What the work of an event starts from. */
export function seedOf(data: Payload): number {
  if (!(data instanceof Uint8Array)) return data.n + data.padding.length;
  return new DataView(data.buffer, data.byteOffset).getUint32(0, true) + data.byteLength;
}

const handlerOf =
  (rounds: number) =>
  ({ data }: HandlerEvent<Payload>): number =>
    work(seedOf(data), rounds);

export default defineHandlers({
  'no-op': handlerOf(roundsOf['no-op']),
  '60us': handlerOf(roundsOf['60us']),
  '600us': handlerOf(roundsOf['600us']),
  '1.73ms': handlerOf(roundsOf['1.73ms']),
  '5ms': handlerOf(roundsOf['5ms']),
});
