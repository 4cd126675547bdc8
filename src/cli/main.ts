#!/usr/bin/env node
// The command `keylane`: reads the command line, runs what it asks for, and ends with its exit code.

import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { KeylaneError, printable } from '../errors.js';
import { defineDeadLetters } from './dead-letters.js';
import { exitCodeOf, exitCodes } from './exit-code.js';
import { definePrune } from './prune.js';
import { Run } from './run.js';
import { defineFlags } from './run-flags.js';

/** The package's own version; package.json is where the built file has it: three folders up. */
const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
  readonly version: string;
};

const program = new Command('keylane')
  .description('CPU-heavy event handlers on every core, strict order per key, one durable outcome per event.')
  .version(version, '--version', 'print the version')
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
  })
  .showHelpAfterError('(--help behind a command shows every flag, with examples: keylane run --help)');

defineFlags(program.command('run'), async (wish) => {
  const code = await new Run(wish).toEnd(version);
  process.exitCode ??= code;
});
definePrune(program.command('prune'), version);
defineDeadLetters(program.command('dead-letters'), version);

// A reader that has gone away is no reason to end badly: the outcomes are in the store. A report that could not be
// written for another reason, such as a full disk, is one.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') return;
  process.stderr.write(`keylane: the report could not be written: ${printable(error.message)}\n`);
  process.exitCode = exitCodes.fatal;
});
process.stderr.on('error', () => {});
try {
  await program.parseAsync();
} catch (error) {
  // Commander has said it already; help and version come through here too, with exit code 0.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : exitCodes.usage;
  else {
    const reason = error instanceof KeylaneError ? error.message : `this is a bug in keylane: ${String(error)}`;
    process.stderr.write(`keylane: ${printable(reason)}\n`);
    process.exitCode = exitCodeOf(error);
  }
}
