// Which events are running, in a small file beside the store, so that they are known after the process has died of one.
// It is written before a batch leaves, by one system call and without waiting for the disk: what the system has taken
// survives the end of the process, and no event can end the power. Nothing else is in it, and a file that is torn or
// stale says nothing.

import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { KeylaneError, messageOf, printable } from '../errors.js';

/** Numbers at the start of the file: mark, epoch, events a place has room for. As many places follow as were used. */
const fileHead = 3;
/** Numbers at the start of each place: events in it, whether they run alone (1 or 0), sum over what follows. */
const placeHead = 3;
const mark = 0x6b65794c03;
/** Numbers of each event: partition, position, handler. */
const numbersPerEvent = 3;

/** An event by the numbers of the store; its handler by its index, and by its id once it is read back. */
export interface InFlight {
  readonly partition: number;
  readonly position: number;
  readonly handler: number;
}

/** A batch that was running when its process died. */
export interface BatchInFlight {
  readonly events: readonly InFlight[];
  /** Whether nothing else was running. */
  readonly alone: boolean;
}

export interface FlightLogOptions {
  readonly epoch: number;
  readonly batchSizeMax: number;
  /** The ids of the handlers in the store, by index: another process may have other indexes. */
  readonly handlerIds: ArrayLike<number>;
  /** Told once, if it cannot be written. */
  onWarning(error: KeylaneError): void;
}

/** A process that ends by its own code was not ended by an event: its logs are closed then. */
const openLogs = new Set<FlightLog>();

function closeAll(): void {
  for (const log of [...openLogs]) log.close();
}

export class FlightLog {
  readonly #onWarning: (error: KeylaneError) => void;
  /** Null once it is closed, or cannot be written. */
  #file: number | null = null;
  /** Whether something could not be written, and that was told. */
  #isDoubtful = false;
  readonly #path: string;
  readonly #handlerIds: number[];
  readonly #placeNumbers: number;
  readonly #numbers: Float64Array;

  /** Makes the file, in place of any other. Only the holder of the store's lock may. */
  constructor(storePath: string, of: FlightLogOptions) {
    this.#onWarning = of.onWarning;
    this.#path = pathOf(storePath);
    this.#handlerIds = Array.from(of.handlerIds);
    this.#placeNumbers = placeHead + numbersPerEvent * of.batchSizeMax;
    this.#numbers = new Float64Array(this.#placeNumbers);
    if (openLogs.size === 0) process.on('exit', closeAll);
    openLogs.add(this);
    this.#orWarn(() => {
      rmSync(this.#path, { force: true });
      this.#file = openSync(this.#path, 'wx', 0o600);
      writeSync(this.#file, Float64Array.of(mark, of.epoch, of.batchSizeMax));
    });
  }

  addHandlers(ids: readonly number[]): void {
    this.#handlerIds.push(...ids);
  }

  /** Notes the events of a batch that is about to leave for its thread. */
  depart(place: number, batch: BatchInFlight): void {
    const { events, alone } = batch;
    const numbers = this.#numbers;
    let at = placeHead;
    for (const { partition, position, handler } of events) {
      numbers[at] = partition;
      numbers[at + 1] = position;
      numbers[at + 2] = this.#handlerIds[handler]!;
      at += numbersPerEvent;
    }
    numbers[0] = events.length;
    numbers[1] = alone ? 1 : 0;
    numbers[2] = sumOf(numbers.subarray(placeHead, at));
    this.#write(place, at);
  }

  /** Notes that the batch of a place, if it had one, has come back. */
  arrive(place: number): void {
    this.#numbers[0] = 0;
    this.#write(place, 1);
  }

  /** Ends it: whatever was running, the process lives. */
  close(): void {
    openLogs.delete(this);
    if (openLogs.size === 0) process.off('exit', closeAll);
    if (this.#file === null) return;
    closeSync(this.#file);
    this.#file = null;
    try {
      rmSync(this.#path, { force: true });
    } catch {
      // It is of an epoch that has ended, so it says nothing wrong; the next start warns if it is still in the way.
    }
  }

  #write(place: number, count: number): void {
    const file = this.#file;
    if (file === null) return;
    const bytesPerNumber = Float64Array.BYTES_PER_ELEMENT;
    const from = (fileHead + place * this.#placeNumbers) * bytesPerNumber;
    this.#orWarn(() => writeSync(file, this.#numbers, 0, count * bytesPerNumber, from));
  }

  /** It is a help after a death and no promise hangs on it: without it nobody is suspected. */
  #orWarn(write: () => void): void {
    try {
      write();
    } catch (error) {
      if (this.#isDoubtful) return;
      this.#isDoubtful = true;
      const what = `${printable(this.#path)} cannot be written: ${messageOf(error)}`;
      this.#onWarning(new KeylaneError('store-failed', `${what}: events that end the process will not be known`));
    }
  }
}

/** The batches that were running when the process of this epoch died; none when that is not known. */
export function readFlight(storePath: string, epoch: number): BatchInFlight[] {
  const numbers = readNumbers(pathOf(storePath));
  const [found, ofEpoch, batchSizeMax = 0] = numbers;
  if (found !== mark || ofEpoch !== epoch) return [];
  const batches: BatchInFlight[] = [];
  for (let from = fileHead; from < numbers.length; from += placeHead + numbersPerEvent * batchSizeMax) {
    const [count = 0, alone = 0, sum = 0] = numbers.subarray(from, from + placeHead);
    if (!(count > 0 && count <= batchSizeMax)) continue;
    const noted = numbers.subarray(from + placeHead, from + placeHead + numbersPerEvent * count);
    if (noted.length < numbersPerEvent * count || sumOf(noted) !== sum) continue;
    const events = Array.from({ length: count }, (_, index) => {
      const [partition, position, handler] = noted.subarray(numbersPerEvent * index);
      return { partition: partition!, position: position!, handler: handler! };
    });
    batches.push({ events, alone: alone === 1 });
  }
  return batches;
}

function pathOf(storePath: string): string {
  return `${storePath}-flight`;
}

function readNumbers(path: string): Float64Array {
  try {
    const bytes = readFileSync(path);
    return new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + (bytes.byteLength & ~7)));
  } catch {
    return new Float64Array(0);
  }
}

/** Shows a write that was cut off, with old numbers behind the new ones. */
function sumOf(numbers: Float64Array): number {
  let sum = numbers.length;
  for (let index = 0; index < numbers.length; index += 1) sum = (sum * 31 + numbers[index]!) % 0xfffffffb;
  return sum;
}
