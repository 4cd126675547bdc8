// One writer thread from its start to its exit. Knows neither what it is asked nor whether another one follows it.

import { Worker } from 'node:worker_threads';
import { type Remote, wrap } from 'comlink';
import { KeylaneError, printable } from '../errors.js';
import { comlinkEndpoint } from './comlink-endpoint.js';
import { type WriterApi, writerMethods } from './writer-api.js';

// A terminated thread that is stuck in a native call may never end, and nobody waits for that for ever.
const terminateMsMax = 2_000;
/** How long a thread that has thrown may take to go. */
const throwMsMax = 5_000;

export type Verbs = Pick<Remote<WriterApi>, keyof WriterApi>;

export class StoreThread {
  readonly verbs: Verbs;
  /** Resolves when it has ended, with the KeylaneError `writer-died` for those who still needed it. Never rejects. */
  readonly exited: Promise<KeylaneError>;
  readonly #worker: Worker;
  /** Says in the error why it ended. */
  #lastWords: { readonly how: string | null; readonly cause: unknown } = { how: null, cause: undefined };

  constructor(url: URL) {
    // Loaders and flags of the user's program are for the user's modules.
    this.#worker = new Worker(url, { name: 'keylane-writer', execArgv: [] });
    this.exited = new Promise((resolve) => {
      this.#worker.once('exit', (status) => {
        // Node hands over the thread's last replies just before this event, in the same step; their promises go first.
        setImmediate(() => resolve(this.#obituary(status)));
      });
    });
    this.#worker.on('error', (cause) => {
      this.#lastWords = { how: null, cause };
      void this.endsWithin(throwMsMax);
    });
    this.#worker.on('messageerror', (cause) => {
      // A reply is lost, and nobody can say to which call.
      void this.terminate('gave an answer that could not be read', cause);
    });
    // Comlink makes a proxy for every property read; one of each is enough.
    const remote = wrap<WriterApi>(comlinkEndpoint(this.#worker)) as unknown as Record<string, unknown>;
    this.verbs = Object.fromEntries(writerMethods.map((name) => [name, remote[name]])) as unknown as Verbs;
  }

  /** Waits for it to end by itself, and terminates it when it does not in time. False if it is stuck even then. */
  async endsWithin(msMax: number): Promise<boolean> {
    if (await settlesWithin(this.exited, msMax)) return true;
    return await this.terminate(`did not end within ${msMax} ms and was terminated`);
  }

  /** Ends it at once. False if it is stuck in a native call. */
  async terminate(how: string, cause?: unknown): Promise<boolean> {
    this.#lastWords = { how, cause };
    void this.#worker.terminate();
    return await settlesWithin(this.exited, terminateMsMax);
  }

  #obituary(status: number): KeylaneError {
    const { how, cause } = this.#lastWords;
    const words = cause instanceof Error ? `: ${printable(cause.message)}` : '';
    return new KeylaneError('writer-died', `the writer thread ${how ?? `ended with status ${status}`}${words}`, {
      cause,
    });
  }
}

/** Whether a promise is fulfilled or rejected within a time. */
export async function settlesWithin(promise: Promise<unknown>, msMax: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), msMax);
  });
  const settled = (): boolean => true;
  try {
    return await Promise.race([promise.then(settled, settled), late]);
  } finally {
    clearTimeout(timer);
  }
}
