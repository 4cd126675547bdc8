// What a store holds: its marks, its tables, and the views that are public and stay as they are. A change of the
// tables is one more migration at the end of the list; what is in the list never changes.

import type { Connection } from './database.js';

/** The mark of a keylane store in SQLite's header, where `PRAGMA application_id` shows it: "keyl" in ASCII. */
export const applicationId = 0x6b65796c;

// Comments inside the SQL are kept by SQLite: whoever types .schema reads them.
//
// - Text columns declared ANY hold TEXT, or a BLOB of UTF-16LE for the rare text that is no well-formed Unicode (a lone
//   surrogate), as TEXT would not give it back unchanged.
// - outcome has no rowid, as (partition, position, handler) is its identity and the order in which rows arrive too, and
//   no foreign keys, as those cost two look-ups a row; the one writer takes its numbers from the tables they name.
const migrations: readonly string[] = [
  `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  -- How often the store was opened; a writer that finds another number than its own has been replaced.
  INSERT INTO meta VALUES ('epoch', 0);
  -- 1 when the last user closed the store in order; 0 while one has it, and after one that died.
  INSERT INTO meta VALUES ('clean', 1);

  CREATE TABLE partition (
    id INTEGER PRIMARY KEY,
    name ANY NOT NULL UNIQUE,
    watermark INTEGER NOT NULL DEFAULT 0, -- every position below it has its outcome
    position_next INTEGER NOT NULL DEFAULT 1, -- after an orderly end: one above every position ever given
    fingerprint TEXT,                     -- by which the same input is known again
    epoch INTEGER NOT NULL                -- the epoch of its last user
  ) STRICT;

  CREATE TABLE handler (id INTEGER PRIMARY KEY, name ANY NOT NULL UNIQUE) STRICT;

  CREATE TABLE outcome (
    partition INTEGER NOT NULL,
    position INTEGER NOT NULL,
    handler INTEGER NOT NULL,
    status INTEGER NOT NULL,      -- 0 succeeded, 1 dead-lettered
    attempts INTEGER NOT NULL,
    started_at INTEGER NOT NULL,  -- of the last try, microseconds since the Unix epoch
    duration_us INTEGER NOT NULL,
    id ANY,
    type ANY NOT NULL,
    key ANY,
    result ANY,                   -- JSON as TEXT, bytes as BLOB
    error TEXT,                   -- JSON
    PRIMARY KEY (partition, position, handler)
  ) STRICT, WITHOUT ROWID;

  CREATE VIEW outcomes AS
  SELECT partition.name AS partition, position, outcome.id AS id, type, key, handler.name AS handler,
    CASE status WHEN 0 THEN 'succeeded' WHEN 1 THEN 'dead-lettered' END AS status,
    attempts, started_at, duration_us, result, error
  FROM outcome JOIN partition ON partition.id = outcome.partition JOIN handler ON handler.id = outcome.handler;

  CREATE VIEW dead_letters AS
  SELECT partition, position, id, type, key, handler, attempts, started_at, duration_us, result, error
  FROM outcomes WHERE status = 'dead-lettered';
  `,
  `
  -- 1 while the last user gave out positions before anything of them was stored; 0 after an orderly end.
  ALTER TABLE partition ADD COLUMN is_volatile INTEGER NOT NULL DEFAULT 0;
  UPDATE partition SET is_volatile = 1 WHERE (SELECT value FROM meta WHERE name = 'clean') = 0;
  -- Whether the module of the last user had the handler. What is owed to one that is not present is parked.
  ALTER TABLE handler ADD COLUMN is_present INTEGER NOT NULL DEFAULT 1;

  INSERT INTO partition (name, epoch) VALUES ('journal', 0) ON CONFLICT (name) DO NOTHING;
  -- The journal: published events, by their positions in the partition 'journal', with the handler each is owed to.
  CREATE TABLE event (
    position INTEGER PRIMARY KEY,
    handler INTEGER NOT NULL,
    accepted_at INTEGER NOT NULL, -- microseconds since the Unix epoch
    id ANY,
    type ANY NOT NULL,
    key ANY,
    extras TEXT,                  -- JSON of { time, headers }
    data ANY                      -- JSON as TEXT, bytes as BLOB
  ) STRICT;
  CREATE UNIQUE INDEX event_id ON event (id) WHERE id IS NOT NULL;

  -- Events that were running when a process died, and how many processes died while one of them ran alone.
  CREATE TABLE suspect (
    partition INTEGER NOT NULL,
    position INTEGER NOT NULL,
    deaths INTEGER NOT NULL,
    PRIMARY KEY (partition, position)
  ) STRICT, WITHOUT ROWID;

  CREATE VIEW pending_events AS
  SELECT partition.name AS partition, position, event.id AS id, type, key, handler.name AS handler,
    CASE is_present WHEN 1 THEN 'waiting' ELSE 'parked' END AS state, accepted_at, data, extras
  FROM partition JOIN event ON event.position >= partition.watermark JOIN handler ON handler.id = event.handler
  WHERE partition.name = 'journal' AND NOT EXISTS (
    SELECT 1 FROM outcome
    WHERE outcome.partition = partition.id AND outcome.position = event.position AND outcome.handler = event.handler
  );
  `,
];

/** The schema this keylane writes, and the newest it can read: SQLite's `user_version`. */
export const schemaVersion = migrations.length;

/** The first schema that has the journal. */
export const schemaVersionOfJournal = 2;

/** The numbers that stand for a status in the table. */
export const statusNumber = { succeeded: 0, deadLettered: 1 } as const;

/** Brings the tables of a store, whatever its version, to the newest. */
export function migrateToNewest(db: Connection): void {
  const version = Number(db.pragma('user_version', { simple: true }));
  if (version < schemaVersion) migrate(db, { from: version, to: schemaVersion });
}

/** Brings the tables from a version (0: an empty database) to a later one, in one transaction. */
export function migrate(db: Connection, { from, to }: { from: number; to: number }): void {
  const steps = db.transaction(() => {
    for (const sql of migrations.slice(from, to)) db.exec(sql);
    db.pragma(`application_id = ${applicationId}`);
    db.pragma(`user_version = ${to}`);
  });
  steps.immediate();
}
