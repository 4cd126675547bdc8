// Made candles: a seeded random walk for each symbol, with spells in which it drifts. The same for everybody.

import { mulberry32, normal, seedOf } from '../../random.js';

export interface Candle {
  readonly symbol: string;
  /** Counted from 0, one a minute. */
  readonly minute: number;
  readonly close: number;
}

/** Steps of one minute: their spread, and how much a spell of drift adds, as shares of the price. */
const stepSpread = 0.004;
const driftMost = 0.0015;
const spellMinutes = 90;

/** The candles of all symbols, minute by minute. */
export function* candles(of: { symbols: number; minutes: number }): Generator<Candle> {
  const walks = Array.from({ length: of.symbols }, (_, index) => {
    const symbol = `SYM${String(index + 1).padStart(2, '0')}`;
    return { symbol, random: mulberry32(seedOf(symbol)), close: 20 + 10 * index, drift: 0 };
  });
  for (let minute = 0; minute < of.minutes; minute += 1) {
    for (const walk of walks) {
      if (minute % spellMinutes === 0) walk.drift = driftMost * normal(walk.random);
      walk.close *= 1 + walk.drift + stepSpread * normal(walk.random);
      yield { symbol: walk.symbol, minute, close: Math.round(walk.close * 100) / 100 };
    }
  }
}
