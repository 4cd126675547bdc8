// The store of a test, in the test's own thread: the real one, in a folder that goes with it. What the writer thread
// does between calls (checkpoints, retention) is done here by nobody.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KeyState } from '../keyed-state.js';
import type { DeadLettersRequest, DeadLettersResult } from '../store/dead-letter-messages.js';
import type { CancelRequest, CancelResult, EventOutcomes, OutcomesRequest } from '../store/event-messages.js';
import type { HandlersAdded, HandlersKnown, OwedParked, OwedRequest } from '../store/handler-messages.js';
import type {
  GroupRequest,
  GroupResult,
  JournalPage,
  JournalStart,
  LanePage,
  LanePageRequest,
  OpenRequest,
  OpenResult,
  PageRequest,
  PartitionStart,
  StatesRequest,
  Watermark,
} from '../store/messages.js';
import { Store } from '../store/store.js';
import type { WriterThread } from '../threads.js';

export class InlineStore implements WriterThread {
  readonly #folder = mkdtempSync(join(tmpdir(), 'keylane-testing-'));
  readonly path = join(this.#folder, 'test.db');
  readonly #store: Store;
  #isOpen = true;

  constructor(request: Omit<OpenRequest, 'path'>) {
    try {
      this.#store = Store.open({ ...request, path: this.path });
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  get opened(): OpenResult {
    return this.#store.opened;
  }

  /** Removes the files, once it is closed. */
  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async openPartition(name: string): Promise<PartitionStart> {
    return this.#store.openPartition(name);
  }

  async openJournal(how: { isVolatile: boolean }): Promise<JournalStart> {
    return this.#store.openJournal(how);
  }

  async parkOwed(request: OwedRequest): Promise<OwedParked> {
    return this.#store.handlers.parkOwed(request);
  }

  async addHandlers(request: HandlersAdded): Promise<HandlersKnown> {
    return this.#store.handlers.add(request);
  }

  async removeHandler(index: number): Promise<void> {
    this.#store.handlers.remove(index);
  }

  async readJournal(request: PageRequest): Promise<JournalPage> {
    return this.#store.readJournal(request);
  }

  async readLane(request: LanePageRequest): Promise<LanePage> {
    return this.#store.readLane(request);
  }

  async readStates(request: StatesRequest): Promise<readonly (KeyState | null)[]> {
    return this.#store.readStates(request);
  }

  async deadLetters(request: DeadLettersRequest): Promise<DeadLettersResult> {
    return this.#store.deadLetters(request);
  }

  async cancel(request: CancelRequest): Promise<CancelResult> {
    return this.#store.cancel(request);
  }

  async readOutcomes(request: OutcomesRequest): Promise<readonly EventOutcomes[]> {
    return this.#store.readOutcomes(request);
  }

  async setFingerprint(partition: number, fingerprint: string): Promise<void> {
    this.#store.setFingerprint(partition, fingerprint);
  }

  async append(group: GroupRequest): Promise<GroupResult> {
    return this.#store.append(group);
  }

  async close(watermarks: readonly Watermark[]): Promise<void> {
    this.#isOpen = false;
    this.#store.close(watermarks);
  }

  async abort(): Promise<void> {
    if (this.#isOpen) this.#store.close(null);
    this.#isOpen = false;
  }
}
