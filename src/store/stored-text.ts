// Text on its way into a column declared ANY. SQLite's TEXT is UTF-8, which has no place for a lone surrogate: bound as
// text it would come back as another character, and two keys could become one.

const loneSurrogate = /\p{Surrogate}/u;

/** The text itself, or its UTF-16LE bytes where it is not well-formed: `bytes.toString('utf16le')` leads back. */
export function storedText(text: string): string | Buffer {
  return loneSurrogate.test(text) ? Buffer.from(text, 'utf16le') : text;
}
