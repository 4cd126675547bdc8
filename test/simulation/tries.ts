// The tries of one life, as the outside saw them, and what was said of them to the store. It judges that no two of a
// lane execute at once or out of order, whichever threads they were in, and that every try is charged with what it did
// itself: a time limit with having worked for so long, a death with having ended its thread while nothing else can have,
// and nothing with anything else. And that none begins before it is due.

import type { OutcomeRow } from '../../src/outcome.js';
import { verdict } from '../../src/outcome.js';
import type { Ledger } from './ledger.js';
import type { Deed, Try } from './simulated-handlers.js';
import type { SimulatedStore } from './simulated-store.js';
import { newsMsMax } from './simulated-thread.js';
import { wrongInSuperseded } from './superseded.js';

interface Parts {
  readonly ledger: Ledger;
  readonly store: SimulatedStore;
  /** Whether published events are in memory alone. */
  readonly isVolatile: boolean;
}

/** What the simulated machine adds to a limit at the most: ticks, the way out of a thread, a process that was stopped. */
const lateMsMax = 400;

const deaths: ReadonlySet<Deed> = new Set<Deed>(['exited', 'left-error', 'out-of-memory']);

/** What ends with its thread: nothing in the shared memory tells of it. */
const unsaid: ReadonlySet<Deed> = new Set<Deed>([...deaths, 'struck', 'runs']);

/** Times are told in whole microseconds. */
const roundingUs = 2;

export class Tries {
  readonly #parts: Parts;
  readonly #wrong: string[];
  readonly #all: Try[] = [];
  /** How many tries there were when an event was to be run again. */
  readonly #forgiven = new Map<string, number>();
  /** The last one of each event. */
  readonly #byStart = new Map<string, Try>();
  /** Those of several events together, by event. */
  readonly #calls = new Map<string, Try[]>();
  /** Tries that gave a result, by event. */
  readonly #succeeded = new Set<string>();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#wrong = parts.ledger.wrong;
  }

  add(one: Try): void {
    this.#all.push(one);
    this.#byStart.set(`${one.identity} ${one.startUs}`, one);
    const { store } = this.#parts;
    for (const identity of one.identities) {
      if (this.#succeeded.has(identity)) this.#wrong.push(`${identity} ran again after it had succeeded`);
      if (store.outcomes.get(identity)?.verdict === verdict.superseded)
        this.#wrong.push(`${identity} ran after it had been superseded`);
      if (one.identities.length > 1) this.#calls.set(identity, [...(this.#calls.get(identity) ?? []), one]);
    }
  }

  /** It is run again on purpose. */
  forgive(identity: string): void {
    this.#forgiven.set(identity, this.#all.length);
    this.#succeeded.delete(identity);
  }

  /** The store is told of an event. */
  hear(identity: string, row: OutcomeRow): void {
    const { ledger, store, isVolatile } = this.#parts;
    const said = row.error === null ? null : (JSON.parse(row.error) as { name: string }).name;
    if (row.verdict === verdict.waiting || said === 'KilledProcess') return;
    if (row.verdict === verdict.cancelled && !ledger.toldToEnd.has(identity)) {
      this.#wrong.push(`${identity} was cancelled and nobody asked for it`);
    }
    if (row.verdict === verdict.superseded) {
      const tries = this.#all
        .slice(this.#forgiven.get(identity))
        .filter(({ identities }) => identities.includes(identity));
      const wrong = wrongInSuperseded(identity, { ...this.#parts, row, tries });
      // The newer one may be lost with the memory that it is in, as this one would have been.
      if (isVolatile && !store.isJournaled(identity) && !store.isWaiting(identity)) ledger.outlivesNewer.add(identity);
      if (wrong !== null) this.#wrong.push(wrong);
      return;
    }
    const one = this.#tryOf(identity, row);
    // One that was cancelled before it began, or was redriven.
    if (one === undefined && row.verdict === verdict.cancelled) return;
    if (one === undefined) {
      this.#wrong.push(`${identity} has a row of a try that never was: ${row.error}`);
      return;
    }
    this.#count(one, row);
    if (row.verdict === verdict.tryPostponed && row.dueAtUs < (one.endMs + one.waitMs) * 1000 - roundingUs) {
      this.#wrong.push(`${identity} ended at ${one.endMs}, is to wait ${one.waitMs} ms, and is due at ${row.dueAtUs}`);
    }
    const attempts = (store.tries.get(identity)?.tries ?? 0) + (store.deathsOf(identity) ?? 0) + 1;
    if (!store.outcomes.has(identity) && row.attempts !== attempts) {
      this.#wrong.push(`${identity} is told to be in its try ${row.attempts}, it is in ${attempts}`);
    }
    if (one.identities.length > 1 && store.tries.has(identity))
      this.#wrong.push(`${identity} was tried before, and then together with others`);
    if (!this.#is(one, said, row)) {
      const workedMs = one.endWorkedMs - one.startWorkedMs;
      this.#wrong.push(`${identity} ${one.deed} in ${workedMs} of ${one.limitMs} ms, and is charged with ${row.error}`);
    }
    if (row.verdict === verdict.succeeded) this.#succeeded.add(identity);
  }

  /** The events that have emitted what comes with a row. */
  emittersOf(identity: string, row: OutcomeRow): readonly string[] {
    const { identities } = this.#tryOf(identity, row) ?? { identities: [identity] };
    return identities.at(-1) === identity ? identities : [];
  }

  /** The try that a row is of. Those that succeeded together have the time of it divided among them. */
  #tryOf(identity: string, { startedAtUs, verdict: said }: OutcomeRow): Try | undefined {
    const exact = this.#byStart.get(`${identity} ${startedAtUs}`);
    if (exact !== undefined || said !== verdict.succeeded) return exact;
    return this.#calls.get(identity)?.find(({ startUs, endMs }) => {
      return startUs <= startedAtUs && startedAtUs <= endMs * 1000 + roundingUs;
    });
  }

  #count(one: Try, row: OutcomeRow): void {
    if (one.identities.length > 1 && row.verdict !== verdict.succeeded) one.charges += 1;
    else one.rows += 1;
    one.dueUs = row.dueAtUs;
    if (one.identities.length > 1 && one.rows === one.identities.length) this.#parts.ledger.together += 1;
  }

  /** Whether a try did what is said of it. */
  #is(one: Try, said: string | null, row: OutcomeRow): boolean {
    if (one.endMs === Number.POSITIVE_INFINITY) return false;
    if (row.verdict === verdict.cancelled) return true;
    // Of several events that ran together nobody is charged with anything.
    if (one.identities.length > 1 && said !== null) return false;
    switch (said) {
      case null:
        return one.deed === 'gave';
      case 'TimeoutError':
        return one.limitMs !== null && knownMsOf(one) > one.limitMs - 0.01;
      case 'ThreadDied':
        // Where something ran before, that may have left what ended the thread; only the heap is charged all the same.
        return one.deed === 'out-of-memory' || (deaths.has(one.deed) && one.isFirst);
      case 'RetryLater':
        return one.deed === 'postponed';
      default:
        return one.deed === 'threw' || (one.deed === 'postponed' && row.verdict !== verdict.tryPostponed);
    }
  }

  /** After an orderly end: each try has had its consequence, and none ran on for ever. */
  judgeEnd(): void {
    this.#judgeCalls();
    for (const { identity, identities, deed, rows, isLate, isFirst, limitMs, graceMs, ...one } of this.#all) {
      const workedMs = one.endWorkedMs - one.startWorkedMs;
      const name = `${identity}, which ${deed} for ${workedMs} of ${limitMs} ms,`;
      if (rows > identities.length) this.#wrong.push(`${name} was told of ${rows} times`);
      // Only what the thread was told to exit for is charged; what others may have caused is in doubt at first.
      const isDoubtful = deed === 'struck' || ((deed === 'exited' || deed === 'left-error') && !isFirst);
      // Nor is it known of a thread that has died whether this one was tried by itself by then.
      const isOpen =
        identities.length > 1 ||
        isDoubtful ||
        (this.#calls.has(identity) && (deed === 'runs' || deaths.has(deed))) ||
        (isLate && (deed === 'runs' || deaths.has(deed)));
      if (rows === 0 && !isOpen) this.#wrong.push(`${name} is charged with nothing`);
      if (limitMs !== null && workedMs > limitMs + graceMs + lateMsMax)
        this.#wrong.push(`${name} was not ended in time`);
    }
  }

  /** Of events that ran together all have succeeded, or none has and each was tried by itself. */
  #judgeCalls(): void {
    const { ledger } = this.#parts;
    for (const one of this.#all) {
      const { identities, deed, rows, charges, isLate, limitMs } = one;
      if (identities.length === 1) continue;
      const name = `${identities}, which ran together and ${deed},`;
      if (rows > 0 && rows < identities.length) this.#wrong.push(`${name} succeeded in part: ${rows}`);
      if (charges > 0) this.#wrong.push(`${name} are charged ${charges} times`);
      const isOverdue = limitMs !== null && knownMsOf(one) > limitMs - 0.01;
      const isTold = isOverdue || isLate || identities.some((identity) => ledger.toldToEnd.has(identity));
      if (deed === 'gave' && rows === 0 && !isTold) this.#wrong.push(`${name} gave results that nobody has`);
    }
  }

  /** No more events of a handler execute at the same time than it allows. */
  #judgeConcurrency(): void {
    const { ledger } = this.#parts;
    for (const [handler, { concurrency = Number.POSITIVE_INFINITY }] of Object.entries(ledger.claims)) {
      if (ledger.order === 'global') return;
      const own = this.#all.filter(({ identity, startMs, endMs }) => {
        return identity.endsWith(`/${handler}`) && startMs < endMs;
      });
      const changes = own.flatMap(({ startMs, endMs }) => [
        { atMs: startMs, change: 1 },
        { atMs: endMs, change: -1 },
      ]);
      let running = 0;
      for (const { change } of changes.sort((a, b) => a.atMs - b.atMs || a.change - b.change)) {
        running += change;
        if (running > concurrency) this.#wrong.push(`${running} events of ${handler} ran at once, not ${concurrency}`);
      }
    }
  }

  /** Per lane, tries begin in the order of positions, and no two execute at the same time; of an event, when it is due. */
  judgeOrder(): void {
    this.#judgeConcurrency();
    const { ledger } = this.#parts;
    const lastEnd = new Map<string, number>();
    const lastPosition = new Map<string, number>();
    const due = new Map<string, number>();
    for (const { lane, identity, identities, rows, startMs, endMs, startUs, dueUs } of this.#all) {
      if (identities.some((one) => startUs < (due.get(one) ?? 0) - roundingUs))
        this.#wrong.push(`${identities} was tried before it was due`);
      due.set(identity, dueUs);
      if (startMs < (lastEnd.get(lane) ?? 0)) this.#wrong.push(`${identity} began before its predecessor stopped`);
      lastEnd.set(lane, Math.max(endMs, lastEnd.get(lane) ?? 0));
      for (const one of identities) {
        const [partition, position] = [one.split('/')[0], Number(one.split('/')[1])];
        // Equal where a try was cut short by its thread.
        if (ledger.redriven.has(one) || (ledger.lacksHandlers && lane === 'all')) continue;
        if (position < (lastPosition.get(`${lane} ${partition}`) ?? 0)) {
          this.#wrong.push(`${one} of lane ${lane} ran after a later one`);
        }
        // Of events that did not succeed together each is tried by itself, from the first on.
        if (one === identity || rows > 0) lastPosition.set(`${lane} ${partition}`, position);
      }
    }
  }
}

/** How long a try worked, as far as anybody can know: of the end of a thread the news comes later. */
function knownMsOf({ deed, startWorkedMs, endWorkedMs }: Try): number {
  return endWorkedMs - startWorkedMs + (unsaid.has(deed) ? newsMsMax : 0);
}
