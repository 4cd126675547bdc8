// Where the command `keylane` goes on for `keylane bench` and `keylane tune`; called as `node command.js bench FLAGS`.

import { commandLine, runCommandLine } from '../src/cli/command-line.js';
import { defineBench } from './bench-command.js';
import { defineTune } from './tune-command.js';

const program = commandLine('keylane').showHelpAfterError('(--help shows every flag, with examples)');
defineBench(program.command('bench'), { name: 'keylane bench', progress: 'line' });
defineTune(program.command('tune'));
await runCommandLine(program);
