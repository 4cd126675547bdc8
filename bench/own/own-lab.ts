// Runs the programs that hold the user's handlers, each in a process of its own and with a folder of its own. What the
// handlers print goes nowhere, but for the last of it where a program fails.

import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { countOf } from '../../src/cli/figures.js';
import type { Tuning } from '../../src/cli/tuning-flags.js';
import { type Lab, LabError } from '../lab.js';
import { cores } from '../machine.js';
import type { OwnCellRequest, OwnCellRun } from './own-cell.js';
import { hashesFile, resultFile } from './own-result.js';
import type { OwnSubject } from './own-subject.js';
import type { PlainRequest, PlainRun } from './plain-loop.js';
import { readHashes } from './result-hash.js';

/** What a program takes at most: to start and to end, and for each second that one thread is to be busy for. */
const patienceMs = 60_000;
const patiencePerSecondMs = 1000 * (20 + 4 * cores);

/** A run with what became of each event. */
export type Hashed<Run> = Run & { readonly hashes: Uint32Array };

export class OwnLab {
  readonly #lab: Lab;
  readonly #subject: OwnSubject;
  readonly #limitMs: number;
  #runs = 0;

  /** `seconds`: what a measurement should take. */
  constructor(lab: Lab, subject: OwnSubject, { seconds }: { seconds: number }) {
    this.#lab = lab;
    this.#limitMs = patienceMs + seconds * patiencePerSecondMs;
    this.#subject = subject;
  }

  say(line: string): void {
    this.#lab.say(line);
  }

  /** Events per second of one plain loop, roughly. */
  async calibrate(seconds: number): Promise<Hashed<PlainRun>> {
    this.say('one plain loop, to see how long an event takes');
    return this.plain({ processes: 1, events: 1_000_000, warming: 0, seconds });
  }

  async plain(of: Pick<PlainRequest, 'processes' | 'events' | 'warming' | 'seconds'>): Promise<Hashed<PlainRun>> {
    return this.#run<PlainRun, PlainRequest>('own/plain-loop.js', of, loopsText(of.processes));
  }

  async cell(of: {
    tuning: Tuning & { threads: number };
    events: number;
    warming: number;
    latencySeconds: number;
  }): Promise<Hashed<OwnCellRun>> {
    return this.#run<OwnCellRun, OwnCellRequest>(
      'own/own-cell.js',
      of,
      `the cell of ${countOf(of.tuning.threads, 'thread')}`,
    );
  }

  async #run<Run extends object, Request>(script: string, of: object, name: string): Promise<Hashed<Run>> {
    this.#runs += 1;
    const folder = join(this.#lab.folder, `run-${this.#runs}`);
    mkdirSync(folder);
    try {
      const argument = { ...of, subject: this.#subject, folder } as Request;
      await this.#lab.runAside(script, { argument, limitMs: this.#limitMs, name });
      const result = JSON.parse(readFileSync(join(folder, resultFile), 'utf8')) as Run;
      return { ...result, hashes: readHashes(join(folder, hashesFile)) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      throw new LabError(`${name} ended without a result: does a handler call process.exit?`, { cause: error });
    } finally {
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    }
  }
}

export function loopsText(processes: number): string {
  return countOf(processes, 'plain loop');
}
