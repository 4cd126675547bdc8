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
  `
  -- outcome.status: 0 succeeded, 1 dead-lettered, 2 cancelled, 3 discarded (a dead letter that was given up).

  -- The order that the lanes of this store are made for: 0 key, 1 global, 2 none.
  INSERT INTO meta VALUES ('order', 0);

  -- Failed tries that were followed by another one; a dead letter's last try is its outcome, until it is run again.
  CREATE TABLE attempt_failure (
    partition INTEGER NOT NULL,
    position INTEGER NOT NULL,
    handler INTEGER NOT NULL,
    started_at INTEGER NOT NULL,  -- microseconds since the Unix epoch, as are all times
    duration_us INTEGER NOT NULL,
    attempt INTEGER NOT NULL,     -- tries counted so far, this one included if it is
    is_counted INTEGER NOT NULL,  -- 0 where the handler had asked to be called later; + 2 once redriven
    due_at INTEGER,               -- when the next try was due; NULL for the last one of a dead letter
    error TEXT,                   -- JSON
    PRIMARY KEY (partition, position, handler, started_at)
  ) STRICT, WITHOUT ROWID;

  -- Lanes are named by handler and key. The one lane of order global has handler 0 and key ''. Events without a key
  -- that wait are in lanes of the negative of their handler.

  -- Lanes that are stopped by a dead letter.
  CREATE TABLE lane_parked (
    handler INTEGER NOT NULL,
    key ANY NOT NULL,
    partition INTEGER NOT NULL,   -- of the dead letter
    position INTEGER NOT NULL,
    parked_at INTEGER NOT NULL,
    PRIMARY KEY (handler, key)
  ) STRICT, WITHOUT ROWID;

  -- Events without an outcome that wait here, as their lane is not in memory; lane by lane, by place.
  CREATE TABLE waiting (
    handler INTEGER NOT NULL,
    key ANY NOT NULL,
    place INTEGER NOT NULL,
    partition INTEGER NOT NULL,
    position INTEGER NOT NULL,
    event_handler INTEGER NOT NULL,
    redriven_at INTEGER NOT NULL DEFAULT 0, -- 0 for one that was not
    PRIMARY KEY (handler, key, place),
    UNIQUE (partition, position, event_handler)
  ) STRICT, WITHOUT ROWID;

  -- Events that are not in the journal: dead-lettered, cancelled, or waiting.
  CREATE TABLE kept_event (
    partition INTEGER NOT NULL,
    position INTEGER NOT NULL,
    id ANY,
    type ANY NOT NULL,
    key ANY,
    extras TEXT,                  -- JSON of { time, headers }
    data ANY,                     -- JSON as TEXT, bytes as BLOB
    PRIMARY KEY (partition, position)
  ) STRICT, WITHOUT ROWID;

  -- Why dead letters were given up.
  CREATE TABLE discarded (
    partition INTEGER NOT NULL,
    position INTEGER NOT NULL,
    handler INTEGER NOT NULL,
    reason ANY NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (partition, position, handler)
  ) STRICT, WITHOUT ROWID;

  DROP VIEW dead_letters;
  DROP VIEW outcomes;
  DROP VIEW pending_events;

  CREATE VIEW outcomes AS
  SELECT partition.name AS partition, position, outcome.id AS id, type, key, handler.name AS handler,
    CASE status WHEN 0 THEN 'succeeded' WHEN 1 THEN 'dead-lettered' WHEN 2 THEN 'cancelled' WHEN 3 THEN 'discarded' END
      AS status,
    attempts, started_at, duration_us, result, error
  FROM outcome JOIN partition ON partition.id = outcome.partition JOIN handler ON handler.id = outcome.handler;

  CREATE VIEW dead_letters AS
  SELECT partition, position, id, type, key, handler, attempts, started_at, duration_us, result, error
  FROM outcomes WHERE status = 'dead-lettered';

  CREATE VIEW pending_events AS
  SELECT partition.name AS partition, position, event.id AS id, type, key, handler.name AS handler,
    CASE is_present WHEN 1 THEN 'waiting' ELSE 'parked' END AS state, accepted_at, data, extras
  FROM partition JOIN event ON event.position >= partition.watermark JOIN handler ON handler.id = event.handler
  WHERE partition.name = 'journal' AND NOT EXISTS (
    SELECT 1 FROM outcome
    WHERE outcome.partition = partition.id AND outcome.position = event.position AND outcome.handler = event.handler
  ) AND NOT EXISTS (
    SELECT 1 FROM waiting
    WHERE waiting.partition = partition.id AND waiting.position = event.position
      AND waiting.event_handler = event.handler
  )
  UNION ALL
  SELECT partition.name AS partition, waiting.position AS position,
    CASE WHEN event.position IS NULL THEN kept_event.id ELSE event.id END AS id,
    ifnull(event.type, kept_event.type) AS type,
    CASE WHEN event.position IS NULL THEN kept_event.key ELSE event.key END AS key,
    handler.name AS handler,
    CASE WHEN is_present = 1 AND lane_parked.handler IS NULL THEN 'waiting' ELSE 'parked' END AS state,
    accepted_at,
    CASE WHEN event.position IS NULL THEN kept_event.data ELSE event.data END AS data,
    CASE WHEN event.position IS NULL THEN kept_event.extras ELSE event.extras END AS extras
  FROM waiting JOIN partition ON partition.id = waiting.partition JOIN handler ON handler.id = waiting.event_handler
    LEFT JOIN lane_parked ON lane_parked.handler = waiting.handler AND lane_parked.key = waiting.key
    LEFT JOIN event ON partition.name = 'journal' AND event.position = waiting.position
    LEFT JOIN kept_event ON kept_event.partition = waiting.partition AND kept_event.position = waiting.position;
  `,
];

/** The schema this keylane writes, and the newest it can read: SQLite's `user_version`. */
export const schemaVersion = migrations.length;

/** The first schema that has the journal. */
export const schemaVersionOfJournal = 2;

/** The first schema that has lanes: events that wait, lanes that are parked, and what is known of failed tries. */
export const schemaVersionOfLanes = 3;

/** The numbers that stand for a status in the table; those of the verdicts that are outcomes, and one more. */
export const statusNumber = { succeeded: 0, deadLettered: 1, cancelled: 2, discarded: 3 } as const;

/** A status as people read it, in SQL. */
export const statusTextSql = `
  CASE status WHEN 0 THEN 'succeeded' WHEN 1 THEN 'dead-lettered' WHEN 2 THEN 'cancelled' WHEN 3 THEN 'discarded' END`;

/** The version of an open store. */
export function versionOf(db: Connection): number {
  return Number(db.pragma('user_version', { simple: true }));
}

/** Brings the tables of a store, whatever its version, to the newest. */
export function migrateToNewest(db: Connection): void {
  const version = versionOf(db);
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
