// Encodes what is published, once its data fits the schema of its type, where there is one. A schema that takes its
// time holds up what is published after it, so that events are accepted in the order of the calls.

import { KeylaneError, messageOf, shown } from './errors.js';
import { type EncodedEvent, type EventLimits, encodeEvent, type SourceEvent } from './event.js';
import { Interrupt, type OnClosed } from './interrupt.js';
import { badOption } from './option-spec.js';
import { isPattern } from './routes.js';
import type { SchemaIssue, SchemaResult, Schemas, StandardSchema } from './standard-schema.js';

interface Parts {
  readonly limits: EventLimits & { readonly publishersMax: number };
  /** Null: nothing is checked but what an event must be. */
  readonly schemas: ReadonlyMap<string, StandardSchema> | null;
  readonly intake: { readonly onClosed: OnClosed };
}

/** Issues that a message tells. */
const issuesTold = 5;

/** Checks schemas as they are given to `createProcessor`. Throws a KeylaneError `bad-option`. */
export function schemasFrom(given: Schemas | undefined): ReadonlyMap<string, StandardSchema> | null {
  if (given === undefined) return null;
  if (typeof given !== 'object' || given === null || Symbol.iterator in given) {
    throw badOption('schemas', 'an object of schemas by event type', given);
  }
  const schemas = new Map(Object.entries(given));
  for (const [type, schema] of schemas) {
    if (isPattern(type)) {
      const why = 'a schema is of one type: name each that it is for';
      throw new KeylaneError('bad-option', `schemas must be by event type, got the pattern ${shown(type)}: ${why}`);
    }
    const standard = (schema as Partial<StandardSchema> | null | undefined)?.['~standard'];
    if (typeof standard?.validate === 'function' && standard.version === 1) continue;
    throw badOption(`schemas[${shown(type)}]`, 'a Standard Schema of version 1, as of zod, valibot or arktype', schema);
  }
  return schemas.size === 0 ? null : schemas;
}

export class EventEncoder {
  readonly #parts: Parts;
  /** Resolves when all that came before is checked; null while nothing is waited for. */
  #turn: Promise<unknown> | null = null;
  #waiting = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Resolves when the schemas that are asked now have answered; null while none is. */
  get checks(): Promise<unknown> | null {
    return this.#turn;
  }

  /**
   * Gives the encoded event, or a promise of it where a schema takes its time. Throws a KeylaneError `bad-event`. The
   * promise rejects at once when the signal comes, or the processor takes nothing in any more.
   */
  encode(event: SourceEvent, signal?: AbortSignal): EncodedEvent | Promise<EncodedEvent> {
    const { limits, schemas } = this.#parts;
    if (schemas === null) return encodeEvent(event, limits);
    if (this.#turn !== null) return this.#inTurn(this.#turn, { event, signal });
    const checked = this.#check(event);
    if (!(checked instanceof Promise)) return encodeEvent(checked, limits);
    return this.#follow(
      checked.then((fitting) => encodeEvent(fitting, limits)),
      signal,
    );
  }

  /** The same where there is no time to wait. Throws where a schema would have to be waited for. */
  encodeNow(event: SourceEvent): EncodedEvent {
    const encoded = this.encode(event);
    if (!(encoded instanceof Promise)) return encoded;
    encoded.catch(() => {});
    const why = `the schema of ${shown(event.type)}, or of an event before it, takes its time`;
    throw new KeylaneError('bad-event', `tryPublish must have its event checked at once: ${why}: use publish`);
  }

  #inTurn(
    turn: Promise<unknown>,
    { event, signal }: { event: SourceEvent; signal: AbortSignal | undefined },
  ): Promise<EncodedEvent> {
    const { publishersMax } = this.#parts.limits;
    if (this.#waiting >= publishersMax) {
      const held = `${publishersMax} events wait to be checked by their schemas (option publishersMax)`;
      return Promise.reject(new KeylaneError('overloaded', `${held}: await each publish before the next`));
    }
    const { limits } = this.#parts;
    if (this.#schemaOf(event) === undefined) {
      const encoded = encodeEvent(event, limits);
      return this.#follow(
        turn.then(() => encoded),
        signal,
      );
    }
    const asGiven = fieldsOf(event);
    const checked = turn.then(() => this.#check(asGiven));
    return this.#follow(
      checked.then((fitting) => encodeEvent(fitting, limits)),
      signal,
    );
  }

  /** Has those that come wait for this one. */
  #follow(coming: Promise<EncodedEvent>, signal: AbortSignal | undefined): Promise<EncodedEvent> {
    this.#waiting += 1;
    const { intake } = this.#parts;
    const before = this.#turn;
    const interrupt = new Interrupt({ signal, onClosed: (callback) => intake.onClosed(callback) });
    const encoded = interrupt.race(coming);
    const done = (): void => interrupt.dispose();
    // Who is interrupted gives up a place, those before keep theirs.
    const turn = Promise.all([before, encoded.then(done, done)]);
    this.#turn = turn;
    void turn.then(() => {
      this.#waiting -= 1;
      if (this.#turn === turn) this.#turn = null;
    });
    return encoded;
  }

  #schemaOf(event: SourceEvent): StandardSchema | undefined {
    return this.#parts.schemas!.get((event as SourceEvent | null | undefined)?.type as string);
  }

  #check(event: SourceEvent): SourceEvent | Promise<SourceEvent> {
    const schema = this.#schemaOf(event);
    if (schema === undefined) return event;
    const asGiven = fieldsOf(event);
    let result: SchemaResult<unknown> | Promise<SchemaResult<unknown>>;
    try {
      result = schema['~standard'].validate(asGiven.data);
    } catch (error) {
      throw hasThrown(asGiven, error);
    }
    // It may be any kind of promise.
    if (!isObject(result) || !('then' in result)) return fitted(asGiven, result);
    return Promise.resolve(result).then(
      (came) => fitted(asGiven, came),
      (error) => Promise.reject(hasThrown(asGiven, error)),
    );
  }
}

/**
 * What an event is now, whatever object it is: its schema may take its time, and its publisher use it again. Data,
 * which may be large, is taken as it is.
 */
function fieldsOf(event: SourceEvent): SourceEvent {
  if (!isObject(event)) return event;
  const { type, key, data, id, time, version, correlationId, causationId, headers: given } = event;
  // What is no object of strings is to be refused as what it is.
  const headers = isObject(given) && !(Symbol.iterator in given) ? { ...given } : given;
  return { type, key, data, id, time, version, correlationId, causationId, headers } as SourceEvent;
}

/** The event with the data that its schema gives. */
function fitted(event: SourceEvent, result: SchemaResult<unknown>): SourceEvent {
  if (!isObject(result)) throw hasThrown(event, new TypeError(`it gave ${shown(result)}`));
  if (result.issues === undefined) return { ...event, data: result.value };
  const told = result.issues.slice(0, issuesTold).map(issueText).join('; ');
  const more = result.issues.length > issuesTold ? `; and ${result.issues.length - issuesTold} more` : '';
  const message = `event.data must fit the schema of ${shown(event.type)}: ${told}${more}`;
  throw new KeylaneError('bad-event', message, { cause: result.issues });
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function issueText({ message, path = [] }: SchemaIssue): string {
  // Arktype's path is a class of its own, of which `map` makes another with a part too many.
  const names = Array.from(path, (part) => String(typeof part === 'object' ? part.key : part));
  return names.length === 0 ? message : `${names.join('.')}: ${message}`;
}

function hasThrown({ type }: SourceEvent, error: unknown): KeylaneError {
  const message = `the schema of ${shown(type)} must tell what is wrong, it threw: ${messageOf(error)}`;
  return new KeylaneError('bad-event', message, { cause: error });
}
