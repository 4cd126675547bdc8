// How the programs that run the user's handlers give their result: in a file, as the handlers may print what they like.

import { writeFileSync } from 'node:fs';
import { messageOf } from '../../src/errors.js';

/** What every request to such a program holds. */
export interface OwnPlace {
  /** A folder that nothing else uses. */
  readonly folder: string;
}

export const resultFile = 'result.json';
export const hashesFile = 'hashes.bin';

/** The request that the program was called with. */
export function ownRequest<Request extends OwnPlace>(): Request {
  const request = JSON.parse(process.argv[2] ?? 'null') as Request | null;
  if (request === null) throw new Error('expected a request as JSON; run `keylane bench --handlers`');
  return request;
}

/** Does the program's work; where that fails, the message goes to standard error and the process ends with 1. */
export async function doWork(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exit(1);
  }
}

export function giveResult(path: string, result: object): void {
  writeFileSync(path, JSON.stringify(result));
}
