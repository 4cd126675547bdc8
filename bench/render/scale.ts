// From a value to its place on an axis, and the values that the axis names. Every place is finite, whatever the values.

export interface Scale {
  readonly at: (value: number) => number;
  readonly ticks: readonly number[];
}

export interface Range {
  readonly from: number;
  readonly to: number;
}

/** From zero to the largest value, for bars with figures of their own. */
export function linearScale(values: readonly number[], { from, to }: Range): Pick<Scale, 'at'> {
  const max = Math.max(0, ...values.filter(Number.isFinite)) || 1;
  return { at: (value) => from + ((to - from) * value) / max };
}

/** From zero, or the start, up to a round number not below any value. */
export function roundScale(values: readonly number[], { from, to }: Range, start = 0): Scale {
  const max = Math.max(0, ...values.filter(Number.isFinite)) || 1;
  const step = roundStep(Math.max(max - start, max / 1e6) / 5);
  const count = Math.max(1, Math.ceil((max - start) / step - 1e-9));
  const ticks = Array.from({ length: count + 1 }, (_, index) => Number((start + index * step).toPrecision(12)));
  return { at: (value) => from + ((to - from) * (value - start)) / (count * step), ticks };
}

/** Equal factors are equal distances; ticks at 1, 10, 100, and at 2 and 5 between where there are few. */
export function logScale(values: readonly number[], { from, to }: Range): Scale {
  const above = values.filter((value) => Number.isFinite(value) && value > 0);
  const [low, high] = above.length === 0 ? [1, 10] : [Math.min(...above), Math.max(...above)];
  const [first, last] = [Math.floor(Math.log10(low) + 1e-9), Math.ceil(Math.log10(high) - 1e-9)];
  const end = Math.max(last, first + 1);
  const parts = end - first <= 2 ? [1, 2, 5] : [1];
  const ticks = Array.from({ length: end - first + 1 }, (_, index) => first + index)
    .flatMap((power) => parts.map((part) => Number((part * 10 ** power).toPrecision(12))))
    .filter((tick) => tick <= 10 ** end);
  const at = (value: number): number => {
    const place = (Math.log10(Math.max(value, 10 ** first)) - first) / (end - first);
    return from + (to - from) * place;
  };
  return { at, ticks };
}

/** An axis that names exactly the values that were measured. */
export function scaleOfValues(values: readonly number[], { from, to }: Range, kind: 'linear' | 'log'): Scale {
  const ticks = [...new Set(values)].filter((value) => Number.isFinite(value) && value > 0).sort((a, b) => a - b);
  const place = kind === 'log' ? Math.log2 : (value: number): number => value;
  const [low, high] = [place(ticks[0] ?? 1), place(ticks.at(-1) ?? 1)];
  const at = (value: number): number => {
    return high === low ? (from + to) / 2 : from + ((to - from) * (place(value) - low)) / (high - low);
  };
  return { at, ticks };
}

/** 1, 2, 2.5 or 5 times a power of ten, not below the size. */
function roundStep(size: number): number {
  const power = 10 ** Math.floor(Math.log10(size));
  const part = [1, 2, 2.5, 5].find((candidate) => candidate * power >= size * (1 - 1e-9)) ?? 10;
  return part * power;
}
