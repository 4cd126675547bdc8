// `npm run bench:micro`: what single steps of the main thread cost, by mitata. For comparing two versions of one step on
// one machine; the figures that count are those of `npm run bench`.

import { bench, do_not_optimize, run, summary } from 'mitata';
import { Dispatcher } from '../src/dispatch/dispatcher.js';
import { encodeEvent } from '../src/event.js';
import { handlerResult } from '../src/handler.js';
import { configFrom } from '../src/options.js';
import { RowsBuilder, RowsReader, verdict } from '../src/outcome.js';
import { batchMessage } from '../src/pool/batch-message.js';

const config = configFrom({ handlers: 'none', store: 'none' });
const eventsPerRound = 1000;
const events = Array.from({ length: eventsPerRound }, (_, n) => ({
  ...{ type: 'no-op', key: `key-${n % 100}`, data: { n, padding: 'x'.repeat(80) } },
}));
const encoded = events.map((event) => encodeEvent(event, config));

const dispatcher = new Dispatcher({ ...config, handlerCount: 1, parks: [false], breaker: null });
dispatcher.openPartition(1, 0);
let position = 0;

summary(() => {
  bench('encode 1,000 events', () => {
    let size = 0;
    for (const event of events) size += encodeEvent(event, config).type.length;
    do_not_optimize(size);
  });

  bench('admit, batch, settle and confirm 1,000 events of 100 keys', () => {
    do_not_optimize(throughCore());
  });

  bench('join 1,000 events into a message', () => {
    const slots = encoded.map((event, position) => ({
      ...{ partition: 1, position, handler: 0, attempt: 1, postponed: 0, run: 0, event },
    }));
    do_not_optimize(batchMessage(slots, { place: 0, nameOf: () => 'journal' }));
  });

  const builder = new RowsBuilder(eventsPerRound);
  // One object for all rows: making it would cost more than what is measured.
  const row = {
    ...{
      partition: 1,
      position: 0,
      handler: 0,
      verdict: verdict.succeeded,
      attempts: 1,
      startedAtUs: 1.7e15,
      durationUs: 1,
    },
    ...{ id: null, type: 'no-op', key: 'key-1', result: '1', error: null },
    ...{ dueAtUs: 0, extras: null, data: null },
  };
  bench('join 1,000 outcome rows and read them back', () => {
    for (let position = 1; position <= eventsPerRound; position += 1) {
      row.position = position;
      builder.add(row);
    }
    const reader = new RowsReader(builder.finish());
    let sum = 0;
    for (let index = 0; index < reader.count; index += 1) sum += reader.next().position;
    do_not_optimize(sum);
  });
});

await run();

/** Takes 1,000 events from admission to confirmation; gives the watermark they reach. */
function throughCore(): number {
  for (const event of encoded) {
    position += 1;
    dispatcher.admit(event, { partition: 1, position, handler: 0 });
  }
  for (let batch = dispatcher.nextBatch(1, 0); batch !== null; batch = dispatcher.nextBatch(1, 0)) {
    const results = new Uint8Array(batch.slots.length).fill(handlerResult.succeeded);
    dispatcher.confirm(dispatcher.settle(batch, { results, delaysMs: null, busyUs: batch.slots.length }, 0));
  }
  return dispatcher.watermark(1);
}
