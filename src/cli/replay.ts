// `keylane replay`: makes the states of a handler anew from stored events, with the module there is now.

import type { Command } from 'commander';
import { KeylaneError, shown } from '../errors.js';
import type { Replayed, ReplayOptions } from '../index.js';
import { countOf, countText } from './figures.js';

interface Flags {
  readonly store: string;
  readonly handlers: string;
  readonly handler: string;
  readonly from?: string;
  readonly into?: string;
  readonly threads?: string;
  readonly partial?: true;
  readonly dryRun?: true;
  readonly json?: true;
}

const example = `
Examples:
  $ keylane replay --store orders.db --handlers handlers.js --handler balance
  $ keylane replay --store orders.db --handlers handlers.js --handler balance --into again.db --dry-run

Runs the events that the handler has succeeded with again, in order, into fresh states beside the old, and switches over
in one step. Events that are emitted meanwhile are there already and are not stored again; outcomes of a replay are in
the store that --into names, or nowhere. Where an event fails, or is not stored any more, nothing changes without
--partial. No processor may have the store.

Exit codes: 0 done, 1 refused, as events failed or are missing, 2 wrong usage, 3 the store could not be opened or
failed.`;

/** Gives the command its flags and its action. */
export function defineReplay(command: Command, version: string): void {
  command
    .description('Make the states of a handler anew from the stored events.')
    .requiredOption('--store <file>', 'the SQLite file of the outcomes')
    .requiredOption('--handlers <file>', 'the module that has the handler now')
    .requiredOption('--handler <name>', 'the handler whose states are made anew')
    .option('--from <position>', 'the first event: a position of the journal, or a time such as 2026-11-27T10:00Z')
    .option('--into <file>', 'a new store that keeps the outcomes of the replay')
    .option('--threads <n>', 'handler threads')
    .option('--partial', 'take the states though events failed or are missing')
    .option('--dry-run', 'do all but the switch')
    .option('--json', 'print what was done as one JSON object')
    .addHelpText('after', example)
    .action((flags: Flags) => run(flags, version));
}

async function run(flags: Flags, version: string): Promise<void> {
  const { store, handler } = flags;
  const options = optionsOf(flags);
  const { replay } = await import('../index.js');
  let came: Replayed;
  try {
    came = await replay(options);
  } catch (error) {
    if (!(error instanceof KeylaneError && error.code === 'replay-refused')) throw error;
    process.stderr.write(`keylane: ${error.message}\n`);
    process.exitCode = 1;
    return;
  }
  process.stdout.write(
    flags.json === true
      ? `${JSON.stringify({ version: 1, keylane: version, store, handler, ...came })}\n`
      : textReport(came, handler),
  );
}

function optionsOf(flags: Flags): ReplayOptions {
  const { store, handlers, handler, from, into, threads, partial = false, dryRun = false } = flags;
  return {
    ...{ store, handlers, handler, partial, dryRun },
    ...(from !== undefined && { from: fromText(from) }),
    ...(into !== undefined && { into }),
    ...(threads !== undefined && { threads: Number(threads) }),
  };
}

function fromText(text: string): number | Date {
  if (/^\d+$/.test(text)) return Number(text);
  const time = new Date(text);
  if (!Number.isNaN(time.getTime())) return time;
  throw new KeylaneError(
    'bad-option',
    `--from must be a position or a time such as 2026-11-27T10:00Z, got ${shown(text)}`,
  );
}

function textReport({ events, failed, missing, keys, switched }: Replayed, handler: string): string {
  const left = failed + missing === 0 ? '' : ` Of them ${countText(failed)} failed; not stored: ${countText(missing)}.`;
  const end = switched
    ? `The states of ${shown(handler)} are those of ${countOf(keys, 'key')} now.`
    : `${countOf(keys, 'key')} would have a state. Nothing was changed.`;
  return `Ran ${countOf(events, 'event')} again.${left}\n${end}\n`;
}
