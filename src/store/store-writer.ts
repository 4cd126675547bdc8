// The main thread's end of the wire to the writer thread. Every call settles: with the thread's reply, or with a
// KeylaneError when the thread is gone. Knows nothing of SQL; the rows it forwards it does not read.

import { Worker } from 'node:worker_threads';
import { type Remote, transfer, wrap } from 'comlink';
import { KeylaneError, printable } from '../errors.js';
import { comlinkEndpoint } from './comlink-endpoint.js';
import { loadAddon } from './database.js';
import type {
  GroupRequest,
  GroupResult,
  JournalPage,
  JournalStart,
  OpenRequest,
  OpenResult,
  PageRequest,
  PartitionStart,
  Watermark,
} from './messages.js';
import { openReply, type Reply, type WriterApi } from './writer-api.js';

const threadUrl = new URL('../../workers/writer-worker.js', import.meta.url);

// How long the thread may take to end by itself before it is terminated: closing may wait for a slow disk. A terminated
// thread that is stuck in a native call may never end, and nobody waits for that for ever either.
const closeMsMax = 30_000;
const abortMsMax = 5_000;
const terminateMsMax = 2_000;

/** `open` until close or abort is called; `dead` when the thread ended before that. Only `#end` and `#die` set it. */
type State = 'open' | 'ending' | 'dead';

/** What `StoreWriter.open` needs; `onDeath` is called once if the thread ends while the writer is open. */
export type StoreWriterOptions = OpenRequest & { readonly onDeath: (error: KeylaneError) => void };

/** The store, in a thread of its own. Calls are answered in order. */
export class StoreWriter {
  readonly #thread: Worker;
  readonly #remote: Pick<Remote<WriterApi>, keyof WriterApi>;
  readonly #onDeath: (error: KeylaneError) => void;
  /** One function per call without an answer; it rejects the call. */
  readonly #pending = new Set<(error: KeylaneError) => void>();
  readonly #exited: Promise<void>;
  /** What the store said when it was opened. */
  opened: OpenResult = { epoch: 0, wasClean: true, path: '' };
  #state: State = 'open';
  #death: KeylaneError | null = null;
  /** What the thread threw, or what could not be read of it; says in `#die` why it ended. */
  #lastWords: unknown;
  #ended: Promise<void> | null = null;

  private constructor(onDeath: (error: KeylaneError) => void) {
    this.#onDeath = onDeath;
    // Loaders and flags of the user's program are for the user's modules.
    this.#thread = new Worker(threadUrl, { name: 'keylane-writer', execArgv: [] });
    this.#exited = new Promise((resolve) => {
      this.#thread.once('exit', (status) => {
        // Node hands over the thread's last replies just before this event, in the same step; their promises go first.
        setImmediate(() => {
          this.#die(`ended with status ${status}`);
          resolve();
        });
      });
    });
    this.#thread.on('error', (error) => this.#expectExit(error));
    this.#thread.on('messageerror', (error) => {
      // A reply is lost, and nobody can say to which call.
      this.#expectExit(error);
      void this.#thread.terminate();
    });
    // Comlink makes a proxy for every property read; one of each is enough.
    const { open, openPartition, openJournal, readJournal, setFingerprint, append, close } = wrap<WriterApi>(
      comlinkEndpoint(this.#thread),
    );
    this.#remote = { open, openPartition, openJournal, readJournal, setFingerprint, append, close };
  }

  /**
   * Starts the thread and opens the store in it, or makes the store. Rejects with a KeylaneError `store-refused`,
   * `store-locked`, `store-failed` or `writer-died`; no thread, file or lock is left then.
   */
  static async open(options: StoreWriterOptions): Promise<StoreWriter> {
    const { onDeath, ...request } = options;
    // Some versions of the addon crash when a thread that alone holds it ends.
    loadAddon();
    let handedOver = false;
    const writer = new StoreWriter((error) => {
      if (handedOver) onDeath(error);
    });
    try {
      writer.opened = await writer.#call(() => writer.#remote.open(request));
      handedOver = true;
      return writer;
    } catch (error) {
      await writer.abort();
      throw error;
    }
  }

  /** Makes the partition of a source if it is new, and says where it stands. */
  openPartition(name: string): Promise<PartitionStart> {
    return this.#call(() => this.#remote.openPartition(name));
  }

  /** Says where the journal stands; volatile when published events are not to be stored. */
  openJournal(how: { isVolatile: boolean }): Promise<JournalStart> {
    return this.#call(() => this.#remote.openJournal(how));
  }

  /** Reads journaled events that have no outcome, in order. */
  readJournal(request: PageRequest): Promise<JournalPage> {
    return this.#call(() => this.#remote.readJournal(request));
  }

  /** Stores the text by which the partition's input is known again. */
  setFingerprint(partition: number, text: string): Promise<void> {
    return this.#call(() => this.#remote.setFingerprint(partition, text)).then(nothing);
  }

  /**
   * Stores a group; once resolved it is durable. Its rows are transferred: they are empty here afterwards. Rejects with
   * `store-failed` (and so does every later append), or `writer-died`, when it is not known what became of the group.
   */
  append(group: GroupRequest): Promise<GroupResult> {
    return this.#call(() => this.#remote.append(transfer(group, [...group.rows])));
  }

  /** Stores the last watermarks and closes everything, after the calls made before. Resolves with the thread gone. */
  close(watermarks: readonly Watermark[]): Promise<void> {
    this.#ended ??= this.#end(watermarks);
    return this.#ended;
  }

  /** Closes without waiting for answers: pending calls reject with `aborted`. Always resolves. */
  async abort(): Promise<void> {
    this.#rejectPending(new KeylaneError('aborted', 'the store was closed by abort() before it had answered'));
    this.#ended ??= this.#end(null);
    this.#ended.catch(nothing);
    await this.#exitWithin(abortMsMax);
  }

  async #end(watermarks: readonly Watermark[] | null): Promise<void> {
    const reply = this.#call(() => this.#remote.close(watermarks));
    if (this.#state === 'open') this.#state = 'ending';
    // Heard of below, once the thread is gone; until then a rejection is nobody's surprise.
    reply.catch(nothing);
    await this.#exitWithin(closeMsMax);
    await reply;
  }

  #expectExit(error: unknown): void {
    this.#lastWords = error;
    void this.#exitWithin(abortMsMax);
  }

  /** Waits for the thread to end by itself; one that does not in time is terminated. */
  async #exitWithin(msMax: number): Promise<void> {
    if (await settlesWithin(this.#exited, msMax)) return;
    this.#die(`did not end within ${msMax} ms and was terminated`);
    await settlesWithin(this.#thread.terminate(), terminateMsMax);
  }

  #call<Value>(send: () => Promise<Reply<Value>>): Promise<Value> {
    return new Promise((resolve, reject) => {
      if (this.#death !== null) throw this.#death;
      if (this.#state !== 'open') {
        throw new KeylaneError('not-running', 'the store must be open, it is closing or closed');
      }
      this.#pending.add(reject);
      send()
        .then(openReply)
        .then(resolve, reject)
        .finally(() => this.#pending.delete(reject));
    });
  }

  /** The one place where calls learn that nobody will answer them. In an orderly end none is left. */
  #die(how: string): void {
    const words = this.#lastWords instanceof Error ? `: ${printable(this.#lastWords.message)}` : '';
    const error = new KeylaneError('writer-died', `the writer thread ${how}${words}`, { cause: this.#lastWords });
    const unexpected = this.#state === 'open';
    if (unexpected) {
      this.#state = 'dead';
      this.#death = error;
    }
    this.#rejectPending(error);
    if (unexpected) this.#onDeath(error);
  }

  #rejectPending(error: KeylaneError): void {
    for (const reject of this.#pending) reject(error);
    this.#pending.clear();
  }
}

async function settlesWithin(promise: Promise<unknown>, msMax: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), msMax);
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

function nothing(): void {}
