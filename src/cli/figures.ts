// Numbers as people read them.

/** A count, such as `12,400`. */
export function countText(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}

/** A count with its noun, such as `1 event` or `12,400 events`. */
export function countOf(count: number, noun: string): string {
  return `${countText(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** A rate of events, with a digit behind the point only where it says something. */
export function rateText(perSecond: number): string {
  return `${perSecond < 10 ? perSecond.toFixed(1) : countText(perSecond)}/s`;
}

/** A duration, such as `0.42 s`, `12.3 s`, `4:05` or `1:04:05`. */
export function durationText(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds.toFixed(seconds < 1 ? 2 : 1)} s`;
  const whole = Math.round(seconds);
  const two = (part: number): string => String(part).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** A moment given in microseconds since the Unix epoch, in UTC to the second, such as `2026-11-24T16:02:58Z`. */
export function timeText(us: number): string {
  return `${new Date(us / 1000).toISOString().slice(0, -5)}Z`;
}

/** Part of a size in the unit that fits the whole, such as `1.9 of 3.1 MB`. */
export function bytesText(part: number, whole: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, whole)) / 3));
  const inUnit = (bytes: number): string => (bytes / 1000 ** power).toFixed(power === 0 ? 0 : 1);
  return `${inUnit(part)} of ${inUnit(whole)} ${units[power]}`;
}
