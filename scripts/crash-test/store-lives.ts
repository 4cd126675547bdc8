// The lives of one store, one after another: each dies, the next one finds what it left, the last one finishes
// everything. Between two of them it plays the client's memory: which ids were sent and have no receipt; and a reader.

import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { mulberry32, type Random } from '../random.js';
import { type LifeEnd, live } from './life.js';
import { drawDeath, drawPlan, lastPlan, type PlanLimits } from './life-plan.js';
import { type AcceptedLine, logPath, readLines, type SeenLine, type SentLine } from './line-log.js';
import { lineNumberFirst, lineOf, workOf } from './workload.js';

export interface StoreLivesOptions {
  readonly folder: string;
  readonly seed: number;
  readonly kills: number;
  /** Lines of the file that some lives consume. */
  readonly lines: number;
  readonly atCalls: boolean;
  readonly limits: PlanLimits;
  /** Aborted when another store has failed. */
  readonly signal: AbortSignal;
  onEnd(end: LifeEnd): void;
}

/** Ids with a receipt that the client publishes again all the same. */
const repeatsMax = 8;
/** Outcomes that a reader looks at after a death, the last ones. */
const seenMax = 300;

export class StoreLives {
  readonly store: string;
  readonly #options: StoreLivesOptions;
  readonly #random: Random;
  readonly #input: string;
  /** Numbers of events with ids: sent and without a receipt, in their order; and some with one. */
  #unconfirmed: number[] = [];
  #confirmed: number[] = [];

  constructor(options: StoreLivesOptions) {
    this.#options = options;
    this.#random = mulberry32(options.seed);
    this.store = join(options.folder, 'crash.db');
    this.#input = join(options.folder, 'lines.ndjson');
  }

  /** Resolves when everything that was accepted is done; rejects when a life does not end as planned. */
  async run(): Promise<void> {
    const { seed, lines, kills, onEnd, atCalls, signal } = this.#options;
    const texts = Array.from({ length: lines }, (_, index) => lineOf(workOf(seed, lineNumberFirst + index)));
    writeFileSync(this.#input, texts.join(''));
    const random = this.#random;
    for (let life = 1; life <= kills; life += 1) {
      signal.throwIfAborted();
      const death = drawDeath(random, { atCalls });
      onEnd(await live(this.#plan(life), { death, random }));
      this.#remember(life);
      // After the other deaths the next life is the first to open what was left.
      if (random() < 0.3) this.#see(life);
    }
    onEnd(await live(lastPlan(this.#plan(kills + 1), this.#input), { death: null, random }));
  }

  #plan(life: number) {
    const { seed, folder, limits } = this.#options;
    const repeats = this.#confirmed.filter(() => this.#random() < 0.5);
    const republish = [...this.#unconfirmed, ...repeats];
    return drawPlan(this.#random, { seed, life, folder, store: this.store, republish, input: this.#input }, limits);
  }

  #remember(life: number): void {
    const { folder } = this.#options;
    const accepted = readLines<AcceptedLine>(logPath(folder, { log: 'accepted', life }));
    const confirmed = new Set(accepted.map(([n]) => n));
    const sent = readLines<SentLine>(logPath(folder, { log: 'sent', life })).map(([n]) => n);
    this.#unconfirmed = [...new Set([...this.#unconfirmed, ...sent])].filter((n) => !confirmed.has(n));
    const known = [...this.#confirmed, ...sent.filter((n) => confirmed.has(n))];
    this.#confirmed = known.slice(-repeatsMax);
  }

  /** Notes outcomes as any reader sees them now: from here on they may not change. */
  #see(life: number): void {
    if (!existsSync(this.store)) return;
    const path = logPath(this.#options.folder, { log: 'seen', life });
    const db = new Database(this.store, { readonly: true });
    try {
      const rows = db
        .prepare(
          `SELECT position, started_at FROM outcome WHERE partition = (SELECT id FROM partition WHERE name = 'journal')
           ORDER BY partition DESC, position DESC, handler DESC LIMIT ${seenMax}`,
        )
        .raw()
        .all() as SeenLine[];
      writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    } finally {
      db.close();
    }
  }
}
