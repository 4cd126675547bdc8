// `npm run power-test`: publishers on a disk that loses its power at random moments. What each receipt said is held
// here, outside that disk. Three parts: at durability `power` every acknowledged event is there afterwards; at `process`
// a prefix of them is, without a hole; and at `power` with waits for the disk turned off events must be missing, or the
// test would prove nothing. A part that this machine cannot do is skipped aloud. `-- --rounds n --seed n` changes it.

import { parseArgs } from 'node:util';
import { mulberry32 } from '../random.js';
import { Experiment, type PartOptions } from './experiment.js';
import { noWaitLibrary, whyNoControl, whyNoDisk } from './requirements.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '6' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const rounds = Number(values.rounds);
const random = mulberry32(Number(values.seed));

const noDisk = await whyNoDisk();
const noControl = noDisk ?? whyNoControl();
console.log(`power test: ${rounds} rounds a part, seed ${values.seed}`);
let failures = 0;
await part({ name: 'power', durability: 'power', preload: null, rounds }, noDisk);
await part({ name: 'process', durability: 'process', preload: null, rounds }, noDisk);
await part({ name: 'control', durability: 'power', preload: noWaitLibrary, rounds: 2 }, noControl);
process.exitCode = failures === 0 ? 0 : 1;

async function part(options: PartOptions, whySkipped: string | null): Promise<void> {
  const { name } = options;
  if (whySkipped !== null) {
    console.log(`${name}: skipped: ${whySkipped}`);
    return;
  }
  const { acknowledged, lost, wrong } = await new Experiment(options, random).run();
  const found = `${acknowledged} events acknowledged, ${lost} of them lost, ${wrong.length} faults`;
  const isGood = isAsPromised(name, { lost, faults: wrong.length });
  if (!isGood) failures += 1;
  console.log(`${name}: ${isGood ? 'ok' : 'FAILED'}: ${found}`);
  for (const what of wrong.slice(0, 10)) console.log(`  ${what}`);
}

function isAsPromised(name: PartOptions['name'], { lost, faults }: { lost: number; faults: number }): boolean {
  switch (name) {
    case 'power':
      return lost === 0 && faults === 0;
    case 'process':
      return faults === 0;
    case 'control':
      // Without waits there is no order on the disk either, so that faults are to be expected.
      return lost > 0;
  }
}
