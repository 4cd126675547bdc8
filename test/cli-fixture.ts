// Runs the built command as a shell would, or many command lines in one process; and gives tests two wires to the
// handlers of a command: a line comes for each event that begins, and handlers that are told to wait do so until a byte
// goes back.

import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { afterAll, expect, onTestFinished } from 'vitest';

const main = fileURLToPath(new URL('../dist/src/cli/main.js', import.meta.url));
/** Where it goes on for `keylane bench` and `keylane tune`. */
const benchMain = fileURLToPath(new URL('../dist/bench/command.js', import.meta.url));

export const signallingHandlers = fileURLToPath(new URL('./fixtures/handlers/signalling.js', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that runs; killed when the test ends. */
export class Command {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  readonly #begun: Interface;
  readonly #gate: Writable;
  readonly #text = { stdout: '', stderr: '' };
  #onText: () => void = () => {};

  constructor(args: readonly string[]) {
    this.child = spawn(process.execPath, [main, ...args], { stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'pipe'] });
    const [, , , begun, gate] = this.child.stdio as unknown as [unknown, unknown, unknown, Readable, Writable];
    this.#begun = createInterface({ input: begun });
    this.#gate = gate;
    // It may end before it has read everything that was sent.
    for (const stream of [this.child.stdin!, gate]) stream.on('error', () => {});
    for (const name of ['stdout', 'stderr'] as const) {
      this.child[name]!.setEncoding('utf8').on('data', (text: string) => {
        this.#text[name] += text;
        this.#onText();
      });
    }
    this.ended = new Promise((resolve) => {
      this.child.once('close', (code, signal) => {
        this.#onText();
        resolve({ code, signal, ...this.#text });
      });
    });
    onTestFinished(async () => {
      this.child.kill('SIGKILL');
      for (const stream of this.child.stdio) stream?.destroy();
      await this.ended;
    });
  }

  /** Resolves when the handler has begun the event with this number. */
  async begins(n: number): Promise<void> {
    for await (const line of this.#begun) if (line === String(n)) return;
    throw new Error(`event ${n} has not begun: ${JSON.stringify(await this.ended)}`);
  }

  /** Lets every event that waits, and will wait, go on. */
  openGate(): void {
    this.#gate.end();
  }

  /** Resolves when standard error has had this. */
  async says(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.#text.stderr)) {
      if (this.child.exitCode !== null) throw new Error(`it never said ${pattern}: ${this.#text.stderr}`);
      await new Promise<void>((resolve) => {
        this.#onText = resolve;
      });
    }
  }
}

/** Runs a command with an open gate to its end. */
export async function keylane(args: readonly string[], input = ''): Promise<Ended> {
  const command = new Command(args);
  command.openGate();
  command.child.stdin!.end(input);
  return await command.ended;
}

/**
 * Runs command lines in one process for all of a test file, see command-host.js. For what does not depend on a process
 * of its own: of each command some test runs it as a shell does.
 */
export class CommandHost {
  readonly #entry: string;
  #host: ChildProcess | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #gone: Promise<undefined[]> = Promise.resolve([]);

  constructor(of: 'keylane' | 'bench' = 'keylane') {
    this.#entry = of === 'bench' ? benchMain : main;
    afterAll(() => this.#end());
  }

  run(argv: readonly string[]): Promise<Ended> {
    const ended = this.#last.then(() => this.#run(argv));
    this.#last = ended.catch(() => {});
    return ended;
  }

  async #run(argv: readonly string[]): Promise<Ended> {
    const host = this.#started();
    const answered = once(host, 'message');
    host.send({ argv });
    const [ended] = await Promise.race([answered, this.#gone]);
    if (ended === undefined) throw new Error(`the process that runs commands has ended at ${argv.join(' ')}`);
    return ended as Ended;
  }

  #started(): ChildProcess {
    if (this.#host !== null) return this.#host;
    const program = fileURLToPath(new URL('./fixtures/command-host.js', import.meta.url));
    this.#host = fork(program, [this.#entry], { execArgv: [] });
    this.#gone = once(this.#host, 'exit').then(() => [undefined]);
    return this.#host;
  }

  /** It ends by itself, or something that it ran has left something open. */
  async #end(): Promise<void> {
    const host = this.#host;
    if (host === null) return;
    const exited = once(host, 'exit');
    const late = setTimeout(() => host.kill('SIGKILL'), 10_000);
    host.disconnect();
    const how = await exited;
    clearTimeout(late);
    expect(how).toEqual([0, null]);
  }
}

export interface OutcomeLine {
  readonly position: number;
  readonly type: string;
  readonly key: string | null;
  readonly id: string | null;
  readonly status: string;
  readonly result: string | null;
}

/** The outcomes in a store, in order of position. */
export function outcomesIn(store: string): OutcomeLine[] {
  const db = new Database(store, { readonly: true, fileMustExist: true });
  try {
    const sql = 'SELECT position, type, key, id, status, result FROM outcomes ORDER BY position';
    return db.prepare(sql).all() as OutcomeLine[];
  } finally {
    db.close();
  }
}
