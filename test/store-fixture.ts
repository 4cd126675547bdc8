// What the store's tests share: a folder that goes away, rows, and a store opened in a thread or in another process.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import type { KeylaneError } from '../dist/src/errors.js';
import { joinStates, type LeftStates } from '../dist/src/joined-states.js';
import type { KeyState } from '../dist/src/keyed-state.js';
import { type OutcomeRow, RowsBuilder, verdict } from '../dist/src/outcome.js';
import { openForReading } from '../dist/src/store/database.js';
import type { GroupRequest, OpenRequest } from '../dist/src/store/messages.js';
import { Store } from '../dist/src/store/store.js';
import { StoreWriter } from '../dist/src/store/store-writer.js';
import type { WriterLimits } from '../dist/src/store/writer-limits.js';

const storeUrl = new URL('../dist/src/store/store.js', import.meta.url).href;

/** Gives the test the path of a store in a folder of its own, and removes the folder. */
export async function atPath(run: (path: string) => void | Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'keylane-store-'));
  try {
    await run(join(folder, 'out.db'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export function requestFor(path: string, change: Partial<OpenRequest> = {}): OpenRequest {
  return { path, durability: 'process', handlerNames: ['h'], retention: null, order: 'key', ...change };
}

/** A store in this thread, closed whatever the test does. */
export function withStore<T>(request: OpenRequest, run: (store: Store) => T): T {
  const store = Store.open(request);
  try {
    return run(store);
  } finally {
    store.close([]);
  }
}

export interface OpenWriter {
  readonly writer: StoreWriter;
  /** The writer's thread, to do it harm. */
  readonly thread: Worker;
  /** What `onFatal` was called with. */
  readonly fatal: Heard;
  /** What `onWarning` was called with. */
  readonly warnings: Heard;
}

/** Errors that were told, and a wait for the next one. */
export class Heard {
  readonly errors: KeylaneError[] = [];
  #wake: () => void = () => {};

  readonly hear = (error: KeylaneError): void => {
    this.errors.push(error);
    this.#wake();
  };

  get codes(): string[] {
    return this.errors.map(({ code }) => code);
  }

  /** Resolves once so many were told. */
  async count(count: number): Promise<readonly KeylaneError[]> {
    while (this.errors.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.errors;
  }
}

/** A store in its thread, gone whatever the test does. */
export async function withWriter(
  request: OpenRequest & { limits?: Partial<WriterLimits> },
  run: (open: OpenWriter) => Promise<void>,
): Promise<void> {
  const [fatal, warnings] = [new Heard(), new Heard()];
  const started = once(process, 'worker') as Promise<[Worker]>;
  const writer = await StoreWriter.open({ ...request, onFatal: fatal.hear, onWarning: warnings.hear });
  const [thread] = await started;
  try {
    await run({ writer, thread, fatal, warnings });
  } finally {
    await writer.abort();
  }
}

/** A process that has opened the store and waits; killed whatever the test does. */
export async function withHolder(path: string, run: (holder: ChildProcess) => Promise<void>): Promise<void> {
  const request = JSON.stringify(requestFor(path));
  const script = `
    const { Store } = await import(${JSON.stringify(storeUrl)});
    globalThis.store = Store.open(${request});
    setInterval(() => {}, 1_000_000);
    console.log('open');`;
  const holder = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(holder, 'exit');
  try {
    await once(holder.stdout, 'data');
    await run(holder);
  } finally {
    holder.kill('SIGKILL');
    await exited;
  }
}

/** A row from those of its fields that matter; the others are those of an event that succeeded. */
export function rowOf(position: number, change: Partial<OutcomeRow> = {}): OutcomeRow {
  return {
    // The first that a test opens: the journal is 1.
    partition: 2,
    position,
    handler: 0,
    verdict: verdict.succeeded,
    attempts: 1,
    startedAtUs: 1_700_000_000_000_000 + position,
    durationUs: 59,
    dueAtUs: 0,
    id: null,
    type: 't',
    key: 'k',
    result: '1',
    error: null,
    extras: null,
    data: null,
    ...change,
  };
}

/** A group from those of its parts that matter. */
export function groupWith(rows: readonly OutcomeRow[], change: Partial<GroupRequest> = {}): GroupRequest {
  return { events: null, rows: [joined(rows)], watermarks: [], parked: [], ...change };
}

/** States that the events of the first rows have left, one each. */
export function leftBy(states: readonly (KeyState | null)[]): LeftStates {
  const joinedStates = joinStates(states.map((state, index) => ({ index, state })));
  return { ...joinedStates, rows: joinedStates.indexes };
}

/** What makes a row that of a dead letter. */
export const deadLettered = {
  verdict: verdict.deadLettered,
  result: null,
  error: '{"name":"Error","message":"no"}',
} as const;

export function joined(rows: readonly OutcomeRow[]): ArrayBuffer {
  const builder = new RowsBuilder(Math.max(1, rows.length));
  for (const row of rows) builder.add(row);
  return builder.finish();
}

/** The code with which another process is refused the store, or 'opened'. */
export function codeElsewhere(path: string): string {
  const script = `
    const { Store } = await import(${JSON.stringify(storeUrl)});
    try {
      Store.open(${JSON.stringify(requestFor(path))}).close([]);
      process.stdout.write('opened');
    } catch (error) {
      process.stdout.write(String(error.code));
    }`;
  return spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' }).stdout;
}

/** Rows of a query, read through a connection of its own. */
export function read(path: string, sql: string): Record<string, unknown>[] {
  const db = openForReading(path);
  try {
    return db.prepare(sql).all() as Record<string, unknown>[];
  } finally {
    db.close();
  }
}

/** What a call throws. */
export function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('expected the call to throw');
}
