// Deletes outcomes from a store that no processor has open: the same rule that a processor follows by itself, walked
// to its end. It changes nothing else: for whoever opens the store next, it is as its last user left it.

import { setImmediate } from 'node:timers/promises';
import { storeFrom } from '../locations.js';
import { badOption, checkOption, checkOptions, unknownOption } from '../option-spec.js';
import { type Retention, retentionFrom } from '../options.js';
import { attempt, type Connection, checkpoint, checkpointPages, walPagesOf } from './database.js';
import { withLockedStore } from './locked-store.js';
import { OutcomeEraser } from './outcome-eraser.js';
import { type Pruned, RetentionPass } from './retention-pass.js';

export interface PruneOptions {
  /** Path of the store. */
  readonly store: string;
  /** Which outcomes are kept, as in the processor's option of this name. */
  readonly retention: Retention;
  /** Only count what would be deleted. */
  readonly dryRun?: boolean;
  /** The time from which ages are counted, in milliseconds since the Unix epoch; now, if it is not given. */
  readonly nowMs?: number;
}

const optionNames = ['store', 'retention', 'dryRun', 'nowMs'];
const dryRunSpec = { kind: 'switch', default: false, sentence: '' } as const;

/**
 * Deletes the outcomes of a store that `retention` does not keep, together with the events they belong to, and gives
 * their counts by status. Rejects with a KeylaneError: `bad-option`, `store-locked` while a processor has the store,
 * `store-refused` when there is no store of ours, `store-failed`. Cut short at any moment it leaves a sound store, and
 * the next call does the rest.
 */
export async function pruneStore(options: PruneOptions): Promise<Pruned> {
  const { store, retention, isDryRun, nowMs } = checked(options);
  // A deletion that is undone by a loss of power is done again next time.
  return withLockedStore(store, { isDryRun, durability: 'process' }, async (db) => {
    const eraser = isDryRun ? null : new OutcomeEraser(db, (change) => db.transaction(change).immediate());
    const pass = new RetentionPass(db, { retention, nowMs, eraser, isThorough: true });
    await toEnd(pass, db);
    return pass.pruned;
  });
}

/** Between two steps others have their turn; nobody else writes. */
async function toEnd(pass: RetentionPass, db: Connection): Promise<void> {
  while (attempt('delete outcomes', () => pass.step())) {
    if (!db.readonly && walPagesOf(db) >= checkpointPages) attempt('checkpoint', () => checkpoint(db));
    await setImmediate();
  }
}

function checked(options: PruneOptions): { store: string; retention: Retention; isDryRun: boolean; nowMs: number } {
  checkOptions(options);
  const unknown = Object.keys(options).find((name) => !optionNames.includes(name));
  if (unknown !== undefined) throw unknownOption(unknown, { names: optionNames });
  const { dryRun = false, nowMs = Date.now() } = options;
  const retention = retentionFrom(options.retention);
  if (retention === null) {
    throw badOption('retention', 'an object that says which outcomes are kept, such as { succeeded: … }', {});
  }
  if (!Number.isFinite(nowMs)) throw badOption('nowMs', 'a time in milliseconds since the Unix epoch', nowMs);
  return {
    store: storeFrom(options.store),
    retention,
    isDryRun: checkOption('dryRun', dryRunSpec, dryRun) === true,
    nowMs,
  };
}
