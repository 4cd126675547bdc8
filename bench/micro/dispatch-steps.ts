// Steps of the pure core: the ring, the lanes, and the way of a batch through both.

import { Dispatcher } from '../../src/dispatch/dispatcher.js';
import { Lanes } from '../../src/dispatch/lanes.js';
import { Pauses } from '../../src/dispatch/pauses.js';
import { RingBuffer, type Slot } from '../../src/dispatch/ring-buffer.js';
import { noClaim } from '../../src/dispatch/stand.js';
import { handlerResult } from '../../src/handler.js';
import { all, config, count, thousandEncoded } from './thousand.js';

export function dispatchSteps(): Record<string, () => number> {
  const encoded = thousandEncoded();
  const ring = new RingBuffer({ capacity: count, bytesMax: config.ringBytesMax, widest: 1 });
  const slots = encoded.map((event) => ring.take(event));
  ring.release(taken(slots[0]!));
  for (const slot of slots.slice(1)) ring.release(taken(slot));
  const lanes = new Lanes({ orders: ['key'], claims: [noClaim], pauses: new Pauses() });
  const dispatcher = new Dispatcher({
    ...config,
    handlerCount: 1,
    widest: 1,
    parks: [false],
    breaker: null,
    rateLimit: null,
  });
  dispatcher.openPartition(1, 1);
  let position = 0;
  return {
    'ring: take and release': () => {
      for (const event of encoded) slots[ring.held] = taken(ring.take(event));
      for (const slot of slots) ring.release(slot);
      return all(ring.room);
    },
    'lanes: append, take the oldest, release': () => {
      for (let index = 0; index < count; index += 1) {
        const slot = slots[index]!;
        slot.sequence = index;
        lanes.append(lanes.laneOf(0, encoded[index]!.key), slot);
      }
      let shifted = 0;
      for (let stand = lanes.first; stand !== null; stand = lanes.first) {
        const lane = lanes.takeOldest(stand);
        for (; lane.head !== null; shifted += 1) lane.shift();
        lanes.release(lane);
      }
      return all(shifted);
    },
    'dispatcher: admit, batch, settle, confirm': () => {
      const before = dispatcher.watermark(1);
      for (const event of encoded) {
        position += 1;
        dispatcher.admit(event, { partition: 1, position, handler: 0 });
      }
      for (let batch = dispatcher.nextBatch(1, 0); batch !== null; batch = dispatcher.nextBatch(1, 0)) {
        const results = new Uint8Array(batch.slots.length).fill(handlerResult.succeeded);
        dispatcher.confirm(dispatcher.settle(batch, { results, delaysMs: null, busyUs: batch.slots.length }, 0));
      }
      return all(dispatcher.watermark(1) - before);
    },
  };
}

/** As the dispatcher has it once it is admitted. */
function taken(slot: Slot): Slot {
  slot.state = 'buffered';
  return slot;
}
