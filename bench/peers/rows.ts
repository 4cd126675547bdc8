// The rows that keylane stores of an outcome, for peers that store them by themselves: the same columns, the same
// primary key, the same durability (`process`).

import Database from 'better-sqlite3';
import type { PeerOutcome } from './thread.js';

export class PeerRows {
  readonly #db: Database.Database;
  readonly #insert: Database.Statement;
  readonly #insertMany: (outcomes: readonly PeerOutcome[]) => void;

  constructor(path: string) {
    this.#db = new Database(path);
    this.#db.pragma('journal_mode = WAL');
    this.#db.pragma('synchronous = NORMAL');
    this.#db.exec(`
      CREATE TABLE outcome (
        partition INTEGER NOT NULL, position INTEGER NOT NULL, handler INTEGER NOT NULL, status INTEGER NOT NULL,
        attempts INTEGER NOT NULL, started_at INTEGER NOT NULL, duration_us INTEGER NOT NULL, id ANY, type ANY NOT NULL,
        key ANY, result ANY, error TEXT, PRIMARY KEY (partition, position, handler)
      ) STRICT, WITHOUT ROWID`);
    this.#insert = this.#db.prepare('INSERT INTO outcome VALUES (1, ?, 0, 0, 1, ?, ?, NULL, ?, ?, ?, NULL)');
    this.#insertMany = this.#db.transaction((outcomes: readonly PeerOutcome[]) => {
      for (const outcome of outcomes) this.add(outcome);
    });
  }

  /** One transaction, unless inside `addMany`. */
  add({ n, type, key, result, startedAtUs, durationUs }: PeerOutcome): void {
    this.#insert.run(n + 1, startedAtUs, durationUs, type, key, String(result));
  }

  addMany(outcomes: readonly PeerOutcome[]): void {
    this.#insertMany(outcomes);
  }

  /** What is stored, and how many events began before their predecessor of the same key ended. */
  found(): { count: number; checksum: number; late: number } {
    const one = (sql: string): number => this.#db.prepare<[], number>(sql).pluck().get() ?? 0;
    return {
      count: one('SELECT count(*) FROM outcome'),
      checksum: one('SELECT sum(CAST(result AS INTEGER)) FROM outcome'),
      late: one(`
        SELECT count(*) FROM (
          SELECT started_at < lag(started_at + duration_us) OVER (PARTITION BY key ORDER BY position) - 1 AS late
          FROM outcome WHERE key IS NOT NULL
        ) WHERE late`),
    };
  }

  close(): void {
    this.#db.close();
  }
}
