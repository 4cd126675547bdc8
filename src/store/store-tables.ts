// The tables of an open store, made for one connection, in the order in which they need each other.

import type { Connection } from './database.js';
import { Decided } from './decided.js';
import { EventJournal } from './event-journal.js';
import { FailureTable } from './failure-table.js';
import { KeptEvents } from './kept-events.js';
import { LaneNames } from './lane-name.js';
import type { LaneOrders } from './lane-orders.js';
import { ParkedLanes } from './parked-lanes.js';
import { PartitionTable } from './partition-table.js';
import { RouteTable } from './route-table.js';
import { StateTable } from './state-table.js';
import { SuspectTable } from './suspect-table.js';
import { WaitingTable } from './waiting-table.js';

export interface StoreTables {
  readonly names: LaneNames;
  readonly suspects: SuspectTable;
  readonly failures: FailureTable;
  readonly lanes: ParkedLanes;
  readonly partitions: PartitionTable;
  readonly journal: EventJournal;
  readonly kept: KeptEvents;
  readonly waiting: WaitingTable;
  readonly states: StateTable;
  readonly decided: Decided;
}

/** What the tables have to know of this use of the store. */
export interface TablesRequest {
  readonly epoch: number;
  readonly handlerIds: readonly number[];
  readonly orders: LaneOrders;
  readonly isTakenOver: boolean;
}

export function tablesOf(db: Connection, { epoch, handlerIds, orders, isTakenOver }: TablesRequest): StoreTables {
  const names = new LaneNames(handlerIds);
  const suspects = new SuspectTable(db, { names });
  const failures = new FailureTable(db, { names });
  const lanes = new ParkedLanes(db, { names });
  const routes = new RouteTable(db, { names });
  const partitions = new PartitionTable(db, { epoch, orders, names, suspects, failures, lanes, routes });
  const journal = new EventJournal(db, { partition: partitions.journal, names, routes });
  const kept = new KeptEvents(db, { journal: partitions.journal });
  const waiting = new WaitingTable(db, { names, orders, kept, isTakenOver });
  const decided = new Decided(db, { names });
  const states = new StateTable(db, { names });
  return { names, suspects, failures, lanes, partitions, journal, kept, waiting, states, decided };
}
