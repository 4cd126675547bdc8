// Threads of the writer that end, throw, hang, or are sent nonsense, at each step: another one takes over once, and
// outcomes are stored once and in order.

import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { atPath, read, requestFor, withStore, withWriter } from './store-fixture.js';
import { groupOf, harmedUrl, makeRecordingStore, recordedOrder, upTo, withHarm } from './store-trouble-fixture.js';

describe('the death of the thread', () => {
  const deaths = (['exit', 'throw', 'hang'] as const).flatMap((how) => {
    return (['before', 'after'] as const).flatMap((when) => [1, 7].map((at) => ({ how, when, at })));
  });

  it.each(deaths)('$how $when append $at: every outcome is stored once and in order, and one warning tells', (harm) =>
    withHarm({ ...harm, verb: 'append', times: 1 }, () =>
      atPath(async (path) => {
        makeRecordingStore(path);
        const limits = { threadUrl: harmedUrl, beatMs: 20, answerMsMax: harm.how === 'hang' ? 500 : 30_000 };
        await withWriter({ ...requestFor(path), limits }, async ({ writer, warnings, fatal }) => {
          await writer.openPartition('p');
          const results = await Promise.all(upTo(20).map((position) => writer.append(groupOf(position))));
          expect(results.map(({ stored, ignored }) => stored + ignored)).toEqual(upTo(20).map(() => 1));
          expect(warnings.codes).toEqual(['writer-died']);
          expect(warnings.errors[0]?.message).toContain('another one takes over');
          await writer.close([{ partition: 2, watermark: 20 }]);
          expect(fatal.codes).toEqual([]);
        });
        expect(recordedOrder(path)).toEqual(upTo(20));
        // The same process went on: the store was opened once more than when it was made, and closed in order.
        expect(read(path, 'SELECT name, value FROM meta ORDER BY name')).toEqual([
          { name: 'clean', value: 1 },
          { name: 'epoch', value: 2 },
          { name: 'order', value: 0 },
        ]);
      }),
    ),
  );

  it.each(['before', 'after'] as const)('%s it opens a partition changes nothing in what that says', (when) =>
    withHarm({ verb: 'openPartition', at: 1, when, how: 'exit', times: 1 }, () =>
      atPath(async (path) => {
        withStore(requestFor(path), (store) => {
          store.openPartition('p');
          store.append(groupOf(7));
        });
        await withWriter({ ...requestFor(path), limits: { threadUrl: harmedUrl } }, async ({ writer, warnings }) => {
          expect(await writer.openPartition('p')).toMatchObject({ partition: 2, positionNext: 8, positionUnused: 8 });
          expect(warnings.codes).toEqual(['writer-died']);
        });
      }),
    ),
  );

  it.each([
    { name: 'it is terminated', harm: (thread: Worker) => void thread.terminate() },
    { name: 'a message poisons it', harm: (thread: Worker) => thread.postMessage({ poison: true }) },
    { name: 'a message names another verb', harm: (thread: Worker) => thread.postMessage(callOf(['constructor'])) },
    { name: 'a message digs deeper', harm: (thread: Worker) => thread.postMessage(callOf(['open', 'constructor'])) },
  ])('a second time ends it, rejects every call, is reported once, and frees the store: $name', ({ harm }) =>
    atPath(async (path) => {
      await withWriter(requestFor(path), async ({ writer, thread, fatal, warnings }) => {
        await writer.openPartition('p');
        await writer.append(groupOf(0));
        const next = once(process, 'worker') as Promise<[Worker]>;
        harm(thread);
        const [second] = await next;
        // It answers once it has taken over.
        await writer.append(groupOf(1));
        harm(second);
        const calls = [writer.append(groupOf(2)), writer.append(groupOf(3)), writer.setFingerprint(1, 'f')];
        const settled = await Promise.allSettled(calls);
        expect(settled.map((call) => call.status === 'rejected' && call.reason.code)).toEqual(
          calls.map(() => 'writer-died'),
        );
        await expect(writer.append(groupOf(4))).rejects.toMatchObject({ code: 'writer-died' });
        await expect(writer.close([])).rejects.toMatchObject({ code: 'writer-died' });
        await writer.abort();
        expect([warnings.codes, fatal.codes]).toEqual([['writer-died'], ['writer-died']]);
      });
      await withWriter(requestFor(path), async ({ writer }) => {
        await writer.openPartition('p');
        expect(await writer.append(groupOf(1))).toMatchObject({ stored: 0, ignored: 1 });
      });
    }),
  );

  it('a second time is survived where the interval is over', () =>
    withHarm({ verb: 'append', at: 2, when: 'after', how: 'exit', times: 5 }, () =>
      atPath(async (path) => {
        makeRecordingStore(path);
        const limits = { threadUrl: harmedUrl, replaceMsMin: 0 };
        await withWriter({ ...requestFor(path), limits }, async ({ writer, warnings }) => {
          await writer.openPartition('p');
          await Promise.all(upTo(20).map((position) => writer.append(groupOf(position))));
          expect(warnings.codes).toEqual(upTo(5).map(() => 'writer-died'));
        });
        expect(recordedOrder(path)).toEqual(upTo(20));
      }),
    ));

  it('is not outlived by a call once abort was called', () =>
    atPath((path) =>
      withWriter(requestFor(path), async ({ writer, thread, fatal }) => {
        const next = once(process, 'worker');
        void thread.terminate();
        const call = expect(writer.openPartition('p')).rejects.toMatchObject({ code: 'aborted' });
        await next;
        await writer.abort();
        await call;
        expect(fatal.codes).toEqual([]);
      }),
    ));

  it('is fatal when the system does not let it die: there are never two writers', () =>
    atPath((path) =>
      withWriter({ ...requestFor(path), limits: { beatMs: 20, answerMsMax: 100 } }, async ({ writer, fatal }) => {
        await writer.openPartition('p');
        const db = new Database(path);
        db.exec('BEGIN IMMEDIATE');
        try {
          // SQLite waits for the other's transaction, and is not to be interrupted in that.
          const rejected = expect(writer.append(groupOf(0))).rejects.toMatchObject({ code: 'writer-died' });
          const [error] = await fatal.count(1);
          expect(error?.message).toContain('stuck in the system');
          await rejected;
        } finally {
          db.close();
        }
      }),
    ));
});

function callOf(path: readonly string[]): unknown {
  return { id: 'x', type: 'APPLY', path, argumentList: [] };
}
