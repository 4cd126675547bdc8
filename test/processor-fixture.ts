// Real processors for tests, each with a store of its own in a folder that is removed, and gates to hold events at.

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, onTestFinished } from 'vitest';
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

/** One processor for all tests of a file that leave it as they find it, as each costs three threads; drained at the end. */
export class SharedProcessor {
  readonly #options: Partial<ProcessorOptions>;
  #made: Promise<Processor> | null = null;

  constructor(options: Partial<ProcessorOptions> = {}) {
    const folder = mkdtempSync(join(tmpdir(), 'keylane-test-'));
    this.#options = { store: join(folder, 'test.db'), ...options };
    afterAll(async () => {
      await (await this.#made)?.drain();
      rmSync(folder, { recursive: true });
    });
  }

  get(): Promise<Processor> {
    this.#made ??= createProcessor({ handlers: gatedHandlers, threads: 1, store: '', ...this.#options });
    return this.#made;
  }
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
