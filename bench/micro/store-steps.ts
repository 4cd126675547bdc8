// Steps of the writer: what the insert statement costs without a disk, and with the rows of a group taken apart.

import { openInMemory } from '../../src/store/database.js';
import { groupRowsOf } from '../../src/store/group-writer.js';
import { LaneNames } from '../../src/store/lane-name.js';
import { OutcomeInserter } from '../../src/store/outcome-inserter.js';
import { migrateToNewest } from '../../src/store/schema.js';
import { RowsMaker } from './rows-maker.js';
import { all, count } from './thousand.js';

export function storeSteps(): Record<string, () => number> {
  const db = openInMemory();
  migrateToNewest(db);
  const inserter = new OutcomeInserter(db, new LaneNames([1]));
  const group = { events: null, rows: [new RowsMaker().make(count)], watermarks: [], parked: [] };
  const { outcomes } = groupRowsOf(group);
  const [begin, rollback] = [db.prepare('BEGIN'), db.prepare('ROLLBACK')];
  return {
    'store: read the rows of a group': () => groupRowsOf(group).outcomes.length,
    // Rolled back, so that the table is empty each time.
    'store: insert outcomes': () => {
      begin.run();
      const stored = inserter.insert(outcomes);
      rollback.run();
      return all(stored);
    },
  };
}
