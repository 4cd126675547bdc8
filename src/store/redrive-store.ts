// Runs dead letters again, or gives them up, in a store that no processor has open. Nothing runs here: what was
// redriven waits in its lane, and the next processor that opens the store runs it.

import { setImmediate } from 'node:timers/promises';
import { checkReason, type DeadLetterSelection, selectionFrom, selectionNames } from '../dead-letter-selection.js';
import { storeFrom } from '../locations.js';
import { checkOption, checkOptions, unknownOption } from '../option-spec.js';
import { attempt, type Connection, checkpoint } from './database.js';
import type { LetterPlace } from './dead-letter-messages.js';
import { DeadLetterScan } from './dead-letter-scan.js';
import { DeadLetters } from './dead-letters.js';
import { LaneOrders } from './lane-orders.js';
import { withLockedStore } from './locked-store.js';
import { handlersOf } from './store-epoch.js';
import { tablesOf } from './store-tables.js';

/** Which dead letters of which store. */
export interface RedriveOptions extends DeadLetterSelection {
  /** Path of the store. */
  readonly store: string;
  /** Only count. */
  readonly dryRun?: boolean;
}

export interface DiscardOptions extends RedriveOptions {
  /** Why they are given up. */
  readonly reason: string;
}

/** What was redriven, or would be. */
export interface Redriven {
  readonly redriven: number;
  /** Dead letters that cannot run again, as the store does not have their events; they stay as they are. */
  readonly withoutEvent: number;
}

/** What was given up, or would be. */
export interface Discarded {
  readonly discarded: number;
}

const optionNames = ['store', ...selectionNames, 'dryRun'];
const dryRunSpec = { kind: 'switch', default: false, sentence: '' } as const;
/** Dead letters in one transaction. */
const countMax = 500;
const usPerMs = 1_000;

/**
 * Has dead letters run again with the next processor that opens the store: they lose their outcomes, their failed tries
 * stay in their history. Rejects with a KeylaneError: `bad-option`, `store-locked` while a processor has the store,
 * `store-refused` when there is no store of ours, `store-failed`. Cut short at any moment it leaves a sound store, and
 * the next call does the rest.
 */
export async function redriveDeadLetters(options: RedriveOptions): Promise<Redriven> {
  const { count, withoutEvent } = await changeAll(checked(options, optionNames), null);
  return { redriven: count, withoutEvent };
}

/** Gives dead letters up: they keep their events and their tries, and stop no lane. Rejects as `redriveDeadLetters`. */
export async function discardDeadLetters(options: DiscardOptions): Promise<Discarded> {
  const request = checked(options, [...optionNames, 'reason']);
  const { reason } = options;
  checkReason(reason);
  const { count } = await changeAll(request, reason);
  return { discarded: count };
}

interface Request {
  readonly store: string;
  readonly wanted: DeadLetterSelection;
  readonly isDryRun: boolean;
}

/** One step of the walk: what became of some dead letters, and where to go on. */
interface Step {
  readonly count: number;
  readonly withoutEvent: number;
  readonly next: LetterPlace | null;
}

function changeAll({ store, wanted, isDryRun }: Request, reason: string | null): Promise<Omit<Step, 'next'>> {
  return withLockedStore(store, { isDryRun, durability: 'power' }, (db) => {
    return walked(db, isDryRun ? countingOf(db, { wanted, reason }) : changingOf(db, { wanted, reason }));
  });
}

/** Takes one step after another; between two of them others have their turn. */
async function walked(db: Connection, stepFrom: (after: LetterPlace | null) => Step): Promise<Omit<Step, 'next'>> {
  let [count, withoutEvent] = [0, 0];
  for (let after: LetterPlace | null = null; ; ) {
    const step: Step = attempt('change dead letters', () => stepFrom(after));
    count += step.count;
    withoutEvent += step.withoutEvent;
    if (step.next === null) return { count, withoutEvent };
    after = step.next;
    if (!db.readonly) attempt('checkpoint', () => checkpoint(db));
    await setImmediate();
  }
}

type Wanted = { readonly wanted: DeadLetterSelection; readonly reason: string | null };

function countingOf(db: Connection, { wanted, reason }: Wanted): (after: LetterPlace | null) => Step {
  const scan = new DeadLetterScan(db);
  return (after) => {
    const { letters, next } = scan.part({ wanted, countMax, after });
    const runnable = reason === null ? letters.filter(({ hasEvent }) => hasEvent) : letters;
    return { count: runnable.length, withoutEvent: letters.length - runnable.length, next };
  };
}

function changingOf(db: Connection, { wanted, reason }: Wanted): (after: LetterPlace | null) => Step {
  const orders = LaneOrders.stored(db);
  const epoch = 0;
  const tables = tablesOf(db, { epoch, handlerIds: handlersOf(db), orders, isTakenOver: false });
  const deadLetters = new DeadLetters(db, { ...tables, orders });
  const atUs = Date.now() * usPerMs;
  const change = db.transaction((after: LetterPlace | null) => {
    return deadLetters.part({ wanted, reason, atUs, countMax, after });
  });
  return (after) => change.immediate(after);
}

function checked(options: RedriveOptions, names: readonly string[]): Request {
  checkOptions(options);
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown !== undefined) throw unknownOption(unknown, { names });
  const { store, dryRun = false } = options;
  const isDryRun = checkOption('dryRun', dryRunSpec, dryRun) === true;
  return { store: storeFrom(store), wanted: selectionFrom(options), isDryRun };
}
