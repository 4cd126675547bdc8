// Starts everything a processor needs, in the order in which it can go wrong: options, handlers module, store, threads.
// What a failed start had begun is ended again.

import { systemClock } from './clock.js';
import type { KeylaneError } from './errors.js';
import { schemasFrom } from './event-encoder.js';
import type { EventMap, EventMapOf, TypeOf } from './event-map.js';
import type { Handler, Handlers, HandlerTable } from './handler.js';
import { loadOpenTelemetry } from './open-telemetry.js';
import { type Config, configFrom, type ProcessorOptions } from './options.js';
import { ordersOf, policiesOf } from './policy.js';
import { ChangingPool } from './pool/changing-pool.js';
import { sourceOf } from './pool/pool-options.js';
import { type PreflightResult, preflight } from './pool/preflight.js';
import { Processor } from './processor.js';
import type { InputOf, Schemas } from './standard-schema.js';
import { FlightLog } from './store/flight-log.js';
import { StoreWriter } from './store/store-writer.js';
import { Tracing } from './tracing.js';
import { Trouble } from './trouble.js';

/** Any Standard Schema (zod, valibot, arktype) by event type. */
export interface WithSchemas<S extends Schemas> {
  readonly schemas?: S;
}

/**
 * What may be published: by the handlers module or a map of data; where a type has a schema, what that takes, also
 * where a pattern has the type.
 */
export type Published<H, S> = keyof S extends never
  ? EventMapOf<H>
  : string extends keyof EventMapOf<H>
    ? { [Type in keyof S & string]: InputOf<S[Type]> }
    : {
        [Type in keyof EventMapOf<H> | (keyof S & TypeOf<EventMapOf<H>>)]: Type extends keyof S
          ? InputOf<S[Type]>
          : Type extends keyof EventMapOf<H>
            ? EventMapOf<H>[Type]
            : never;
      };

/**
 * Makes a processor: checks the options, loads the handlers module once to see that it is sound, opens the store and
 * starts the threads. Rejects with a KeylaneError when any of that fails; no thread and no open file is left then.
 *
 * Give the type of the handlers module to have `publish` checked against it:
 * `createProcessor<typeof handlers>({ handlers: new URL('./handlers.js', import.meta.url), store })`, with
 * `import type handlers from './handlers.js'`. A map of data by event type does as well. With `schemas` it is checked
 * while it runs: `publish` refuses data that does not fit, and stores what the schema of its type makes of it.
 */
export async function createProcessor<
  H extends Handlers | EventMap = Record<string, Handler>,
  const S extends Schemas = Record<never, never>,
>(options: ProcessorOptions & WithSchemas<S>): Promise<Processor<Published<H, S>>> {
  return startProcessor<Published<H, S>>(options, { isReplay: false });
}

/** The same; `isReplay`: of what ran before, see EngineParts. */
export async function startProcessor<Events extends EventMap>(
  { schemas: givenSchemas, ...options }: ProcessorOptions & WithSchemas<Schemas>,
  { isReplay }: { isReplay: boolean },
): Promise<Processor<Events>> {
  const config = configFrom(options);
  const schemas = schemasFrom(givenSchemas);
  const trouble = new Trouble();
  const onFatal = (error: KeylaneError): void => trouble.fatal(error);
  const onWarning = (error: KeylaneError): void => trouble.warning(error);
  const tracing = config.openTelemetry ? new Tracing(await loadOpenTelemetry(), onWarning) : null;
  // The one loads while the other does: on its own each takes a good part of the start.
  const thread = StoreWriter.beginThread();
  const {
    url,
    table: given,
    execArgv,
    orders,
  } = await lookAt(config).catch(async (error) => {
    await thread.terminate('was not needed');
    throw error;
  });
  const table = isReplay ? goingOn(given) : given;
  const { store, durability, retention, order } = config;
  const request = { path: store, durability, retention, order, orders, handlerNames: table.names };
  const writer = await StoreWriter.open({ ...request, thread, onFatal, onWarning });
  let pool: ChangingPool | null = null;
  let flight: FlightLog | null = null;
  try {
    const policies = policiesOf(table, config);
    const sources = [sourceOf({ url, table: given }, 'default')];
    pool = await ChangingPool.start({ sources, policies, execArgv, config, onWarning, onFatal });
    const journal = await writer.openJournal({ isVolatile: config.intake === 'memory' });
    const { opened } = writer;
    const { batchSizeMax } = config;
    const { handlerIds } = journal;
    flight = new FlightLog(opened.path, { epoch: opened.epoch, batchSizeMax, handlerIds, onWarning });
    const processor = new Processor<Events>({
      isReplay,
      tracing,
      config,
      table,
      schemas,
      writer,
      pool,
      opened,
      journal,
      flight,
      trouble,
      clock: systemClock,
      sources,
      load: (module, how) => preflight(module, { loadTimeoutMs: config.loadTimeoutMs, ...how }),
    });
    tracing?.measure(() => processor.stats());
    return processor;
  } catch (error) {
    flight?.close();
    await Promise.allSettled([writer.abort(), pool?.abort()]);
    throw error;
  }
}

/** Handlers of which no dead letter stops a lane: what is behind it once ran. */
function goingOn({ policies, ...table }: HandlerTable): HandlerTable {
  return { ...table, policies: policies.map((policy) => ({ ...policy, onDeadLetter: 'continue' })) };
}

/** Loads the handlers module once, and checks what it asks for against the options. */
async function lookAt(config: Config): Promise<PreflightResult & { readonly orders: ReturnType<typeof ordersOf> }> {
  const loaded = await preflight(config.handlers, config);
  return { ...loaded, orders: ordersOf(loaded.table, config.order) };
}
