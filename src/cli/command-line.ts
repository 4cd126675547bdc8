// How every command of keylane reads its command line and tells what is wrong with it: one sentence, no stack, and an
// exit code.

import { Command, CommanderError } from 'commander';
import { KeylaneError, printable } from '../errors.js';
import { exitCodeOf, exitCodes } from './exit-code.js';

/** A command without flags of its own yet. Subcommands take over how it behaves. */
export function commandLine(name: string): Command {
  return new Command(name)
    .helpOption('--help', 'print this help')
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => {
        const lines = text
          .replace(/^error: /, 'keylane: ')
          .trimEnd()
          .split('\n');
        write(`${lines.map(printable).join('\n')}\n`);
      },
    });
}

/** Reads the command line and runs what it asks for; sets the exit code where that went wrong. */
export async function runCommandLine(command: Command): Promise<void> {
  // A reader that has gone away is no reason to end badly: the outcomes are in the store. A report that could not be
  // written for another reason, such as a full disk, is one.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return;
    process.stderr.write(`keylane: the report could not be written: ${printable(error.message)}\n`);
    process.exitCode = exitCodes.fatal;
  });
  process.stderr.on('error', () => {});
  try {
    await command.parseAsync();
  } catch (error) {
    // Commander has said it already; help and version come through here too, with exit code 0.
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : exitCodes.usage;
    else {
      const reason = error instanceof KeylaneError ? error.message : `this is a bug in keylane: ${String(error)}`;
      process.stderr.write(`keylane: ${printable(reason)}\n`);
      process.exitCode = exitCodeOf(error);
    }
  }
}
