// The logs the judge believes: one JSON array a line, one file a life, written by one system call a line. What the
// system has taken survives the end of the process; a line that is cut off was not written.

import { existsSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** [number, position, 1 for a duplicate, its stored outcome's result as text or null], in order of acceptance. */
export type AcceptedLine = readonly [n: number, position: number, duplicate: 0 | 1, storedResult: string | null];

/** [number] of an event with an id that is about to be published. */
export type SentLine = readonly [n: number];

/** [position, microseconds] of an outcome of the journal that a reader saw after the life's death. */
export type SeenLine = readonly [position: number, startedAtUs: number];

/** ['start' or 'end', partition, position, type, key, thread, nanoseconds of the monotonic clock]. */
export type TryLine = readonly [
  what: 'start' | 'end',
  partition: string,
  position: number,
  type: string,
  key: string | null,
  thread: number,
  atNs: number,
];

/** [milliseconds, number of each event] of a call of the state crash test that has begun. */
export type StateTryLine = readonly [atMs: number, ...numbers: number[]];

export class LineLog<Line> {
  readonly #file: number;

  constructor(path: string) {
    this.#file = openSync(path, 'a', 0o600);
  }

  write(line: Line): void {
    writeSync(this.#file, `${JSON.stringify(line)}\n`);
  }
}

export function logPath(folder: string, of: { log: 'accepted' | 'sent' | 'tries' | 'seen'; life: number }): string {
  return join(folder, `${of.log}-${of.life}.log`);
}

/** The lines of a log; none where it was never opened. */
export function readLines<Line>(path: string): Line[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n');
  // Empty, or the line that was cut off.
  lines.pop();
  return lines.map((line) => JSON.parse(line) as Line);
}
