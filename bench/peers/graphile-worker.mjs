// graphile-worker with a queue for each key, which makes its jobs run one after another; the handlers run on Piscina, as
// it has no threads of its own. A job that succeeded is deleted: what it gave is kept nowhere.

import { peerEvents } from '../../dist/bench/peers/events.js';
import { handlerThreads } from '../../dist/bench/peers/handler-threads.js';
import { startPostgres } from '../../dist/bench/peers/local-server.js';
import { needNode, runAsPeer } from '../../dist/bench/peers/peer.js';
import { Tally } from '../../dist/bench/peers/tally.js';

await runAsPeer(async (cell, folder) => {
  needNode('22.18');
  const { Logger, makeWorkerUtils, run } = await import('graphile-worker');
  const { default: pg } = await import('pg');
  const server = await startPostgres(folder);
  const pool = await handlerThreads(cell);
  // Its own pool would still have connections open when the server is stopped.
  const pgPool = new pg.Pool({ host: server.host, port: server.port, user: 'bench', database: 'postgres' });
  pgPool.on('error', console.error);
  const shared = {
    pgPool,
    logger: new Logger(() => (level, message) => {
      if (level === 'error') console.error(message);
    }),
  };
  const utils = await makeWorkerUtils(shared);
  await utils.migrate();
  const tally = new Tally(cell.events);
  const startMs = performance.now();
  let jobs = [];
  const insert = async () => {
    await utils.addJobs(jobs);
    jobs = [];
  };
  for (const event of peerEvents(cell)) {
    const queue = event.key === null ? {} : { queueName: event.key };
    if (jobs.push({ identifier: 'event', payload: event, ...queue }) >= 1000) await insert();
  }
  if (jobs.length > 0) await insert();
  const runner = await run({
    ...shared,
    concurrency: cell.threads * 4,
    noHandleSignals: true,
    taskList: {
      event: async (event) => {
        tally.begin(event);
        tally.end(await pool.run(event));
      },
    },
  });
  await tally.done;
  await runner.stop();
  const seconds = (performance.now() - startMs) / 1000;
  await utils.release();
  await pgPool.end();
  await pool.destroy();
  await server.stop();
  return { seconds, count: tally.count, checksum: tally.checksum, late: tally.late };
});
