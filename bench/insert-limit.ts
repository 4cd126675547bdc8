// What one thread can insert: the rows that a cell stores, ready made, in order, through the store itself with nothing
// else running; with intake `journal` the row of the event as well, in one transaction with outcomes as the processor
// makes them. Called as `node insert-limit.js '<CellSpec as JSON>'`; prints
// `{ eventsPerSecond, wrong }`.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BenchEvents, type PayloadName } from './bench-events.js';
import { GroupMaker } from './group-maker.js';
import type { CellSpec } from './report.js';

const spec = JSON.parse(process.argv[2] ?? 'null') as CellSpec | null;
if (spec === null) throw new Error('expected a cell as JSON; run `npm run bench`');
const folder = await mkdtemp(join(tmpdir(), 'keylane-bench-'));
try {
  const maker = new GroupMaker({
    ...spec,
    payload: spec.payload as PayloadName,
    path: join(folder, 'limit.db'),
    events: new BenchEvents(spec),
  });
  const seconds = maker.append(spec.events);
  console.log(JSON.stringify({ eventsPerSecond: spec.events / seconds, wrong: maker.close() }));
} finally {
  await rm(folder, { recursive: true });
}
