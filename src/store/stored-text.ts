// Text on its way into a column declared ANY, and back. SQLite's TEXT is UTF-8, which has no place for a lone
// surrogate: bound as text it would come back as another character, and two keys could become one.

/** The text itself, or its UTF-16LE bytes where it is not well-formed. */
export function storedText(text: string): string | Buffer {
  return text.isWellFormed() ? text : Buffer.from(text, 'utf16le');
}

/** The text that `storedText` gave to a column. */
export function textFrom(stored: string | Buffer): string {
  return typeof stored === 'string' ? stored : stored.toString('utf16le');
}

/** The same where there may be none. */
export function textOrNullFrom(stored: string | Buffer | null): string | null {
  return stored === null ? null : textFrom(stored);
}
