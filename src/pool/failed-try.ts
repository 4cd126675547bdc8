// What follows a try that failed, and the errors of tries that did not end by themselves. Handler threads and, for a
// thread that died, the main thread go by the same rule.

import { types } from 'node:util';
import { backoffMs } from '../backoff.js';
import { cancelledError, messageOf } from '../errors.js';
import { handlerResult, type Policy } from '../handler.js';

/** What follows try number `attempt`, after it failed: another one after a wait, or a dead letter. */
export function afterFailure(
  policy: Policy,
  { attempt, isPermanent, random = Math.random }: { attempt: number; isPermanent: boolean; random?: () => number },
): { result: typeof handlerResult.failed | typeof handlerResult.retrying; delayMs: number } {
  if (isPermanent || attempt >= policy.attemptsMax) return { result: handlerResult.failed, delayMs: 0 };
  return { result: handlerResult.retrying, delayMs: backoffMs(policy, { attempt, random: random() }) };
}

/** The error of a try that ran into its time limit; `cause` is what it threw or died of. */
export function timedOut(handler: string, { timeoutMs }: Policy, cause?: unknown): Error {
  const said = `handler "${handler}" did not end within ${timeoutMs} ms (option timeoutMs)`;
  return plainError({ name: 'TimeoutError', code: 'timed-out', message: said, cause });
}

/** The error of a try of which `retryIf` said neither true nor false; `cause` is what the try threw. */
export function unjudged(handler: string, said: unknown, cause: unknown): Error {
  const found = types.isPromise(said) ? 'a promise' : messageOf(said);
  const message = `retryIf of handler "${handler}" must give true or false, got ${found}`;
  return plainError({ name: 'PolicyError', code: 'bad-policy', message, cause });
}

/** The error of an event that was cancelled. */
export function wasCancelled(cause?: unknown): Error {
  return plainError({ ...cancelledError, cause });
}

/** The error of an event that was running when its thread died. */
export function threadDied(reason: unknown): Error {
  const message = `the handler's thread died while this event ran: ${messageOf(reason)}`;
  const code = outOfMemoryCode(reason) ?? undefined;
  return plainError({ name: 'ThreadDied', code, message, cause: reason });
}

/** The error of an event that ended the process each time it ran alone. */
export function killedProcess(deaths: number): Error {
  const message = `the process ended ${deaths} times while this event was the only one running`;
  return plainError({ name: 'KilledProcess', code: 'killed-process', message });
}

/** The code of a thread's end by exhaustion of its heap; null when it ended otherwise. */
export function outOfMemoryCode(reason: unknown): string | null {
  const code = typeof reason === 'object' && reason !== null ? (reason as { code?: unknown }).code : null;
  return code === 'ERR_WORKER_OUT_OF_MEMORY' ? code : null;
}

function plainError(of: { name: string; code?: string | undefined; message: string; cause?: unknown }): Error {
  const { name, code, message, cause } = of;
  const error = new Error(message, cause === undefined ? undefined : { cause });
  error.name = name;
  if (code !== undefined) Object.assign(error, { code });
  // The stack would show where keylane noticed; the cause has the one that helps.
  delete error.stack;
  return error;
}
