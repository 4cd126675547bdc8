// `keylane tune`: the options under which the user's own handlers and input are fastest, and what limits them.

import type { Command } from 'commander';
import { exitCodes } from '../src/cli/exit-code.js';
import { addHandlersAndInput, addMapping, addOnBadLine, type Flags, inputWishFrom } from '../src/cli/input-flags.js';
import { printTo, takeStdout } from '../src/cli/stdout.js';
import { TuningFlags } from '../src/cli/tuning-flags.js';
import { commandText } from './command-text.js';
import { withLab } from './lab-session.js';
import { machineNow, subject } from './machine.js';
import { countFrom, secondsFrom, threadsFrom } from './matrix-flags.js';
import { OwnLab } from './own/own-lab.js';
import { openSubject } from './own/own-subject.js';
import { type TuneReport, tuneText } from './tune/tune-report.js';
import { measurementSeconds, Tuner } from './tune/tuner.js';

interface TuneFlags {
  readonly events?: string;
  readonly seconds?: string;
  readonly threads?: string;
  readonly folder?: string;
  readonly json?: true;
}

const tuningFlags = new TuningFlags({ without: ['threads'] });

const example = `
Example:
  $ keylane tune --handlers ./handlers.js --input events.ndjson --key-field customer

Sweeps threads, batchTargetMs, groupWaitMs and groupSizeMax one after another, the others held; each setting in a
process of its own, several times in turns, every event checked. An option that is given is not swept. Another value is
taken only where it is faster by more than the runs lie apart; otherwise the default is kept. What counts is events/s:
with little to do, smaller batches and groups answer sooner.

Exit codes: 0 done, 1 wrong results, 2 wrong usage or bad input, 3 it could not go on, 130 ended by a signal.`;

export function defineTune(command: Command): void {
  command.description('Find the options under which your handlers and input are fastest, and what limits them.');
  addHandlersAndInput(command, { isRequired: true });
  addMapping(command);
  addOnBadLine(command);
  command
    .option('--events <n>', 'records that are loaded at most. Default 100000')
    .option('--seconds <s>', 'what all of it takes, roughly. Default 60')
    .option(
      '--threads <n,…>',
      'numbers of threads to try. Default 1, doubled up to the cores; more where handlers wait',
    )
    .option('--folder <folder>', 'where stores are made and removed again: its disk counts. Default the temporary one')
    .option('--json', 'print what was found as one JSON object');
  tuningFlags.addTo(command);
  command.addHelpText('after', example).action((flags: TuneFlags) => tune(flags));
}

async function tune(flags: TuneFlags): Promise<void> {
  const all = flags as unknown as Flags;
  const wish = inputWishFrom(all);
  const given = tuningFlags.tuningFrom(all);
  const seconds = secondsFrom('--seconds', flags.seconds ?? '60', { min: 1, max: 86_400 });
  const print = flags.json ? takeStdout() : (text: string) => printTo(process.stdout, text);
  const machine = machineNow();
  const plan = { seconds, given, threads: threadsFrom(flags.threads), load: machine.loadAtStart };
  const loadedMax = countFrom('--events', flags.events ?? '100000', 10_000_000);
  const head = {
    version: 1 as const,
    startedAt: new Date().toISOString(),
    command: commandText('keylane tune'),
    machine,
    subject: subject(),
  };
  await withLab({ progress: 'line', parent: flags.folder }, async (lab) => {
    const { subject: own, events } = await openSubject(wish, { loadedMax, tuning: given });
    const tuned = await new Tuner(new OwnLab(lab, own, { seconds: measurementSeconds(seconds) }), {
      subject: own,
      events,
      plan,
    }).tune();
    const report: TuneReport = { ...head, ...tuned };
    return async () => {
      await print(flags.json ? `${JSON.stringify(report)}\n` : tuneText(report));
      return report.wrong.length > 0 ? 1 : exitCodes.succeeded;
    };
  });
}
