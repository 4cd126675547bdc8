// Runs the programs of the bench, each in a process of its own, and remembers every wrong result that one tells.

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { CellRequest, CellRun } from './cell.js';
import { cellName } from './cell-key.js';
import type { CellSpec } from './report.js';

/** No program of the bench takes that long, unless it hangs. */
const programMsMax = 10 * 60 * 1000;

export class Lab {
  /** What is wrong with any result so far. */
  readonly wrong: string[] = [];
  readonly #say: (line: string) => void;

  /** `say` is told what is being run. */
  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  say(line: string): void {
    this.#say(line);
  }

  async cell(request: CellRequest): Promise<CellRun> {
    return this.run<CellRun>('cell.js', { argument: request, name: cellName(request.spec) });
  }

  /** Events per second of one thread that inserts what the cell stores. */
  async insertLimit(spec: CellSpec): Promise<number> {
    const name = `insert limit of ${cellName(spec)}`;
    return (await this.run<{ eventsPerSecond: number }>('insert-limit.js', { argument: spec, name })).eventsPerSecond;
  }

  /** Runs a program with one argument as JSON; gives the JSON that it prints. */
  async run<Result extends object>(
    script: string,
    { argument, name }: { argument: unknown; name: string },
  ): Promise<Result> {
    const args = [programOf(script), JSON.stringify(argument)];
    const ran = promisify(execFile)(process.execPath, args, { timeout: programMsMax });
    const { stdout } = await ran.catch((error: { stderr?: string }) => {
      throw new Error(`${script} failed at ${name}: ${error.stderr ?? error}`);
    });
    const result = JSON.parse(stdout) as Result & { wrong?: readonly string[] };
    for (const what of result.wrong ?? []) this.wrong.push(`${name}: ${what}`);
    return result;
  }

  has(script: string): boolean {
    return existsSync(programOf(script));
  }
}

export function programOf(script: string): string {
  return fileURLToPath(new URL(script, import.meta.url));
}

/** Awaits `run` so often, one after another. */
export async function repeated<Value>(times: number, run: () => Promise<Value>): Promise<Value[]> {
  const values: Value[] = [];
  for (let time = 0; time < times; time += 1) values.push(await run());
  return values;
}
