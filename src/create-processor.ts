// The call that makes a processor, and its types. What it takes to start one is loaded when it is called.

import type { EventMapOf, TypeOf } from './event-map.js';
import type { Handler } from './handler.js';
import type { ProcessorOptions } from './options.js';
import type { Processor } from './processor.js';
import type { InputOf, Schemas } from './standard-schema.js';

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
  H extends object = Record<string, Handler>,
  const S extends Schemas = Record<never, never>,
>(options: ProcessorOptions & WithSchemas<S>): Promise<Processor<Published<H, S>>> {
  // Each handler thread loads what its module imports of this package, and nearly all is for those alone who come here.
  const { startProcessor } = await import('./start-processor.js');
  return startProcessor<Published<H, S>>(options, { isReplay: false });
}
