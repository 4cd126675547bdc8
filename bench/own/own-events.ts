// The user's records as events, loaded up to a limit and then given out as often as a measurement needs them: position
// p holds record p, and behind the last record the first one comes again.

import { type EncodedEvent, sizeOf } from '../../src/event.js';
import { configFrom } from '../../src/options.js';
import { type Route, Routes } from '../../src/routes.js';
import { NdjsonSource } from '../../src/sources/ndjson-source.js';
import type { OwnSubject } from './own-subject.js';

/** Encoded size at which no more is loaded. */
const loadedBytesMax = 256 * 1024 * 1024;

const askedAtOnce = 4096;

export interface HottestLane {
  readonly key: string;
  /** Of all events. */
  readonly share: number;
}

export class OwnEvents {
  readonly #events: readonly EncodedEvent[];
  readonly #routes: Routes;
  /** Whether the input has more than was loaded. */
  readonly isCut: boolean;
  readonly recordsSkipped: number;

  private constructor(events: readonly EncodedEvent[], of: { subject: OwnSubject; isCut: boolean; skipped: number }) {
    this.#events = events;
    this.#routes = new Routes(of.subject.table);
    this.isCut = of.isCut;
    this.recordsSkipped = of.skipped;
  }

  /** Rejects with a KeylaneError `bad-input` as `keylane run` does. */
  static async load(subject: OwnSubject): Promise<OwnEvents> {
    const { wish, table, loadedMax } = subject;
    const source = new NdjsonSource({ input: wish.input, mapping: wish, onBadRecord: wish.onBadLine });
    const events: EncodedEvent[] = [];
    let bytes = 0;
    let isCut = false;
    try {
      const limits = configFrom({ ...subject.tuning, handlers: 'none', store: 'none' });
      const places = { watermark: 0, durable: new Set<number>(), positionNext: 1, positionUnused: 1 };
      await source.open({ ...places, fingerprint: null, limits, handlers: table });
      while (!isCut) {
        const records = await source.request(Math.min(askedAtOnce, loadedMax + 1 - events.length));
        if (records === null) break;
        for (const { event } of records) {
          isCut = events.length === loadedMax || bytes >= loadedBytesMax;
          if (isCut) break;
          events.push(event);
          bytes += sizeOf(event);
        }
      }
    } finally {
      await source.close();
    }
    return new OwnEvents(events, { subject, isCut, skipped: source.recordsSkipped });
  }

  /** Events that were loaded. */
  get loaded(): number {
    return this.#events.length;
  }

  /** Positions count from 1. */
  at(position: number): EncodedEvent {
    return this.#events[(position - 1) % this.#events.length]!;
  }

  /** The handlers that take it. */
  routeAt(position: number): Route {
    return this.#routes.of(this.at(position).type) ?? [];
  }

  get keyCount(): number {
    return new Set(this.#events.map(({ key }) => key).filter((key) => key !== null)).size;
  }

  /** Mean encoded size of their data, in bytes or characters. */
  get dataSizeMean(): number {
    return this.#events.reduce((sum, { data }) => sum + (data?.length ?? 0), 0) / this.#events.length;
  }

  /** The lane that most of the events are in; null where none has a key. */
  get hottestLane(): HottestLane | null {
    const counts = new Map<string, { key: string; count: number }>();
    for (const { key, type } of this.#events) {
      if (key === null) continue;
      for (const handler of this.#routes.of(type) ?? []) {
        const lane = `${handler} ${key}`;
        const found = counts.get(lane);
        if (found === undefined) counts.set(lane, { key, count: 1 });
        else found.count += 1;
      }
    }
    let hottest: { key: string; count: number } | null = null;
    for (const lane of counts.values()) if (lane.count > (hottest?.count ?? 0)) hottest = lane;
    return hottest === null ? null : { key: hottest.key, share: hottest.count / this.#events.length };
  }
}
