// Runs stored events again through the code there is now, into fresh states beside the old, and switches over to these
// in one transaction. The events are copied into a store of the replay, where an ordinary processor runs them as it
// would after a restart: in parallel, in order per key, within its limits. Its outcomes stay there.

import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { KeylaneError, shown } from './errors.js';
import { journalPartition } from './event.js';
import { storeFrom } from './locations.js';
import { badOption, checkOption, checkOptions } from './option-spec.js';
import { configFrom, type ProcessorOptions } from './options.js';
import type { Connection } from './store/database.js';
import { withLockedStore } from './store/locked-store.js';
import {
  copyEvents,
  type ReplayCounts,
  type ReplayedOutcomes,
  type ReplayRange,
  replayedOutcomes,
  switchStates,
} from './store/replay-store.js';

type Fixed = 'intake' | 'order' | 'retention' | 'autoStart' | 'unmatched' | 'durability';

export interface ReplayOptions extends Omit<ProcessorOptions, Fixed> {
  /** The handler whose states are made anew. It must keep state. */
  readonly handler: string;
  /** The first event to run, by its position in the journal or the time of its acceptance; all without it. */
  readonly from?: number | Date;
  /**
   * Where the store of the replay is to be and stay, to be read with `openStore`: its outcomes are those of the replay.
   * There must be no file. Without it, it is made beside the store and goes when the replay ends.
   */
  readonly into?: string;
  /** Whether states are taken that some events did not come to, as they are no longer stored or failed this time. */
  readonly partial?: boolean;
  /** Whether everything is done but the switch. */
  readonly dryRun?: boolean;
}

export interface Replayed {
  /** Events that were run again. */
  readonly events: number;
  /** Those of them that did not succeed this time. */
  readonly failed: number;
  /**
   * Events that the handler had succeeded with and that are no longer stored, or never were; where retention has
   * deleted any that `from` may mean, all that it has deleted.
   */
  readonly missing: number;
  /** Keys that have a state now. */
  readonly keys: number;
  /** Whether these are the handler's states from now on. */
  readonly switched: boolean;
}

const switchSpec = { kind: 'switch', default: false, sentence: '' } as const;

/**
 * Makes the states of a handler anew, in a store that no processor has open: runs the events that it has succeeded with
 * again, in the order in which they were accepted, with the module there is now. Events that they emit are not stored
 * again, and none supersedes another. Rejects with a KeylaneError, and has changed nothing then: `replay-refused` where
 * events are missing or fail and `partial` does not say that this is well, `store-locked` while a processor has the
 * store, `bad-handlers`, `bad-option`. Cut short at any moment it leaves the old states.
 */
export async function replay(options: ReplayOptions): Promise<Replayed> {
  const { range, into, partial, dryRun, processor } = await checked(options);
  return withLockedStore(processor.store, { isDryRun: dryRun, durability: 'power' }, async (db) => {
    const folder = into === null ? makeFolder(processor.store) : null;
    const path = into ?? join(folder!, 'replay.db');
    try {
      const counts = await copyEvents(db, path, range);
      if (!partial) refuseMissing(counts, range);
      await run({ ...processor, store: path }, { endsAtFailure: !partial });
      return switchOver(db, path, { range, counts, partial, dryRun });
    } finally {
      if (folder !== null) rmSync(folder, { recursive: true, force: true });
    }
  });
}

/** Runs what the store of a replay has; to the end, or until an event fails. */
async function run(options: ProcessorOptions, { endsAtFailure }: { endsAtFailure: boolean }): Promise<void> {
  const { startProcessor } = await import('./start-processor.js');
  const processor = await startProcessor(options, { isReplay: true });
  let ended: Promise<unknown> | null = null;
  if (endsAtFailure) {
    processor.on('deadLetter', () => {
      ended ??= processor.stop();
    });
  }
  await processor.drain();
  await ended;
}

/** A folder for the store of a replay, in place of what one that was cut short has left. */
function makeFolder(store: string): string {
  const folder = `${resolve(store)}-replay`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  return folder;
}

function switchOver(
  db: Connection,
  path: string,
  of: { range: ReplayRange; counts: ReplayCounts; partial: boolean; dryRun: boolean },
): Replayed {
  const came = replayedOutcomes(path, of.range);
  if (!of.partial) refuseFailed(came, of.range);
  if (!of.dryRun) switchStates(db, path, of.range);
  const { events, missing } = of.counts;
  return { events, failed: came.notSucceeded, missing, keys: came.keys, switched: !of.dryRun };
}

const takeThem = 'the states are as they were; partial: true takes those of the rest';

function refuseMissing({ missing }: ReplayCounts, { handler }: ReplayRange): void {
  if (missing === 0) return;
  const what = `${missing} that handler ${shown(handler)} has succeeded with must be in the journal, and are not`;
  const why = 'events of sources, published with intake "memory", or deleted by retention';
  throw new KeylaneError('replay-refused', `${what} (${why}): ${takeThem}`);
}

function refuseFailed({ first }: ReplayedOutcomes, { handler }: ReplayRange): void {
  if (first === null) return;
  const { position, error } = first;
  const why = error === null ? 'was not run' : `failed: ${(JSON.parse(error) as { message?: string }).message}`;
  const what = `all events must succeed with handler ${shown(handler)} again`;
  throw new KeylaneError('replay-refused', `${what}; ${journalPartition}/${position} ${why}: ${takeThem}`);
}

async function checked(options: ReplayOptions) {
  checkOptions(options);
  const { handler, from, into, partial = false, dryRun = false, ...rest } = options;
  const fixed = ['intake', 'order', 'retention', 'autoStart', 'unmatched', 'durability'].find((name) => name in rest);
  if (fixed !== undefined) {
    throw new KeylaneError('bad-option', `${fixed} must be left out: a replay runs what the journal has, and no more`);
  }
  checkOption('partial', switchSpec, partial);
  checkOption('dryRun', switchSpec, dryRun);
  const config = configFrom(rest);
  const { preflight } = await import('./pool/preflight.js');
  const { table } = await preflight(config.handlers, config);
  const index = table.names.indexOf(handler);
  if (index === -1) throw badOption('handler', `one of ${table.names.map(shown).join(', ')}`, handler);
  if (!table.policies[index]!.isStateful) throw badOption('handler', 'one that keeps state', handler);
  if (into !== undefined && existsSync(storeFrom(into))) throw badOption('into', 'a path where there is no file', into);
  const range = { handler, ...rangeFrom(from) };
  return { range, into: into === undefined ? null : storeFrom(into), partial, dryRun, processor: rest };
}

function rangeFrom(from: unknown): Pick<ReplayRange, 'positionMin' | 'acceptedAtUsMin'> {
  if (from === undefined) return { positionMin: 0, acceptedAtUsMin: 0 };
  if (from instanceof Date && !Number.isNaN(from.getTime()))
    return { positionMin: 0, acceptedAtUsMin: from.getTime() * 1000 };
  if (typeof from === 'number' && Number.isSafeInteger(from) && from >= 0)
    return { positionMin: from, acceptedAtUsMin: 0 };
  throw badOption('from', 'a position from 0 or a Date', from);
}
