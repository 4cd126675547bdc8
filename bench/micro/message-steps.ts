// Steps of the codecs: an event to text, a batch to a message, results to rows, and back.

import { encodeEvent } from '../../src/event.js';
import { RowsReader } from '../../src/outcome.js';
import { batchMessage } from '../../src/pool/batch-message.js';
import { BatchReader } from '../../src/pool/batch-reader.js';
import { encodeResult } from '../../src/pool/result-codec.js';
import { RowsMaker } from './rows-maker.js';
import { all, config, count, thousandEncoded, thousandEvents } from './thousand.js';

export function messageSteps(): Record<string, () => number> {
  const events = thousandEvents();
  const slots = thousandEncoded().map((event, position) => ({
    ...{ partition: 1, position, handler: 0, attempt: 1, postponed: 0, run: 0, event },
  }));
  const to = { place: 0, nameOf: () => 'journal' };
  const message = batchMessage(slots, to);
  const results = events.map((event, n) => ({ n, key: event.key, isGood: n % 2 === 0 }));
  const maker = new RowsMaker();
  return {
    'codec: encode an event': () => {
      let size = 0;
      for (const event of events) size += encodeEvent(event, config).type.length;
      return size;
    },
    'codec: encode a result': () => {
      let size = 0;
      for (const result of results) size += encodeResult(result, config.resultSizeMax)?.length ?? 0;
      return size;
    },
    'batch: join events into a message': () => batchMessage(slots, to).text.length,
    'batch: read the events of a message': () => {
      const reader = new BatchReader(message);
      let keys = 0;
      for (let index = 0; index < message.count; index += 1) {
        reader.advance();
        if (reader.handlerEvent().key !== null) keys += 1;
      }
      return all(keys);
    },
    'rows: join outcomes and read them back': () => {
      const reader = new RowsReader(maker.make(count));
      let sum = 0;
      for (let index = 0; index < reader.count; index += 1) sum += reader.next().position;
      return sum;
    },
  };
}
