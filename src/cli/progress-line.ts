// The one line that shows how far a run is. It draws what it is given, at most ten times a second and only on a
// terminal, and takes its line away again. It knows neither processor nor source.

import { styleText } from 'node:util';
import { bytesText, countOf, durationText, rateText } from './figures.js';

/** How far a run is. */
export interface Progress {
  /** Events with a durable outcome. */
  readonly done: number;
  readonly deadLettered: number;
  /** Bytes of the input up to where events are done, and in all; null where the size is not known. */
  readonly bytes: { readonly done: number; readonly total: number } | null;
}

/** What it needs of standard error. */
export interface ProgressOutlet {
  readonly isTerminal: boolean;
  readonly columns: number;
  write(text: string): void;
  writeIfFree(text: string): void;
}

const drawnEveryMs = 100;
/** The rate shown is that of this many past draws: five seconds. */
const samplesMax = 50;
const clearLine = '\r\u001b[K';

export class ProgressLine {
  readonly #outlet: ProgressOutlet;
  readonly #nowMs: () => number;
  #read: (() => Progress) | null = null;
  #timer: NodeJS.Timeout | null = null;
  #samples: { readonly atMs: number; readonly done: number; readonly bytesDone: number }[] = [];

  constructor(outlet: ProgressOutlet, nowMs: () => number = () => performance.now()) {
    this.#outlet = outlet;
    this.#nowMs = nowMs;
  }

  /** Shows the line from here on; does nothing where there is no terminal. */
  start(read: () => Progress): void {
    if (!this.#outlet.isTerminal) return;
    this.#read = read;
    this.draw();
    this.#timer = setInterval(() => this.draw(), drawnEveryMs);
    this.#timer.unref();
  }

  /** Draws it anew. */
  draw(): void {
    if (this.#read === null) return;
    const progress = this.#read();
    const text = this.#textOf(progress).slice(0, Math.max(0, this.#outlet.columns - 1));
    const format = progress.deadLettered > 0 ? 'yellow' : 'dim';
    this.#outlet.writeIfFree(`${clearLine}${styleText(format, text, { stream: process.stderr })}`);
  }

  /** Writes a line of its own; the progress line goes on below it. */
  note(line: string): void {
    this.#outlet.write(`${this.#read === null ? '' : clearLine}${line}\n`);
    this.draw();
  }

  /** Takes the line away. */
  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    if (this.#read !== null) this.#outlet.write(clearLine);
    this.#timer = null;
    this.#read = null;
  }

  #textOf({ done, deadLettered, bytes }: Progress): string {
    const sample = { atMs: this.#nowMs(), done, bytesDone: bytes?.done ?? 0 };
    this.#samples.push(sample);
    if (this.#samples.length > samplesMax) this.#samples.shift();
    const oldest = this.#samples[0]!;
    const seconds = Math.max(0.001, (sample.atMs - oldest.atMs) / 1000);
    const parts = [countOf(done, 'event'), rateText((done - oldest.done) / seconds)];
    if (bytes !== null && bytes.total > 0) {
      const doneBytes = Math.min(bytes.done, bytes.total);
      const percent = Math.floor((100 * doneBytes) / bytes.total);
      parts.unshift(`${String(percent).padStart(3)}%  ${bytesText(doneBytes, bytes.total)}`);
      const bytesPerSecond = (sample.bytesDone - oldest.bytesDone) / seconds;
      if (bytesPerSecond > 0) parts.push(`${durationText((1000 * (bytes.total - doneBytes)) / bytesPerSecond)} left`);
    }
    if (deadLettered > 0) parts.push(`${countOf(deadLettered, 'dead letter')}`);
    return parts.join('  ');
  }
}
