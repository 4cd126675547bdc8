// pg-boss with the policy key_strict_fifo, a hundred jobs at a time; the handlers run on Piscina, as pg-boss has no
// threads of its own. Events without a key get one each, which the policy demands. All are inserted before it works, on
// the clock: with its workers started before, and warm, it is not faster (DECISIONS.md, 2026-11-27).

import { peerEvents } from '../../dist/bench/peers/events.js';
import { handlerThreads } from '../../dist/bench/peers/handler-threads.js';
import { startPostgres } from '../../dist/bench/peers/local-server.js';
import { needNode, runAsPeer } from '../../dist/bench/peers/peer.js';
import { Tally } from '../../dist/bench/peers/tally.js';

await runAsPeer(async (cell, folder) => {
  needNode('22.12');
  const { PgBoss } = await import('pg-boss');
  const server = await startPostgres(folder);
  const pool = await handlerThreads(cell);
  const boss = new PgBoss({ host: server.host, port: server.port, user: 'bench', database: 'postgres' });
  boss.on('error', console.error);
  await boss.start();
  await boss.createQueue('events', { policy: 'key_strict_fifo' });
  const tally = new Tally(cell.events);
  const startMs = performance.now();
  let jobs = [];
  const insert = async () => {
    await boss.insert('events', jobs);
    jobs = [];
  };
  for (const event of peerEvents(cell)) {
    if (jobs.push({ data: event, singletonKey: event.key ?? `event-${event.n}` }) >= 1000) await insert();
  }
  if (jobs.length > 0) await insert();
  const options = { batchSize: 100, pollingIntervalSeconds: 0.5, burstWhenBatchFull: true, perJobResults: true };
  await boss.work('events', options, (batch) =>
    Promise.all(
      batch.map(async ({ id, data }) => {
        tally.begin(data);
        const outcome = await pool.run(data);
        tally.end(outcome);
        return { id, status: 'completed', output: { result: outcome.result } };
      }),
    ),
  );
  await tally.done;
  await boss.offWork('events', { wait: true });
  const seconds = (performance.now() - startMs) / 1000;
  await boss.stop({ graceful: true });
  await pool.destroy();
  await server.stop();
  return { seconds, count: tally.count, checksum: tally.checksum, late: tally.late };
});
