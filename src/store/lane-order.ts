// What becomes of the lanes in a store when it is opened with another order: nothing that waits may be left in a lane
// that nobody makes any more. Runs inside a transaction of the store.

import type { LaneOrder } from '../policy.js';
import type { Connection } from './database.js';
import { globalLane, laneOf, type StoredLane } from './lane-name.js';
import { LaneOrders } from './lane-orders.js';
import { statusNumber } from './schema.js';
import { storedText, textFrom, textOrNullFrom } from './stored-text.js';

interface LaneEventRow {
  readonly lane_handler: number;
  readonly lane_key: string | Buffer;
  readonly place: number;
  readonly position: number;
  readonly handler: number;
  readonly key: string | Buffer | null;
}

interface HeadRow {
  readonly partition: number;
  readonly position: number;
  readonly parked_at: number;
  readonly event_handler: number;
}

/** What has an order already keeps it; what has none came, as far as is known, in the order of positions. */
const lanesFirst = `
  waiting.handler < 0,
  CASE WHEN waiting.handler < 0 THEN waiting.partition END, CASE WHEN waiting.handler < 0 THEN waiting.position END`;

/** Brings the lanes of a store into the orders that are wanted. */
export function fitLanes(db: Connection, orders: LaneOrders): void {
  const before = LaneOrders.stored(db);
  const ids = db.prepare('SELECT id FROM handler').pluck().all() as number[];
  const changed = ids.filter((id) => before.of(id) !== orders.of(id));
  orders.store(db);
  if (changed.length === 0) return;
  if (orders.order === 'global') {
    // Dead letters that stop a single key have nothing to stop here.
    db.prepare('DELETE FROM lane_parked WHERE handler <> 0').run();
    moveWaiting(db, orders, { to: 'global', sortedBy: 'waiting.partition, waiting.position' });
    return;
  }
  if (before.order === 'global') moveParked(db);
  const release = db.prepare('DELETE FROM lane_parked WHERE handler = ?');
  for (const id of changed) if (orders.of(id) !== 'key' || before.of(id) !== 'global') release.run(id);
  // What has no order may stay where it is, as lanes mean nothing: it is enough that none of them is stopped.
  moveWaiting(db, orders, { to: 'key', sortedBy: `${lanesFirst}, waiting.handler, waiting.key, place` });
  moveWaiting(db, orders, { to: 'handler', sortedBy: 'waiting.partition, waiting.position' });
}

/** Puts each event that waits behind what waits in the lane where it belongs, of handlers with an order. */
function moveWaiting(
  db: Connection,
  orders: LaneOrders,
  { to: order, sortedBy }: { to: LaneOrder; sortedBy: string },
): void {
  const rows = db
    .prepare(
      `SELECT waiting.handler AS lane_handler, waiting.key AS lane_key, place, waiting.position AS position,
         event_handler AS handler,
         CASE WHEN event.position IS NULL THEN kept_event.key ELSE event.key END AS key
       FROM waiting JOIN partition ON partition.id = waiting.partition
         LEFT JOIN event ON partition.name = 'journal' AND event.position = waiting.position
         LEFT JOIN kept_event
           ON kept_event.partition = waiting.partition AND kept_event.position = waiting.position
       ORDER BY ${sortedBy}`,
    )
    .all() as LaneEventRow[];
  const move = db.prepare(`
    UPDATE waiting SET handler = @toHandler, key = @toKey,
      place = 1 + (SELECT ifnull(max(place), 0) FROM waiting WHERE handler = @toHandler AND key = @toKey)
    WHERE handler = @handler AND key = @key AND place = @place`);
  for (const { lane_handler, lane_key, place, position, handler, key } of rows) {
    if (orders.of(handler) !== order) continue;
    const to = laneOf({ handler, key: textOrNullFrom(key), position }, order);
    // One without an order may be in any lane without one.
    if (to.handler === lane_handler && (to.handler < 0 || to.key === textFrom(lane_key))) continue;
    move.run({ toHandler: to.handler, toKey: storedText(to.key), handler: lane_handler, key: lane_key, place });
  }
}

/** What stopped everything stops the lane of its own key now, or nothing if it has none. */
function moveParked(db: Connection): void {
  const head = db
    .prepare(
      `DELETE FROM lane_parked WHERE handler = ? AND key = ? RETURNING partition, position, parked_at, event_handler`,
    )
    .get(globalLane.handler, globalLane.key) as HeadRow | undefined;
  if (head === undefined) return;
  const letter = db
    .prepare(
      `SELECT handler, key FROM outcome
       WHERE partition = @partition AND position = @position AND status = ${statusNumber.deadLettered}
         AND @event_handler IN (0, handler)`,
    )
    .get(head) as { handler: number; key: string | Buffer | null } | undefined;
  if (letter === undefined || letter.key === null) return;
  const lane: StoredLane = { handler: letter.handler, key: textFrom(letter.key) };
  db.prepare(
    `INSERT INTO lane_parked (handler, key, partition, position, parked_at, event_handler) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT DO NOTHING`,
  ).run(lane.handler, storedText(lane.key), head.partition, head.position, head.parked_at, letter.handler);
}
