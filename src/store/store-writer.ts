// The main thread's end of the wire to the writer thread. Every call settles. A full disk only makes calls take longer;
// a thread that dies or hangs is replaced, but not again soon after. What can be asked is in writer-calls.ts. Knows
// nothing of SQL; the rows it forwards it does not read.

import { resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { KeylaneError, messageOf } from '../errors.js';
import { type CallOptions, CallQueue, type Sending } from './call-queue.js';
import { loadAddon } from './database.js';
import type { HandlersAdded } from './handler-messages.js';
import type { GroupResult, OpenRequest, OpenResult, Watermark } from './messages.js';
import { StoreThread, settlesWithin, type Verbs } from './store-thread.js';
import { StoreWarnings } from './store-warnings.js';
import { type InTurn, openReply } from './writer-api.js';
import { WriterCalls } from './writer-calls.js';
import { defaultLimits, type WriterLimits } from './writer-limits.js';

/** How long the thread may take to end by itself once it has nothing left to do. */
const exitMsMax = 5_000;

export interface StoreWriterOptions extends OpenRequest {
  /** Told once, when the writer cannot go on; calls reject with the same error. */
  onFatal(error: KeylaneError): void;
  /** Told of what it gets over by itself. */
  onWarning(error: KeylaneError): void;
  readonly limits?: Partial<WriterLimits>;
  /** One that `beginThread` has started. */
  readonly thread?: StoreThread;
}

/** Written by `close`, `abort` and `#fail`. */
type Life =
  | { readonly phase: 'open' }
  | { readonly phase: 'closing' }
  | { readonly phase: 'aborted' }
  | { readonly phase: 'failed'; readonly error: KeylaneError };

/** The store, in a thread of its own. Calls are answered in order. */
export class StoreWriter extends WriterCalls {
  readonly #options: StoreWriterOptions;
  #request: OpenRequest;
  readonly #limits: WriterLimits;
  readonly #queue: CallQueue;
  readonly #warnings: StoreWarnings;
  #life: Life = { phase: 'open' };
  #thread: StoreThread;
  /** What the store said when it was first opened. */
  opened: OpenResult = { epoch: 0, wasClean: true, path: '', file: { device: 0, inode: 0 } };
  #replacedMs = Number.NEGATIVE_INFINITY;
  #beat: NodeJS.Timeout | undefined;
  /** For how long the thread has owed an answer, as counted by beats: a process that was stopped counts one. */
  #silentMs = 0;
  #retry: NodeJS.Timeout | undefined;
  /** While the disk is full: the trouble, and how many calls are left of those it has held up. */
  #full: { readonly error: KeylaneError; left: number } | null = null;
  #closed: Promise<void> | null = null;

  private constructor(options: StoreWriterOptions) {
    super();
    const { path, durability, retention, handlerNames, order, orders } = options;
    this.#options = options;
    // A later thread must find the same file, whatever the current folder is then.
    this.#request = { path: resolve(path), durability, retention, handlerNames, order, ...(orders && { orders }) };
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#queue = new CallQueue({
      onFull: (error) => this.#hold(error),
      onAnswer: (reply) => this.#noteAnswer(reply),
      onBroken: (error) => this.#fail(new KeylaneError('internal', messageOf(error), { cause: error })),
    });
    this.#warnings = new StoreWarnings({ path, walBytes: this.#limits.walBytes, tell: options.onWarning });
    this.#thread = options.thread ?? StoreWriter.beginThread(this.#limits.threadUrl);
  }

  /** Starts a thread for `open` ahead of it, as it takes a while to load. Terminate it if it is not used. */
  static beginThread(url = defaultLimits.threadUrl): StoreThread {
    const thread = new StoreThread(url);
    // Some versions of the addon crash when a thread that alone holds it ends.
    loadAddon();
    return thread;
  }

  /**
   * Opens the store in a thread, or makes the store. Rejects with a KeylaneError `store-refused`, `store-locked`,
   * `store-failed`, `store-full` or `writer-died`; no thread, file or lock is left then.
   */
  static async open(options: StoreWriterOptions): Promise<StoreWriter> {
    const writer = new StoreWriter(options);
    try {
      writer.opened = await writer.#openIn(writer.#thread, writer.#request);
    } catch (error) {
      await writer.abort();
      throw error;
    }
    writer.#connect();
    writer.#beat = setInterval(() => writer.#onBeat(), writer.#limits.beatMs).unref();
    return writer;
  }

  /**
   * Stores the last watermarks and closes everything, after the calls made before. Resolves with the thread gone.
   * Rejects with the reason when that takes too long, as on a full disk, or when the writer has failed.
   */
  close(watermarks: readonly Watermark[]): Promise<void> {
    switch (this.#life.phase) {
      case 'failed':
        return Promise.reject(this.#life.error);
      case 'aborted':
        return this.abort();
      default:
        this.#closed ??= this.#close(watermarks);
        return this.#closed;
    }
  }

  /** Closes without waiting for answers: pending calls reject with `aborted`. Always resolves. */
  async abort(): Promise<void> {
    if (this.#life.phase !== 'failed') this.#life = { phase: 'aborted' };
    await this.#endNow(new KeylaneError('aborted', 'the store was closed by abort() before it had answered'));
  }

  async #close(watermarks: readonly Watermark[]): Promise<void> {
    this.#life = { phase: 'closing' };
    const answered = this.#queue.ask((verbs, { turn }) => verbs.close(turn, watermarks));
    await settlesWithin(answered, this.#limits.closeMsMax);
    const tooLate = `the store did not close within ${this.#limits.closeMsMax} ms: its disk or its thread hangs`;
    // What is pending still has had its time. A thread that has closed is on its way out and takes no notice.
    await this.#endNow(this.#full?.error ?? new KeylaneError('writer-died', tooLate));
    await answered;
  }

  async #endNow(error: KeylaneError): Promise<void> {
    this.#stopTimers();
    this.#queue.rejectAll(error);
    // A thread that has gone gives no answer to this.
    void this.#thread.verbs.abort();
    await this.#thread.endsWithin(exitMsMax);
  }

  protected override ask<Value>(
    send: (verbs: Verbs, sending: Sending) => Promise<InTurn<Value>>,
    options?: Partial<CallOptions>,
  ): Promise<Value> {
    if (this.#life.phase === 'open') return this.#queue.ask(send, options);
    if (this.#life.phase === 'failed') return Promise.reject(this.#life.error);
    return Promise.reject(new KeylaneError('not-running', 'the store must be open, it is closing or closed'));
  }

  protected override noteHandlers(change: { readonly added: HandlersAdded } | { readonly removed: number }): void {
    const { handlerNames, removedHandlers = [], order, orders = handlerNames.map(() => order) } = this.#request;
    this.#request =
      'removed' in change
        ? { ...this.#request, removedHandlers: [...removedHandlers, change.removed] }
        : {
            ...this.#request,
            handlerNames: [...handlerNames, ...change.added.names],
            orders: [...orders, ...change.added.orders],
          };
  }

  protected override noteStored({ gauges }: GroupResult): void {
    this.#warnings.sawWal(gauges.walBytes);
  }

  /** Opens the store in a thread, which may die of it. */
  async #openIn(thread: StoreThread, request: OpenRequest): Promise<OpenResult> {
    const died = thread.exited.then((error) => Promise.reject(error));
    return openReply(await Promise.race([thread.verbs.open(request), died]));
  }

  #connect(): void {
    const thread = this.#thread;
    this.#queue.connect(thread.verbs);
    void thread.exited.then((death) => this.#onExit(death));
  }

  #onExit(death: KeylaneError): void {
    if (this.#life.phase === 'open') void this.#replace(death);
    // In an orderly end nothing is left to reject.
    else this.#queue.rejectAll(death);
  }

  /** Starts another thread, which is sent whatever the one before has not answered. */
  async #replace(death: KeylaneError): Promise<void> {
    this.#queue.disconnect();
    clearTimeout(this.#retry);
    this.#silentMs = 0;
    const nowMs = performance.now();
    if (nowMs - this.#replacedMs < this.#limits.replaceMsMin) {
      this.#fail(death);
      return;
    }
    this.#replacedMs = nowMs;
    this.#thread = new StoreThread(this.#limits.threadUrl);
    this.#warnings.replaced(death, { calls: this.#queue.length });
    try {
      const opening = this.#openIn(this.#thread, { ...this.#request, takeOver: this.opened });
      if (!(await settlesWithin(opening, this.#limits.openMsMax))) await this.#endHanging(this.#limits.openMsMax);
      if (this.#life.phase === 'failed') return;
      await opening;
    } catch (error) {
      this.#fail(error as KeylaneError);
      return;
    }
    // Meanwhile it may have been told to close, which it does once it is connected, or to abort.
    if (this.#life.phase === 'open' || this.#life.phase === 'closing') this.#connect();
  }

  #fail(error: KeylaneError): void {
    if (this.#life.phase !== 'open' && this.#life.phase !== 'closing') return;
    this.#life = { phase: 'failed', error };
    this.#stopTimers();
    this.#queue.rejectAll(error);
    this.#options.onFatal(error);
  }

  #onBeat(): void {
    if (this.#queue.isWaiting) {
      this.#silentMs += this.#limits.beatMs;
      if (this.#silentMs > this.#limits.answerMsMax) void this.#endHanging(this.#silentMs);
      return;
    }
    // Busy, the store looks at its files itself.
    if (this.#life.phase !== 'open' || this.#queue.length > 0) return;
    this.#queue.ask((verbs, { turn }) => verbs.check(turn)).catch((error) => this.#fail(error));
  }

  /** Ends a thread that gives no answer, which has it replaced. There are never two at once. */
  async #endHanging(silentMs: number): Promise<void> {
    this.#queue.disconnect();
    const how = `gave no answer for ${silentMs} ms and was terminated`;
    if (await this.#thread.terminate(how)) return;
    const message = `the writer thread ${how}, but is stuck in the system: end the process and look at its disk`;
    this.#fail(new KeylaneError('writer-died', message));
  }

  #hold(error: KeylaneError): void {
    if (this.#full === null) this.#warnings.full(error);
    this.#silentMs = 0;
    this.#full = { error, left: this.#queue.length };
    this.#retry = setTimeout(() => this.#queue.resume(), this.#limits.retryMs);
  }

  #noteAnswer({ ok }: { ok: boolean }): void {
    this.#silentMs = 0;
    if (this.#full === null || !ok) return;
    this.#full.left -= 1;
    if (this.#full.left > 0) return;
    this.#full = null;
    this.#warnings.roomAgain();
  }

  #stopTimers(): void {
    clearInterval(this.#beat);
    clearTimeout(this.#retry);
  }
}
