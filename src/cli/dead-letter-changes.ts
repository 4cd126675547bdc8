// `keylane dead-letters redrive` and `discard`: dead letters run again or given up in a store that no processor has.

import { KeylaneError } from '../errors.js';
import type { DeadLetterSelection } from '../index.js';
import { countOf } from './figures.js';
import { identityText } from './identity-text.js';
import { print } from './stdout.js';

/** What is to be done with which dead letters. */
export interface ChangeWish {
  readonly store: string;
  readonly selection: DeadLetterSelection;
  readonly isDryRun: boolean;
  readonly isJson: boolean;
  readonly version: string;
}

export async function redrive(wish: ChangeWish): Promise<void> {
  const { store, selection, isDryRun: dryRun } = wish;
  const { redriveDeadLetters } = await import('../index.js');
  const done = await telling('redrive', redriveDeadLetters({ ...selection, store, dryRun }));
  await print(wish.isJson ? jsonReport(wish, done) : redriveText(wish, done));
}

export async function discard(wish: ChangeWish & { readonly reason: string }): Promise<void> {
  const { store, selection, reason, isDryRun: dryRun } = wish;
  const { discardDeadLetters } = await import('../index.js');
  const done = await telling('discard', discardDeadLetters({ ...selection, store, reason, dryRun }));
  await print(wish.isJson ? jsonReport(wish, done) : discardText(wish, done.discarded));
}

/** A store that is in use need not be given back for this: its processor can do the same. */
async function telling<Done>(verb: string, done: Promise<Done>): Promise<Done> {
  try {
    return await done;
  } catch (error) {
    if (!(error instanceof KeylaneError) || error.code !== 'store-locked') throw error;
    const advice = `or have the program that has it call ${verb}() of its processor`;
    throw new KeylaneError(error.code, `${error.message}; ${advice}`, { cause: error });
  }
}

function jsonReport({ store, isDryRun: dryRun, version }: ChangeWish, done: object): string {
  return `${JSON.stringify({ version: 1, keylane: version, store, dryRun, ...done })}\n`;
}

function redriveText(wish: ChangeWish, { redriven, withoutEvent }: { redriven: number; withoutEvent: number }): string {
  const lost = `${countOf(withoutEvent, 'dead letter')} cannot run again, as the store does not have the event`;
  const rest = withoutEvent === 0 ? '' : `${lost}: discard it, or publish it anew.\n`;
  if (wish.isDryRun) return `Would redrive ${countOf(redriven, 'dead letter')}. Nothing was changed.\n${rest}`;
  if (redriven === 0) return `${withoutEvent === 0 ? nothingText('Redriven', wish) : 'Redriven nothing.\n'}${rest}`;
  return `Redriven ${countOf(redriven, 'dead letter')}, tries counted anew.
The next processor that opens the store runs ${redriven === 1 ? 'it' : 'them'}: the same keylane run, or your program.
${rest}`;
}

function discardText(wish: ChangeWish, discarded: number): string {
  if (wish.isDryRun) return `Would discard ${countOf(discarded, 'dead letter')}. Nothing was changed.\n`;
  if (discarded === 0) return nothingText('Discarded', wish);
  return `Discarded ${countOf(discarded, 'dead letter')}. What was parked behind one runs with the next processor.\n`;
}

function nothingText(done: string, { selection: { identity } }: ChangeWish): string {
  if (identity === undefined) return `${done} nothing: no dead letter fits.\n`;
  return `${done} nothing: ${identityText(identity)} is no dead letter (any more).\n`;
}
