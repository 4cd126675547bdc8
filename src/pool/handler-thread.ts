// One handler thread from the inside: loads the handlers module and runs `setup()` as soon as it starts, then answers
// what the pool asks. It never throws: trouble is an answer like any other, since an error thrown in a thread would
// reach the main thread without its fields, or not at all.

import { messageOf } from '../errors.js';
import { loadOpenTelemetry } from '../open-telemetry.js';
import { BatchRunner } from './batch-runner.js';
import { epochClock } from './epoch-clock.js';
import type { HandlerModule } from './handler-module.js';
import { loadModules } from './joined-modules.js';
import type { HandlerThreadData, PoolAnswer, PoolMessage, ThreadNews } from './messages.js';
import { Progress } from './progress.js';
import { TryTracing } from './try-tracing.js';

/** What the thread runs with, or why it cannot run. */
type Loaded =
  | { readonly kind: 'loaded'; readonly module: HandlerModule; readonly runner: BatchRunner }
  | { readonly kind: 'failed'; readonly reason: string };

export interface HandlerThreadLinks {
  readonly threadId: number;
  /** Sends news to the main thread. */
  tell(news: ThreadNews): void;
}

export class HandlerThread {
  readonly #data: HandlerThreadData;
  readonly #links: HandlerThreadLinks;
  readonly #loading: Promise<Loaded>;
  /** Null until loading has ended, so that a batch need not wait a round for a promise that is settled. */
  #loaded: Loaded | null = null;
  #tornDown: Promise<PoolAnswer> | null = null;

  constructor(data: HandlerThreadData, links: HandlerThreadLinks) {
    this.#data = data;
    this.#links = links;
    this.#loading = this.#load();
  }

  /** Does what the message says, after what came before it. */
  async answer(message: PoolMessage): Promise<PoolAnswer> {
    const loaded = this.#loaded ?? (await this.#loading);
    if (loaded.kind === 'failed') return loaded;
    if (message.kind === 'tear-down') {
      this.#tornDown ??= this.#tearDown(loaded);
      return this.#tornDown;
    }
    const report = await loaded.runner.run(message);
    this.#links.tell({ kind: 'keylane-report', place: message.place, report });
    return { kind: 'ran' };
  }

  async #load(): Promise<Loaded> {
    const { sources, policies, isJournaled, measuresHeap, batchSizeMax, progress } = this.#data;
    try {
      const module = await loadModules(sources);
      await module.setup?.();
      // What `setup()` has registered is there by now.
      const tracing = this.#data.openTelemetry ? new TryTracing(await loadOpenTelemetry()) : null;
      const runner = new BatchRunner({
        ...{ module, tracing },
        threadId: this.#links.threadId,
        ...{ limits: this.#data, policies, isJournaled, measuresHeap },
        progress: new Progress(progress, { batchSizeMax }),
        nowUs: epochClock(this.#data.epochOffsetUs),
      });
      this.#links.tell({ kind: 'keylane-ready', threadId: this.#links.threadId });
      this.#loaded = { kind: 'loaded', module, runner };
    } catch (error) {
      const reason = messageOf(error);
      this.#links.tell({ kind: 'keylane-failed', reason });
      this.#loaded = { kind: 'failed', reason };
    }
    return this.#loaded;
  }

  async #tearDown({ module, runner }: { module: HandlerModule; runner: BatchRunner }): Promise<PoolAnswer> {
    await runner.idle();
    try {
      await module.teardown?.();
      return { kind: 'torn-down', threadId: this.#links.threadId };
    } catch (error) {
      return { kind: 'failed', reason: messageOf(error) };
    }
  }
}
