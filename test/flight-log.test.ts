// What the flight log tells after a death, and that it says nothing rather than something wrong.

import { existsSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { KeylaneError } from '../src/errors.js';
import { FlightLog, readFlight } from '../src/store/flight-log.js';
import { makeFolder } from './processor-fixture.js';

const eventsAt = (...positions: number[]) => positions.map((position) => ({ partition: 2, position, handler: 0 }));

function makeLog(path: string, change: { epoch?: number } = {}) {
  const warnings: KeylaneError[] = [];
  const onWarning = (warning: KeylaneError): void => void warnings.push(warning);
  const log = new FlightLog(path, { epoch: 7, batchSizeMax: 100, handlerIds: [0], onWarning, ...change });
  return { log, warnings };
}

test('names the batches that were running, and nothing once they are back or it is closed', () => {
  const path = join(makeFolder(), 'a.db');
  const { log, warnings } = makeLog(path);
  log.depart(0, { events: eventsAt(1, 2, 3), alone: false });
  log.depart(2, { events: eventsAt(9), alone: true });
  expect(readFlight(path, 7)).toEqual([
    { events: eventsAt(1, 2, 3), alone: false },
    { events: eventsAt(9), alone: true },
  ]);
  log.depart(0, { events: eventsAt(5), alone: false });
  log.arrive(2);
  expect(readFlight(path, 7)).toEqual([{ events: eventsAt(5), alone: false }]);
  log.close();
  log.depart(1, { events: eventsAt(6), alone: false });
  expect(existsSync(`${path}-flight`)).toBe(false);
  expect(readFlight(path, 7)).toEqual([]);
  expect(warnings).toEqual([]);
});

test('says nothing of another epoch, nor where it was cut off or written over', () => {
  const path = join(makeFolder(), 'a.db');
  const { log } = makeLog(path);
  log.depart(1, { events: eventsAt(1, 2, 3, 4), alone: false });
  const whole = readFileSync(`${path}-flight`);
  expect(readFlight(path, 8)).toEqual([]);
  for (let size = 0; size < whole.length; size += 1) {
    truncateSync(`${path}-flight`, size);
    expect(readFlight(path, 7)).toEqual([]);
    writeFileSync(`${path}-flight`, whole);
  }
  const torn = Buffer.from(whole);
  torn.writeDoubleLE(77, torn.length - 8);
  writeFileSync(`${path}-flight`, torn);
  expect(readFlight(path, 7)).toEqual([]);
  log.close();
});

test('warns once when it cannot be made, and is silent then', () => {
  const path = join(makeFolder(), 'a.db');
  mkdirSync(`${path}-flight`);
  const { log, warnings } = makeLog(path);
  log.depart(0, { events: eventsAt(1), alone: false });
  log.arrive(0);
  log.close();
  expect(warnings.map(({ code }) => code)).toEqual(['store-failed']);
});
