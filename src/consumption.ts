// The life of one call of `consume`: opens the source where its durable outcomes end, feeds it to the intake, closes it
// whatever happened. A source is somebody else's code: it may throw, lie or never answer, and that costs its own call.

import type { Clock } from './clock.js';
import { DonePositions } from './done-positions.js';
import { KeylaneError, messageOf, shown } from './errors.js';
import type { EventLimits } from './event.js';
import type { Fed } from './feed.js';
import type { HandlerTable } from './handler.js';
import type { Intake } from './intake.js';
import { Interrupt } from './interrupt.js';
import { signalOf, type WithSignal } from './option-spec.js';
import type { Partitions } from './partitions.js';
import type { Source } from './sources/source.js';
import type { PartitionStart } from './store/messages.js';
import type { WriterThread } from './threads.js';

interface Parts {
  readonly writer: WriterThread;
  readonly intake: Intake;
  readonly partitions: Partitions;
  readonly limits: EventLimits;
  /** Those there are. */
  handlers(): HandlerTable;
  readonly clock: Clock;
  /** A partition no source may have. */
  readonly reserved: string;
  onWarning(error: KeylaneError): void;
}

/** How long a source may take to close before its call goes on without it. */
const closeMsMax = 5_000;

export class Consumption {
  readonly #parts: Parts;
  /** Partitions that are being consumed. */
  readonly #taken = new Set<string>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** See `Processor.consume`. */
  async consume(source: Source, options: WithSignal | undefined): Promise<Fed> {
    const signal = signalOf(options);
    const { intake, reserved } = this.#parts;
    const name = nameOf(source);
    intake.refuseIfClosed();
    if (name === reserved || this.#taken.has(name)) {
      const why = name === reserved ? 'it is where published events go' : 'it is being consumed';
      throw new KeylaneError('bad-input', `source.partition must be free, got ${shown(name)}: ${why}`);
    }
    this.#taken.add(name);
    const interrupt = new Interrupt({ signal, onClosed: (callback) => intake.onClosed(callback) });
    try {
      const start = await this.#open(source, interrupt);
      return start === null ? { accepted: 0, ended: false } : await this.#feed(source, start, signal);
    } finally {
      interrupt.dispose();
      await this.#close(source);
      this.#taken.delete(name);
    }
  }

  /** Gives null when a signal, drain or stop came first. */
  async #open(source: Source, interrupt: Interrupt): Promise<PartitionStart | null> {
    const { writer, limits } = this.#parts;
    const handlers = this.#parts.handlers();
    try {
      const start = await interrupt.race(writer.openPartition(source.partition));
      const { watermark, positionNext, positionUnused } = start;
      const durable = new DonePositions(start, handlers);
      const known = { watermark, positionNext, positionUnused, durable, fingerprint: start.fingerprint };
      const fingerprint = await interrupt.race(opening(source, { ...known, limits, handlers }));
      if (fingerprint !== null && fingerprint !== start.fingerprint) {
        await interrupt.race(writer.setFingerprint(start.partition, fingerprint));
      }
      return start;
    } catch (error) {
      if (interrupt.isOrderly) return null;
      throw error;
    }
  }

  async #feed(source: Source, start: PartitionStart, signal: AbortSignal | undefined): Promise<Fed> {
    const { intake, partitions, handlers } = this.#parts;
    partitions.open(source.partition, start);
    try {
      const done = new DonePositions(start, handlers());
      return await intake.feed(source, { partition: start.partition, done, watermark: start.watermark, signal });
    } finally {
      partitions.close(start.partition);
    }
  }

  /** What goes wrong here is told, and changes nothing of what was consumed. */
  async #close(source: Source): Promise<void> {
    const { clock, onWarning } = this.#parts;
    const warn = (how: string): void => {
      onWarning(new KeylaneError('bad-input', `source ${shown(source.partition)} did not close: ${how}`));
    };
    let cancel = (): void => {};
    const late = new Promise<void>((resolve) => {
      cancel = clock.alarm(closeMsMax, () => {
        warn(`it took longer than ${closeMsMax} ms`);
        resolve();
      });
    });
    const closed = (async () => source.close())().catch((error) => warn(messageOf(error)));
    await Promise.race([closed, late]);
    cancel();
  }
}

function nameOf(source: Source): string {
  const fits =
    typeof source === 'object' &&
    source !== null &&
    [source.open, source.request, source.close].every((method) => typeof method === 'function');
  if (!fits) {
    throw new KeylaneError('bad-input', `source must have open, request and close, got ${shown(source)}`);
  }
  const { partition } = source;
  if (typeof partition === 'string' && partition !== '') return partition;
  throw new KeylaneError('bad-input', `source.partition must be a name that is not empty, got ${shown(partition)}`);
}

/** A source may throw where it should reject. */
async function opening(source: Source, start: Parameters<Source['open']>[0]): Promise<string | null> {
  return source.open(start);
}
