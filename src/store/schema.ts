// What a store holds: its marks, its version, and what brings its tables from one version to a later one.

import type { Connection } from './database.js';
import { migrations } from './migrations.js';

/** The mark of a keylane store in SQLite's header, where `PRAGMA application_id` shows it: "keyl" in ASCII. */
export const applicationId = 0x6b65796c;

/** The schema this keylane writes, and the newest it can read: SQLite's `user_version`. */
export const schemaVersion = migrations.length;

/** The first schema that has the journal. */
export const schemaVersionOfJournal = 2;

/** The first schema that has lanes: events that wait, lanes that are parked, and what is known of failed tries. */
export const schemaVersionOfLanes = 3;

/** The first schema that has routes: events that are owed to several handlers. */
export const schemaVersionOfRoutes = 4;

/** The first schema that has the states of keys. */
export const schemaVersionOfStates = 6;

/** The first schema that knows what retention has deleted. */
export const schemaVersionOfErased = 9;

/** The numbers that stand for a status in the table; those of the verdicts that are outcomes, and one more. */
export const statusNumber = { succeeded: 0, deadLettered: 1, cancelled: 2, discarded: 3, superseded: 4 } as const;

/** A status as people read it, in SQL. */
export const statusTextSql = `
  CASE status WHEN 0 THEN 'succeeded' WHEN 1 THEN 'dead-lettered' WHEN 2 THEN 'cancelled' WHEN 3 THEN 'discarded'
    WHEN 4 THEN 'superseded' END`;

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
