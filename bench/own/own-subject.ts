// What is measured with the user's own handlers: a module that has been loaded once, and the records it is given.

import type { InputWish } from '../../src/cli/input-flags.js';
import type { Tuning } from '../../src/cli/tuning-flags.js';
import { KeylaneError, shown } from '../../src/errors.js';
import type { HandlerTable } from '../../src/handler.js';
import { configFrom } from '../../src/options.js';
import { preflight } from '../../src/pool/preflight.js';
import { OwnEvents } from './own-events.js';

/** Plain values: every program that runs the handlers is given it as JSON. */
export interface OwnSubject {
  /** URL of the handlers module. */
  readonly url: string;
  /** Options of Node without which it cannot be loaded. */
  readonly execArgv: readonly string[];
  readonly table: HandlerTable;
  readonly wish: InputWish;
  /** Records that are loaded at most. */
  readonly loadedMax: number;
  /** The same in every cell. */
  readonly tuning: Tuning;
}

/** Whether any of its handlers keeps a state for each key. */
export function keepsState({ table }: Pick<OwnSubject, 'table'>): boolean {
  return table.policies.some(({ isStateful = false }) => isStateful);
}

/** Loads the module and the records once, so that what is wrong with them is told before anything is measured. */
export async function openSubject(
  wish: InputWish,
  { loadedMax, tuning }: Pick<OwnSubject, 'loadedMax' | 'tuning'>,
): Promise<{ subject: OwnSubject; events: OwnEvents }> {
  if (wish.input === '-') {
    throw new KeylaneError(
      'bad-option',
      '--input must be a file, got -: it is read again for each measurement, so put standard input into a file first',
    );
  }
  const { loadTimeoutMs } = configFrom({ ...tuning, handlers: wish.handlers, store: 'none' });
  const { url, table, execArgv } = await preflight(wish.handlers, { loadTimeoutMs });
  refuseLatest(table);
  const subject: OwnSubject = { url: url.href, execArgv, table, wish, loadedMax, tuning };
  const events = await OwnEvents.load(subject);
  if (events.loaded === 0) {
    throw new KeylaneError('bad-input', `input must have at least one event, found none in ${wish.input}`);
  }
  return { subject, events };
}

/** Events that do not run make the handlers look fast. */
function refuseLatest({ names, policies }: HandlerTable): void {
  const index = policies.findIndex(({ waiting }) => waiting === 'latest');
  if (index === -1) return;
  const expected = `handler ${shown(names[index])} must run all its events to be measured, got waiting: 'latest'`;
  throw new KeylaneError('bad-handlers', `${expected}: measure it without`);
}
