// What is wrong with a handlers module, as people are told.

import { fileURLToPath } from 'node:url';
import { KeylaneError } from '../errors.js';

/** A KeylaneError about a handlers module: what is wrong with it, then what to do. */
export function badHandlers(file: string, problem: string, advice: string): KeylaneError {
  return new KeylaneError('bad-handlers', `handlers module ${shownPath(file)} ${problem}; ${advice}`);
}

/** The file's path, as messages name it. */
export function fileOf(url: string): string {
  return fileURLToPath(url);
}

/** A path on one line, whatever is in it. */
export function shownPath(file: string): string {
  return JSON.stringify(file).slice(1, -1);
}
