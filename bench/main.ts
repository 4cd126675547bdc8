// `npm run bench`: the command `keylane bench` in a clone of the repository, which tells its progress line by line.

import { commandLine, runCommandLine } from '../src/cli/command-line.js';
import { defineBench } from './bench-command.js';

const command = commandLine('npm run bench --');
defineBench(command, { name: 'npm run bench', progress: 'lines' });
await runCommandLine(command);
