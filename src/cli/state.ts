// `keylane state`: what a handler keeps for its keys, as JSON, one key a line.

import { type Command, Option } from 'commander';
import type { StoredState } from '../index.js';
import { printAll } from './stdout.js';

interface Flags {
  readonly store: string;
  readonly handler: string;
  readonly key?: string;
  readonly prefix?: string;
}

const example = `
Example:
  $ keylane state --store orders.db --handler balance --key ada
  {"handler":"balance","key":"ada","version":0,"value":120,"identity":{"partition":"journal","position":7}}

One state a line, by key; identity names the event that has left it, and bytes are {"base64":"..."}. Nothing is printed
where the handler keeps no state. A processor may use the store meanwhile.

Exit codes: 0 done, 2 wrong usage, 3 the store could not be read.`;

/** Gives the command its flags and its action. */
export function defineState(command: Command): void {
  command
    .description('Print the states that a handler keeps for its keys.')
    .requiredOption('--store <file>', 'the SQLite file of the outcomes')
    .requiredOption('--handler <name>', 'the handler whose states are wanted')
    .option('--key <key>', 'the state of this key alone')
    .addOption(new Option('--prefix <text>', 'the states of keys that begin with it').conflicts('key'))
    .addHelpText('after', example)
    .action(printStates);
}

async function printStates({ store, handler, key, prefix }: Flags): Promise<void> {
  const { openStore } = await import('../open-store.js');
  const reader = openStore(store);
  try {
    const one = key === undefined ? null : reader.state(handler, key);
    const states =
      key === undefined ? reader.states(handler, prefix === undefined ? {} : { prefix }) : one === null ? [] : [one];
    await printAll(linesOf(states));
  } finally {
    reader.close();
  }
}

function* linesOf(states: Iterable<StoredState>): Generator<string, void, undefined> {
  for (const state of states) {
    const { value } = state;
    const shown = value instanceof Uint8Array ? { base64: Buffer.from(value).toString('base64') } : value;
    yield `${JSON.stringify({ ...state, value: shown })}\n`;
  }
}
