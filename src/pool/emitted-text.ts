// Emitted events as one text, for the memory in which they survive the thread that emitted them: JSON, with bytes as
// base64. Most threads live, so it is written often and read seldom.

import type { EncodedEvent } from '../event.js';

type Stored = Omit<EncodedEvent, 'data'> & { readonly data: string | null | { readonly base64: string } };

/** Null, and no text is made, where its data alone takes more than `bytesMax`. */
export function emittedText(events: readonly EncodedEvent[], bytesMax: number): string | null {
  if (events.reduce((sum, { data }) => sum + bytesMin(data), 0) > bytesMax) return null;
  const stored = events.map((event): Stored => {
    const { data } = event;
    return { ...event, data: data instanceof Uint8Array ? { base64: Buffer.from(data).toString('base64') } : data };
  });
  return JSON.stringify(stored);
}

export function emittedFrom(text: string): EncodedEvent[] {
  return (JSON.parse(text) as Stored[]).map((event) => {
    const { data } = event;
    const isBytes = typeof data === 'object' && data !== null;
    return { ...event, data: isBytes ? new Uint8Array(Buffer.from(data.base64, 'base64')) : data };
  });
}

/** The least that data takes: of text a byte a unit, of bytes four for three. */
function bytesMin(data: EncodedEvent['data']): number {
  if (data === null) return 0;
  return typeof data === 'string' ? data.length : (data.byteLength * 4) / 3;
}
