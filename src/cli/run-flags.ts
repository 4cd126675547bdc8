// The flags of `keylane run`. Each option of the options table that has a flag becomes one by itself.

import { type Command, Option } from 'commander';
import type { ProcessorOptions } from '../index.js';
import { checkOption, type OptionSpec } from '../option-spec.js';
import { optionTable } from '../options.js';

/** What `keylane run` was asked to do. */
export interface RunWish {
  readonly handlers: string;
  /** Path of a file, or `-`. */
  readonly input: string;
  readonly store: string;
  readonly type: string | undefined;
  readonly typeField: string | undefined;
  readonly keyField: string | undefined;
  readonly idField: string | undefined;
  readonly onBadLine: 'fail' | 'skip';
  readonly json: boolean;
  /** Options from the table, where a flag gives one. */
  readonly tuning: Omit<ProcessorOptions, 'handlers' | 'store'>;
}

type Flags = Readonly<Record<string, string | boolean | undefined>>;

interface TableFlag {
  readonly name: string;
  readonly spec: OptionSpec;
  readonly option: Option;
}

const example = `
Example:
  $ keylane run --handlers ./handlers.js --input flights.ndjson --store flights.db \\
      --type flight.departed --key-field origin

Records are JSON objects, one a line, or the elements of one JSON array. A record is an event itself, with "type" and
"data" (and "key", "id", "time", "headers"), or it is the data, and its fields give type, key and id; a path such as
flight.origin leads to a field inside. With a single handler the type may be left out.

Run the same command again after any interruption: it goes on where the stored outcomes end. Standard input cannot be
read again, so with --input - every run brings new records.

Exit codes: 0 all succeeded, 1 some were dead-lettered, 2 wrong usage or bad input, 3 the run could not go on.`;

/** Gives the command its flags; `run` is called with what they ask for. A value that does not fit is a `bad-option`. */
export function defineFlags(command: Command, run: (wish: RunWish) => Promise<void>): void {
  const tableFlags = tableFlagsOf();
  command
    .description('Run handlers over the records of a file, with one durable outcome for each.')
    .requiredOption('--handlers <module>', 'the handlers module: a path, or a file: URL')
    .requiredOption('--input <file>', 'NDJSON or a JSON array; - for standard input')
    .requiredOption('--store <file>', 'the SQLite file of the outcomes; made when it does not exist')
    .option('--type <type>', 'the type of every event')
    .option('--type-field <path>', 'the field that holds the type')
    .option('--key-field <path>', 'the field that holds the key; events with one key run in order')
    .option('--id-field <path>', 'the field that holds the id');
  for (const { option } of tableFlags) command.addOption(option);
  command
    .addOption(
      new Option('--on-bad-line <policy>', 'what to do at a line that is no event: fail, or skip and count it')
        .choices(['fail', 'skip'])
        .default('fail'),
    )
    .option('--json', 'print the summary as one JSON object; everything else goes to standard error')
    .addHelpText('after', example)
    .action((flags: Flags) => run(wishFrom(flags, tableFlags)));
}

function tableFlagsOf(): TableFlag[] {
  return Object.entries<OptionSpec>(optionTable).flatMap(([name, spec]) => {
    if (!('flag' in spec) || spec.flag === undefined) return [];
    const shape = spec.kind === 'integer' ? 'n' : spec.choices.join('|');
    const option = new Option(`--${spec.flag} <${shape}>`, `${spec.sentence} Default ${spec.default}.`);
    return [{ name, spec, option }];
  });
}

function wishFrom(flags: Flags, tableFlags: readonly TableFlag[]): RunWish {
  const tuning: Record<string, unknown> = {};
  for (const { name, spec, option } of tableFlags) {
    const given = flags[option.attributeName()];
    if (given === undefined) continue;
    const value = spec.kind === 'integer' && /^\d+$/.test(String(given)) ? Number(given) : given;
    tuning[name] = checkOption(option.long ?? name, spec, value);
  }
  // Commander has seen to it that required flags are there, and that those with a value have one.
  const text = (name: string): string | undefined => flags[name] as string | undefined;
  return {
    handlers: text('handlers')!,
    input: text('input')!,
    store: text('store')!,
    type: text('type'),
    typeField: text('typeField'),
    keyField: text('keyField'),
    idField: text('idField'),
    onBadLine: text('onBadLine') as RunWish['onBadLine'],
    json: flags['json'] === true,
    tuning: tuning as RunWish['tuning'],
  };
}
