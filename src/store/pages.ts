// How a store is read beside its writer: in pages, each of which is read to its end before anybody sees a row of it. No
// read stays open between two rows, so that however long the caller takes, or if it never comes back, the write-ahead
// log can be emptied. Knows nothing of what the rows hold.

/** Rows that one page looks at at most, whether they are wanted or not. */
export const pageRowsMax = 4_096;

/** Size of a page (text units and bytes) at which it ends early; it holds one row at least. */
const pageSizeMax = 8 * 1024 * 1024;

/** The order in which a table is read. A place stands just behind one of its rows. */
export interface Walk<Place> {
  /** Before every row. */
  readonly first: Place;
  /** Behind every row. */
  readonly last: Place;
  /** The place that is pageRowsMax rows further on; undefined when there are fewer. */
  further(after: Place): Place | undefined;
}

/** The rows between two places. */
export interface Stretch<Place> {
  readonly after: Place;
  readonly to: Place;
}

/** How the rows of a stretch are read, in the order of the walk. */
export interface PageReading<Place, Row> {
  /** A statement under way; it is ended before its page is given out. */
  read(stretch: Stretch<Place>): Iterable<Row>;
  placeOf(row: Row): Place;
  sizeOf(row: Row): number;
}

/** The whole of a table as stretches of pageRowsMax rows. */
export function* stretchesOf<Place>(walk: Walk<Place>): Generator<Stretch<Place>, void, undefined> {
  for (let after = walk.first; ; ) {
    const to = walk.further(after);
    yield { after, to: to ?? walk.last };
    if (to === undefined) return;
    after = to;
  }
}

/** The rows that a reading wants of a table, page by page. */
export function* rowsOf<Place, Row>(
  walk: Walk<Place>,
  reading: PageReading<Place, Row>,
): Generator<Row, void, undefined> {
  for (const { after, to } of stretchesOf(walk)) {
    for (let from: Place | null = after; from !== null; ) {
      const page: Page<Place, Row> = pageOf({ after: from, to }, reading);
      yield* page.rows;
      from = page.next;
    }
  }
}

interface Page<Place, Row> {
  readonly rows: readonly Row[];
  /** Where the stretch goes on, as the page was full; null at its end. */
  readonly next: Place | null;
}

function pageOf<Place, Row>(stretch: Stretch<Place>, reading: PageReading<Place, Row>): Page<Place, Row> {
  const rows: Row[] = [];
  let size = 0;
  for (const row of reading.read(stretch)) {
    rows.push(row);
    size += reading.sizeOf(row);
    // Leaving the loop ends the statement.
    if (size >= pageSizeMax) return { rows, next: reading.placeOf(row) };
  }
  return { rows, next: null };
}
