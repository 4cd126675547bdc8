// Where the bytes of an input come from: a file, or a stream such as standard input.

/** A readable run of bytes under a name. */
export interface ByteInput {
  /** What messages call it; safe to print. */
  readonly name: string;
  /** The partition its records belong to. */
  readonly partition: string;
  /**
   * Whether it holds the same records at every start, so that reading can go on where durable outcomes end. Otherwise
   * every start brings new records.
   */
  readonly keepsPlace: boolean;
  /** Its size in bytes when it was opened; null where that is not known. */
  readonly bytesTotal: number | null;
  /** Opens it. Throws `bad-input` unless it is what the fingerprint (if there is one) was taken of; gives today's. */
  open(fingerprint: string | null): Promise<string | null>;
  /** The next bytes, valid until the next call; null at the end. */
  read(): Promise<Uint8Array | null>;
  /** Ends it; a pending `read` settles. */
  close(): Promise<void>;
}
