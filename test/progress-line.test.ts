// The progress line, drawn on a terminal that is not there.

import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { type Progress, ProgressLine } from '../src/cli/progress-line.js';

class FakeTerminal {
  isTerminal = true;
  columns = 200;
  isFree = true;
  written: string[] = [];

  write(text: string): void {
    this.written.push(text);
  }

  writeIfFree(text: string): void {
    if (this.isFree) this.written.push(text);
  }

  /** The last thing written, as it reads on the line. */
  get line(): string {
    return stripVTControlCharacters(this.written.at(-1) ?? '').replace('\r', '');
  }
}

function line(of: { terminal?: FakeTerminal; progress?: Progress } = {}) {
  const terminal = of.terminal ?? new FakeTerminal();
  const clock = { nowMs: 0 };
  const state = { progress: of.progress ?? { done: 0, deadLettered: 0, bytes: { done: 0, total: 4_000_000 } } };
  const shown = new ProgressLine(terminal, () => clock.nowMs);
  shown.start(() => state.progress);
  return { terminal, clock, state, shown };
}

test('it shows how far the input is, events, their rate, the time left and dead letters', () => {
  const { terminal, clock, state, shown } = line();
  clock.nowMs = 2000;
  state.progress = { done: 3000, deadLettered: 1, bytes: { done: 1_000_000, total: 4_000_000 } };
  shown.draw();
  expect(terminal.line).toBe(' 25%  1.0 of 4.0 MB  3,000 events  1,500/s  6.0 s left  1 dead letter');
  shown.stop();
});

test('it says less of an input whose size is not known', () => {
  const { terminal, clock, state, shown } = line();
  clock.nowMs = 1000;
  state.progress = { done: 1, deadLettered: 0, bytes: null };
  shown.draw();
  expect(terminal.line).toBe('1 event  1.0/s');
  shown.stop();
});

test('it never shows more than the whole, even of a file that has grown', () => {
  const { terminal, shown } = line({ progress: { done: 9, deadLettered: 0, bytes: { done: 900, total: 800 } } });
  expect(terminal.line).toContain('100%  800 of 800 B');
  shown.stop();
});

test('it fits a narrow terminal', () => {
  const terminal = new FakeTerminal();
  terminal.columns = 20;
  const { shown } = line({ terminal });
  expect(terminal.line).toHaveLength(19);
  shown.stop();
});

test('where there is no terminal it writes nothing but notes', () => {
  const terminal = new FakeTerminal();
  terminal.isTerminal = false;
  const { shown } = line({ terminal });
  shown.draw();
  shown.note('keylane: a word');
  shown.stop();
  expect(terminal.written).toEqual(['keylane: a word\n']);
});

test('a terminal that takes nothing misses draws, and no note', () => {
  const { terminal, shown } = line();
  terminal.isFree = false;
  const before = terminal.written.length;
  shown.draw();
  shown.note('keylane: a word');
  expect(terminal.written.slice(before)).toEqual(['\r\u001b[Kkeylane: a word\n']);
  shown.stop();
});

test('it takes its line away, and is drawn no more', () => {
  const { terminal, shown } = line();
  shown.stop();
  expect(terminal.written.at(-1)).toBe('\r\u001b[K');
  const before = terminal.written.length;
  shown.draw();
  expect(terminal.written).toHaveLength(before);
});
