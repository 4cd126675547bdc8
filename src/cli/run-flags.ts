// The flags of `keylane run`.

import type { Command } from 'commander';
import {
  addHandlersAndInput,
  addMapping,
  addOnBadLine,
  type Flags,
  type InputWish,
  inputWishFrom,
} from './input-flags.js';
import { type Tuning, TuningFlags } from './tuning-flags.js';

/** What `keylane run` was asked to do. */
export interface RunWish extends InputWish {
  readonly store: string;
  readonly json: boolean;
  readonly tuning: Tuning;
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
  const tuningFlags = new TuningFlags();
  command.description('Run handlers over the records of a file, with one durable outcome for each.');
  addHandlersAndInput(command, { isRequired: true });
  command.requiredOption('--store <file>', 'the SQLite file of the outcomes; made when it does not exist');
  addMapping(command);
  tuningFlags.addTo(command);
  addOnBadLine(command);
  command
    .option('--json', 'print the summary as one JSON object; everything else goes to standard error')
    .addHelpText('after', example)
    .action((flags: Flags) => {
      const tuning = tuningFlags.tuningFrom(flags);
      return run({
        ...inputWishFrom(flags),
        store: flags['store'] as string,
        json: flags['json'] === true,
        tuning,
      });
    });
}
