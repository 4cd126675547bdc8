// How long something has run, when the process itself may have been stopped meanwhile.

import { expect, test } from 'vitest';
import { Watchdog } from '../src/pool/watchdog.js';
import { SimulatedClock } from './simulation/simulated-clock.js';

/** A watchdog on a clock that moves by hand; `lateMs` delays the next look. */
function make() {
  const clock = new SimulatedClock();
  let lateMs = 0;
  let looks = 0;
  let more = true;
  const watchdog = new Watchdog({
    ...{ nowMs: () => clock.nowMs(), tickMs: 10 },
    alarm: (delayMs, callback) => clock.alarm(delayMs + lateMs, callback),
    look: () => {
      looks += 1;
      return more;
    },
  });
  return {
    watchdog,
    clock,
    late: (ms: number) => {
      lateMs = ms;
    },
    end: () => {
      more = false;
    },
    looks: () => looks,
  };
}

test('looks at every tick while there is something to look at, and plans nothing after that', () => {
  const { watchdog, clock, end, looks } = make();
  watchdog.watch();
  watchdog.watch();
  for (let tick = 0; tick < 3; tick += 1) clock.step();
  expect([looks(), clock.nowMs()]).toEqual([3, 30]);
  end();
  clock.step();
  expect(clock.step()).toBe(false);
});

test('time in which the process was stopped is charged to nobody', () => {
  const { watchdog, clock, late, end } = make();
  late(30_000);
  watchdog.watch();
  clock.step();
  end();
  late(0);
  expect(clock.nowMs()).toBe(30_010);
  // Nor is the tick in which it was stopped: how much of it was worked is not known.
  expect(watchdog.sinceMs(0)).toBe(0);
  // What began in the midst of it has lost that part, and what began later has lost nothing.
  expect(watchdog.sinceMs(30_000)).toBe(0);
  expect(watchdog.sinceMs(30_010)).toBe(0);
});

test('a little lateness, as a busy machine has it, changes nothing', () => {
  const { watchdog, clock, late } = make();
  late(150);
  watchdog.watch();
  clock.step();
  expect(watchdog.sinceMs(0)).toBe(160);
  watchdog.stop();
  expect(clock.step()).toBe(false);
});
