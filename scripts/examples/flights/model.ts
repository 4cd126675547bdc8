// The demo's CPU-heavy work: how many minutes of delay will one late flight pass on to the later flights of its
// aircraft today? A Monte-Carlo estimate, and a pure function of the flight: no clock, no state, a seed from the
// flight's own fields. A sketch of an airline's day, not a forecast: its numbers are plausible, not fitted.
//
// A simulated day: the aircraft turns round at the gate, where slack in the timetable eats some of the delay, may wait
// for a congested airport, may be swapped for a spare when it is very late, and gains or loses a little in the air,
// leg after leg until the last departure of the evening. Each day is lived twice with the same draws, once with this
// flight's delay and once with the flight on time: the difference is what the flight caused.

import { exponential, mulberry32, normal, type Random, seedOf } from '../../random.js';

/** One flight, as in the source table. */
export interface Flight {
  /** Actual departure, local time of the origin: `YYYY/MM/DD HH:MM`. */
  readonly date: string;
  /** Delay on arrival in minutes; below 0 when it was early. */
  readonly delay: number;
  /** Miles. */
  readonly distance: number;
  readonly origin: string;
  readonly destination: string;
}

/** What one flight does to the rest of its aircraft's day. Minutes are rounded to hundredths. */
export interface KnockOn {
  readonly origin: string;
  readonly destination: string;
  readonly delayMin: number;
  /** Mean number of later legs that day. */
  readonly expectedLegs: number;
  /** Mean sum, over the later legs, of the arrival delay this flight caused; below 0 when being early saved time. */
  readonly expectedKnockOnMin: number;
  readonly p50KnockOnMin: number;
  readonly p90KnockOnMin: number;
  readonly simulatedDays: number;
}

/** Days simulated per flight: this sets the work, about 0.6 ms a flight on one core of a small server. */
const simulatedDays = 1000;

/** The operating day runs from 04:00 to 04:00: what is planned to depart after midnight ends the day before. */
const dayStartMin = 4 * 60;
const dayMin = 24 * 60;
/** No leg is planned to depart after 22:30. */
const lastDepartureMin = 22 * 60 + 30;

/** Gate to gate: taxi, climb and approach, then cruise at about 460 miles an hour. */
const groundMin = 35;
const milesPerMin = 7.7;

/** The least time at the gate between two legs: 35 minutes, and up to 25 more after a long leg. */
const turnMin = 35;
const turnLongMin = 25;
const longLegMin = 300;

/** Mean slack planned on top of the least time at the gate, and the spread of how long the crew really needs. */
const slackMeanMin = 16;
const turnSpreadMin = 6;

/** Congestion: chance of a wait off-peak and at a peak, its mean, and the chance and factor of a day of bad weather. */
const waitChance = 0.12;
const waitChancePeak = 0.3;
const waitMeanMin = 14;
const badDayChance = 0.1;
const badDayFactor = 2.5;

/** In the air: timetables are padded by some minutes a leg, and the spread grows with the length of the leg. */
const paddingMin = 3;
const airSpreadMin = 4;
const airSpreadShare = 0.04;

/** From two hours late on, the airline finds a spare aircraft in one case of five: the delay ends there. */
const swapAfterMin = 120;
const swapChance = 0.2;

/** Estimates the knock-on delay of one flight. Equal flights give equal estimates, digit for digit. */
export function estimateKnockOn(flight: Flight): KnockOn {
  const { origin, destination, delay } = flight;
  const random = mulberry32(seedOf(`${flight.date} ${origin} ${destination} ${flight.distance} ${delay}`));
  const blockMin = groundMin + flight.distance / milesPerMin;
  const arrivalMin = plannedDepartureMin(flight) + blockMin;
  const knockOns = new Float64Array(simulatedDays);
  let legs = 0;
  let sum = 0;
  for (let index = 0; index < simulatedDays; index++) {
    const day = simulateDay(random, { arrivalMin, blockMin, delay });
    knockOns[index] = day.knockOnMin;
    sum += day.knockOnMin;
    legs += day.legs;
  }
  knockOns.sort();
  return {
    origin,
    destination,
    delayMin: delay,
    expectedLegs: rounded(legs / simulatedDays),
    expectedKnockOnMin: rounded(sum / simulatedDays),
    p50KnockOnMin: rounded(quantile(knockOns, 0.5)),
    p90KnockOnMin: rounded(quantile(knockOns, 0.9)),
    simulatedDays,
  };
}

interface Arrival {
  /** Planned arrival, in minutes of the operating day's calendar. */
  readonly arrivalMin: number;
  readonly blockMin: number;
  readonly delay: number;
}

/** Lives one day from this arrival on, late and on time side by side, with the same draws for both. */
function simulateDay(random: Random, arrival: Arrival): { knockOnMin: number; legs: number } {
  const weather = random() < badDayChance ? badDayFactor : 1;
  let clockMin = arrival.arrivalMin;
  let blockMin = arrival.blockMin;
  let lateMin = arrival.delay;
  let usualMin = 0;
  let knockOnMin = 0;
  let legs = 0;
  for (;;) {
    const slackMin = exponential(random, slackMeanMin);
    clockMin += turnMin + turnLongMin * Math.min(1, blockMin / longLegMin) + slackMin;
    if (clockMin > lastDepartureMin) return { knockOnMin, legs };
    const turnChangeMin = turnSpreadMin * normal(random) - slackMin;
    const waitMin = congestionAt(random, { clockMin, weather });
    const swapDraw = random();
    const nextBlockMin = arrival.blockMin * (0.7 + 0.6 * random());
    const airChangeMin = (airSpreadMin + airSpreadShare * nextBlockMin) * normal(random) - paddingMin;
    lateMin = departedLate(lateMin + turnChangeMin, swapDraw) + waitMin + airChangeMin;
    usualMin = departedLate(usualMin + turnChangeMin, swapDraw) + waitMin + airChangeMin;
    knockOnMin += lateMin - usualMin;
    clockMin += nextBlockMin;
    blockMin = nextBlockMin;
    legs += 1;
  }
}

/** Nobody departs early, and a very late aircraft may be swapped for a spare that is on time. */
function departedLate(readyLateMin: number, swapDraw: number): number {
  if (readyLateMin <= 0) return 0;
  return readyLateMin > swapAfterMin && swapDraw < swapChance ? 0 : readyLateMin;
}

function congestionAt(random: Random, at: { clockMin: number; weather: number }): number {
  const hour = at.clockMin / 60;
  const peak = (hour >= 7 && hour < 9) || (hour >= 16 && hour < 19.5);
  const chance = peak ? waitChancePeak : waitChance;
  return random() < chance * at.weather ? exponential(random, waitMeanMin * at.weather) : 0;
}

/** Minutes since midnight at the start of the operating day: 23:59 is 1,439 and 00:47 is 1,487, of the same day. */
function plannedDepartureMin(flight: Flight): number {
  const actualMin = Number(flight.date.slice(11, 13)) * 60 + Number(flight.date.slice(14, 16));
  const plannedMin = actualMin - flight.delay;
  return plannedMin < dayStartMin ? plannedMin + dayMin : plannedMin;
}

function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.ceil(share * sorted.length) - 1]!;
}

/** To hundredths; adding 0 makes -0 a plain 0. */
function rounded(minutes: number): number {
  return Math.round(minutes * 100) / 100 + 0;
}
