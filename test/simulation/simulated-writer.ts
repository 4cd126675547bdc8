// A writer without SQLite: it decodes the real rows, takes its time on the simulated clock, and objects to whatever a
// store must never be told.

import { RowsReader } from '../../src/outcome.js';
import { Processor } from '../../src/processor.js';
import type {
  GroupRequest,
  GroupResult,
  JournalPage,
  JournalStart,
  PartitionStart,
  Watermark,
} from '../../src/store/messages.js';
import type { WriterThread } from '../../src/threads.js';
import type { Random } from './random.js';
import type { SimulatedClock } from './simulated-clock.js';

interface World {
  readonly clock: SimulatedClock;
  readonly random: Random;
  /** Identities accepted of a partition below a position. */
  accepted(partition: string, below: number): readonly string[];
}

export class SimulatedWriter implements WriterThread {
  /** Identities in the order in which their outcomes were stored. */
  readonly stored = new Map<string, { succeeded: boolean }>();
  readonly objections: string[] = [];
  readonly watermarks = new Map<string, number>();
  groupsMax = 0;
  closed = false;
  readonly #names: string[] = [];
  #underWay = 0;
  #freeAtMs = 0;

  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  async openPartition(name: string): Promise<PartitionStart> {
    this.#names.push(name);
    const partition = this.#names.length;
    return {
      partition,
      watermark: 0,
      durable: new Float64Array(0),
      positionNext: 1,
      positionUnused: 1,
      fingerprint: null,
      suspects: new Float64Array(0),
    };
  }

  async openJournal(): Promise<JournalStart> {
    const { partition, positionUnused } = await this.openPartition(Processor.journalPartition);
    return { partition, watermark: 0, positionUnused, pending: 0, suspects: new Float64Array(0) };
  }

  readJournal(): Promise<JournalPage> {
    return Promise.reject(new Error('not used'));
  }

  async setFingerprint(): Promise<void> {}

  append(group: GroupRequest): Promise<GroupResult> {
    const { clock, random } = this.#world;
    this.#underWay += 1;
    this.groupsMax = Math.max(this.groupsMax, this.#underWay);
    this.#freeAtMs = Math.max(this.#freeAtMs, clock.nowMs()) + random.next() * 20;
    return new Promise((resolve) => {
      clock.alarm(this.#freeAtMs - clock.nowMs(), () => {
        this.#underWay -= 1;
        this.#takeWatermarks(group.watermarks);
        let stored = 0;
        for (const rows of group.rows) stored += this.#store(rows);
        resolve({ stored, ignored: 0, duplicates: [], gauges: { walBytes: 0, storeBytes: 0, freeBytes: 1e12 } });
      });
    });
  }

  async close(watermarks: readonly Watermark[]): Promise<void> {
    this.#takeWatermarks(watermarks);
    this.closed = true;
  }

  async abort(): Promise<void> {
    this.closed = true;
  }

  #store(rows: ArrayBuffer): number {
    const reader = new RowsReader(rows);
    for (let index = 0; index < reader.count; index += 1) {
      const row = reader.next();
      const identity = `${this.#names[row.partition - 1]}/${row.position}`;
      if (this.stored.has(identity)) this.objections.push(`a second outcome for ${identity}`);
      this.stored.set(identity, { succeeded: row.succeeded });
    }
    return reader.count;
  }

  #takeWatermarks(watermarks: readonly Watermark[]): void {
    for (const { partition, watermark } of watermarks) {
      const name = this.#names[partition - 1] as string;
      if (watermark < (this.watermarks.get(name) ?? 0)) this.objections.push(`the watermark of ${name} went back`);
      this.watermarks.set(name, watermark);
      const missing = this.#world.accepted(name, watermark).find((identity) => !this.stored.has(identity));
      if (missing !== undefined) this.objections.push(`watermark ${watermark} of ${name} passed ${missing}`);
    }
  }
}
