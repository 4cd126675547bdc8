// Sidequest on a PostgreSQL of its own; jobs run in its thread pool. There is no bulk insert: events are added a
// hundred calls at a time.

import { peerEvents } from '../../dist/bench/peers/events.js';
import { startPostgres } from '../../dist/bench/peers/local-server.js';
import { needNode, runAsPeer } from '../../dist/bench/peers/peer.js';

await runAsPeer(async (cell, folder) => {
  needNode('22.6');
  const { Sidequest } = await import('sidequest');
  const { EventJob } = await import('./sidequest-job.mjs');
  const server = await startPostgres(folder);
  await Sidequest.start({
    backend: {
      driver: '@sidequest/postgres-backend',
      config: `postgres://bench@${server.host}:${server.port}/postgres`,
    },
    queues: [{ name: 'default', concurrency: cell.threads }],
    logger: { level: 'error' },
    dashboard: { enabled: false },
    ...{ maxConcurrentJobs: cell.threads, minThreads: cell.threads, maxThreads: cell.threads, jobPollingInterval: 10 },
  });
  const startMs = performance.now();
  let calls = [];
  for (const event of peerEvents(cell)) {
    if (calls.push(Sidequest.build(EventJob).enqueue(event)) < 100) continue;
    await Promise.all(calls);
    calls = [];
  }
  await Promise.all(calls);
  while ((await Sidequest.job.count()).completed < cell.events) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const seconds = (performance.now() - startMs) / 1000;
  const jobs = await Sidequest.job.list({ state: 'completed', limit: cell.events + 1 });
  await Sidequest.stop();
  await server.stop();
  return { seconds, count: jobs.length, checksum: jobs.reduce((sum, job) => sum + job.result.result, 0), late: null };
});
