import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, watch } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { cellKey } from '../bench/cell-key.js';
import { Lab, LabError } from '../bench/lab.js';
import { cellsWithPeers, peersBeside } from '../bench/peers/beside.js';
import { type Peer, runPeers } from '../bench/peers/catalogue.js';
import { Tally } from '../bench/peers/tally.js';
import { cellOf, slices } from '../bench/plan.js';
import { cell, sample } from './bench-report-fixture.js';
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
  let made = 0;
  /** A peer of ours that does what the text says; what it tells as `wrong` is what it saw. */
  const peer = (text: string, of: Partial<Peer> = {}): Peer => {
    made += 1;
    const command = scratch.write(`peer-${made}.mjs`, `import * as fs from 'node:fs';\n${text}`);
    return { name: 'fake', version: () => '1', lacks: [], rateMax: 1e6, command, ...of };
  };
  const tells = (seen = '[]'): string => `console.log(JSON.stringify({ eventsPerSecond: 5, wrong: ${seen} }));`;

  async function ran<Value>(use: (lab: Lab) => Promise<Value>): Promise<Value> {
    const lab = new Lab(() => {});
    try {
      return await use(lab);
    } finally {
      lab.close();
    }
  }

  it('has a rate for each round, made in the folder of the lab', () =>
    ran(async (lab) => {
      const [summary] = await runPeers(lab, { ...work, peers: [peer(tells('[process.env.TMPDIR]'))] });
      expect(summary).toMatchObject({ skipped: null, eventsPerSecond: { median: 5, runs: [5, 5] } });
      expect(lab.wrong).toEqual(Array(2).fill(`fake, no-op, 1 threads, uniform keys: ${lab.folder}`));
    }));

  it.runIf(process.getuid?.() === 0)(
    'lets another user of the machine into a folder that a peer of root gives it',
    () =>
      ran(async (lab) => {
        const text = `
        import { spawnSync } from 'node:child_process';
        const folder = fs.mkdtempSync(process.env.TMPDIR + '/peer-');
        fs.chownSync(folder, 65534, 65534);
        const { status } = spawnSync('ls', [folder], { cwd: '/', uid: 65534, gid: 65534 });
        ${tells('status === 0 ? [] : [status]')}`;
        await runPeers(lab, { ...work, repeats: 1, peers: [peer(text)] });
        expect(lab.wrong).toEqual([]);
      }),
  );

  it('goes through the peers in rounds', () =>
    ran(async (lab) => {
      const log = join(scratch.path, 'rounds');
      const named = (name: string): Peer => peer(`fs.appendFileSync(${JSON.stringify(log)}, '${name}');${tells()}`);
      await runPeers(lab, { ...work, peers: [named('a'), named('b')] });
      expect(readFileSync(log, 'utf8')).toBe('abab');
    }));

  it('leaves out a peer that says why, at once or in a later round, which it tells', () =>
    ran(async (lab) => {
      const skips = `console.log(JSON.stringify({ skipped: 'needs more' }))`;
      const mark = JSON.stringify(join(scratch.path, 'second'));
      const later = `if (fs.existsSync(${mark})) ${skips}; else { fs.writeFileSync(${mark}, ''); ${tells()} }`;
      const summaries = await runPeers(lab, { ...work, repeats: 3, peers: [peer(skips), peer(later)] });
      expect(summaries.map(({ skipped }) => skipped)).toEqual(['needs more', 'needs more (in round 2 of 3)']);
      expect(summaries.map(({ eventsPerSecond }) => eventsPerSecond.runs)).toEqual([[], []]);
    }));

  it('ends when one of ours fails', () =>
    ran(async (lab) => {
      const failing = runPeers(lab, { ...work, peers: [peer(`throw new TypeError('broken')`)] });
      await expect(failing).rejects.toThrow(/^the peer fake, .* failed: TypeError: broken/);
    }));

  it('ends with the lab, once the running peer has ended what is its own, and begins no other', () =>
    ran(async (lab) => {
      const folder = mkdtempSync(join(scratch.path, 'begun-'));
      const ended = join(scratch.path, 'ended');
      const endless = `
        process.on('SIGTERM', () => setTimeout(() => {
          fs.writeFileSync(${JSON.stringify(ended)}, '');
          process.exit(1);
        }, 200));
        setInterval(() => {}, 1000);
        fs.writeFileSync(${JSON.stringify(join(folder, 'begun'))}, '');`;
      const isBegun = new Promise<void>((resolve) => {
        const watcher = watch(folder, () => {
          watcher.close();
          resolve();
        });
      });
      const next = join(scratch.path, 'next');
      const peers = [peer(endless), peer(`fs.writeFileSync(${JSON.stringify(next)}, '');${tells()}`)];
      const run = runPeers(lab, { ...work, peers });
      await isBegun;
      lab.abort();
      await expect(run).rejects.toThrow(LabError);
      expect([existsSync(ended), existsSync(next)]).toEqual([true, false]);
    }));

  it('ends a program that takes too long, and says that it was so', () =>
    ran(async (lab) => {
      const { command } = peer('setInterval(() => {}, 1000)');
      expect(await lab.ended([command], { cwd: scratch.path, limitMs: 300 })).toMatchObject({ isLate: true });
      const failing = peer('process.exit(3)');
      const how = { cwd: scratch.path, limitMs: 60_000 };
      expect(await lab.ended([failing.command], how)).toMatchObject({ isLate: false, error: expect.any(String) });
    }));

  it('is not told after a signal, even where the work went on to its end', async () => {
    const session = new URL('../dist/bench/lab-session.js', import.meta.url).href;
    const script = scratch.write(
      'session.mjs',
      `
      import { once } from 'node:events';
      import { withLab } from ${JSON.stringify(session)};
      await withLab({ progress: 'lines', parent: ${JSON.stringify(scratch.path)} }, async () => {
        const heard = once(process, 'SIGTERM');
        process.kill(process.pid, 'SIGTERM');
        const timer = setInterval(() => {}, 1000);
        await heard;
        clearInterval(timer);
        return async () => console.log('told') ?? 0;
      });`,
    );
    const { status, stdout, stderr } = spawnSync(process.execPath, [script], { encoding: 'utf8' });
    expect({ status, stdout, stderr }).toMatchObject({
      status: 130,
      stdout: '',
      stderr: expect.stringMatching(/SIGTERM/),
    });
  });
});

describe('keylane beside its peers', () => {
  it('has cells with its journal for peers that keep what they were given, each cell once', () => {
    const cells = cellsWithPeers([cellOf({ workload: '60us', threads: 1 })]);
    expect(cells.map(({ intake }) => intake)).toEqual(['memory', 'journal']);
    const all = cellsWithPeers(slices());
    expect(new Set(all.map((cell) => cellKey(cell))).size).toBe(all.length);
  });

  it.each([{ intake: 'journal' }, { durability: 'power' }, { payload: '10kB' }] as const)(
    'is refused where no cell fits: %o',
    (of) => {
      expect(() => cellsWithPeers([cellOf(of)])).toThrow(
        expect.objectContaining({ code: 'bad-option', message: expect.stringContaining('--peers needs a cell') }),
      );
    },
  );

  it('is its journaled cell for those that keep what they were given, the one in memory for others', async () => {
    const command = scratch.write('five.mjs', `console.log(JSON.stringify({ eventsPerSecond: 5, wrong: [] }))`);
    const peer = { version: () => '1', rateMax: 1e6, command };
    const racing: Peer[] = [
      { ...peer, name: 'keeps', lacks: ['batches'] },
      { ...peer, name: 'forgets', lacks: ['survives a crash'] },
    ];
    const rates = { memory: 20, journal: 10 };
    const cells = cellsWithPeers([cellOf({ threads: 1, events: 100 })]).map((spec) =>
      cell({ ...spec, rate: sample(rates[spec.intake]) }),
    );
    const lab = new Lab(() => {});
    try {
      expect(await peersBeside(lab, cells, 1, racing)).toMatchObject([
        { name: 'keeps', keylaneIntake: 'journal', keylaneOver: 2, threads: 1 },
        { name: 'forgets', keylaneIntake: 'memory', keylaneOver: 4, threads: 1 },
      ]);
    } finally {
      lab.close();
    }
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
