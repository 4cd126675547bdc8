// What the marks in shared memory cost: the same batches of no-op events through the runner of a handler thread, with
// the real places and with places that mark nothing, taking turns. Called as `node marks.js '{"rounds":n}'`; prints one
// MarksRun as JSON.

import { encodeEvent } from '../src/event.js';
import { configFrom } from '../src/options.js';
import { policiesOf } from '../src/policy.js';
import { batchMessage } from '../src/pool/batch-message.js';
import { BatchRunner } from '../src/pool/batch-runner.js';
import { emitLimitsOf } from '../src/pool/emitter.js';
import { loadHandlers } from '../src/pool/handler-module.js';
import type { BatchMessage } from '../src/pool/messages.js';
import { Place, Progress } from '../src/pool/progress.js';
import { BenchEvents } from './bench-events.js';
import { median } from './sample.js';

export interface MarksRun {
  /** Medians over the rounds, in microseconds per event. */
  readonly withUs: number;
  readonly withoutUs: number;
}

/** A place that keeps no marks. */
class BarePlace extends Place {
  override open(): void {}
  override begin(): void {}
  override finish(): boolean {
    return true;
  }
}

class BareProgress extends Progress {
  readonly #bare: Place;

  constructor(shared: SharedArrayBuffer, of: { batchSizeMax: number }) {
    super(shared, of);
    this.#bare = new BarePlace(shared, { from: 0, ...of });
  }

  override place(): Place {
    return this.#bare;
  }
}

const { rounds } = JSON.parse(process.argv[2] ?? 'null') as { rounds: number };
const batchesPerRound = 4;
const config = configFrom({ handlers: 'none', store: 'none' });
const { batchSizeMax } = config;
const module = await loadHandlers(new URL('./handlers.js', import.meta.url).href);
const message = noOps();
const real = Progress.ofPlaces(1, { batchSizeMax });
const runners = {
  with: runnerOf(real),
  without: runnerOf(new BareProgress(real.shared, { batchSizeMax })),
};
const us: Record<keyof typeof runners, number[]> = { with: [], without: [] };
for (let round = 0; round < rounds; round += 1) {
  // Whoever comes second finds the garbage of the first: they take turns in that too.
  const turns = round % 2 === 0 ? (['with', 'without'] as const) : (['without', 'with'] as const);
  for (const turn of turns) us[turn].push(await usPerEvent(runners[turn]));
}
const found: MarksRun = {
  withUs: median(us.with),
  withoutUs: median(us.without),
};
console.log(JSON.stringify(found));

function runnerOf(progress: Progress): BatchRunner {
  return new BatchRunner({
    module,
    threadId: 1,
    policies: policiesOf(module.table, config),
    limits: { ...config, reportSizeMax: config.batchBytesMax, emits: emitLimitsOf(config) },
    isJournaled: false,
    measuresHeap: false,
    progress,
    nowUs: () => Math.floor(performance.now() * 1000),
  });
}

async function usPerEvent(runner: BatchRunner): Promise<number> {
  const startMs = performance.now();
  for (let batch = 0; batch < batchesPerRound; batch += 1) await runner.run(message);
  return ((performance.now() - startMs) * 1000) / (batchesPerRound * message.count);
}

function noOps(): BatchMessage {
  const events = new BenchEvents({ workload: 'no-op', keys: 'uniform', keyCount: 1000, payload: '100B' });
  const handler = module.table.names.indexOf('no-op');
  const slots = Array.from({ length: batchSizeMax }, (_, n) => ({
    ...{ partition: 1, position: n + 1, handler, attempt: 1, postponed: 0, run: n },
    event: encodeEvent(events.event(n), config),
  }));
  return batchMessage(slots, { place: 0, nameOf: () => 'journal' });
}
