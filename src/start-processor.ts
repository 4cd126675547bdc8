// Starts everything a processor needs, in the order in which it can go wrong: options, handlers module, store, threads.
// What a failed start had begun is ended again.

import { systemClock } from './clock.js';
import type { WithSchemas } from './create-processor.js';
import type { KeylaneError } from './errors.js';
import { schemasFrom } from './event-encoder.js';
import type { HandlerTable } from './handler.js';
import { loadOpenTelemetry } from './open-telemetry.js';
import { checkOptions } from './option-spec.js';
import { type Config, configFrom, type ProcessorOptions } from './options.js';
import { ordersOf, policiesOf } from './policy.js';
import { ChangingPool } from './pool/changing-pool.js';
import { sourceOf } from './pool/pool-options.js';
import { type PreflightResult, preflight } from './pool/preflight.js';
import { Processor } from './processor.js';
import type { Schemas } from './standard-schema.js';
import { FlightLog } from './store/flight-log.js';
import { StoreWriter } from './store/store-writer.js';
import { Tracing } from './tracing.js';
import { Trouble } from './trouble.js';

/** See createProcessor; `isReplay`: of what ran before, see EngineParts. */
export async function startProcessor<Events extends object>(
  given: ProcessorOptions & WithSchemas<Schemas>,
  { isReplay }: { isReplay: boolean },
): Promise<Processor<Events>> {
  checkOptions(given);
  const { schemas: givenSchemas, ...options } = given;
  const config = configFrom(options, ['schemas']);
  const schemas = schemasFrom(givenSchemas);
  const trouble = new Trouble();
  const onFatal = (error: KeylaneError): void => trouble.fatal(error);
  const onWarning = (error: KeylaneError): void => trouble.warning(error);
  const tracing = config.openTelemetry ? new Tracing(await loadOpenTelemetry(), onWarning) : null;
  // The one loads while the other does: on its own each takes a good part of the start.
  const thread = StoreWriter.beginThread();
  const found = await lookAt(config).catch(async (error) => {
    await thread.terminate('was not needed');
    throw error;
  });
  const { execArgv, orders } = found;
  const table = isReplay ? goingOn(found.table) : found.table;
  const { store, durability, retention, order } = config;
  const request = { path: store, durability, retention, order, orders, handlerNames: table.names };
  const writer = await StoreWriter.open({ ...request, thread, onFatal, onWarning });
  let pool: ChangingPool | null = null;
  let flight: FlightLog | null = null;
  try {
    const policies = policiesOf(table, config);
    const sources = [sourceOf(found, 'default')];
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
