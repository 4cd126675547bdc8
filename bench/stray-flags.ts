// Which flags of the bench have no meaning beside, or without, others. What says nothing where it stands is refused
// before anything is measured: passed over in silence, it would be taken for measured.

import type { Command } from 'commander';
import { inputFlagNames } from '../src/cli/input-flags.js';
import { KeylaneError, shown } from '../src/errors.js';

/** Which cells of the fixed work are run. */
const axisFlags = ['workloads', 'payloads', 'keys', 'intake'];
/** Those which the user's own handlers have as well. */
const sharedAxisFlags = ['threads', 'durability'];
const ownFlags = [...inputFlagNames, 'events', 'eventsPerThread', 'seconds'];

/** `tuningNames`: options of the processor, which only the user's own handlers can be given. */
export function refuseStrayFlags(command: Command, tuningNames: readonly string[]): void {
  const given = command.opts<Readonly<Record<string, unknown>>>();
  const has = (name: string): boolean => command.getOptionValueSource(name) === 'cli';
  if (has('handlers')) {
    if (has('input')) return;
    throw new KeylaneError('bad-option', '--input must stand beside --handlers, got none: give a file of records');
  }
  refuse([...ownFlags, ...tuningNames], 'must stand beside --handlers', 'alone: name the module');
  if (!has('targets')) refuse(['full'], 'must stand beside --targets', 'alone');
  else {
    const why = 'must not stand beside --targets, which have cells of their own';
    refuse([...axisFlags, ...sharedAxisFlags, 'peers'], why, 'beside it: leave one of them out');
  }
  if (!has('smoke')) return;
  const why = 'must not stand beside --smoke, which has cells of its own';
  refuse([...axisFlags, ...sharedAxisFlags], why, 'beside it: leave one of them out');

  function refuse(names: readonly string[], must: string, found: string): void {
    const stray = names.find(has);
    if (stray === undefined) return;
    const flag = `--${stray.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    const value = given[stray] === true ? '' : ` ${shown(given[stray])}`;
    throw new KeylaneError('bad-option', `${flag} ${must}, got ${flag}${value} ${found}`);
  }
}
