// `keylane bench` and `keylane tune`: their flags and all they do belong to the bench, which is a program of its own
// beside the library. They are handed to it as they are; this process only waits for its end.

import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { exitCodes } from './exit-code.js';

/** Where the built package has it. */
const benchUrl = new URL('../../bench/command.js', import.meta.url);

export function defineBench(command: Command): void {
  handOver(
    command,
    'Measure: events/s, latency and CPU over threads, of your own handlers and input or of fixed work.',
  );
}

export function defineTune(command: Command): void {
  handOver(command, 'Find the options under which your own handlers and input are fastest, and what limits them.');
}

function handOver(command: Command, description: string): void {
  const name = command.name();
  command
    .description(description)
    .usage('[flags]')
    .argument('[flags...]', `keylane ${name} --help lists them`)
    .helpOption(false)
    .allowUnknownOption()
    .action(async (flags: readonly string[]) => {
      process.exitCode = await ended(spawn(process.execPath, [fileURLToPath(benchUrl), name, ...flags], spawnOptions));
    });
}

const spawnOptions = { stdio: 'inherit' } as const;
const signals: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM'];

/** Passes signals on, which may reach the process a second time from the terminal; gives its exit code. */
async function ended(child: ChildProcess): Promise<number> {
  const passOn = (name: NodeJS.Signals): void => void child.kill(name);
  for (const name of signals) process.on(name, passOn);
  try {
    return await new Promise((resolve, reject) => {
      child.once('exit', (code, signal) => {
        const isOurs = signal !== null && signals.includes(signal);
        resolve(code ?? (isOurs ? exitCodes.interrupted : exitCodes.fatal));
      });
      child.once('error', reject);
    });
  } finally {
    for (const name of signals) process.off(name, passOn);
  }
}
