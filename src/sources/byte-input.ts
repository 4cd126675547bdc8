// Where the bytes of an input come from: a file, or a stream such as standard input.

/** What the store knows of an input. */
export interface KnownInput {
  /** What `open` gave last time; null when it is new. */
  readonly fingerprint: string | null;
  /** The smallest position above every stored outcome. */
  readonly positionNext: number;
}

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
  /** Opens it and gives its fingerprint of today. Throws `bad-input` when it is not the input that is known. */
  open(known: KnownInput): Promise<string | null>;
  /** The next bytes, valid until the next call; null at the end. */
  read(): Promise<Uint8Array | null>;
  /** Ends it; a pending `read` settles. */
  close(): Promise<void>;
}
