#!/usr/bin/env node
// The command `keylane`: reads the command line, runs what it asks for, and ends with its exit code.

import { readFileSync } from 'node:fs';
import { defineBenchCommands } from './bench-commands.js';
import { commandLine, runCommandLine } from './command-line.js';
import { defineDeadLetters } from './dead-letters.js';
import { defineExport } from './export.js';
import { definePrune } from './prune.js';
import { defineReplay } from './replay.js';
import { Run } from './run.js';
import { defineFlags } from './run-flags.js';
import { defineState } from './state.js';

/** The package's own version; package.json is where the built file has it: three folders up. */
const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
  readonly version: string;
};

const program = commandLine('keylane')
  .description('CPU-heavy event handlers on every core, strict order per key, one durable outcome per event.')
  .version(version, '--version', 'print the version')
  .showHelpAfterError('(--help behind a command shows every flag, with examples: keylane run --help)');

defineFlags(program.command('run'), async (wish) => {
  const code = await new Run(wish).toEnd(version);
  process.exitCode ??= code;
});
definePrune(program.command('prune'), version);
defineExport(program.command('export'));
defineState(program.command('state'));
defineReplay(program.command('replay'), version);
defineDeadLetters(program.command('dead-letters'), version);
defineBenchCommands(program);

await runCommandLine(program);
