// `keylane dead-letters list`: the dead letters of a store, for people as a table, for programs as NDJSON.

import { printable } from '../errors.js';
import type { DeadLetterFilter, Outcome, StoreReader } from '../index.js';
import { countOf, countText, timeText } from './figures.js';
import { identityText } from './identity-text.js';
import { print, printAll, stdoutColumns } from './stdout.js';
import { quoted } from './summary.js';
import { tableText } from './table.js';

/** What is to be listed. */
export interface ListWish {
  readonly store: string;
  readonly filter: DeadLetterFilter;
  /** Dead letters at most; null for all of them. */
  readonly countMax: number | null;
  readonly isJson: boolean;
}

const titles = ['IDENTITY', 'HANDLER', 'TYPE', 'KEY', 'TRIES', 'LAST TRY', 'ERROR'];

export async function listDeadLetters(wish: ListWish): Promise<void> {
  const { openStore } = await import('../open-store.js');
  const reader = openStore(wish.store);
  try {
    if (wish.isJson) await printAll(linesOf(reader, wish));
    else await print(textOf(reader, wish));
  } finally {
    reader.close();
  }
}

function* linesOf(reader: StoreReader, wish: ListWish): Generator<string, void, undefined> {
  for (const { identity, handler, type, key, id, attempts, startedAtUs, durationUs, error } of found(reader, wish)) {
    const letter = { identity: identityText(identity), ...identity, handler, type, key, id };
    yield `${JSON.stringify({ ...letter, attempts, startedAtUs, durationUs, error })}\n`;
  }
}

function* found(reader: StoreReader, { filter, countMax }: ListWish): Generator<Outcome, void, undefined> {
  let left = countMax ?? Infinity;
  for (const letter of reader.deadLetters(filter)) {
    yield letter;
    left -= 1;
    if (left === 0) return;
  }
}

function textOf(reader: StoreReader, wish: ListWish): string {
  const letters = [...found(reader, wish)];
  const [first] = letters;
  if (first === undefined) return noneText(reader, wish);
  const table = tableText({ titles, rows: letters.map(rowOf), numeric: ['TRIES'] }, stdoutColumns());
  const isCutShort = wish.countMax === letters.length;
  // A processor may have changed the store meanwhile.
  const count = isCutShort ? Math.max(reader.deadLetterCount(wish.filter), letters.length) : letters.length;
  return `${table}\n${totalText({ count, shown: letters.length })}\n${nextText(first, wish)}`;
}

function noneText(reader: StoreReader, { store, filter }: ListWish): string {
  const isFiltered = Object.keys(filter).length > 0;
  const others = isFiltered ? reader.deadLetterCount() : 0;
  if (others === 0) return `No dead letters in ${printable(store)}.\n`;
  return `No dead letter fits; without a filter there ${others === 1 ? 'is' : 'are'} ${countText(others)}.\n`;
}

function rowOf({ identity, handler, type, key, attempts, startedAtUs, error }: Outcome): string[] {
  const [named, typed] = [handler, type].map(printable) as [string, string];
  const reason = error === null ? '-' : printable(`${error.name}: ${error.message}`);
  return [identityText(identity), named, typed, keyText(key), countText(attempts), timeText(startedAtUs), reason];
}

/** A key as it is, unless that would not show where it begins and ends, or that there is one. */
function keyText(key: string | null): string {
  if (key === null) return '-';
  return /^[^\s"'\\]+$/u.test(key) && key !== '-' ? printable(key) : printable(JSON.stringify(key));
}

function totalText({ count, shown }: { count: number; shown: number }): string {
  const order = 'partition by partition, by position';
  if (shown === count) return `${countOf(count, 'dead letter')}, ${order}.`;
  return `${countOf(count, 'dead letter')}; the first ${countText(shown)} are shown, ${order} (--limit shows more).`;
}

function nextText(first: Outcome, { store, filter }: ListWish): string {
  const place = `--store ${quoted(printable(store))}`;
  const flags = Object.entries(filter).map(([name, value]) => `--${name} ${quoted(printable(value))}`);
  const which = flags.length === 0 ? '--all' : flags.join(' ');
  return `One of them with its event and every try:
  keylane dead-letters show ${place} ${quoted(identityText(first.identity))}
Run them again, or give them up (--dry-run only counts):
  keylane dead-letters redrive ${place} ${which}
  keylane dead-letters discard ${place} ${which} --reason '…'
`;
}
