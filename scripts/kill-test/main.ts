// `npm run kill-test`: `keylane run` over 100,000 lines, killed with SIGKILL at five random moments and started again
// each time; then another process judges the store. A moment is a number of outcomes in the store, so that the kills
// are spread over the whole run however fast it is. `-- --lines n --kills n --seed n` changes the run.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import Database from 'better-sqlite3';
import { mulberry32 } from '../random.js';

const { values } = parseArgs({
  options: {
    lines: { type: 'string', default: '100000' },
    kills: { type: 'string', default: '5' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const lines = Number(values.lines);
const kills = Number(values.kills);
const random = mulberry32(Number(values.seed));

const folder = mkdtempSync(join(tmpdir(), 'keylane-kill-'));
const [input, store] = [join(folder, 'payments.ndjson'), join(folder, 'payments.db')];
try {
  writeFileSync(input, Array.from({ length: lines }, (_, n) => line(n)).join(''));
  console.log(`${lines} lines, ${kills} kills, seed ${values.seed}`);
  for (let kill = 1; kill <= kills; kill += 1) {
    const outcomes = Math.floor(((kill - 1 + random()) / (kills + 1)) * lines);
    await runUntil(outcomes);
    console.log(`kill ${kill}: ${countOutcomes()} outcomes stored`);
  }
  await runUntil(Number.POSITIVE_INFINITY);
  const judge = spawn(process.execPath, [beside('./judge.js'), store, String(lines)], { stdio: 'inherit' });
  const [code] = await once(judge, 'exit');
  process.exitCode = code === 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true });
}

/** Runs the command; kills it once so many outcomes are stored. One that is to end by itself must succeed. */
async function runUntil(outcomes: number): Promise<void> {
  const args = ['run', '--handlers', beside('./handlers.js'), '--input', input, '--store', store];
  const mapping = ['--type', 'payment', '--key-field', 'account', '--durability', 'process'];
  const isLast = outcomes > lines;
  const stdio = isLast ? 'inherit' : 'ignore';
  const child = spawn(process.execPath, [beside('../../src/cli/main.js'), ...args, ...mapping], { stdio });
  const watch = setInterval(() => {
    if (countOutcomes() > outcomes) child.kill('SIGKILL');
  }, 10);
  const [code, signal] = await once(child, 'exit');
  clearInterval(watch);
  const expected = isLast ? code === 0 : signal === 'SIGKILL';
  if (!expected) throw new Error(`keylane run ended with ${code ?? signal}`);
}

/** Outcomes in the store, read as any program may while the command runs; 0 while there is no store. */
function countOutcomes(): number {
  if (!existsSync(store)) return 0;
  const db = new Database(store, { readonly: true });
  try {
    return db.prepare('SELECT count(*) FROM outcomes').pluck().get() as number;
  } finally {
    db.close();
  }
}

function line(n: number): string {
  return `${JSON.stringify({ n, account: `account-${Math.imul(n, 7919) % 500}` })}\n`;
}

function beside(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}
