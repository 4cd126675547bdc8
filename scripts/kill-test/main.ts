// `npm run kill-test`: `keylane run` over 100,000 lines, killed with SIGKILL at five random moments and started again
// each time; then another process judges the store. `-- --lines n --kills n --seed n` changes the run.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    lines: { type: 'string', default: '100000' },
    kills: { type: 'string', default: '5' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const lines = Number(values.lines);
const kills = Number(values.kills);
let seed = Number(values.seed);

const folder = mkdtempSync(join(tmpdir(), 'keylane-kill-'));
const [input, store] = [join(folder, 'payments.ndjson'), join(folder, 'payments.db')];
try {
  writeFileSync(input, Array.from({ length: lines }, (_, n) => line(n)).join(''));
  console.log(`${lines} lines, ${kills} kills, seed ${values.seed}`);
  let killed = 0;
  while (killed < kills) {
    const afterMs = 250 + Math.floor(random() * 500);
    if (await runOnce(afterMs)) killed += 1;
    else throw new Error(`the run ended before kill ${killed + 1} at ${afterMs} ms: give it more --lines`);
    console.log(`killed after ${afterMs} ms`);
  }
  await runOnce(null);
  const judge = spawn(process.execPath, [beside('./judge.js'), store, String(lines)], { stdio: 'inherit' });
  const [code] = await once(judge, 'exit');
  process.exitCode = code === 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true });
}

/** Runs the command; kills it after a while unless `afterMs` is null. Tells whether it was killed. */
async function runOnce(afterMs: number | null): Promise<boolean> {
  const args = ['run', '--handlers', beside('./handlers.js'), '--input', input, '--store', store];
  const mapping = ['--type', 'payment', '--key-field', 'account', '--durability', 'process'];
  const stdio = afterMs === null ? 'inherit' : 'ignore';
  const child = spawn(process.execPath, [beside('../../src/cli/main.js'), ...args, ...mapping], { stdio });
  const timer = afterMs === null ? null : setTimeout(() => child.kill('SIGKILL'), afterMs);
  const [code, signal] = await once(child, 'exit');
  if (timer !== null) clearTimeout(timer);
  if (afterMs === null && code !== 0) throw new Error(`keylane run ended with ${code ?? signal}`);
  return signal === 'SIGKILL';
}

function line(n: number): string {
  return `${JSON.stringify({ n, account: `account-${Math.imul(n, 7919) % 500}` })}\n`;
}

function beside(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}

/** A number from 0 up to 1, the same ones for the same seed. Mulberry32 (Tommy Ettinger, public domain). */
function random(): number {
  seed = (seed + 0x6d2b79f5) | 0;
  let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
}
