// Real processors for tests, each with a store of its own in a folder that is removed, and gates to hold events at.

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { onTestFinished } from 'vitest';
import { createProcessor, type Processor, type ProcessorOptions } from '../dist/src/index.js';

export const gatedHandlers = new URL('./fixtures/handlers/gated.js', import.meta.url);

/** A folder that is removed when the test ends. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'keylane-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** A processor over the gated handlers, with one thread unless asked otherwise; ended when the test ends. */
export async function makeProcessor(options: Partial<ProcessorOptions> = {}): Promise<Processor> {
  const store = options.store ?? join(makeFolder(), 'test.db');
  const processor = await createProcessor({ handlers: gatedHandlers, threads: 1, ...options, store });
  onTestFinished(() => processor.abort());
  return processor;
}

/** Holds one event under way, until opened. */
export class Gate {
  readonly name = `keylane-gate-${randomUUID()}`;
  readonly #channel = new BroadcastChannel(this.name);
  /** Resolves when the event is under way. */
  readonly reached: Promise<unknown>;

  constructor() {
    this.reached = once(this.#channel as unknown as EventTarget, 'message');
    onTestFinished(() => this.#channel.close());
  }

  get event(): { type: string; data: string } {
    return { type: 'gated', data: this.name };
  }

  open(): void {
    this.#channel.postMessage('open');
  }
}

/** What a store holds, read as any program would. */
export function readOutcomes<Row = Record<string, unknown>>(store: string, sql = 'SELECT * FROM outcomes'): Row[] {
  const db = new Database(store, { readonly: true });
  try {
    return db.prepare(sql).all() as Row[];
  } finally {
    db.close();
  }
}
