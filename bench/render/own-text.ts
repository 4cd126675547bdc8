// What a report says of the user's own handlers and input, in sentences.

import type { BenchReport, OwnSummary } from '../report.js';
import { numberText, percentText } from './figure-text.js';

/** Of what was measured: before the tables. */
export function inputLine({ handlers, input, eventsLoaded, isCut, recordsSkipped }: OwnSummary): string {
  const count = eventsLoaded.toLocaleString('en-US');
  const part = isCut
    ? `the first ${count} events of ${input} (--events takes more)`
    : `the ${count} events of ${input}`;
  const skipped = recordsSkipped === 0 ? '' : `; ${recordsSkipped} bad records left out`;
  return `${handlers} with ${part}; where a cell needs more, they come again${skipped}`;
}

/** Behind the tables: what people should know of the figures. */
export function ownNotes(own: OwnSummary, { cells }: Pick<BenchReport, 'cells'>): string[] {
  const { hottestLane, failures, warnings, isCpuKnown } = own;
  const threadsMost = Math.max(1, ...cells.map(({ threads }) => threads));
  return [
    ...(hottestLane === null || hottestLane.share * threadsMost <= 1 ? [] : [laneSentence(hottestLane)]),
    ...plainNotes(own),
    ...failures.map(failureSentence),
    ...(isCpuKnown ? [] : ['CPU per thread is not known here: handlers us is all but the main thread.']),
    ...warnings.map((warning) => `Warning: ${warning}`),
  ];
}

export function laneSentence({ key, share }: { readonly key: string; readonly share: number }): string {
  const most = `events that take equally long keep no more than ${numberText(1 / share)} threads busy`;
  return `Order is a limit: key ${JSON.stringify(key)} holds ${percentText(share)} of the events of its handler; ${most}.`;
}

/** That everything is right, in as many words as hold; nothing where no cell was run. */
export function checkedLines({ own, cells }: Pick<BenchReport, 'own' | 'cells'>): string[] {
  if (own !== null) return [checkedSentence(own)];
  return cells.length === 0 ? [] : ['Checked: every event once, the right sum, order kept per key.'];
}

function checkedSentence({ results, unsteady, checksum }: OwnSummary): string {
  switch (results) {
    case 'same':
      return `Checked: every event once, order kept per key, results those of the plain loop (checksum ${checksum}).`;
    case 'different':
      return 'Checked: results are not those of the plain loop.';
    case 'of-state':
      return (
        'Checked: every event once, order kept per key. NOT CHECKED: results, as handlers that keep state give others ' +
        'with each run: a plain loop has a state of its own for each key, and no warm-up of keylane in it.'
      );
    case 'not-compared':
      return (
        'Checked: every event once, order kept per key. NOT CHECKED: results, as no event has one both in keylane and ' +
        'in a plain loop.'
      );
    case 'not-deterministic':
      return (
        'Checked: every event once, order kept per key. NOT CHECKED: results, as they are not the same in each run: ' +
        `two plain loops differ in ${unsteady.toLocaleString('en-US')} of them. The handlers are not deterministic.`
      );
  }
}

/** What the rate of plain loops leaves out, or has in it. */
export function plainNotes({ plainFailures, emittedPerEvent }: OwnSummary): string[] {
  return [
    ...(plainFailures ? [plainSentence(plainFailures)] : []),
    ...(emittedPerEvent ? [emittedSentence(emittedPerEvent)] : []),
  ];
}

function emittedSentence(perEvent: number): string {
  const events = `${numberText(perEvent)} ${perEvent === 1 ? 'event' : 'events'}`;
  const who = 'keylane stores these and runs those that a handler takes, plain loops do neither';
  return `Handlers emitted ${events} for each of the input: ${who}, so that the ideal is too high by that work.`;
}

function plainSentence({ events, failed, firstError }: NonNullable<OwnSummary['plainFailures']>): string {
  const part = `${failed.toLocaleString('en-US')} of ${events.toLocaleString('en-US')} events failed in plain loops`;
  const what = failed === events ? 'nothing says how fast the handlers can be' : 'their rate has the failed ones in it';
  return `${part}, so that ${what}; the first error: ${firstError ?? 'none is on record'}.`;
}

export function failureSentence({
  cell,
  events,
  failed,
  retried,
  parked,
  firstError,
}: OwnSummary['failures'][number]): string {
  const counts = [
    ...(failed > 0 ? [`${failed.toLocaleString('en-US')} of ${events.toLocaleString('en-US')} events failed`] : []),
    ...(retried > 0 ? [`${retried.toLocaleString('en-US')} tries were followed by another`] : []),
    ...(parked > 0 ? [`${parked.toLocaleString('en-US')} events wait behind a dead letter`] : []),
  ];
  const error = firstError === null ? '' : `; the first error: ${firstError}`;
  return `${cell}: ${counts.join(', ')}${error}. Waits between tries are on the clock.`;
}
