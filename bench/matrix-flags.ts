// The flags of the bench's own work: which of its cells are run. They are checked here, against what there is.

import { type Command, Option } from 'commander';
import { KeylaneError, shown } from '../src/errors.js';
import { checkOption } from '../src/option-spec.js';
import { optionTable } from '../src/options.js';
import { type Axes, axisChoices, defaultAxes } from './plan.js';

/** As Commander gives them. */
export interface MatrixFlags {
  readonly workloads?: string;
  readonly payloads?: string;
  readonly keys?: string;
  readonly intake?: string;
  readonly threads?: string;
  readonly durability?: string;
  readonly targets?: string | true;
  readonly full?: true;
  readonly peers?: true;
}

/** Flags that say nothing of the user's own handlers; not together with `--handlers`. */
export function addMatrixFlags(command: Command): void {
  const add = (name: string, sentence: string): void => {
    command.addOption(new Option(name, sentence).conflicts('handlers'));
  };
  add('--workloads <names>', `fixed work: ${axisChoices.workloads.join(', ')}; about as long as it is named`);
  add('--payloads <names>', `data of an event: ${axisChoices.payloads.join(', ')}`);
  add('--keys <names>', `how keys are spread: ${axisChoices.keys.join(', ')}`);
  add('--intake <names>', `how events come in: ${axisChoices.intake.join(', ')}`);
  add('--peers', 'in a clone of the repository: what keylane is measured against, at the same work');
  add('--targets [names]', "in a clone of the repository: the project's targets, each with figure and verdict");
  add('--full', 'beside --targets: all of their sizes');
}

/** Null where no flag names any. */
export function axesFrom(flags: MatrixFlags): Axes | null {
  if (!Object.keys(defaultAxes).some((axis) => flags[axis as keyof Axes] !== undefined)) return null;
  return {
    workloads: chosen('workloads', flags.workloads) ?? defaultAxes.workloads,
    threads: threadsFrom(flags.threads) ?? defaultAxes.threads,
    payloads: chosen('payloads', flags.payloads) ?? defaultAxes.payloads,
    keys: chosen('keys', flags.keys) ?? defaultAxes.keys,
    intake: (chosen('intake', flags.intake) as Axes['intake'] | null) ?? defaultAxes.intake,
    durability: durabilityFrom(flags.durability) ?? defaultAxes.durability,
  };
}

export function durabilityFrom(text: string | undefined): Axes['durability'] | null {
  return chosen('durability', text) as Axes['durability'] | null;
}

export function threadsFrom(text: string | undefined): number[] | null {
  const { threads } = optionTable;
  const counts = text?.split(',').map((one) => checkOption('--threads', threads, whole(one)) as number);
  return counts === undefined ? null : [...new Set(counts)];
}

/** A whole number from 1 on. */
export function countFrom(flag: string, text: string, max: number): number {
  const value = whole(text);
  if (typeof value === 'number' && value >= 1 && value <= max) return value;
  throw new KeylaneError('bad-option', `${flag} must be a whole number from 1 to ${max}, got ${shown(text)}`);
}

/** Seconds, with a point if need be. */
export function secondsFrom(flag: string, text: string, { min, max }: { min: number; max: number }): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new KeylaneError('bad-option', `${flag} must be a number of seconds from ${min} to ${max}, got ${shown(text)}`);
}

function whole(text: string): number | string {
  return /^\d+$/.test(text) ? Number(text) : text;
}

/** The values of a flag, separated by commas; null where it is not given. */
function chosen(axis: keyof typeof axisChoices, text: string | undefined): string[] | null {
  return text === undefined ? null : chosenFrom(`--${axis}`, text, axisChoices[axis]);
}

/** Some of the choices that a flag has, separated by commas; each once, however often it is named. */
export function chosenFrom(flag: string, text: string, choices: readonly string[]): string[] {
  const values = [...new Set(text.split(','))];
  const stray = values.find((value) => !choices.includes(value));
  if (stray === undefined) return values;
  const fits = `${choices.join(', ')}, or several of them separated by commas`;
  throw new KeylaneError('bad-option', `${flag} must be ${fits}, got ${shown(stray)}`);
}
