// T9: `keylane run` on an empty input, over a Node that does nothing. The two take turns.

import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Lab, programOf, repeated } from '../lab.js';
import type { TargetVerdict } from '../report.js';
import type { TargetPlan } from './judge.js';
import { verdictOf } from './verdict.js';

export async function judgeStart(lab: Lab, plan: TargetPlan): Promise<TargetVerdict[]> {
  const folder = await mkdtemp(join(lab.folder, 'start-'));
  try {
    const [handlers, input] = [join(folder, 'handlers.mjs'), join(folder, 'empty.ndjson')];
    await writeFile(handlers, 'export default () => {};\n');
    await writeFile(input, '');
    let store = 0;
    const runs = await repeated(plan.repeats, async () => {
      const bareMs = await msOf(['-e', '0']);
      store += 1;
      const args = ['run', '--handlers', handlers, '--input', input, '--store', join(folder, `${store}.db`)];
      return (await msOf([programOf('../src/cli/main.js'), ...args])) - bareMs;
    });
    const what = '`keylane run` on an empty input, over bare Node';
    return [verdictOf({ target: 'T9', what }, { runs, atMost: 300, unit: 'ms' })];
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function msOf(args: readonly string[]): Promise<number> {
  const startMs = performance.now();
  await promisify(execFile)(process.execPath, args);
  return performance.now() - startMs;
}
