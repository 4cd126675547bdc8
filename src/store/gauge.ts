// How large the store is, and how much room there is beside it. A look costs a few microseconds: once a group.

import { type Connection, frameBytes, pageBytes, type Statement } from './database.js';
import type { StoreGauges } from './messages.js';
import { freeBytesAt } from './store-file.js';

export class Gauge {
  readonly #path: string;
  readonly #pages: Statement;
  readonly #freePages: Statement;

  constructor(db: Connection) {
    this.#path = db.name;
    this.#pages = db.prepare('PRAGMA page_count').pluck();
    this.#freePages = db.prepare('PRAGMA freelist_count').pluck();
  }

  read({ walPages }: { walPages: number }): StoreGauges {
    const walBytes = walPages * frameBytes;
    const pages = (this.#pages.get() as number) - (this.#freePages.get() as number);
    return { walBytes, storeBytes: pages * pageBytes + walBytes, freeBytes: freeBytesAt(this.#path) };
  }
}
