// The bytes of a stream. It cannot be read again, so every start brings new records.

import type { Readable } from 'node:stream';
import { KeylaneError, messageOf, printable, shown } from '../errors.js';
import type { ByteInput } from './byte-input.js';

export class StreamInput implements ByteInput {
  readonly name = 'standard input';
  readonly partition = 'stdin';
  readonly keepsPlace = false;
  readonly bytesTotal = null;
  readonly #stream: Readable;
  readonly #chunks: AsyncIterator<unknown>;
  #isClosed = false;

  constructor(stream: Readable) {
    this.#stream = stream;
    // Its own return() would wait for a pending read; close() destroys the stream instead.
    this.#chunks = stream[Symbol.asyncIterator]();
    // After close() nobody reads any more, and an error has nobody to go to.
    stream.on('error', () => {});
  }

  async open(): Promise<null> {
    return null;
  }

  async read(): Promise<Uint8Array | null> {
    if (this.#isClosed) return null;
    let next: IteratorResult<unknown>;
    try {
      next = await this.#chunks.next();
    } catch (error) {
      // close() was called meanwhile: destroying the stream is what ended the read.
      if (this.#isClosed) return null;
      const reason = messageOf(error);
      throw new KeylaneError('bad-input', `${this.name} cannot be read: ${printable(reason)}`, { cause: error });
    }
    if (next.done) return null;
    if (typeof next.value === 'string') return Buffer.from(next.value);
    if (next.value instanceof Uint8Array) return next.value;
    throw new KeylaneError('bad-input', `${this.name} must be a stream of bytes, got ${shown(next.value)}`);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stream.destroy();
  }
}
