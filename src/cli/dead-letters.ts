// `keylane dead-letters`: its subcommands with their flags. What a person asks for becomes a selection here; the files
// beside this one answer.

import type { Command } from 'commander';
import { KeylaneError } from '../errors.js';
import type { DeadLetterFilter, DeadLetterSelection } from '../index.js';
import { checkOption } from '../option-spec.js';
import { discard, redrive } from './dead-letter-changes.js';
import { listDeadLetters } from './dead-letter-list.js';
import { showEvent } from './dead-letter-show.js';
import { identityFrom } from './identity-text.js';

type FilterFlags = DeadLetterFilter;

interface ListFlags extends FilterFlags {
  readonly store: string;
  readonly limit?: string;
  readonly json?: true;
}

interface ChangeFlags extends FilterFlags {
  readonly store: string;
  readonly all?: true;
  readonly dryRun?: true;
  readonly json?: true;
}

const filterNames = ['handler', 'type', 'key', 'error'] as const;
const limit = {
  kind: 'integer',
  default: 50,
  min: 1,
  max: 1_000_000,
  unit: 'dead letters',
  sentence: 'Dead letters that are shown.',
} as const;

const exits = `
Exit codes: 0 done, 2 wrong usage, 3 the store could not be opened or failed.`;
const changeExits = `
Exit codes: 0 done, also where nothing was left to do; 2 wrong usage; 3 the store could not be opened (a processor has
it, say) or failed.`;

/** Gives the command its subcommands. */
export function defineDeadLetters(command: Command, version: string): void {
  command.description('List, show, redrive and discard the dead letters of a store.');
  defineList(command.command('list'));
  defineShow(command.command('show'), version);
  defineRedrive(command.command('redrive'), version);
  defineDiscard(command.command('discard'), version);
}

function defineList(command: Command): void {
  withStore(command, 'List dead letters, partition by partition, by position; also while a processor has the store.');
  withFilters(command)
    .option('--limit <n>', `show so many at most. Default ${limit.default}; with --json all of them.`)
    .option('--json', 'print each as one JSON object on a line of its own')
    .addHelpText(
      'after',
      `
Example:
  $ keylane dead-letters list --store flights.db --error TypeError

The first column is the identity, by which show, redrive and discard take one dead letter. Times are in UTC. On a
terminal long texts are cut; in a file or a pipe nothing is.
${exits}`,
    )
    .action((flags: ListFlags) => {
      const countMax = flags.limit === undefined ? null : limitFrom(flags.limit);
      const filter = filterFrom(flags);
      const isJson = flags.json === true;
      return listDeadLetters({
        store: flags.store,
        filter,
        isJson,
        countMax: countMax ?? (isJson ? null : limit.default),
      });
    });
}

function defineShow(command: Command, version: string): void {
  withStore(command, 'Show one event with every failed try, and what its key does meanwhile.')
    .argument('<identity>', 'partition and position, as list prints them: journal/17')
    .option('--json', 'print it as one JSON object')
    .addHelpText(
      'after',
      `
Example:
  $ keylane dead-letters show --store flights.db journal/17

It shows any event that the store knows, so also what became of a dead letter that was redriven or discarded.
${exits}`,
    )
    .action((identity: string, { store, json }: { store: string; json?: true }) =>
      showEvent({ store, identity: identityFrom(identity), isJson: json === true, version }),
    );
}

function defineRedrive(command: Command, version: string): void {
  withStore(command, 'Have dead letters run again by the next processor that opens the store.');
  withSelection(command)
    .addHelpText(
      'after',
      `
Example:
  $ keylane dead-letters redrive --store flights.db --error TypeError --dry-run

Their tries are counted anew, the failed ones stay on record. Of a key that is parked the dead letter runs first, then
what waits behind it. Nothing runs until a processor opens the store: keylane run, or a program with createProcessor.
${changeExits}`,
    )
    .action((identity: string | undefined, flags: ChangeFlags) =>
      redrive({ ...wishFrom('redrive', { identity, flags }), version }),
    );
}

function defineDiscard(command: Command, version: string): void {
  withStore(command, 'Give dead letters up, for a reason that is kept.');
  withSelection(command)
    .requiredOption('--reason <text>', 'why they are given up')
    .addHelpText(
      'after',
      `
Example:
  $ keylane dead-letters discard --store flights.db --key JFK --reason 'test flights'

They keep their events and their tries, and park no key any longer. They do not come back.
${changeExits}`,
    )
    .action((identity: string | undefined, flags: ChangeFlags & { readonly reason: string }) =>
      discard({ ...wishFrom('discard', { identity, flags }), version, reason: flags.reason }),
    );
}

function withStore(command: Command, description: string): Command {
  return command.description(description).requiredOption('--store <file>', 'the SQLite file of the outcomes');
}

function withFilters(command: Command): Command {
  return command
    .option('--handler <name>', 'only those of this handler')
    .option('--type <type>', 'only those of this event type')
    .option('--key <key>', 'only those of this key')
    .option('--error <name>', 'only those whose last error has this name, such as TypeError');
}

function withSelection(command: Command): Command {
  command.argument('[identity]', 'one dead letter, as list prints it: journal/17');
  return withFilters(command)
    .option('--all', 'every dead letter of the store')
    .option('--dry-run', 'change nothing, only tell how many there are')
    .option('--json', 'print the counts as one JSON object');
}

function wishFrom(verb: string, { identity, flags }: { identity: string | undefined; flags: ChangeFlags }) {
  const selection = selectionFrom(verb, { identity, flags });
  return { store: flags.store, selection, isDryRun: flags.dryRun === true, isJson: flags.json === true };
}

/** Exactly one of an identity, filters, and all: nobody is to mean all of them by leaving something out. */
function selectionFrom(
  verb: string,
  { identity, flags }: { identity: string | undefined; flags: ChangeFlags },
): DeadLetterSelection {
  const filter = filterFrom(flags);
  const given = [
    ...(identity === undefined ? [] : ['an identity']),
    ...(Object.keys(filter).length === 0
      ? []
      : [
          Object.keys(filter)
            .map((name) => `--${name}`)
            .join(', '),
        ]),
    ...(flags.all === true ? ['--all'] : []),
  ];
  if (given.length === 1) return identity === undefined ? filter : { identity: identityFrom(identity) };
  const ways = 'an identity such as journal/17, or filters (--handler, --type, --key, --error), or --all';
  const found = given.length === 0 ? 'none of them' : given.join(' and ');
  throw new KeylaneError('bad-option', `${verb} must be told which dead letters by ${ways}, got ${found}`);
}

function filterFrom(flags: FilterFlags): DeadLetterFilter {
  return Object.fromEntries(filterNames.flatMap((name) => (flags[name] === undefined ? [] : [[name, flags[name]]])));
}

function limitFrom(text: string): number {
  return checkOption('--limit', limit, /^\d+$/.test(text) ? Number(text) : text) as number;
}
