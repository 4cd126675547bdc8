// Parts of the bench that are not in the package: they need what only a clone of the repository has.

import { KeylaneError } from '../src/errors.js';

/** What `load` imports; rejects with a KeylaneError `bad-option` where it was left out of the package. */
export async function clonePart<Part>(flag: string, load: () => Promise<Part>): Promise<Part> {
  try {
    return await load();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    const where = `a clone of the repository, where it is npm run bench -- --${flag}`;
    throw new KeylaneError('bad-option', `--${flag} must be used in ${where}; the package does not have it`);
  }
}
