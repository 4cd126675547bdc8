// What a handler gave, as it is stored: JSON text, bytes, or nothing. Runs in the handler's thread, so that a result
// that cannot be stored fails its own try; what left the thread unencoded could take the thread down.

import { types } from 'node:util';
import { shown } from '../errors.js';

/** The same for the state of a key. */
export function encodeState(state: unknown, sizeMax: number): string | Uint8Array | null {
  const value = encodeResult(state, Number.POSITIVE_INFINITY);
  if (value === null || value.length <= sizeMax) return value;
  const expected = `a state must be at most ${sizeMax} characters or bytes encoded (option stateSizeMax)`;
  throw new TypeError(`${expected}, got ${value.length}`);
}

/**
 * Encodes a result: JSON text for a JSON value, a copy for a `Uint8Array` (a `Buffer` is one), null for undefined.
 * Throws a TypeError for anything else, and for more than `sizeMax` characters or bytes, before copying bytes.
 */
export function encodeResult(result: unknown, sizeMax: number): string | Uint8Array | null {
  switch (typeof result) {
    case 'undefined':
      return null;
    case 'number':
      // What JSON.stringify gives, for less: most results of models are numbers.
      return Number.isFinite(result) ? String(result) : 'null';
    case 'boolean':
      return result ? 'true' : 'false';
    case 'string':
      checkSize(result.length, sizeMax);
      return jsonOf(result, sizeMax);
    case 'object':
      if (result === null) return 'null';
      if (types.isProxy(result)) throw unfit('a Proxy', 'copy what it stands for');
      return types.isUint8Array(result) ? bytesOf(result, sizeMax) : textOf(result, sizeMax);
    default:
      throw unfit(
        typeof result === 'function' ? 'a function' : `the ${typeof result} ${shown(result)}`,
        adviceOf(result),
      );
  }
}

function bytesOf(result: Uint8Array, sizeMax: number): Uint8Array {
  checkSize(result.byteLength, sizeMax);
  if (result.byteLength === 0 && isDetached(result)) {
    throw unfit('a Uint8Array whose buffer was transferred away', 'return it before, or a copy');
  }
  // A copy: the handler may go on writing into its own bytes, and rows are joined when the batch is done.
  return new Uint8Array(result);
}

function textOf(result: object, sizeMax: number): string {
  if (types.isAnyArrayBuffer(result)) throw unfit('an ArrayBuffer', 'wrap it in a Uint8Array');
  if (ArrayBuffer.isView(result)) {
    throw unfit(`a ${kindOf(result)}`, 'wrap its buffer in a Uint8Array, or make a plain array of it');
  }
  if (types.isMap(result) || types.isSet(result))
    throw unfit(`a ${kindOf(result)}`, 'make an array or an object of it');
  if (types.isWeakMap(result) || types.isWeakSet(result) || types.isPromise(result)) {
    throw unfit(`a ${kindOf(result)}`, 'return what it holds');
  }
  if (types.isNativeError(result)) throw unfit('an Error', 'throw it, or return its message');
  // An item takes two characters at least; so large an array is refused before its text is made.
  if (Array.isArray(result)) checkSize(result.length * 2, sizeMax);
  return jsonOf(result, sizeMax);
}

function jsonOf(result: unknown, sizeMax: number): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(result);
  } catch (error) {
    // A circle, a BigInt inside, a getter or a toJSON() that throws, more than the longest string there is.
    const reason = types.isNativeError(error) ? error.message : shown(error);
    throw new TypeError(`a handler's result must be a JSON value, a Uint8Array or undefined: ${reason}`, {
      cause: error,
    });
  }
  if (text === undefined) throw unfit('an object whose toJSON() gives nothing', 'return undefined instead');
  checkSize(text.length, sizeMax);
  return text;
}

function checkSize(size: number, sizeMax: number): void {
  if (size <= sizeMax) return;
  throw new TypeError(
    `a handler's result must be at most ${sizeMax} characters or bytes encoded (option resultSizeMax), got ${size}`,
  );
}

/** Node 20 has no `buffer.detached`, but a view of a detached buffer cannot be made. */
function isDetached(bytes: Uint8Array): boolean {
  try {
    new Uint8Array(bytes.buffer);
    return false;
  } catch {
    return true;
  }
}

function kindOf(object: object): string {
  return Object.prototype.toString.call(object).slice('[object '.length, -1);
}

function adviceOf(result: unknown): string {
  return typeof result === 'bigint' ? 'convert it with String() or Number()' : 'return what it stands for';
}

function unfit(found: string, advice: string): TypeError {
  return new TypeError(`a handler's result must be a JSON value, a Uint8Array or undefined, got ${found}: ${advice}`);
}
