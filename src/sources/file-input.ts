// The bytes of a file, read from its start in large chunks. A file that was replaced since its outcomes were stored is
// refused.

import { realpathSync, statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { KeylaneError, printable } from '../errors.js';
import type { ByteInput, KnownInput } from './byte-input.js';
import { fingerprintBytesMax, fingerprintOf, isAnotherFile } from './fingerprint.js';

const chunkBytes = 256 * 1024;

export class FileInput implements ByteInput {
  readonly name: string;
  readonly partition: string;
  readonly keepsPlace = true;
  readonly #path: string;
  readonly #chunk = Buffer.allocUnsafeSlow(chunkBytes);
  #file: FileHandle | null = null;
  #bytesTotal: number;
  #offset = 0;

  /** Throws `bad-input` unless there is a regular file at the path. */
  constructor(path: string) {
    this.name = printable(path);
    try {
      this.#path = realpathSync(path);
      const found = statSync(this.#path);
      if (!found.isFile()) throw new Error(`it is ${found.isDirectory() ? 'a folder' : 'not a regular file'}`);
      this.#bytesTotal = found.size;
    } catch (error) {
      throw cannotRead(this.name, error);
    }
    this.partition = `file:${this.#path}`;
  }

  get bytesTotal(): number {
    return this.#bytesTotal;
  }

  async open({ fingerprint, positionNext }: KnownInput): Promise<string> {
    try {
      this.#file = await open(this.#path);
      this.#bytesTotal = (await this.#file.stat()).size;
      const beginning = await this.#beginning(this.#file);
      if (fingerprint !== null && isAnotherFile(fingerprint, { beginning, positionNext })) {
        throw new KeylaneError(
          'bad-input',
          `${this.name} is not the file of that name whose outcomes this store holds: its beginning differs. ` +
            'Use another store for it, or bring the earlier file back',
        );
      }
      return fingerprintOf(beginning);
    } catch (error) {
      throw error instanceof KeylaneError ? error : cannotRead(this.name, error);
    }
  }

  async read(): Promise<Uint8Array | null> {
    if (this.#file === null) return null;
    try {
      const { bytesRead } = await this.#file.read(this.#chunk, 0, chunkBytes, this.#offset);
      this.#offset += bytesRead;
      return bytesRead === 0 ? null : this.#chunk.subarray(0, bytesRead);
    } catch (error) {
      throw cannotRead(this.name, error);
    }
  }

  /** A read that is under way ends first: that of a regular file always does. */
  async close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.close();
  }

  async #beginning(file: FileHandle): Promise<Uint8Array> {
    const bytes = Buffer.allocUnsafeSlow(fingerprintBytesMax);
    let length = 0;
    for (;;) {
      const { bytesRead } = await file.read(bytes, length, bytes.length - length, length);
      length += bytesRead;
      if (bytesRead === 0 || length === bytes.length) return bytes.subarray(0, length);
    }
  }
}

function cannotRead(name: string, error: unknown): KeylaneError {
  const { code, message } = error as NodeJS.ErrnoException;
  const reason = code === 'ENOENT' ? 'there is no such file' : printable(message);
  return new KeylaneError('bad-input', `input must be a file that can be read, got ${name}: ${reason}`, {
    cause: error,
  });
}
