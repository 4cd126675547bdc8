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

/**
 * Runs `work` with a lab below the folder `parent`, then what it gives, which prints; sets the exit code to what that
 * gives.
 */
export async function withLab(
  { progress, parent }: { progress: ProgressStyle; parent: string | undefined },
  work: (lab: Lab) => Promise<() => Promise<number>>,
): Promise<void> {
  const line = new LabLine(progress);
  let lab: Lab | null = null;
  const interrupt = new Interrupt({ onFirst: () => lab?.abort(), onSecond: () => {} });
  try {
    lab = openLab((text) => line.say(text), parent);
    const tell = await work(lab);
    if (interrupt.by !== null) throw new LabError('it was ended');
    line.finish();
    process.exitCode = await tell();
  } catch (error) {
    line.finish();
    if (interrupt.by !== null) {
      process.stderr.write(`keylane: ${interrupt.by}: ended; what was measured so far is not kept\n`);
      process.exitCode = exitCodes.interrupted;
    } else if (error instanceof LabError) {
      process.stderr.write(`keylane: ${error.message.split('\n').map(printable).join('\n')}\n`);
      process.exitCode = exitCodes.fatal;
    } else throw error;
  } finally {
    interrupt.close();
    lab?.close();
  }
}

/** What is being run, on standard error. */
class LabLine {
  readonly #stderr = new Stderr();
  readonly #startMs = performance.now();
  readonly #isDrawn: boolean;

  constructor(style: ProgressStyle) {
    this.#isDrawn = style === 'line';
  }

  say(line: string): void {
    const text = `[${Math.round((performance.now() - this.#startMs) / 1000)} s] ${printable(line)}`;
    if (!this.#isDrawn) this.#stderr.write(`${text}\n`);
    else if (this.#stderr.isTerminal) {
      const shown = text.slice(0, Math.max(0, this.#stderr.columns - 1));
      this.#stderr.writeIfFree(`${clearLine}${styleText('dim', shown, { stream: process.stderr })}`);
    }
  }

  /** Takes the line away. */
  finish(): void {
    if (this.#isDrawn && this.#stderr.isTerminal) this.#stderr.write(clearLine);
    this.#stderr.close();
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
