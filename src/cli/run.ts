// `keylane run`: one input through one processor to its end, with a report. What is accepted is always finished, but
// for a second signal or a fatal failure; how the run ended is told last.

import { KeylaneError, printable } from '../errors.js';
import { createProcessor, NdjsonSource, type Processor, type Stats } from '../index.js';
import { type ExitCode, exitCodeOf, exitCodes } from './exit-code.js';
import { countOf } from './figures.js';
import { mappingOf } from './input-flags.js';
import { Interrupt } from './interrupt.js';
import { type Progress, ProgressLine } from './progress-line.js';
import type { RunWish } from './run-flags.js';
import { Stderr } from './stderr.js';
import { printTo, takeStdout } from './stdout.js';
import { type DeadLetterExample, jsonSummary, type RunReport, textSummary } from './summary.js';

/** Bad records, and warnings, that are told one by one; further ones are only counted. */
const toldMax = 5;
const examplesMax = 3;
/** How long a second signal waits for threads to end before it ends the process over them. */
const abortMsMax = 1_000;

export class Run {
  readonly #wish: RunWish;
  readonly #stderr = new Stderr();
  readonly #line = new ProgressLine(this.#stderr);
  readonly #interrupt: Interrupt;
  readonly #examples: DeadLetterExample[] = [];
  #source: NdjsonSource | null = null;
  #processor: Processor | null = null;
  #isWholeInputDone = false;
  #isEndedAtOnce = false;
  /** What ended the run before its time; the first trouble counts. */
  #trouble: unknown = null;
  #warnings = 0;
  #startedMs = performance.now();

  constructor(wish: RunWish) {
    this.#wish = wish;
    this.#interrupt = new Interrupt({ onFirst: () => this.#tellOfDraining(), onSecond: () => this.#endAtOnce() });
  }

  /** Runs, reports, and gives the exit code. Call it once. */
  async toEnd(version: string): Promise<ExitCode> {
    // What handlers print must not mix with the one object that a program reads.
    const print = this.#wish.json ? takeStdout() : (text: string) => printTo(process.stdout, text);
    await this.#work();
    this.#line.stop();
    // From here on nothing is under way that a signal could spoil.
    this.#interrupt.close();
    const report = this.#report();
    const { error, recordsSkipped } = report;
    if (recordsSkipped > toldMax) this.#line.note(`keylane: ${countOf(recordsSkipped - toldMax, 'more bad record')}`);
    if (error !== null) this.#line.note(`keylane: ${error.message}`);
    if (report.status === 'interrupted') this.#line.note(`keylane: ${this.#howToGoOn()}`);
    this.#stderr.close();
    if (this.#wish.json) await print(jsonSummary(report, version));
    else if (this.#processor !== null) await print(textSummary(report, this.#examples));
    return report.exitCode;
  }

  async #work(): Promise<void> {
    const wish = this.#wish;
    try {
      const source = new NdjsonSource({
        input: wish.input === '-' ? process.stdin : wish.input,
        mapping: mappingOf(wish),
        onBadRecord: wish.onBadLine,
        onSkipped: ({ message }) => this.#tellOfSkipped(message),
      });
      this.#source = source;
      const processor = await createProcessor({ ...wish.tuning, handlers: wish.handlers, store: wish.store });
      this.#processor = processor;
      this.#listenTo(processor);
      this.#startedMs = performance.now();
      this.#line.start(() => progressOf(processor, source));
      const { ended } = await processor.consume(source, { signal: this.#interrupt.signal });
      this.#isWholeInputDone = ended;
    } catch (error) {
      this.#trouble ??= error;
    }
    try {
      // Where there is no processor, nothing has closed what the source holds.
      await (this.#processor === null ? this.#source?.close() : this.#processor.drain());
    } catch (error) {
      this.#trouble ??= error;
    }
  }

  #listenTo(processor: Processor): void {
    // It comes back from consume() or drain() as well, which is where it is dealt with.
    processor.on('fatal', () => {});
    processor.on('warning', ({ message }) => {
      this.#warnings += 1;
      if (this.#warnings <= toldMax) this.#line.note(`keylane: warning: ${printable(message)}`);
    });
    processor.on('deadLetter', ({ identity, key, error }) => {
      if (this.#examples.length === examplesMax) return;
      const reason = error === null ? 'unknown' : `${error.name}: ${error.message}`;
      this.#examples.push({ position: identity.position, key, error: reason.slice(0, 200) });
    });
  }

  #tellOfSkipped(message: string): void {
    if ((this.#source?.recordsSkipped ?? 0) <= toldMax) this.#line.note(`keylane: left out: ${message}`);
  }

  #tellOfDraining(): void {
    const stats = this.#processor?.stats();
    const held = stats === undefined ? 0 : stats.accepted + stats.recovered - doneOf(stats);
    const name = this.#interrupt.by;
    this.#line.note(`keylane: ${name}: finishing ${countOf(held, 'event')} already accepted; once more to end at once`);
  }

  /** The store is left as after a crash, which it is made for: what was durable stays, the rest runs again. */
  #endAtOnce(): void {
    this.#isEndedAtOnce = true;
    this.#line.stop();
    if (this.#processor === null) process.exit(exitCodes.interrupted);
    // A thread in a long native call cannot be ended, and process.exit would wait for it: then the signal itself ends
    // the process, which shells show as 128 and its number.
    setTimeout(() => {
      this.#interrupt.close();
      process.kill(process.pid, this.#interrupt.by ?? 'SIGINT');
    }, abortMsMax).unref();
    void this.#processor.abort();
  }

  #howToGoOn(): string {
    return this.#wish.input === '-'
      ? 'what was not accepted of standard input has no outcome; give it to a new run'
      : 'run the same command again to go on';
  }

  #report(): RunReport {
    const stats = this.#processor?.stats();
    const deadLettered = stats?.deadLettered ?? 0;
    const { status, exitCode, error } = this.#ending(deadLettered);
    return {
      input: this.#wish.input,
      store: this.#wish.store,
      status,
      exitCode,
      accepted: stats?.accepted ?? 0,
      recovered: stats?.recovered ?? 0,
      succeeded: stats?.succeeded ?? 0,
      deadLettered,
      superseded: stats?.superseded ?? 0,
      duplicatesIgnored: stats?.duplicatesIgnored ?? 0,
      recordsSkipped: this.#source?.recordsSkipped ?? 0,
      recordsWithoutKey: this.#source?.recordsWithoutKey ?? 0,
      resumedAt: this.#source?.resumedAt ?? null,
      durationMs: performance.now() - this.#startedMs,
      threads: stats?.threads ?? 0,
      error,
    };
  }

  #ending(deadLettered: number): Pick<RunReport, 'status' | 'exitCode' | 'error'> {
    // What abort() made fail is no trouble.
    if (this.#isEndedAtOnce) return { status: 'interrupted', exitCode: exitCodes.interrupted, error: null };
    const trouble = this.#trouble;
    if (trouble !== null) return { status: 'failed', exitCode: exitCodeOf(trouble), error: errorOf(trouble) };
    const exitCode = deadLettered > 0 ? exitCodes.deadLettered : exitCodes.succeeded;
    return { status: this.#isWholeInputDone ? 'completed' : 'interrupted', exitCode, error: null };
  }
}

/** Bytes are done in the measure in which the events that came of them are. */
function progressOf(processor: Processor, source: NdjsonSource): Progress {
  const stats = processor.stats();
  const { accepted, recovered, deadLettered } = stats;
  const done = doneOf(stats);
  const { bytesRead, bytesPassedOver, bytesTotal } = source;
  const known = accepted + recovered;
  const share = known === 0 ? 0 : done / known;
  const bytesDone = bytesPassedOver + (bytesRead - bytesPassedOver) * share;
  return { done, deadLettered, bytes: bytesTotal === null ? null : { done: bytesDone, total: bytesTotal } };
}

function doneOf({ succeeded, deadLettered, superseded }: Stats): number {
  return succeeded + deadLettered + superseded;
}

function errorOf(trouble: unknown): { code: string; message: string } {
  if (trouble instanceof KeylaneError) return { code: trouble.code, message: printable(trouble.message) };
  const message = trouble instanceof Error ? `${trouble.name}: ${trouble.message}` : String(trouble);
  return { code: 'internal', message: printable(message) };
}
