// One thread in a loop, and an INSERT of a thousand rows at a time: order and outcomes come by themselves, more cores
// bring nothing.

import { join } from 'node:path';
import { type PeerCell, peerEvents } from './events.js';
import { runAsPeer } from './peer.js';
import { PeerRows } from './rows.js';
import handle, { type PeerOutcome } from './thread.js';

await runAsPeer(async (cell: PeerCell, folder) => {
  const rows = new PeerRows(join(folder, 'peer.db'));
  for (const event of peerEvents({ ...cell, events: 20 })) handle(event);
  const startMs = performance.now();
  let batch: PeerOutcome[] = [];
  for (const event of peerEvents(cell)) {
    if (batch.push(handle(event)) < 1000) continue;
    rows.addMany(batch);
    batch = [];
  }
  rows.addMany(batch);
  const seconds = (performance.now() - startMs) / 1000;
  const found = rows.found();
  rows.close();
  return { seconds, ...found };
});
