// What the command's end tells the shell.

import { KeylaneError } from '../errors.js';

export const exitCodes = {
  /** Every event succeeded. */
  succeeded: 0,
  /** Some events were dead-lettered; every event has its outcome. */
  deadLettered: 1,
  /** Wrong usage, or an input or handlers module that must be put right. */
  usage: 2,
  /** The run could not go on: the store, the writer or the handler threads failed, or keylane did. */
  fatal: 3,
  /** Ended at once by a second SIGINT or SIGTERM. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** The exit code of a run that ended with trouble. */
export function exitCodeOf(trouble: unknown): ExitCode {
  if (!(trouble instanceof KeylaneError)) return exitCodes.fatal;
  switch (trouble.code) {
    case 'bad-option':
    case 'bad-event':
    case 'bad-handlers':
    case 'bad-input':
      return exitCodes.usage;
    default:
      return exitCodes.fatal;
  }
}
