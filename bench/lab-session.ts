// One use of the lab by a command: says what runs, ends it on a signal, removes what it left, and turns what went wrong
// into an exit code.

import { styleText } from 'node:util';
import { exitCodes } from '../src/cli/exit-code.js';
import { Interrupt } from '../src/cli/interrupt.js';
import { Stderr } from '../src/cli/stderr.js';
import { KeylaneError, printable } from '../src/errors.js';
import { Lab, LabError } from './lab.js';

/** `line`: one that is drawn anew, on a terminal only. `lines`: one after another, wherever they go. */
export type ProgressStyle = 'line' | 'lines';

const clearLine = '\r\u001b[K';

/** Runs `work` with a lab below the folder `parent`, then what it gives, which prints; sets the exit code to what that gives. */
export async function withLab(
  { progress, parent }: { progress: ProgressStyle; parent: string | undefined },
  work: (lab: Lab) => Promise<() => number>,
): Promise<void> {
  const stderr = new Stderr();
  const startMs = performance.now();
  const isDrawn = progress === 'line';
  const say = (line: string): void => {
    const text = `[${Math.round((performance.now() - startMs) / 1000)} s] ${printable(line)}`;
    if (!isDrawn) stderr.write(`${text}\n`);
    else if (stderr.isTerminal) {
      const shown = text.slice(0, Math.max(0, stderr.columns - 1));
      stderr.writeIfFree(`${clearLine}${styleText('dim', shown, { stream: process.stderr })}`);
    }
  };
  const finish = (): void => {
    if (isDrawn && stderr.isTerminal) stderr.write(clearLine);
    stderr.close();
  };
  const lab = openLab(say, parent);
  const interrupt = new Interrupt({ onFirst: () => lab.abort(), onSecond: () => {} });
  try {
    const tell = await work(lab);
    finish();
    process.exitCode = tell();
  } catch (error) {
    finish();
    if (interrupt.by !== null) {
      process.stderr.write(`keylane: ${interrupt.by}: ended; what was measured so far is not kept\n`);
      process.exitCode = exitCodes.interrupted;
    } else if (error instanceof LabError) {
      process.stderr.write(`keylane: ${error.message.split('\n').map(printable).join('\n')}\n`);
      process.exitCode = exitCodes.fatal;
    } else throw error;
  } finally {
    interrupt.close();
    lab.close();
  }
}

function openLab(say: (line: string) => void, parent: string | undefined): Lab {
  try {
    return new Lab(say, parent === undefined ? {} : { parent });
  } catch (error) {
    const { message } = error as Error;
    throw new KeylaneError('bad-option', `--folder must be a folder that can be written to: ${message}`);
  }
}
