// The flags that say which handlers and which records: the same for every command that reads an input.

import { type Command, Option } from 'commander';

/** What the flags say. */
export interface InputWish {
  readonly handlers: string;
  /** Path of a file, or `-`. */
  readonly input: string;
  readonly type: string | undefined;
  readonly typeField: string | undefined;
  readonly keyField: string | undefined;
  readonly idField: string | undefined;
  readonly format: 'cloudevents' | undefined;
  readonly onBadLine: 'fail' | 'skip';
}

export type Flags = Readonly<Record<string, string | boolean | undefined>>;

/** The names of these flags, as Commander keeps them. */
export const inputFlagNames = [
  'handlers',
  'input',
  'type',
  'typeField',
  'keyField',
  'idField',
  'cloudevents',
  'onBadLine',
] as const;

/** The module and its input. `isRequired`: a command that has nothing to do without them. */
export function addHandlersAndInput(command: Command, { isRequired }: { isRequired: boolean }): void {
  const handlers = new Option('--handlers <module>', 'the handlers module: a path, or a file: URL');
  const input = new Option('--input <file>', 'NDJSON or a JSON array; - for standard input');
  for (const option of [handlers, input]) command.addOption(option.makeOptionMandatory(isRequired));
}

/** How records become events. */
export function addMapping(command: Command): void {
  command
    .option('--type <type>', 'the type of every event')
    .option('--type-field <path>', 'the field that holds the type')
    .option('--key-field <path>', 'the field that holds the key; events with one key run in order')
    .option('--id-field <path>', 'the field that holds the id')
    .option('--cloudevents', 'records are CloudEvents 1.0 as JSON');
}

export function addOnBadLine(command: Command): void {
  command.addOption(
    new Option('--on-bad-line <policy>', 'what to do at a line that is no event: fail, or skip and count it')
      .choices(['fail', 'skip'])
      .default('fail'),
  );
}

type Mapping = Pick<InputWish, 'type' | 'typeField' | 'keyField' | 'idField' | 'format'>;

/** The part of it that a source takes. */
export function mappingOf({ type, typeField, keyField, idField, format }: InputWish): Mapping {
  return { type, typeField, keyField, idField, format };
}

export function inputWishFrom(flags: Flags): InputWish {
  // Commander has seen to it that required flags are there, and that those with a value have one.
  const text = (name: string): string | undefined => flags[name] as string | undefined;
  return {
    handlers: text('handlers')!,
    input: text('input')!,
    type: text('type'),
    typeField: text('typeField'),
    keyField: text('keyField'),
    idField: text('idField'),
    format: flags['cloudevents'] === true ? 'cloudevents' : undefined,
    onBadLine: text('onBadLine') as InputWish['onBadLine'],
  };
}
