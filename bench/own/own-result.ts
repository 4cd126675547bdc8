// How the programs that run the user's handlers give their result: in a file, as the handlers may print what they like.

import { writeFileSync } from 'node:fs';

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

export function giveResult(path: string, result: object): void {
  writeFileSync(path, JSON.stringify(result));
}
