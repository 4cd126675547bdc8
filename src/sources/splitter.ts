// What splitters of an input have in common: what they find, where they begin, and the words for it.

import type { ByteWindow } from './byte-window.js';

/** Where a record stands. */
export interface RecordPlace {
  /** The record's position: its line, or its element in the array; counted from 1. */
  readonly number: number;
  /** The line on which it begins, counted from 1. */
  readonly line: number;
}

/**
 * What a scanner finds: a record's text; a record that cannot be read, after which it goes on; or a break after which
 * nothing that follows can be told apart.
 */
export type Scanned =
  | { readonly kind: 'record'; readonly place: RecordPlace; readonly text: string }
  | { readonly kind: 'bad'; readonly place: RecordPlace; readonly reason: string }
  | { readonly kind: 'broken'; readonly place: RecordPlace; readonly reason: string };

export interface ScannerOptions {
  /** Records below this number are passed over unread. */
  readonly numberFirst: number;
  /** Longest record in bytes; a longer one is bad. */
  readonly recordBytesMax: number;
}

/** One way to split; works on the window it shares with the scanner. */
export interface Splitter {
  /** Takes note that the window has moved what it holds by this many bytes. */
  moved(by: number): void;
  /** The next finding, or null when more bytes are needed, or, with `isLast`, when there is no more. */
  next(isLast: boolean): Scanned | null;
  /** Records seen so far, those passed over included. */
  readonly count: number;
}

/** Where a splitter begins. */
export interface SplitterBegin extends ScannerOptions {
  readonly window: ByteWindow;
  /** Newlines that came before the window's start. */
  readonly linesBefore: number;
}

/** Space, tab, line feed, carriage return: what JSON takes for white space. */
export function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

export const notUtf8 = 'is not valid UTF-8';

export function tooLong(recordBytesMax: number): string {
  return `is longer than ${recordBytesMax} bytes (recordBytesMax)`;
}

/**
 * Whether a record whose end has not come is too long as far as it has, without what is blank behind it. Of blanks no
 * more is kept than it takes to see that a record which goes on behind them is.
 */
export function isTooLongAlready(window: ByteWindow, recordBytesMax: number): boolean {
  if (window.end - window.start <= recordBytesMax) return false;
  let { end } = window;
  while (end > window.start && isBlank(window.bytes[end - 1]!)) end -= 1;
  if (end - window.start > recordBytesMax) return true;
  window.cut(window.start + recordBytesMax + 1);
  return false;
}
