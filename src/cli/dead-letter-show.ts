// `keylane dead-letters show`: one event, whatever became of it, with every failed try and the lane it belongs to; of
// an event with several handlers, as each of them has it.

import { type ErrorRecord, KeylaneError, printable } from '../errors.js';
import type { FailedTry, Identity, ParkedLane, StoreReader } from '../index.js';
import type { OutcomeStatus } from '../outcome.js';
import { countOf, durationText, timeText } from './figures.js';
import { identityText } from './identity-text.js';
import { print } from './stdout.js';
import { quoted } from './summary.js';

export interface ShowWish {
  readonly store: string;
  readonly identity: Identity;
  readonly isJson: boolean;
  readonly version: string;
}

/** All that the store knows of one event as one handler has it. */
interface Known {
  readonly identity: Identity;
  /** Null while it has no outcome. */
  readonly status: OutcomeStatus | null;
  readonly handler: string | null;
  readonly type: string;
  readonly key: string | null;
  readonly id: string | null;
  /** What came with it; null where the store does not have the event. */
  readonly event: {
    readonly time: string | null;
    readonly headers: Readonly<Record<string, string>>;
    readonly data: unknown;
    readonly acceptedAtUs: number | null;
  } | null;
  /** Its lane, where that is parked by this event or another one. */
  readonly lane: ParkedLane | null;
  readonly tries: readonly FailedTry[];
  readonly discardReason: string | null;
}

export async function showEvent({ store, identity, isJson, version }: ShowWish): Promise<void> {
  const { openStore } = await import('../open-store.js');
  const reader = openStore(store);
  let known: readonly Known[];
  try {
    known = knownOf(reader, identity);
  } finally {
    reader.close();
  }
  if (known.length === 0) {
    const advice = 'keylane dead-letters list prints those of dead letters';
    const expected = 'the identity must be that of an event in the store';
    throw new KeylaneError('bad-option', `${expected}, ${identityText(identity)} is none: ${advice}`);
  }
  await print(known.map((one) => (isJson ? jsonOf(one, version) : textOf(one, store))).join(isJson ? '' : '\n'));
}

function knownOf(reader: StoreReader, identity: Identity): Known[] {
  const outcomes = reader.outcomes(identity);
  const journaled = reader.event(identity);
  const event = journaled ?? reader.keptEvent(identity);
  if (event === null && outcomes.length === 0) return [];
  const handlers = new Set([...(event?.handlers ?? []), ...outcomes.map(({ handler }) => handler)]);
  const [lanes, tries] = [reader.parkedLanes(), reader.history(identity)];
  return [...(handlers.size === 0 ? [null] : handlers)].map((handler) => {
    const outcome = outcomes.find((one) => one.handler === handler);
    const { type, key, id } = (outcome ?? event ?? outcomes[0])!;
    const isOwn = (lane: ParkedLane): boolean => lane.handler === null || lane.handler === handler;
    const lane = lanes.find((one) => isOwn(one) && (isSame(one.head, identity) || holds(one, { handler, key })));
    return {
      ...{ identity, type, key, id, handler, status: outcome?.status ?? null, lane: lane ?? null },
      event: event === null ? null : { ...event, acceptedAtUs: journaled?.acceptedAtUs ?? null },
      tries: tries.filter((one) => one.handler === handler),
      discardReason: handler === null ? null : reader.discardReason(identity, handler),
    };
  });
}

function isSame(one: Identity, other: Identity): boolean {
  return one.partition === other.partition && one.position === other.position;
}

/** Whether an event of this handler and key belongs to a lane. */
function holds(lane: ParkedLane, { handler, key }: { handler: string | null; key: string | null }): boolean {
  // The one lane of order `global` holds everything.
  return lane.handler === null || (key !== null && lane.handler === handler && lane.key === key);
}

function jsonOf(known: Known, version: string): string {
  const { identity, status, handler, type, key, id, event, lane, tries, discardReason } = known;
  const named = { identity: identityText(identity), ...identity, status, handler, type, key, id };
  const { time, headers, data, acceptedAtUs } = event ?? {};
  const content = data instanceof Uint8Array ? { dataBase64: Buffer.from(data).toString('base64') } : { data };
  const parked = lane && { parkedBy: identityText(lane.head), parkedAtUs: lane.parkedAtUs, waiting: lane.waiting };
  const came = event && { time, headers, ...content, acceptedAtUs };
  const report = { version: 1, keylane: version, ...named, event: came, lane: parked, tries, discardReason };
  return `${JSON.stringify(report)}\n`;
}

function textOf(known: Known, store: string): string {
  const parts = [
    [`${identityText(known.identity)}: ${statusText(known)}`, ...fieldLines(known)],
    [`Lane: ${laneText(known)}`],
    triesLines(known),
    nextLines(known, store),
  ];
  return `${parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function statusText({ status, tries, discardReason }: Known): string {
  switch (status) {
    case null:
      return tries.length === 0 ? 'no outcome yet' : 'no outcome yet, it is to run again';
    case 'dead-lettered':
      return `dead-lettered after ${triesText(tries)}`;
    case 'discarded':
      return `discarded after ${triesText(tries)}: ${printable(discardReason ?? 'for no reason on record')}`;
    default:
      return tries.length === 0 ? status : `${status}, after ${triesText(tries)}`;
  }
}

function triesText(tries: readonly FailedTry[]): string {
  return tries.length === 1 ? '1 failed try' : `${tries.length} failed tries`;
}

function fieldLines({ handler, type, key, id, event }: Known): string[] {
  const fields: [name: string, text: string | null][] = [
    ['handler', handler],
    ['type', type],
    ['key', key === null ? null : JSON.stringify(key)],
    ['id', id === null ? null : JSON.stringify(id)],
    ...(event === null ? [['data', 'not in the store'] as [string, string]] : eventFields(event)),
  ];
  return fields.map(([name, text]) => `  ${name.padEnd(8)}  ${printable(text ?? '-')}`);
}

function eventFields({ time, headers, data, acceptedAtUs }: NonNullable<Known['event']>): [string, string | null][] {
  const size = (bytes: Uint8Array): string => `${countOf(bytes.length, 'byte')}, in base64: `;
  const isBytes = data instanceof Uint8Array;
  return [
    ...(time === null ? [] : [['time', time] as [string, string]]),
    ...(Object.keys(headers).length === 0 ? [] : [['headers', JSON.stringify(headers)] as [string, string]]),
    ...(acceptedAtUs === null ? [] : [['accepted', timeText(acceptedAtUs)] as [string, string]]),
    ['data', isBytes ? size(data) + Buffer.from(data).toString('base64') : (JSON.stringify(data) ?? null)],
  ];
}

function laneText({ identity, key, lane }: Known): string {
  if (lane === null) return key === null ? 'none, as it has no key.' : 'not parked; the events of its key go on.';
  const isHead = isSame(lane.head, identity);
  const count = lane.waiting === 0 ? 'nothing' : countOf(lane.waiting, 'event');
  const waiting = `${count} ${lane.waiting <= 1 ? 'waits' : 'wait'} behind it`;
  return `parked by ${isHead ? 'this event' : identityText(lane.head)} since ${timeText(lane.parkedAtUs)}; ${waiting}.`;
}

function triesLines({ tries, status }: Known): string[] {
  if (tries.length === 0) return [];
  const hasFailed = status === 'dead-lettered' || status === 'discarded';
  const lines = ['Failed tries, the oldest first:'];
  for (const [index, tried] of tries.entries()) {
    const { startedAtUs, durationUs, attempt, isCounted, dueAtUs, error } = tried;
    const number = isCounted ? `try ${attempt}` : 'not counted, as the handler asked for a later one';
    lines.push(`  ${timeText(startedAtUs)}  ${tookText(durationUs)}  ${number}`);
    if (error !== null) lines.push(...errorLines(error).map((line) => `    ${line}`));
    // Only the last try of a dead letter has no other one due; what follows it is a redrive.
    if (dueAtUs === null && !(hasFailed && index === tries.length - 1)) lines.push('  Redriven: tries count anew.');
  }
  return lines;
}

function tookText(durationUs: number): string {
  return durationUs < 100_000 ? `${(durationUs / 1000).toFixed(2)} ms` : durationText(durationUs / 1000);
}

function errorLines({ name, message, code, stack, fields, cause }: ErrorRecord): string[] {
  const coded = code === undefined ? '' : ` (code ${code})`;
  // A stack begins with name and message once more.
  const frames = /^\s+at /m.exec(stack ?? '');
  return [
    ...`${name}: ${message}${coded}`.split('\n').map(printable),
    ...(frames === null
      ? []
      : stack!
          .slice(frames.index)
          .split('\n')
          .map((line) => `  ${printable(line.trim())}`)),
    ...(fields === undefined ? [] : [`  with ${printable(JSON.stringify(fields))}`]),
    ...(cause === undefined ? [] : errorLines(cause).map((line, index) => (index === 0 ? `caused by ${line}` : line))),
  ];
}

function nextLines({ identity, status, event }: Known, store: string): string[] {
  if (status !== 'dead-lettered') return [];
  const which = `--store ${quoted(printable(store))} ${quoted(identityText(identity))}`;
  return [
    event === null
      ? 'It cannot run again, as the store does not have the event. Give it up:'
      : 'Run it again, or give it up:',
    ...(event === null ? [] : [`  keylane dead-letters redrive ${which}`]),
    `  keylane dead-letters discard ${which} --reason '…'`,
  ];
}
