// The indicators of one symbol, candle by candle: relative strength (Wilder, 1978), Bollinger bands, drawdown. Each candle
// makes the next state out of the one before: nothing is computed anew.

export interface Indicators {
  readonly count: number;
  /** The last closes, at most as many as the bands look back. */
  readonly closes: readonly number[];
  /** Wilder's averages of gains and losses. */
  readonly gain: number;
  readonly loss: number;
  readonly peak: number;
}

export const noIndicators: Indicators = { count: 0, closes: [], gain: 0, loss: 0, peak: 0 };

/** What the indicators say at one candle; null before enough is known. */
export interface Reading {
  readonly rsi: number;
  readonly lower: number;
  readonly upper: number;
  /** How far below its peak the price is, as a share. */
  readonly drawdown: number;
}

const rsiPeriod = 14;
const bandPeriod = 20;
const bandDeviations = 2;

export function withClose(before: Indicators, close: number): Indicators {
  const last = before.closes.at(-1) ?? close;
  const share = 1 / Math.min(before.count + 1, rsiPeriod);
  return {
    count: before.count + 1,
    closes: [...before.closes, close].slice(-bandPeriod),
    gain: before.gain + share * (Math.max(0, close - last) - before.gain),
    loss: before.loss + share * (Math.max(0, last - close) - before.loss),
    peak: Math.max(before.peak, close),
  };
}

export function readingOf({ count, closes, gain, loss, peak }: Indicators): Reading | null {
  if (count < bandPeriod) return null;
  const mean = closes.reduce((sum, close) => sum + close, 0) / closes.length;
  const variance = closes.reduce((sum, close) => sum + (close - mean) ** 2, 0) / closes.length;
  const band = bandDeviations * Math.sqrt(variance);
  return {
    rsi: gain + loss === 0 ? 50 : (100 * gain) / (gain + loss),
    ...{ lower: mean - band, upper: mean + band },
    drawdown: 1 - closes.at(-1)! / peak,
  };
}

export interface Signal {
  readonly side: 'buy' | 'sell';
  readonly close: number;
  readonly drawdown: number;
}

/** Outside its bands and stretched: it may turn. */
export function signalOf({ rsi, lower, upper, drawdown }: Reading, close: number): Signal | null {
  if (close < lower && rsi < 35) return { side: 'buy', close, drawdown };
  if (close > upper && rsi > 65) return { side: 'sell', close, drawdown };
  return null;
}
