// The writer thread: the one place that holds a Store. Answers one call after another, each with an envelope; ends by
// itself after `close`, when nothing native is open any more.

import { parentPort } from 'node:worker_threads';
import { expose } from 'comlink';
import { KeylaneError } from '../src/errors.js';
import { invariant } from '../src/invariant.js';
import { admitCallsOf, comlinkEndpoint } from '../src/store/comlink-endpoint.js';
import type { Watermark } from '../src/store/messages.js';
import { Store } from '../src/store/store.js';
import { replyOf, Turnstile, type WriterApi, writerMethods } from '../src/store/writer-api.js';

const port = parentPort;
invariant(port !== null, 'the writer runs in a thread of its own');

const turnstile = new Turnstile();
let store: Store | null = null;

function opened(): Store {
  invariant(store !== null, 'the store is open');
  return store;
}

let isTending = false;

/** Does what nobody waits for. Replies are posted before immediates run, and calls are answered between two of them. */
function tendSoon(): void {
  if (isTending) return;
  isTending = true;
  setImmediate(() => {
    isTending = false;
    // By now it may be closed.
    store?.tend();
    if (store?.retain(Date.now())) tendSoon();
  });
}

/** Null is for an end that is no orderly one. */
function close(watermarks: readonly Watermark[] | null): null {
  try {
    // There is none after an open that failed.
    store?.close(watermarks);
  } catch (error) {
    if (error instanceof KeylaneError && error.code === 'store-full') throw error;
    end();
    throw error;
  }
  end();
  return null;
}

function end(): void {
  store = null;
  // The reply is posted before immediates run; without its port the thread has nothing left to wait for.
  setImmediate(() => port?.close());
}

const api: WriterApi = {
  open: (request) =>
    replyOf(() => {
      invariant(store === null, 'a writer opens one store');
      store = Store.open(request);
      tendSoon();
      return store.opened;
    }),
  openPartition: (turn, name, how) => turnstile.pass(turn, () => opened().openPartition(name, how)),
  openJournal: (turn, how) => turnstile.pass(turn, () => opened().openJournal(how)),
  readJournal: (turn, request) => turnstile.pass(turn, () => opened().readJournal(request)),
  readLane: (turn, request) => turnstile.pass(turn, () => opened().readLane(request)),
  deadLetters: (turn, request, how) => {
    tendSoon();
    return turnstile.pass(turn, () => opened().deadLetters(request, how));
  },
  cancel: (turn, request) => turnstile.pass(turn, () => opened().cancel(request)),
  readOutcomes: (turn, request) => turnstile.pass(turn, () => opened().readOutcomes(request)),
  parkOwed: (turn, request) => turnstile.pass(turn, () => opened().handlers.parkOwed(request)),
  addHandlers: (turn, request) => turnstile.pass(turn, () => opened().handlers.add(request)),
  removeHandler: (turn, index) =>
    turnstile.pass(turn, () => {
      opened().handlers.remove(index);
      return null;
    }),
  readStates: (turn, request) => turnstile.pass(turn, () => opened().readStates(request)),
  setFingerprint: (turn, partition, text) =>
    turnstile.pass(turn, () => {
      opened().setFingerprint(partition, text);
      return null;
    }),
  append: (turn, group) => {
    tendSoon();
    return turnstile.pass(turn, () => opened().append(group));
  },
  check: (turn) => {
    tendSoon();
    return turnstile.pass(turn, () => {
      opened().check();
      return null;
    });
  },
  close: (turn, watermarks) => turnstile.pass(turn, () => close(watermarks)),
  abort: () => replyOf(() => close(null)),
};

expose(api, comlinkEndpoint(port, admitCallsOf(writerMethods)));
