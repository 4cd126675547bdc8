// The steps to the fifth schema and those after it; see migrations.ts.

export const recentMigrations: readonly string[] = [
  `
  -- Whole events as programs read them, those of the journal and those that are kept besides.
  CREATE VIEW events AS
  SELECT 'journal' AS partition, position, id, type, key, data,
    json_extract(extras, '$.time') AS time, ifnull(json_extract(extras, '$.version'), 1) AS version,
    json_extract(extras, '$.correlationId') AS correlation_id, json_extract(extras, '$.causationId') AS causation_id,
    json_extract(extras, '$.headers') AS headers, accepted_at
  FROM event
  UNION ALL
  SELECT partition.name AS partition, position, kept_event.id AS id, type, key, data,
    json_extract(extras, '$.time') AS time, ifnull(json_extract(extras, '$.version'), 1) AS version,
    json_extract(extras, '$.correlationId') AS correlation_id, json_extract(extras, '$.causationId') AS causation_id,
    json_extract(extras, '$.headers') AS headers, NULL AS accepted_at
  FROM kept_event JOIN partition ON partition.id = kept_event.partition;
  `,
  `
  -- What handlers keep for each key, as the event that is named has left it: stored with that event's outcome.
  CREATE TABLE state (
    handler INTEGER NOT NULL,
    key ANY NOT NULL,
    version INTEGER NOT NULL,     -- the handler's own
    value ANY NOT NULL,           -- JSON as TEXT, bytes as BLOB
    partition INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (handler, key)
  ) STRICT, WITHOUT ROWID;

  CREATE VIEW states AS
  SELECT handler.name AS handler, key, version, value, partition.name AS partition, position
  FROM state JOIN handler ON handler.id = state.handler JOIN partition ON partition.id = state.partition;
  `,
  `
  -- What handlers emitted, for programs that pass it on: each exists exactly if the try that emitted it has succeeded,
  -- and positions only rise.
  CREATE VIEW emitted_events AS
  SELECT position, id, type, key, data,
    json_extract(extras, '$.time') AS time, ifnull(json_extract(extras, '$.version'), 1) AS version,
    json_extract(extras, '$.correlationId') AS correlation_id, json_extract(extras, '$.causationId') AS causation_id,
    json_extract(extras, '$.headers') AS headers, json_extract(extras, '$.depth') AS depth, accepted_at
  FROM event WHERE json_extract(extras, '$.depth') IS NOT NULL;
  `,
  `
  -- outcome.status: 4 superseded (a newer event of its key came before it had started).
  DROP VIEW dead_letters;
  DROP VIEW outcomes;

  CREATE VIEW outcomes AS
  SELECT partition.name AS partition, position, outcome.id AS id, type, key, handler.name AS handler,
    CASE status WHEN 0 THEN 'succeeded' WHEN 1 THEN 'dead-lettered' WHEN 2 THEN 'cancelled' WHEN 3 THEN 'discarded'
      WHEN 4 THEN 'superseded' END AS status,
    attempts, started_at, duration_us, result, error
  FROM outcome JOIN partition ON partition.id = outcome.partition JOIN handler ON handler.id = outcome.handler;

  CREATE VIEW dead_letters AS
  SELECT partition, position, id, type, key, handler, attempts, started_at, duration_us, result, error
  FROM outcomes WHERE status = 'dead-lettered';
  `,
  `
  -- What retention has deleted of outcomes that succeeded, by handler and partition: states cannot be made of it anew.
  CREATE TABLE erased (
    handler INTEGER NOT NULL,
    partition INTEGER NOT NULL,
    succeeded INTEGER NOT NULL,       -- how many
    position_last INTEGER NOT NULL,
    started_at_last INTEGER NOT NULL,
    PRIMARY KEY (handler, partition)
  ) STRICT, WITHOUT ROWID;

  -- Of what was deleted before, the last event of a key may tell.
  INSERT INTO erased (handler, partition, succeeded, position_last, started_at_last)
  SELECT state.handler, state.partition, count(*), max(state.position), 0
  FROM state LEFT JOIN outcome ON outcome.partition = state.partition AND outcome.position = state.position
    AND outcome.handler = state.handler
  WHERE outcome.position IS NULL GROUP BY state.handler, state.partition;
  `,
];
