// Shows a stored report without measuring again:
// node dist/bench/show.js REPORT [--html FILE] [--svg FILE] [--markdown] [--compare OLD] [--fail-on-regression]

import { commandLine, runCommandLine } from '../src/cli/command-line.js';
import { addShowFlags, readReport, type ShowWish, showerOf } from './report-files.js';

const command = commandLine('node dist/bench/show.js')
  .description('Show a stored report of the bench.')
  .argument('<report>', 'the file that --json wrote')
  .action((path: string, wish: ShowWish) => {
    const failure = showerOf(wish)(readReport(path), (text) => process.stdout.write(text));
    if (failure === null) return;
    process.stderr.write(`bench: ${failure}\n`);
    process.exitCode = 1;
  });
addShowFlags(command);
await runCommandLine(command);
