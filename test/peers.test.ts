import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Tally } from '../bench/peers/tally.js';

const own = ['one-thread', 'by-hand', 'hash-sharded', 'piscina'];

describe('the peers of the bench', () => {
  it.each(own)('%s gives every result, in the order it promises', async (name) => {
    const path = fileURLToPath(new URL(`../dist/bench/peers/${name}.js`, import.meta.url));
    const cell = { workload: 'no-op', threads: 2, events: 6000, keys: 'zipf', keyCount: 100 };
    const { stdout } = await promisify(execFile)(process.execPath, [path, JSON.stringify(cell)]);
    expect(JSON.parse(stdout)).toMatchObject({ wrong: [] });
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
