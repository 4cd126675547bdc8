// One pass over the store that deletes what retention no longer keeps: which rows those are, and nothing else. It goes
// a step at a time, each of which looks at few rows, in the order of the primary key, as there is no other index. What
// is owed stays: an event without an outcome is never looked at, one that is owed to several handlers goes once all of
// its outcomes may, and of a source only what lies below its watermark, as everything above would run again. Knows no
// clock.

import { journalPartition } from '../event.js';
import { unreachable } from '../invariant.js';
import type { Retention } from '../options.js';
import type { Connection, Statement } from './database.js';
import type { ExpiredOutcome, OutcomeEraser } from './outcome-eraser.js';
import { schemaVersionOfLanes, schemaVersionOfRoutes, statusNumber, versionOf } from './schema.js';

/** Rows that one step looks at at most: a few milliseconds. */
const rowsPerStepMax = 4_096;
/** Rows that one step deletes at most, in one transaction. */
const rowsErasedMax = 500;
const usPerMs = 1_000;

/** What a pass deleted, or would have deleted without an eraser. */
export interface Pruned {
  readonly succeeded: number;
  readonly deadLettered: number;
}

export interface RetentionPassParts {
  readonly retention: Retention;
  /** The time from which ages are counted, in milliseconds since the Unix epoch. */
  readonly nowMs: number;
  /** Null when nothing is to be deleted, only counted. */
  readonly eraser: OutcomeEraser | null;
  /**
   * Whether rows are looked at up to the end. Otherwise a partition is left as soon as all rows of a step are too
   * young, as positions rise with time but for the disorder in the ring: a later pass finds what this one missed.
   */
  readonly isThorough: boolean;
}

/**
 * What outcomes are to retention: cancelled and discarded ones are kept as long as dead letters are, superseded ones,
 * of which there may be as many, as long as those that succeeded.
 */
const kind = { succeeded: 0, lost: 1 } as const;

function kindOf(status: number): 0 | 1 {
  return status === statusNumber.succeeded || status === statusNumber.superseded ? kind.succeeded : kind.lost;
}

/** The limits of one kind. */
interface Limits {
  /** Outcomes that began before this go. */
  readonly startedAtUsMin: number;
  readonly countMax: number;
}

interface Partition {
  readonly id: number;
  /** Only what lies below may go. */
  readonly ceiling: number;
}

/** Where a walk along the primary key of one partition is: the row looked at last. */
interface Cursor {
  readonly position: number;
  readonly handler: number;
}

/** By kind: below this position there are more outcomes than are to be kept. */
type KeptFrom = readonly number[];

/** Written by `step` alone. */
type Stage =
  /** Goes on with the partition after this one. */
  | { readonly kind: 'between'; readonly after: number }
  /** Counts from the newest outcome downwards until it knows from where on outcomes are kept. */
  | {
      readonly kind: 'counting';
      readonly partition: Partition;
      readonly cursor: Cursor;
      readonly counts: readonly number[];
      readonly keptFrom: KeptFrom;
    }
  /** Deletes from the oldest outcome upwards. */
  | { readonly kind: 'erasing'; readonly partition: Partition; readonly cursor: Cursor; readonly keptFrom: KeptFrom }
  | { readonly kind: 'done' };

const start: Cursor = { position: -1, handler: -1 };
const end: Cursor = { position: Number.MAX_SAFE_INTEGER, handler: Number.MAX_SAFE_INTEGER };

export class RetentionPass {
  readonly #eraser: OutcomeEraser | null;
  readonly #isThorough: boolean;
  /** By kind. */
  readonly #limits: readonly Limits[];
  /** An outcome that began at or after this is too young whatever its status. */
  readonly #youngFromUs: number;
  readonly #nextPartition: Statement;
  readonly #downwards: Statement;
  readonly #upwards: Statement;
  readonly #parkedAt: Statement | null;
  /** How many outcomes an event of the journal is owed in all; whether an event waits. Null before there were any. */
  readonly #width: Statement | null;
  readonly #waits: Statement | null;
  /** By kind. */
  readonly #pruned = [0, 0];
  #rowsLooked = 0;
  #stage: Stage = { kind: 'between', after: 0 };

  constructor(db: Connection, { retention, nowMs, eraser, isThorough }: RetentionPassParts) {
    this.#eraser = eraser;
    this.#isThorough = isThorough;
    const limits: Limits[] = [];
    limits[kind.succeeded] = limitsOf(retention.succeeded, nowMs);
    limits[kind.lost] = limitsOf(retention.deadLettered, nowMs);
    this.#limits = limits;
    this.#youngFromUs = Math.max(...limits.map(({ startedAtUsMin }) => startedAtUsMin));
    // A dry run looks at stores of older schemas too.
    const since = (version: number, sql: string): Statement | null => {
      return versionOf(db) < version ? null : db.prepare(sql).pluck();
    };
    this.#parkedAt = since(schemaVersionOfLanes, 'SELECT position FROM lane_parked WHERE partition = ?');
    this.#waits = since(schemaVersionOfLanes, 'SELECT 1 FROM waiting WHERE partition = ? AND position = ? LIMIT 1');
    this.#width = since(
      schemaVersionOfRoutes,
      `SELECT (SELECT count(*) FROM route WHERE id = event.handler)
       FROM partition CROSS JOIN event WHERE partition.id = ? AND name = '${journalPartition}' AND position = ?`,
    );
    this.#nextPartition = db.prepare('SELECT id, name, watermark FROM partition WHERE id > ? ORDER BY id LIMIT 1');
    this.#downwards = db
      .prepare(
        `SELECT position, handler, status FROM outcome WHERE partition = ? AND (position, handler) < (?, ?)
         ORDER BY position DESC, handler DESC LIMIT ${rowsPerStepMax}`,
      )
      .raw();
    // The lengths are in the row's head: they cost no look at the pages of a long result.
    this.#upwards = db
      .prepare(
        `SELECT position, handler, status, started_at,
           ifnull(octet_length(result), 0) + ifnull(octet_length(error), 0)
         FROM outcome WHERE partition = ? AND (position, handler) > (?, ?) AND position < ?
         ORDER BY position, handler LIMIT ${rowsPerStepMax}`,
      )
      .raw();
  }

  get pruned(): Pruned {
    return {
      succeeded: this.#pruned[kind.succeeded]!,
      deadLettered: this.#pruned[kind.lost]!,
    };
  }

  /** How many rows were looked at so far: what the pass costs. */
  get rowsLooked(): number {
    return this.#rowsLooked;
  }

  /** Goes one step; gives whether there are more to go. When it throws, the step has deleted nothing. */
  step(): boolean {
    const stage = this.#stage;
    switch (stage.kind) {
      case 'between':
        this.#stage = this.#beginPartition(stage.after);
        break;
      case 'counting':
        this.#stage = this.#count(stage);
        break;
      case 'erasing':
        this.#stage = this.#erase(stage);
        break;
      case 'done':
        break;
      default:
        return unreachable(stage);
    }
    return this.#stage.kind !== 'done';
  }

  #beginPartition(after: number): Stage {
    const row = this.#nextPartition.get(after) as { id: number; name: unknown; watermark: number } | undefined;
    if (row === undefined) return { kind: 'done' };
    const ceiling = row.name === journalPartition ? end.position : row.watermark;
    const partition = { id: row.id, ceiling };
    const keptFrom = this.#limits.map(({ countMax }) => (countMax === 0 ? end.position : 0));
    return this.#countsMore(keptFrom)
      ? { kind: 'counting', partition, cursor: end, counts: [0, 0], keptFrom }
      : { kind: 'erasing', partition, cursor: start, keptFrom };
  }

  /** Whether there is a kind whose outcomes are limited by count, and for which it is not known yet which go. */
  #countsMore(keptFrom: KeptFrom): boolean {
    return this.#limits.some(({ countMax }, of) => countMax < Number.POSITIVE_INFINITY && keptFrom[of] === 0);
  }

  #count(stage: Stage & { kind: 'counting' }): Stage {
    const { partition } = stage;
    const counts = [...stage.counts];
    const keptFrom = [...stage.keptFrom];
    const rows = this.#downwards.all(partition.id, stage.cursor.position, stage.cursor.handler);
    for (const [position, , status] of rows as [number, number, number][]) {
      const of = kindOf(status);
      const count = counts[of]! + 1;
      counts[of] = count;
      if (count === this.#limits[of]?.countMax) keptFrom[of] = position;
    }
    this.#rowsLooked += rows.length;
    if (rows.length < rowsPerStepMax || !this.#countsMore(keptFrom)) {
      return { kind: 'erasing', partition, cursor: start, keptFrom };
    }
    const [position, handler] = rows.at(-1) as [number, number];
    return { ...stage, cursor: { position, handler }, counts, keptFrom };
  }

  #erase(stage: Stage & { kind: 'erasing' }): Stage {
    const { partition, keptFrom } = stage;
    const parked = new Set(this.#parkedAt?.all(partition.id));
    const expired: ExpiredOutcome[] = [];
    /** Those of the event that is being looked at. */
    let ofEvent: ExpiredOutcome[] = [];
    let keepsEvent = false;
    let cursor = stage.cursor;
    let looked = 0;
    let areAllYoung = true;
    const takeEvent = (): void => {
      if (!keepsEvent && ofEvent.length > 0 && !this.#isOwed(partition, ofEvent)) expired.push(...ofEvent);
      cursor = ofEvent.at(-1) ?? cursor;
      ofEvent = [];
      keepsEvent = false;
    };
    const rows = this.#upwards.iterate(partition.id, cursor.position, cursor.handler, partition.ceiling);
    for (const [position, handler, status, startedAtUs, bytes] of rows as Iterable<number[]>) {
      if (ofEvent.length > 0 && position !== ofEvent[0]!.position) {
        takeEvent();
        if (expired.length >= rowsErasedMax) break;
      }
      looked += 1;
      areAllYoung &&= startedAtUs! >= this.#youngFromUs;
      const of = kindOf(status!);
      const limits = this.#limits[of]!;
      const outcome = { position: position!, handler: handler!, status: status! };
      ofEvent.push({ ...outcome, startedAtUs: startedAtUs!, bytes: bytes! });
      // Whoever looks for what stops a lane must find it.
      keepsEvent ||= startedAtUs! >= limits.startedAtUsMin && position! >= keptFrom[of]!;
      keepsEvent ||= of === kind.lost && parked.has(position!);
    }
    const isAll = looked < rowsPerStepMax && expired.length < rowsErasedMax;
    // At the limit the last event may have more outcomes: it is looked at again, unless it is all there was.
    if (isAll || cursor === stage.cursor) takeEvent();
    this.#rowsLooked += looked;
    const erased = expired.slice(0, this.#eraser?.erase(partition.id, expired));
    for (const { status } of erased) this.#pruned[kindOf(status)]! += 1;
    if (erased.length < expired.length) return { ...stage, cursor: erased.at(-1)! };
    if (isAll) return { kind: 'between', after: partition.id };
    const isPastCounts = cursor.position >= Math.max(...keptFrom);
    const isOver = areAllYoung && isPastCounts && !(this.#isThorough && this.#youngFromUs > 0);
    return isOver ? { kind: 'between', after: partition.id } : { ...stage, cursor };
  }

  /** Whether an event with these outcomes is owed another, or waits for one. */
  #isOwed({ id }: Partition, outcomes: readonly ExpiredOutcome[]): boolean {
    const { position } = outcomes[0]!;
    const width = this.#width?.get(id, position) as number | null | undefined;
    return (width ?? 1) > outcomes.length || this.#waits?.get(id, position) !== undefined;
  }
}

function limitsOf(limits: Retention['succeeded'], nowMs: number): Limits {
  const { ageMsMax, countMax = Number.POSITIVE_INFINITY } = limits ?? {};
  return { startedAtUsMin: ageMsMax === undefined ? 0 : (nowMs - ageMsMax) * usPerMs, countMax };
}
