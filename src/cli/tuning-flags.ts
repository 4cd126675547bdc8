// Each option of the options table that has a flag becomes one by itself.

import { type Command, Option } from 'commander';
import type { ProcessorOptions } from '../index.js';
import { checkOption, type OptionSpec } from '../option-spec.js';
import { optionTable } from '../options.js';
import type { Flags } from './input-flags.js';

/** Options from the table, where a flag gives one. */
export type Tuning = Omit<ProcessorOptions, 'handlers' | 'store'>;

interface TableFlag {
  readonly name: string;
  readonly spec: OptionSpec;
  readonly option: Option;
}

/** All of them, or all but some that the command means otherwise. */
export class TuningFlags {
  readonly #flags: readonly TableFlag[];

  constructor({ without = [] }: { without?: readonly (keyof typeof optionTable)[] } = {}) {
    this.#flags = tableFlags().filter(({ name }) => !without.some((left) => left === name));
  }

  /** The names of these flags, as Commander keeps them. */
  get names(): readonly string[] {
    return this.#flags.map(({ option }) => option.attributeName());
  }

  addTo(command: Command): void {
    for (const { option } of this.#flags) command.addOption(option);
  }

  /** Throws a KeylaneError `bad-option` for a value that does not fit. */
  tuningFrom(flags: Flags): Tuning {
    const tuning: Record<string, unknown> = {};
    for (const { name, spec, option } of this.#flags) {
      const given = flags[option.attributeName()];
      if (given === undefined) continue;
      const value = spec.kind === 'integer' && /^\d+$/.test(String(given)) ? Number(given) : given;
      tuning[name] = checkOption(option.long ?? name, spec, value);
    }
    return tuning as Tuning;
  }
}

/** A tuning as flags, such as `--threads 4 --batch-target-ms 20`. */
export function flagsText(tuning: Tuning): string {
  const given: Readonly<Record<string, unknown>> = { ...tuning };
  return tableFlags()
    .filter(({ name }) => given[name] !== undefined)
    .map(({ name, option }) => `${option.long} ${String(given[name])}`)
    .join(' ');
}

function tableFlags(): TableFlag[] {
  return Object.entries<OptionSpec>(optionTable).flatMap(([name, spec]) => {
    if (!('flag' in spec) || spec.flag === undefined) return [];
    const shape = spec.kind === 'integer' ? 'n' : spec.choices.join('|');
    const option = new Option(`--${spec.flag} <${shape}>`, `${spec.sentence} Default ${spec.default}.`);
    return [{ name, spec, option }];
  });
}
