// Runs the programs of the bench, each in a process of its own, and remembers every wrong result that one tells. What
// they leave behind lies in one folder, which goes when the lab is closed, however a program ended.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { CellRequest, CellRun } from './cell.js';
import { cellName } from './cell-key.js';
import type { CellSpec } from './report.js';

/** No program of the bench takes that long, unless it hangs. */
const programMsMax = 10 * 60 * 1000;

/** What a program that was told to end may take to do so; one that computes hears of it afterwards. */
const endMsMax = 10_000;

/** Characters of standard error that are told of a program that failed. */
const stderrSizeMax = 2000;

/** Characters that a program may print. */
const outputBytesMax = 64 * 1024 * 1024;

/** What came of a program. */
interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  /** Null when it ended well. */
  readonly error: string | null;
  readonly isLate: boolean;
}

/** A program of the bench could not do its work; the message is for whoever started the bench. */
export class LabError extends Error {
  override readonly name = 'LabError';
}

export class Lab {
  /** What is wrong with any result so far. */
  readonly wrong: string[] = [];
  /** Where programs keep what they need for a while. */
  readonly folder: string;
  readonly #say: (line: string) => void;
  readonly #end = new AbortController();

  /** `say` is told what is being run; stores are made below `parent`. */
  constructor(say: (line: string) => void, { parent = tmpdir() }: { parent?: string } = {}) {
    this.#say = say;
    this.folder = mkdtempSync(join(parent, 'keylane-bench-'));
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
    const how = { timeout: programMsMax, killSignal: 'SIGKILL', env: this.#environment(), signal: this.#end.signal };
    const ran = promisify(execFile)(process.execPath, args, how as { timeout: number });
    const { stdout } = await ran.catch((error: { stderr?: string }) => {
      throw new LabError(`${script} failed at ${name}: ${error.stderr || error}`);
    });
    const result = JSON.parse(stdout) as Result & { wrong?: readonly string[] };
    for (const what of result.wrong ?? []) this.wrong.push(`${name}: ${what}`);
    return result;
  }

  /**
   * Runs a program to its end, whatever that is; told to end, it has `endMsMax` to end processes of its own first.
   * Throws when the lab is aborted meanwhile, and not before the program has ended: what it writes to is removed then.
   */
  async ended(args: readonly string[], { cwd, limitMs }: { cwd: string; limitMs: number }): Promise<Ended> {
    const { signal } = this.#end;
    if (signal.aborted) throw new LabError(`${args[0]} was not begun`);
    // Not execFile's own signal, which tells at once of a program that still runs.
    const how = { cwd, maxBuffer: outputBytesMax, env: this.#environment() };
    return new Promise((resolve, reject) => {
      let isLate = false;
      let killing: NodeJS.Timeout | undefined;
      const end = (): void => {
        child.kill('SIGTERM');
        killing ??= setTimeout(() => child.kill('SIGKILL'), endMsMax);
      };
      const limit = setTimeout(() => {
        isLate = true;
        end();
      }, limitMs);
      const child = execFile(process.execPath, args, how, (error, stdout, stderr) => {
        clearTimeout(limit);
        clearTimeout(killing);
        signal.removeEventListener('abort', end);
        if (signal.aborted) reject(new LabError(`${args[0]} was ended`));
        else resolve({ stdout, stderr, error: error?.message ?? null, isLate: isLate && error !== null });
      });
      signal.addEventListener('abort', end);
    });
  }

  /** Runs a program that leaves its result in a file, and whose standard output is somebody else's. */
  async runAside(
    script: string,
    { argument, name, limitMs }: { argument: unknown; name: string; limitMs: number },
  ): Promise<void> {
    const child = spawn(process.execPath, [programOf(script), JSON.stringify(argument)], {
      ...{ stdio: ['ignore', 'ignore', 'pipe'], env: this.#environment() },
      // No signal that cannot be heard: it may have processes of its own to end.
      ...{ signal: this.#end.signal, killSignal: 'SIGTERM', timeout: limitMs },
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-stderrSizeMax);
    });
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    if (code === 0) return;
    const how = code === null ? `did not end within ${limitMs / 1000} s (${signal})` : `ended with ${code}`;
    const silent = said === '' ? ': do the handlers exit?' : '';
    const advice = code === null ? ': does a handler wait or loop for ever?' : silent;
    throw new LabError(`${name} ${how}${advice}${said === '' ? '' : `\n${said.trimEnd()}`}`);
  }

  /** Ends what runs; whoever waits for it is told. */
  abort(): void {
    this.#end.abort();
  }

  /** Removes what programs have left. */
  close(): void {
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 10 });
  }

  /** Programs make their folders in the lab's. */
  #environment(): NodeJS.ProcessEnv {
    return { ...process.env, TMPDIR: this.folder, TMP: this.folder, TEMP: this.folder };
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
