// What one row of the options table can be, and how a value is checked against it. Knows no option by name.

import { KeylaneError, shown } from './errors.js';

interface IntegerOption {
  readonly kind: 'integer';
  readonly default: number;
  readonly min: number;
  readonly max: number;
  readonly unit: string;
  readonly sentence: string;
  /** The command's flag, without dashes, where it has one. */
  readonly flag?: string;
}

interface ChoiceOption {
  readonly kind: 'choice';
  readonly default: string;
  readonly choices: readonly string[];
  readonly sentence: string;
  readonly flag?: string;
}

interface SwitchOption {
  readonly kind: 'switch';
  readonly default: boolean;
  readonly sentence: string;
}

/** A whole number that does not apply unless it is given. */
interface LimitOption {
  readonly kind: 'limit';
  readonly default: null;
  readonly min: number;
  readonly max: number;
  readonly unit: string;
  readonly sentence: string;
}

/** An object of further options; null stands for one in which nothing is given, unless it needs a member. */
interface GroupOption {
  readonly kind: 'group';
  readonly default: null;
  readonly members: Readonly<Record<string, GroupOption | LimitOption>>;
  /** Where nobody can mean an empty one. */
  readonly needsMember?: boolean;
  readonly sentence: string;
}

export type OptionSpec = IntegerOption | ChoiceOption | SwitchOption | LimitOption | GroupOption;

/** The values that fit a row of the table. */
export type ValueOf<Spec extends OptionSpec> = Spec extends ChoiceOption
  ? Spec['choices'][number]
  : Spec extends IntegerOption | LimitOption
    ? number
    : Spec extends GroupOption
      ? { readonly [Name in keyof Spec['members']]?: ValueOf<Spec['members'][Name]> }
      : boolean;

export type OptionValue = number | string | boolean | Readonly<Record<string, unknown>> | null;

/**
 * Checks one value against its row in the table and gives it back; a group in which nothing is given may come back as
 * null. `name` is what messages call it. Throws a KeylaneError `bad-option`.
 */
export function checkOption(name: string, spec: OptionSpec, value: unknown): OptionValue {
  switch (spec.kind) {
    case 'integer':
    case 'limit':
      if (typeof value === 'number' && Number.isInteger(value) && value >= spec.min && value <= spec.max) return value;
      throw badOption(name, `a whole number from ${spec.min} to ${spec.max} (${spec.unit})`, value);
    case 'choice':
      if (typeof value === 'string' && spec.choices.includes(value)) return value;
      throw badOption(name, `one of ${spec.choices.map((choice) => `"${choice}"`).join(', ')}`, value);
    case 'switch':
      if (typeof value === 'boolean') return value;
      throw badOption(name, 'true or false', value);
    case 'group':
      return checkGroup(name, spec, value);
  }
}

/** Throws a KeylaneError `bad-option` for what can hold no options. */
export function checkOptions(options: unknown): asserts options is object {
  if (typeof options !== 'object' || options === null) throw badOption('options', 'an object', options);
}

/** Options of a call that a signal can end. */
export interface WithSignal {
  readonly signal?: AbortSignal;
}

/** The signal that a call was given. Throws a KeylaneError `bad-option`. */
export function signalOf(options: WithSignal | undefined): AbortSignal | undefined {
  if (options === undefined) return undefined;
  const given: unknown = options;
  if (typeof given !== 'object' || given === null || given instanceof AbortSignal) {
    throw badOption('options', 'an object with a signal', options);
  }
  const { signal } = options;
  if (signal === undefined || signal instanceof AbortSignal) return signal;
  const hint = (signal as unknown) instanceof AbortController ? ' (give its signal)' : '';
  throw badOption('signal', `an AbortSignal${hint}`, signal);
}

/** The error for a value that does not fit. */
export function badOption(name: string, expected: string, found: unknown): KeylaneError {
  return new KeylaneError('bad-option', `${name} must be ${expected}, got ${shown(found)}`);
}

/** The error for a name that is no option; `of` names the group that was looked in, if it was one. */
export function unknownOption(name: string, { names, of }: { names: readonly string[]; of?: string }): KeylaneError {
  const near = names.find((known) => known.toLowerCase() === name.toLowerCase());
  const options = of === undefined ? 'options' : `options of ${of}`;
  const hint = near === undefined ? `the ${options} are ${names.join(', ')}` : `did you mean ${near}?`;
  return new KeylaneError('bad-option', `there is no option ${shown(name)}${of ? ` in ${of}` : ''}; ${hint}`);
}

function checkGroup(
  name: string,
  { members, needsMember = false }: GroupOption,
  value: unknown,
): Readonly<Record<string, unknown>> | null {
  const names = Object.keys(members);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badOption(name, `an object with ${names.join(', ')}`, value);
  }
  const checked: Record<string, unknown> = {};
  for (const [member, inner] of Object.entries(value)) {
    const spec = Object.hasOwn(members, member) ? members[member] : undefined;
    if (spec === undefined) throw unknownOption(member, { names, of: name });
    const given = inner === undefined ? null : checkOption(`${name}.${member}`, spec, inner);
    if (given !== null) checked[member] = given;
  }
  if (Object.keys(checked).length > 0) return checked;
  if (needsMember) throw badOption(name, `an object with at least one of ${names.join(', ')}`, value);
  return null;
}
