// What the main thread asks of the store while it is open, each as one call to the writer thread. Any of them may be
// carried out twice, as a thread can die before it answers, and the second time changes nothing. Knows nothing of how
// calls are kept and sent.

import type { KeyState } from '../keyed-state.js';
import type { CallOptions, Sending } from './call-queue.js';
import type { DeadLettersRequest, DeadLettersResult } from './dead-letter-messages.js';
import type { CancelRequest, CancelResult, EventOutcomes, OutcomesRequest } from './event-messages.js';
import type { HandlersAdded, HandlersKnown, OwedParked, OwedRequest } from './handler-messages.js';
import type {
  GroupRequest,
  GroupResult,
  JournalPage,
  JournalStart,
  LanePage,
  LanePageRequest,
  PageRequest,
  PartitionStart,
  StatesRequest,
} from './messages.js';
import type { Verbs } from './store-thread.js';
import type { InTurn } from './writer-api.js';

export abstract class WriterCalls {
  /** Partitions that somebody was told of. */
  readonly #partitions = new Set<string>();

  /** Makes a call; rejects when the store is not open, and with what keeps it from going on. */
  protected abstract ask<Value>(
    send: (verbs: Verbs, sending: Sending) => Promise<InTurn<Value>>,
    options?: Partial<CallOptions>,
  ): Promise<Value>;

  /** Handlers came, or one went: a thread that takes over has to know of it. */
  protected abstract noteHandlers(change: { readonly added: HandlersAdded } | { readonly removed: number }): void;

  /** A group is durable. */
  protected abstract noteStored(result: GroupResult): void;

  /** Makes the partition of a source if it is new, and says where it stands. */
  async openPartition(name: string): Promise<PartitionStart> {
    const start = await this.ask(
      // One that was opened before has given out positions since, whatever became of this call.
      (verbs, { turn, isRepeat }) =>
        verbs.openPartition(turn, name, { isRepeat: isRepeat && !this.#partitions.has(name) }),
      // It reads what is done above the watermark.
      { takes: 'long' },
    );
    this.#partitions.add(name);
    return start;
  }

  /** Says where the journal stands; volatile when published events are not to be stored. Rejects on a full disk. */
  openJournal(how: { isVolatile: boolean }): Promise<JournalStart> {
    // It counts what is owed.
    const send = { whenFull: 'reject', takes: 'long' } as const;
    return this.ask((verbs, { turn, isRepeat }) => verbs.openJournal(turn, { ...how, isRepeat }), send);
  }

  /** Has journaled events that are owed to a handler that is to come wait in its lanes. */
  parkOwed(request: OwedRequest): Promise<OwedParked> {
    return this.ask((verbs, { turn }) => verbs.parkOwed(turn, request));
  }

  /** Makes handlers known that come; gives their ids and lanes. */
  async addHandlers(request: HandlersAdded): Promise<HandlersKnown> {
    // It reads what waits in their lanes.
    const known = await this.ask((verbs, { turn }) => verbs.addHandlers(turn, request), { takes: 'long' });
    this.noteHandlers({ added: request });
    return known;
  }

  /** What is owed to a handler stays in the store from here on. */
  async removeHandler(index: number): Promise<void> {
    await this.ask((verbs, { turn }) => verbs.removeHandler(turn, index));
    this.noteHandlers({ removed: index });
  }

  /** Reads journaled events that have no outcome and do not wait in lanes, in order. */
  readJournal(request: PageRequest): Promise<JournalPage> {
    return this.ask((verbs, { turn }) => verbs.readJournal(turn, request));
  }

  /** Reads events that wait in a lane, in their order. */
  readLane(request: LanePageRequest): Promise<LanePage> {
    return this.ask((verbs, { turn }) => verbs.readLane(turn, request));
  }

  /** Runs some dead letters again or gives them up; durable when it resolves. */
  deadLetters(request: DeadLettersRequest): Promise<DeadLettersResult> {
    return this.ask((verbs, { turn, isRepeat }) => verbs.deadLetters(turn, request, { isRepeat }));
  }

  /** Cancels an event that is not in memory; durable when it resolves. */
  cancel(request: CancelRequest): Promise<CancelResult> {
    return this.ask((verbs, { turn }) => verbs.cancel(turn, request));
  }

  /** Reads what has become of the first ones of some events, at least one; sees what was appended before the call. */
  readOutcomes(request: OutcomesRequest): Promise<readonly EventOutcomes[]> {
    return this.ask((verbs, { turn }) => verbs.readOutcomes(turn, request));
  }

  /** Reads states of keys, at least one; sees what was appended before the call. */
  readStates(request: StatesRequest): Promise<readonly (KeyState | null)[]> {
    return this.ask((verbs, { turn }) => verbs.readStates(turn, request));
  }

  /** Stores the text by which the partition's input is known again. */
  async setFingerprint(partition: number, text: string): Promise<void> {
    await this.ask((verbs, { turn }) => verbs.setFingerprint(turn, partition, text));
  }

  /**
   * Stores a group; once resolved it is durable. It is sent again after a full disk or a death, so its bytes must stay
   * as they are until then. Rejects with what keeps the store from going on: `store-failed`, `store-replaced` (and so
   * does every later append), or `writer-died`, when it is not known what became of the group.
   */
  async append(group: GroupRequest): Promise<GroupResult> {
    const result = await this.ask((verbs, { turn }) => verbs.append(turn, group));
    this.noteStored(result);
    return result;
  }
}
