// `keylane export`: the journaled events of a store as CloudEvents, one a line, for other programs and for
// `keylane run --cloudevents`.

import type { Command } from 'commander';
import { toCloudEvent } from '../cloud-events.js';
import type { StoreReader } from '../index.js';
import { printAll } from './stdout.js';

interface Flags {
  readonly store: string;
  readonly source: string;
  readonly type?: string;
  readonly key?: string;
}

const example = `
Example:
  $ keylane export --store orders.db --source /orders > events.ndjson

Each line is a CloudEvent 1.0 as JSON, by position; what came as a CloudEvent keeps its source and attributes. Events of
files are in these files. A processor may use the store meanwhile.

Exit codes: 0 done, 2 wrong usage, 3 the store could not be read.`;

/** Gives the command its flags and its action. */
export function defineExport(command: Command): void {
  command
    .description('Print the published events of a store as CloudEvents.')
    .requiredOption('--store <file>', 'the SQLite file of the outcomes')
    .option('--source <uri>', 'where events are from that do not say so themselves', 'urn:keylane')
    .option('--type <type>', 'only events of this type')
    .option('--key <key>', 'only events of this key')
    .addHelpText('after', example)
    .action(exportEvents);
}

async function exportEvents({ store, source, type, key }: Flags): Promise<void> {
  const { openStore } = await import('../open-store.js');
  const reader = openStore(store);
  try {
    const filter = { ...(type === undefined ? {} : { type }), ...(key === undefined ? {} : { key }) };
    await printAll(linesOf(reader, { source, filter }));
  } finally {
    reader.close();
  }
}

function* linesOf(
  reader: StoreReader,
  { source, filter }: { source: string; filter: { key?: string; type?: string } },
): Generator<string, void, undefined> {
  for (const event of reader.events(filter)) yield `${JSON.stringify(toCloudEvent(event, { source }))}\n`;
}
