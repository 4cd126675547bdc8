// The writer thread: the one place that holds a Store. Answers one call after another, each with an envelope; ends by
// itself after `close`, when nothing native is open any more.

import { parentPort } from 'node:worker_threads';
import { expose } from 'comlink';
import { invariant } from '../src/invariant.js';
import { admitCallsOf, comlinkEndpoint } from '../src/store/comlink-endpoint.js';
import { Store } from '../src/store/store.js';
import { replyOf, type WriterApi, writerMethods } from '../src/store/writer-api.js';

const port = parentPort;
invariant(port !== null, 'the writer runs in a thread of its own');

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

const api: WriterApi = {
  open: (request) =>
    replyOf(() => {
      invariant(store === null, 'a writer opens one store');
      store = Store.open(request);
      tendSoon();
      return store.opened;
    }),
  openPartition: (name) => replyOf(() => opened().openPartition(name)),
  openJournal: (how) => replyOf(() => opened().openJournal(how)),
  readJournal: (request) => replyOf(() => opened().readJournal(request)),
  setFingerprint: (partition, text) =>
    replyOf(() => {
      opened().setFingerprint(partition, text);
      return null;
    }),
  append: (group) => {
    tendSoon();
    return replyOf(() => opened().append(group));
  },
  close: (watermarks) =>
    replyOf(() => {
      // The reply is posted before immediates run; without its port the thread has nothing left to wait for.
      setImmediate(() => port.close());
      const closing = store;
      store = null;
      // Null after an open that failed.
      closing?.close(watermarks);
      return null;
    }),
};

expose(api, comlinkEndpoint(port, admitCallsOf(writerMethods)));
