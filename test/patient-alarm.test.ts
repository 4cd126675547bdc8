// A time limit that a process does not run into because it was stopped.

import { expect, test } from 'vitest';
import { patientAlarm } from '../src/pool/patient-alarm.js';
import { SimulatedClock } from './simulation/simulated-clock.js';

function make() {
  const clock = new SimulatedClock();
  const called: number[] = [];
  const cancel = patientAlarm(clock.alarm.bind(clock), 1_000, () => called.push(clock.nowMs()));
  return { clock, called, cancel };
}

test('calls back once, after its time', () => {
  const { clock, called } = make();
  while (clock.step());
  expect(called).toEqual([1_000]);
});

test('a stop of the process takes a tenth of its time at the most, however long it was', () => {
  const { clock, called } = make();
  clock.step();
  clock.stop(60_000);
  while (clock.step());
  expect(called).toEqual([60_900]);
});

test('one that was cancelled in any part of its time does not call back', () => {
  const { clock, called, cancel } = make();
  clock.step();
  cancel();
  expect(clock.step()).toBe(false);
  expect(called).toEqual([]);
});
