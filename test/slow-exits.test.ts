// Handler threads that have died and cannot exit yet, as a request of theirs waits for the file system: others take their
// place, and the end waits for all of them and leaves none.

import { execFileSync } from 'node:child_process';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createProcessor, type KeylaneError, type Processor } from '../dist/src/index.js';
import { scratchFolder } from './fixtures/scratch-folder.js';

const folder = scratchFolder();

/** Each event opens a pipe that nobody writes to, and leaves a promise that rejects once the event has ended. */
const handlers = `
import { open } from 'node:fs';
export default {
  leaves: ({ data }) => {
    open(data, () => {});
    setImmediate(() => Promise.reject(new Error('late')));
  },
  fine: () => 'fine',
};`;

class Pipes {
  readonly paths: readonly string[];
  readonly #open: number[] = [];

  constructor(names: readonly string[]) {
    this.paths = names.map((name) => join(folder.path, name));
    execFileSync('mkfifo', [...this.paths]);
  }

  /** Lets the threads exit that read them. */
  release(): void {
    for (const path of this.paths) this.#open.push(openSync(path, 'r+'));
  }

  close(): void {
    for (const file of this.#open) closeSync(file);
  }
}

async function begin(name: string, threads: number): Promise<Processor> {
  const module = join(folder.path, `${name}.mjs`);
  writeFileSync(module, handlers);
  return createProcessor({ handlers: module, store: join(folder.path, `${name}.db`), threads, batchSizeMax: 1 });
}

/** Resolves once so many threads have died and exited. */
function deaths(processor: Processor, count: number): Promise<void> {
  return new Promise((resolve) => {
    let left = count;
    processor.on('warning', ({ code }: KeylaneError) => {
      if (code === 'pool-failed' && --left === 0) resolve();
    });
  });
}

test('a thread that takes the place of one that has not exited yet runs what comes', async () => {
  const pipes = new Pipes(['one']);
  const processor = await begin('replaced', 1);
  try {
    const died = deaths(processor, 1);
    await processor.process({ type: 'leaves', key: 'a', data: pipes.paths[0] });
    expect(await processor.process({ type: 'fine', key: 'a' })).toMatchObject({ result: 'fine' });
    pipes.release();
    await died;
  } finally {
    pipes.release();
    await processor.drain();
    pipes.close();
  }
});

test('drain waits for threads that have not exited yet, and for those that come in their place', async () => {
  const pipes = new Pipes(['two', 'three']);
  const processor = await begin('ended', 2);
  const all = pipes.paths.map((data) => processor.process({ type: 'leaves', data }));
  expect(await Promise.all(all)).toMatchObject([{ status: 'succeeded' }, { status: 'succeeded' }]);
  const drained = processor.drain();
  pipes.release();
  await drained;
  pipes.close();
  expect(processor.stats()).toMatchObject({ phase: 'stopped', succeeded: 2 });
});
