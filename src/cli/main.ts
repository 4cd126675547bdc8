#!/usr/bin/env node
// The command `keylane`: reads the command line, runs what it asks for, and ends with its exit code.

import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { commandLine, runCommandLine } from './command-line.js';

/** The package's own version; package.json is where the built file has it: three folders up. */
const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
  readonly version: string;
};

/** In the order of the help. What a command needs beyond its flags it loads itself, when it runs. */
const definitions: Readonly<Record<string, (command: Command) => Promise<void>>> = {
  run: async (command) => {
    const { defineFlags } = await import('./run-flags.js');
    defineFlags(command, async (wish) => {
      const { Run } = await import('./run.js');
      const code = await new Run(wish).toEnd(version);
      process.exitCode ??= code;
    });
  },
  prune: async (command) => (await import('./prune.js')).definePrune(command, version),
  export: async (command) => (await import('./export.js')).defineExport(command),
  state: async (command) => (await import('./state.js')).defineState(command),
  replay: async (command) => (await import('./replay.js')).defineReplay(command, version),
  'dead-letters': async (command) => (await import('./dead-letters.js')).defineDeadLetters(command, version),
  bench: async (command) => (await import('./bench-commands.js')).defineBench(command),
  tune: async (command) => (await import('./bench-commands.js')).defineTune(command),
};

const program = commandLine('keylane')
  .description('CPU-heavy event handlers on every core, strict order per key, one durable outcome per event.')
  .version(version, '--version', 'print the version')
  .showHelpAfterError('(--help behind a command shows every flag, with examples: keylane run --help)');

for (const name of namesFor(process.argv[2])) await definitions[name]?.(program.command(name));
await runCommandLine(program);

/** The command that the first argument names; all of them where it names none, as help and advice go by them. */
function namesFor(first: string | undefined): readonly string[] {
  if (first === '--version') return [];
  return first !== undefined && Object.hasOwn(definitions, first) ? [first] : Object.keys(definitions);
}
