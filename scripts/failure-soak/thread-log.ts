// What handlers write down while they run: a file for each thread, which survives the thread. Records have one size,
// so that a thread that is ended in the middle leaves whole ones.

import { openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { threadId } from 'node:worker_threads';

export interface LogRecord {
  readonly n: number;
  readonly what: 'start' | 'end';
  /** From a clock that all threads share. */
  readonly atNs: number;
}

const prefix = 'thread-';
const numbersPerRecord = 3;

/** Opens the log of this thread. */
export function openLog(folder: string): (n: number, what: LogRecord['what']) => void {
  const file = openSync(join(folder, `${prefix}${threadId}`), 'a');
  const record = new Float64Array(numbersPerRecord);
  return (n, what) => {
    record[0] = n;
    record[1] = what === 'start' ? 0 : 1;
    record[2] = Number(process.hrtime.bigint());
    writeSync(file, record);
  };
}

/** What all threads wrote, by time. Throws when a log ends within a record. */
export function readLogs(folder: string): LogRecord[] {
  const records: LogRecord[] = [];
  for (const name of readdirSync(folder).filter((file) => file.startsWith(prefix))) {
    const bytes = Uint8Array.from(readFileSync(join(folder, name)));
    if (bytes.byteLength % (numbersPerRecord * 8) !== 0) throw new Error(`${name} ends within a record`);
    const numbers = new Float64Array(bytes.buffer);
    for (let at = 0; at < numbers.length; at += numbersPerRecord) {
      records.push({ n: numbers[at]!, what: numbers[at + 1] === 0 ? 'start' : 'end', atNs: numbers[at + 2]! });
    }
  }
  return records.sort((a, b) => a.atNs - b.atNs);
}
