// Who comes in when there is room for few.

import { expect, test } from 'vitest';
import { DonePositions } from '../src/done-positions.js';
import type { EncodedEvent } from '../src/event.js';
import { Intake } from '../src/intake.js';

const event: EncodedEvent = { type: 't', key: null, id: null, extras: null, data: null };

test('publishers and sources take turns at the room there is', async () => {
  let room = 0;
  const admitted: number[] = [];
  const intake = new Intake({
    room: () => room,
    admit: (_, { partition }) => {
      room -= 1;
      admitted.push(partition);
    },
    hasRoomFor: () => room > 0,
    accept: () => {
      if (room === 0) return false;
      room -= 1;
      admitted.push(1);
      return true;
    },
    refill: () => {},
    watermark: () => 0,
    routeOf: () => [0],
    refusesUnmatched: true,
    wake: () => {},
    publishersMax: 100,
  });
  for (let publisher = 0; publisher < 100; publisher += 1) void intake.wait(event, { waiter: null, signal: undefined });
  let position = 0;
  const source = {
    partition: 'source',
    open: async () => null,
    request: async () => {
      position += 1;
      return [{ position, event }];
    },
    close: async () => {},
  };
  const table = { names: ['t'], takes: 'its-own-type', policies: [{}] } as const;
  const done = new DonePositions({ durable: new Float64Array(0), doneBy: [] }, table);
  const from = { partition: 2, watermark: 0, done, signal: undefined };
  void intake.feed(source, from);
  for (let turn = 0; turn < 20; turn += 1) {
    room = 2;
    intake.letIn();
    for (let hop = 0; hop < 8; hop += 1) await null;
  }
  const ofSource = admitted.filter((partition) => partition === 2).length;
  expect(ofSource).toBeGreaterThan(4);
  expect(admitted.length - ofSource).toBeGreaterThan(20);
});
