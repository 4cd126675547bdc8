// Figures as a report shows them: three digits that count, with their unit. What is not there is a dash.

export const absent = '-';

type Figure = number | null;

/** Such as `412 k`, `1.29 M` or `396`; events per second, or whatever the heading says. */
export function amountText(value: Figure): string {
  if (value === null) return absent;
  const [step, unit] = value >= 999_500 ? [1e6, ' M'] : value >= 999.5 ? [1e3, ' k'] : [1, ''];
  return `${digits(value / step)}${unit}`;
}

export function percentText(share: Figure): string {
  if (share === null) return absent;
  return `${(share * 100).toFixed(share !== 0 && Math.abs(share) < 0.0995 ? 1 : 0)} %`;
}

/** A change, with its sign. */
export function changeText(share: number): string {
  return `${share > 0 ? '+' : ''}${(share * 100).toFixed(1)} %`;
}

export function timesText(factor: Figure): string {
  return factor === null ? absent : `${digits(factor)}x`;
}

/** A time, a size or a factor without its unit, which the heading has. */
export function numberText(value: Figure): string {
  return value === null ? absent : digits(value);
}

export function bytesText(bytes: number): string {
  const power = Math.min(4, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  return `${digits(bytes / 1000 ** power)} ${['B', 'kB', 'MB', 'GB', 'TB'][power]}`;
}

/** Three digits that count; whole numbers stay whole. */
function digits(value: number): string {
  if (value === 0 || Number.isInteger(value)) return value.toLocaleString('en-US');
  const behind = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toLocaleString('en-US', { maximumFractionDigits: Math.min(3, behind) });
}
