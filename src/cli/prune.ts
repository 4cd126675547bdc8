// `keylane prune`: deletes old outcomes from a store that no processor has open, and says how many.

import { type Command, Option } from 'commander';
import { KeylaneError, printable, shown } from '../errors.js';
import type { Pruned, Retention } from '../index.js';
import { checkOption } from '../option-spec.js';
import { optionTable } from '../options.js';
import { countOf, countText } from './figures.js';
import { quoted } from './summary.js';

interface Flags {
  readonly store: string;
  readonly succeededAge?: string;
  readonly succeededCount?: string;
  readonly deadAge?: string;
  readonly deadCount?: string;
  readonly dryRun?: true;
  readonly json?: true;
}

const limitFlags = ['--succeeded-age', '--succeeded-count', '--dead-age', '--dead-count'] as const;
const { ageMsMax, countMax } = optionTable.retention.members.succeeded.members;
const msPerUnit: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

const example = `
Example:
  $ keylane prune --store flights.db --succeeded-age 30d --dead-count 10000 --dry-run

An age is a whole number with a unit: 90s, 15m, 12h, 30d. A count is kept per partition. An outcome that exceeds either
limit of its status is deleted for good, with the published event it belongs to, and that event's id is forgotten.
What has no outcome stays, and so does what a source would run again.

Exit codes: 0 done, 2 wrong usage, 3 the store could not be opened (a processor has it, say) or failed.`;

/** Gives the command its flags and its action. */
export function definePrune(command: Command, version: string): void {
  command
    .description('Delete old outcomes from a store that no processor has open.')
    .requiredOption('--store <file>', 'the SQLite file of the outcomes')
    .addOption(new Option('--succeeded-age <age>', 'delete succeeded outcomes older than this'))
    .addOption(new Option('--succeeded-count <n>', 'keep this many of the newest succeeded outcomes per partition'))
    .addOption(new Option('--dead-age <age>', 'delete dead-lettered outcomes older than this'))
    .addOption(new Option('--dead-count <n>', 'keep this many of the newest dead-lettered outcomes per partition'))
    .option('--dry-run', 'change nothing, only tell what would be deleted')
    .option('--json', 'print what was deleted as one JSON object')
    .addHelpText('after', example)
    .action((flags: Flags) => prune(flags, version));
}

async function prune(flags: Flags, version: string): Promise<void> {
  const retention = retentionOf(flags);
  const dryRun = flags.dryRun === true;
  const { pruneStore } = await import('../index.js');
  const pruned = await pruneStore({ store: flags.store, retention, dryRun });
  const { store } = flags;
  process.stdout.write(
    flags.json === true
      ? `${JSON.stringify({ version: 1, keylane: version, store, dryRun, ...pruned })}\n`
      : textReport(pruned, { store, dryRun }),
  );
}

/** What the flags ask to be kept. Throws a KeylaneError `bad-option`. */
function retentionOf({ succeededAge, succeededCount, deadAge, deadCount }: Flags): Retention {
  const given = [succeededAge, succeededCount, deadAge, deadCount];
  if (given.every((text) => text === undefined)) {
    throw new KeylaneError('bad-option', `prune must be told what to keep: give one of ${limitFlags.join(', ')}`);
  }
  return {
    succeeded: {
      ...(succeededAge === undefined ? {} : { ageMsMax: ageFrom('--succeeded-age', succeededAge) }),
      ...(succeededCount === undefined ? {} : { countMax: countFrom('--succeeded-count', succeededCount) }),
    },
    deadLettered: {
      ...(deadAge === undefined ? {} : { ageMsMax: ageFrom('--dead-age', deadAge) }),
      ...(deadCount === undefined ? {} : { countMax: countFrom('--dead-count', deadCount) }),
    },
  };
}

function ageFrom(flag: string, text: string): number {
  const [, count, unit = ''] = /^(\d+)([smhd])$/.exec(text) ?? [];
  if (count === undefined) {
    throw new KeylaneError('bad-option', `${flag} must be an age such as 90s, 15m, 12h or 30d, got ${shown(text)}`);
  }
  return checkOption(flag, ageMsMax, Number(count) * msPerUnit[unit]!) as number;
}

function countFrom(flag: string, text: string): number {
  return checkOption(flag, countMax, /^\d+$/.test(text) ? Number(text) : text) as number;
}

function textReport({ succeeded, deadLettered }: Pruned, how: { store: string; dryRun: boolean }): string {
  const counts = `${countOf(succeeded, 'succeeded outcome')} and ${countText(deadLettered)} dead-lettered`;
  if (how.dryRun) return `Would delete ${counts}. Nothing was changed.\n`;
  if (succeeded + deadLettered === 0) return 'Deleted nothing: every outcome is kept.\n';
  return `Deleted ${counts}.
The file keeps its size, and SQLite uses the space for what comes next. To give it back, while no processor runs:
  sqlite3 ${quoted(printable(how.store))} VACUUM
`;
}
