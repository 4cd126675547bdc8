// Tries that failed: what is kept of them, and how far an event has come for who opens the store next.

import { describe, expect, it } from 'vitest';
import { openStore } from '../dist/src/index.js';
import { type OutcomeRow, verdict } from '../dist/src/outcome.js';
import { atPath, deadLettered, groupWith, read, requestFor, rowOf, withStore } from './store-fixture.js';

const error = { name: 'Error', message: 'no' };

/** A failed try of an event; each begins at its own time. */
const failed = (position: number, attempts: number, change: Partial<OutcomeRow> = {}): OutcomeRow =>
  rowOf(position, {
    ...{ ...deadLettered, verdict: verdict.tryFailed, attempts },
    ...{ startedAtUs: 1_000 * position + 10 * attempts, dueAtUs: 5_000_000 + attempts, ...change },
  });
const postponed = { verdict: verdict.tryPostponed };

describe('failed tries', () => {
  it('are no outcomes: neither counted nor stored as such, and acquit no suspect', () =>
    atPath((path) =>
      withStore(requestFor(path), (store) => {
        store.openPartition('p');
        expect(store.append(groupWith([failed(1, 1), rowOf(2)]))).toMatchObject({ stored: 1, ignored: 0 });
        expect(read(path, 'SELECT position FROM outcomes')).toEqual([{ position: 2 }]);
      }),
    ));

  it('are stored once, however often their group comes', () =>
    atPath((path) =>
      withStore(requestFor(path), (store) => {
        store.openPartition('p');
        const group = groupWith([failed(1, 1), failed(1, 2)]);
        for (const _ of [1, 2]) store.append(group);
        expect(read(path, 'SELECT attempt, is_counted, due_at FROM attempt_failure')).toEqual([
          { attempt: 1, is_counted: 1, due_at: 5_000_001 },
          { attempt: 2, is_counted: 1, due_at: 5_000_002 },
        ]);
      }),
    ));

  it('are told at the next opening: tries counted, tries postponed, when the newest is due', () =>
    atPath((path) => {
      withStore(requestFor(path), (store) => {
        store.openPartition('p');
        const later = { ...postponed, startedAtUs: 9_000, dueAtUs: 77 };
        store.append(groupWith([failed(3, 1), failed(3, 2), failed(3, 2, later), failed(4, 0, postponed)]));
        // Those that are decided, wait in a lane, or lie below the watermark need no retry.
        store.append(groupWith([failed(5, 1), failed(6, 1), failed(1, 1)]));
        const waiting = rowOf(6, { verdict: verdict.waiting });
        store.append(groupWith([rowOf(5), waiting], { watermarks: [{ partition: 2, watermark: 2 }] }));
      });
      withStore(requestFor(path), (store) => {
        expect([...store.openPartition('p').retries]).toEqual([3, 0, 2, 1, 77, 4, 0, 0, 1, 5_000_000]);
        expect([...store.openJournal({ isVolatile: false }).retries]).toEqual([]);
        const page = store.readLane({ handler: 0, key: 'k', after: null, countMax: 9, bytesMax: 999 });
        expect([[...page.attempts], [...page.postponed], [...page.dueAtUs]]).toEqual([[1], [0], [5_000_001]]);
      });
    }));

  it('are the history of their event, the oldest first and the final one last', () =>
    atPath((path) => {
      withStore(requestFor(path), (store) => {
        store.openPartition('p');
        store.append(groupWith([failed(1, 1), failed(1, 1, { ...postponed, startedAtUs: 2_000 }), failed(2, 1)]));
        store.append(groupWith([rowOf(1, { ...deadLettered, attempts: 2 }), rowOf(2, { attempts: 2 })]));
      });
      const reader = openStore(path);
      expect(reader.history({ partition: 'p', position: 1 })).toMatchObject([
        { startedAtUs: 1_010, attempt: 1, isCounted: true, dueAtUs: 5_000_001, error },
        { startedAtUs: 2_000, attempt: 1, isCounted: false, dueAtUs: 5_000_001, error },
        { startedAtUs: rowOf(1).startedAtUs, durationUs: 59, attempt: 2, isCounted: true, dueAtUs: null, error },
      ]);
      // What succeeded at last is no failed try.
      expect(reader.history({ partition: 'p', position: 2 })).toHaveLength(1);
      expect(reader.history({ partition: 'nobody', position: 2 })).toEqual([]);
      reader.close();
    }));
});
