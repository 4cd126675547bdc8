// The tables and views of a store, as the steps that lead from each schema to the next. A change of the tables is one
// more step at the end of the list; what is in the list never changes.

import { recentMigrations } from './recent-migrations.js';

// Comments inside the SQL are kept by SQLite: whoever types .schema reads them.
//
// - Text columns declared ANY hold TEXT, or a BLOB of UTF-16LE for the rare text that is no well-formed Unicode (a lone
//   surrogate), as TEXT would not give it back unchanged.
// - outcome has no rowid, as (partition, position, handler) is its identity and the order in which rows arrive too, and
//   no foreign keys, as those cost two look-ups a row; the one writer takes its numbers from the tables they name.
export const migrations: readonly string[] = [
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
  `
  -- What events are owed to: event.handler is the id of a route. Each handler has a route of its own with its own id;
  -- the ids of those of several handlers are negative. An event that no handler took has 0, and owes nothing.
  CREATE TABLE route (
    id INTEGER NOT NULL,
    handler INTEGER NOT NULL,
    PRIMARY KEY (id, handler)
  ) STRICT, WITHOUT ROWID;
  INSERT INTO route (id, handler) SELECT id, id FROM handler;

  -- A death is charged to one handler of an event; 0 stands for its only one, where it was not noted which that is.
  CREATE TABLE suspect_of_handler (
    partition INTEGER NOT NULL,
    position INTEGER NOT NULL,
    handler INTEGER NOT NULL,
    deaths INTEGER NOT NULL,
    PRIMARY KEY (partition, position, handler)
  ) STRICT, WITHOUT ROWID;
  INSERT INTO suspect_of_handler (partition, position, handler, deaths)
    SELECT partition, position, 0, deaths FROM suspect;
  DROP TABLE suspect;
  ALTER TABLE suspect_of_handler RENAME TO suspect;

  -- The order of its events, where that is not the one of all: 0 key, 2 none, 3 all of them one after another.
  ALTER TABLE handler ADD COLUMN own_order INTEGER;

  -- The handler of the dead letter; 0 as above.
  ALTER TABLE lane_parked ADD COLUMN event_handler INTEGER NOT NULL DEFAULT 0;

  CREATE VIEW unmatched_events AS
  SELECT 'journal' AS partition, position, id, type, key, accepted_at, data, extras FROM event WHERE handler = 0;

  DROP VIEW pending_events;
  CREATE VIEW pending_events AS
  SELECT partition.name AS partition, position, event.id AS id, type, key, handler.name AS handler,
    CASE is_present WHEN 1 THEN 'waiting' ELSE 'parked' END AS state, accepted_at, data, extras
  FROM partition JOIN event ON event.position >= partition.watermark
    JOIN route ON route.id = event.handler JOIN handler ON handler.id = route.handler
  WHERE partition.name = 'journal' AND NOT EXISTS (
    SELECT 1 FROM outcome
    WHERE outcome.partition = partition.id AND outcome.position = event.position AND outcome.handler = route.handler
  ) AND NOT EXISTS (
    SELECT 1 FROM waiting
    WHERE waiting.partition = partition.id AND waiting.position = event.position
      AND waiting.event_handler = route.handler
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
  ...recentMigrations,
];
