// One handler thread that does as a script says: each try takes simulated time and comes to what the script gives. It
// never dies, so that a test of what waits, and for how long, knows every try beforehand.

import { type HandlerResult, handlerResult } from '../../src/handler.js';
import { RowsBuilder } from '../../src/outcome.js';
import { BatchReader } from '../../src/pool/batch-reader.js';
import { type BatchMessage, type BatchReport, noRun } from '../../src/pool/messages.js';
import { ReportBuilder } from '../../src/pool/report-builder.js';
import type { HandlerThreads } from '../../src/threads.js';
import type { Random } from './random.js';
import type { SimulatedClock } from './simulated-clock.js';

/** An event as its script sees it. */
export interface ScriptedEvent {
  readonly type: string;
  readonly attempt: number;
  readonly postponed: number;
  readonly data: string | null;
}

export type Script = (
  event: ScriptedEvent,
  nowMs: number,
) => { readonly result: HandlerResult; readonly delayMs: number };

/** One event while it ran. */
export interface ScriptedTry {
  readonly identity: string;
  readonly startMs: number;
  readonly endMs: number;
}

const whim = '{"name":"Error","message":"a whim"}';

export class ScriptedThreads implements HandlerThreads {
  readonly threads = 1;
  readonly places = 2;
  readonly threadIds = [];
  readonly tries: ScriptedTry[] = [];
  readonly #of: { readonly clock: SimulatedClock; readonly random: Random; readonly script: Script };
  #last: Promise<unknown> = Promise.resolve();

  constructor(of: { clock: SimulatedClock; random: Random; script: Script }) {
    this.#of = of;
  }

  run(message: BatchMessage): Promise<BatchReport> {
    const report = this.#last.then(() => this.#run(message));
    this.#last = report;
    return report;
  }

  runFresh(): Promise<BatchReport> {
    return Promise.reject(new Error('no event is doubted by a script'));
  }

  cancel(): void {}

  running(): null {
    return null;
  }

  async setThreads(): Promise<void> {}

  async setHandlers(): Promise<void> {}

  async close(): Promise<void> {}

  async abort(): Promise<void> {}

  async #run(message: BatchMessage): Promise<BatchReport> {
    const { clock, random, script } = this.#of;
    const builder = new ReportBuilder(message, { rows: new RowsBuilder(message.count), isJournaled: true });
    const reader = new BatchReader(message);
    const stopped = new Set<number>();
    for (let index = 0; index < message.count; index += 1) {
      reader.advance();
      if (stopped.has(reader.run)) continue;
      const startMs = clock.nowMs();
      await new Promise<void>((resolve) => {
        clock.work(random.next(), resolve);
      });
      const { type, attempt, postponed, dataText: data } = reader;
      const { result, delayMs } = script({ type, attempt, postponed, data }, clock.nowMs());
      if (result !== handlerResult.succeeded && reader.run !== noRun) stopped.add(reader.run);
      const endMs = clock.nowMs();
      const [startedAtUs, durationUs] = [startMs * 1000, (endMs - startMs) * 1000];
      const error = result === handlerResult.succeeded ? null : whim;
      builder.add(index, reader, {
        ...{ result, isTried: true, startedAtUs, durationUs, delayMs },
        ...{ value: null, error, emitted: null },
      });
      this.tries.push({ identity: `${message.partitions[reader.partition]}/${reader.position}`, startMs, endMs });
    }
    return builder.finish({ busyUs: 0, threadId: 0 });
  }
}
