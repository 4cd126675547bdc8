// Where the command `keylane` goes on for `keylane bench` and `keylane tune`; called as `node command.js bench FLAGS`.

import { commandLine, runCommandLine } from '../src/cli/command-line.js';

const program = commandLine('keylane').showHelpAfterError('(--help shows every flag, with examples)');
// Only what is asked for is loaded.
if (process.argv[2] === 'tune') {
  const { defineTune } = await import('./tune-command.js');
  defineTune(program.command('tune'));
} else {
  const { defineBench } = await import('./bench-command.js');
  defineBench(program.command('bench'), { name: 'keylane bench', progress: 'line' });
}
await runCommandLine(program);
