// Runs handlers in a loop, as a program without keylane would: one event after another, its handlers in turn, each
// awaited, a failure noted and gone past. Only the handlers are on its clock.

import { readExtras } from '../../src/extras.js';
import type { HandlerEvent } from '../../src/index.js';
import { configFrom } from '../../src/options.js';
import { describeThrown } from '../../src/pool/error-record.js';
import { type HandlerModule, loadHandlers } from '../../src/pool/handler-module.js';
import { encodeResult } from '../../src/pool/result-codec.js';
import type { Route } from '../../src/routes.js';
import { OwnEvents } from './own-events.js';
import type { OwnSubject } from './own-subject.js';
import { PlainContext, type PlainStates } from './plain-context.js';
import { hasFailed, joinedHash, resultHash } from './result-hash.js';

/** What one process came to. */
export interface PlainShare {
  /** Events per second. */
  readonly rate: number;
  /** Of the time on the clock, the part in which there was nothing to run, as handlers awaited something. */
  readonly idleShare: number;
  readonly failed: number;
  /** Events that handlers emitted in tries that succeeded; they are not run. */
  readonly emitted: number;
  readonly firstError: string | null;
}

/** Results are held so long before they are looked at: by count, and by how long they took. */
const chunkSizeMax = 64;
const chunkMsMax = 10;

interface Clock {
  ms: number;
  idleMs: number;
  events: number;
}

type Came = { readonly value: unknown } | { readonly thrown: unknown };

const resultSizeMax = configFrom({ handlers: 'none', store: 'none' }).resultSizeMax;

export class PlainRunner {
  readonly #module: HandlerModule;
  readonly #events: OwnEvents;
  /** By index of the handler; null for those that keep no state. */
  readonly #states: readonly (PlainStates | null)[];
  /** By index of the handler; of those without a time limit, whose tries are told nothing that changes. */
  readonly #contexts: readonly (PlainContext | null)[];
  #failed = 0;
  #emitted = 0;
  #firstError: string | null = null;

  private constructor(module: HandlerModule, events: OwnEvents) {
    this.#module = module;
    this.#events = events;
    this.#states = module.states.map((options) => {
      return options === null ? null : { states: new Map(), initial: (key) => options.initial(key) };
    });
    this.#contexts = module.table.names.map((handler, index) => {
      return module.table.policies[index]?.timeoutMs === undefined ? this.#contextOf(handler, index, null) : null;
    });
  }

  static async load(subject: OwnSubject): Promise<PlainRunner> {
    const module = await loadHandlers(subject.url);
    const events = await OwnEvents.load(subject);
    await module.setup?.();
    return new PlainRunner(module, events);
  }

  async close(): Promise<void> {
    await this.#module.teardown?.();
  }

  async warm(count: number): Promise<void> {
    await this.#loop({ partition: 'warm-up', first: 1, count, seconds: null });
  }

  /** With a limit of time, the first half of it warms the code up and does not count. */
  async run(of: {
    first: number;
    count: number;
    seconds: number | null;
  }): Promise<PlainShare & { hashes: Uint32Array }> {
    this.#failed = this.#emitted = 0;
    this.#firstError = null;
    const { hashes, clock } = await this.#loop({ partition: 'measured', ...of });
    const rate = (clock.events * 1000) / Math.max(0.001, clock.ms);
    const idleShare = Math.min(1, clock.idleMs / Math.max(0.001, clock.ms));
    const [failed, emitted, firstError] = [this.#failed, this.#emitted, this.#firstError];
    return { rate, idleShare, failed, emitted, firstError, hashes };
  }

  async #loop(of: {
    partition: string;
    first: number;
    count: number;
    seconds: number | null;
  }): Promise<{ hashes: Uint32Array; clock: Clock }> {
    const { partition, first, count, seconds } = of;
    const hashes = new Uint32Array(count);
    const clock: Clock = { ms: 0, idleMs: 0, events: 0 };
    let done = 0;
    let isWarming = seconds !== null;
    for (let size = 1; done < count; ) {
      const before = clock.ms;
      const end = Math.min(count, done + size);
      const chunk = Array.from({ length: end - done }, (_, index) => this.#eventAt(partition, first + done + index));
      const routes = chunk.map((_, index) => this.#events.routeAt(first + done + index));
      const came = await this.#timed(chunk, { clock, routes });
      let at = 0;
      for (const { length } of routes) {
        hashes[done] = joinedHash(came.slice(at, at + length).map((one) => this.#hashOf(one)));
        if (hashes[done] === hasFailed) this.#failed += 1;
        at += length;
        done += 1;
      }
      const ms = clock.ms - before;
      size = Math.min(chunkSizeMax, ms > chunkMsMax ? Math.max(1, size >> 1) : size * 2);
      if (seconds === null) continue;
      if (isWarming && clock.ms >= seconds * 500) {
        isWarming = false;
        if (done < count) Object.assign(clock, { ms: 0, idleMs: 0, events: 0 });
      } else if (!isWarming && clock.ms >= seconds * 500) break;
    }
    return { hashes: hashes.subarray(0, done), clock };
  }

  /** Gives what came of each handler of each event. */
  async #timed(
    chunk: readonly HandlerEvent[],
    { clock, routes }: { clock: Clock; routes: readonly Route[] },
  ): Promise<Came[]> {
    const came: Came[] = [];
    const before = performance.eventLoopUtilization();
    const startMs = performance.now();
    for (const [index, event] of chunk.entries()) {
      for (const handler of routes[index]!) {
        const context = this.#contexts[handler] ?? this.#limited(handler);
        context.begin(event);
        try {
          const value = this.#module.handlers[handler]!(event, context);
          const given = isThenable(value) ? await context.within(value) : value;
          // A try that ran into its limit has failed, whatever it gave.
          if (context.aborted) throw context.error();
          context.keep();
          this.#emitted += context.emitted;
          came.push({ value: given });
        } catch (thrown) {
          came.push({ thrown });
        }
        context.end();
      }
    }
    clock.ms += performance.now() - startMs;
    clock.idleMs += performance.eventLoopUtilization(before).idle;
    clock.events += chunk.length;
    return came;
  }

  #limited(handler: number): PlainContext {
    const { names, policies } = this.#module.table;
    return this.#contextOf(names[handler]!, handler, policies[handler]?.timeoutMs ?? null);
  }

  #contextOf(name: string, handler: number, timeoutMs: number | null): PlainContext {
    return new PlainContext(name, { timeoutMs, keeps: this.#states[handler] ?? null });
  }

  #hashOf(came: Came): number {
    try {
      if ('thrown' in came) throw came.thrown;
      return resultHash(encodeResult(came.value, resultSizeMax));
    } catch (thrown) {
      this.#firstError ??= describeThrown(thrown).slice(0, 200);
      return hasFailed;
    }
  }

  /** As a handler thread makes it. */
  #eventAt(partition: string, position: number): HandlerEvent {
    const { type, key, id, extras, data } = this.#events.at(position);
    const decoded = typeof data === 'string' ? JSON.parse(data) : data === null ? undefined : new Uint8Array(data);
    return { type, key, id, data: decoded, ...readExtras(extras), partition, position };
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
