import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { cellKey } from '../bench/cell-key.js';
import { Lab, LabError } from '../bench/lab.js';
import { cellsWithPeers } from '../bench/peers/beside.js';
import { type Peer, runPeers } from '../bench/peers/catalogue.js';
import { Tally } from '../bench/peers/tally.js';
import { cellOf, slices } from '../bench/plan.js';
import { scratchFolder } from './fixtures/scratch-folder.js';

const scratch = scratchFolder();

const own = ['one-thread', 'by-hand', 'hash-sharded', 'piscina'];

describe('the peers of the bench', () => {
  it.each(own)('%s gives every result, in the order it promises', async (name) => {
    const path = fileURLToPath(new URL(`../dist/bench/peers/${name}.js`, import.meta.url));
    const cell = { workload: 'no-op', threads: 2, events: 6000, keys: 'zipf', keyCount: 100 };
    const { stdout } = await promisify(execFile)(process.execPath, [path, JSON.stringify(cell)]);
    expect(JSON.parse(stdout)).toMatchObject({ wrong: [] });
  });
});

describe('a run of peers', () => {
  const work = { workload: 'no-op', keys: 'uniform', threads: 1, keyCount: 10, events: 100, repeats: 2 } as const;
  /** A peer of ours that does what the text says. */
  const peer = (text: string): Peer => {
    const command = scratch.write(`${Math.random()}.mjs`, text);
    return { name: 'fake', version: () => '1', lacks: [], rateMax: 1e6, command };
  };
  const good = `console.log(JSON.stringify({ eventsPerSecond: 5, wrong: process.env.TMPDIR ? [] : ['no folder'] }))`;

  async function ran<Value>(use: (lab: Lab, said: string[]) => Promise<Value>): Promise<Value> {
    const said: string[] = [];
    const lab = new Lab((line) => said.push(line));
    try {
      return await use(lab, said);
    } finally {
      lab.close();
    }
  }

  it('has a rate for each round, made in the folder of the lab', () =>
    ran(async (lab) => {
      const text = `import { readdirSync } from 'node:fs'; readdirSync(process.env.TMPDIR); ${good}`;
      const [summary] = await runPeers(lab, { ...work, peers: [peer(text)] });
      expect(summary).toMatchObject({ skipped: null, eventsPerSecond: { median: 5, runs: [5, 5] } });
      expect(lab.wrong).toEqual([]);
      expect(lab.folder).not.toBe(process.env['TMPDIR']);
    }));

  it('tells wrong results, and leaves out a peer that says why', () =>
    ran(async (lab) => {
      const wrong = peer(`console.log(JSON.stringify({ eventsPerSecond: 5, wrong: ['order'] }))`);
      const skipped = peer(`console.log(JSON.stringify({ skipped: 'needs more' }))`);
      const [, second] = await runPeers(lab, { ...work, repeats: 1, peers: [wrong, skipped] });
      expect(lab.wrong).toEqual(['fake, no-op, 1 threads, uniform keys: order']);
      expect(second).toMatchObject({ skipped: 'needs more', eventsPerSecond: { runs: [] } });
    }));

  it('ends when one of ours fails, and when the lab is aborted', () =>
    ran(async (lab) => {
      const failing = runPeers(lab, { ...work, peers: [peer(`throw new TypeError('broken')`)] });
      await expect(failing).rejects.toThrow(/^the peer fake, .* failed: TypeError: broken/);
      const endless = runPeers(lab, { ...work, peers: [peer(`setInterval(() => {}, 1000)`)] });
      lab.abort();
      await expect(endless).rejects.toThrow(LabError);
    }));

  it('has keylane with its journal beside those that keep what they were given', () => {
    const cells = cellsWithPeers([cellOf({ workload: '60us', threads: 1 })]);
    expect(cells.map(({ intake }) => intake)).toEqual(['memory', 'journal']);
    const all = cellsWithPeers(slices());
    expect(new Set(all.map((cell) => cellKey(cell))).size).toBe(all.length);
    expect(() => cellsWithPeers([cellOf({ intake: 'journal' })])).toThrow('--peers needs a cell of payload 100B');
  });
});

describe('the tally of a peer', () => {
  it('counts an event that begins while its predecessor of the same key runs', () => {
    const tally = new Tally(3);
    tally.begin({ n: 0, key: 'a' });
    tally.begin({ n: 1, key: 'b' });
    tally.begin({ n: 2, key: 'a' });
    expect(tally.late).toBe(1);
  });

  it('counts an event that begins after a later one of its key', () => {
    const tally = new Tally(2);
    tally.begin({ n: 1, key: 'a' });
    tally.end({ n: 1, key: 'a', result: 0 });
    tally.begin({ n: 0, key: 'a' });
    expect(tally.late).toBe(1);
  });

  it('lets events of a key follow one another, and is done with the last', async () => {
    const tally = new Tally(2);
    for (const n of [0, 1]) {
      tally.begin({ n, key: 'a' });
      tally.end({ n, key: 'a', result: n });
    }
    await tally.done;
    expect(tally).toMatchObject({ count: 2, checksum: 1, late: 0 });
  });
});
