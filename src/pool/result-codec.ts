// What a handler gave, as it is stored: JSON text, bytes, or nothing. Runs in the handler's thread, so that a result
// that cannot be stored fails its own try; what left the thread unencoded could take the thread down.

import { types } from 'node:util';
import { shown } from '../errors.js';

/** How messages speak of what is encoded. */
interface Words {
  readonly what: string;
  /** What is done to hand it over. */
  readonly give: string;
  /** The option that limits its size. */
  readonly option: string;
}

const resultWords: Words = { what: "a handler's result", give: 'return', option: 'resultSizeMax' };
const stateWords: Words = { what: 'a state', give: 'set', option: 'stateSizeMax' };

/** The same for the state of a key. */
export function encodeState(state: unknown, sizeMax: number): string | Uint8Array | null {
  return encodeResult(state, sizeMax, stateWords);
}

/**
 * Encodes a result: JSON text for a JSON value, a copy for a `Uint8Array` (a `Buffer` is one), null for undefined.
 * Throws a TypeError for anything else, and for more than `sizeMax` characters or bytes, before copying bytes.
 */
export function encodeResult(result: unknown, sizeMax: number, words = resultWords): string | Uint8Array | null {
  switch (typeof result) {
    case 'undefined':
      return null;
    case 'number':
      // What JSON.stringify gives, for less: most results of models are numbers.
      return Number.isFinite(result) ? String(result) : 'null';
    case 'boolean':
      return result ? 'true' : 'false';
    case 'string':
      checkSize(result.length, sizeMax, words);
      return jsonOf(result, sizeMax, words);
    case 'object':
      if (result === null) return 'null';
      if (types.isProxy(result)) throw unfit('a Proxy', 'copy what it stands for', words);
      return types.isUint8Array(result) ? bytesOf(result, sizeMax, words) : textOf(result, sizeMax, words);
    default:
      throw unfit(
        typeof result === 'function' ? 'a function' : `the ${typeof result} ${shown(result)}`,
        adviceOf(result, words),
        words,
      );
  }
}

function bytesOf(result: Uint8Array, sizeMax: number, words: Words): Uint8Array {
  checkSize(result.byteLength, sizeMax, words);
  if (result.byteLength === 0 && isDetached(result)) {
    throw unfit('a Uint8Array whose buffer was transferred away', `${words.give} it before, or a copy`, words);
  }
  // A copy: the handler may go on writing into its own bytes, and rows are joined when the batch is done.
  return new Uint8Array(result);
}

function textOf(result: object, sizeMax: number, words: Words): string {
  if (types.isAnyArrayBuffer(result)) throw unfit('an ArrayBuffer', 'wrap it in a Uint8Array', words);
  if (ArrayBuffer.isView(result)) {
    throw unfit(`a ${kindOf(result)}`, 'wrap its buffer in a Uint8Array, or make a plain array of it', words);
  }
  if (types.isMap(result) || types.isSet(result))
    throw unfit(`a ${kindOf(result)}`, 'make an array or an object of it', words);
  if (types.isWeakMap(result) || types.isWeakSet(result) || types.isPromise(result)) {
    throw unfit(`a ${kindOf(result)}`, `${words.give} what it holds`, words);
  }
  if (types.isNativeError(result)) throw unfit('an Error', `throw it, or ${words.give} its message`, words);
  // An item takes two characters at least; so large an array is refused before its text is made.
  if (Array.isArray(result)) checkSize(result.length * 2, sizeMax, words);
  return jsonOf(result, sizeMax, words);
}

function jsonOf(result: unknown, sizeMax: number, words: Words): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(result);
  } catch (error) {
    // A circle, a BigInt inside, a getter or a toJSON() that throws, more than the longest string there is.
    const reason = types.isNativeError(error) ? error.message : shown(error);
    throw new TypeError(`${words.what} must be a JSON value, a Uint8Array or undefined: ${reason}`, { cause: error });
  }
  if (text === undefined)
    throw unfit('an object whose toJSON() gives nothing', `${words.give} undefined instead`, words);
  checkSize(text.length, sizeMax, words);
  return text;
}

function checkSize(size: number, sizeMax: number, { what, option }: Words): void {
  if (size <= sizeMax) return;
  throw new TypeError(`${what} must be at most ${sizeMax} characters or bytes encoded (option ${option}), got ${size}`);
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

function adviceOf(result: unknown, { give }: Words): string {
  return typeof result === 'bigint' ? 'convert it with String() or Number()' : `${give} what it stands for`;
}

function unfit(found: string, advice: string, { what }: Words): TypeError {
  return new TypeError(`${what} must be a JSON value, a Uint8Array or undefined, got ${found}: ${advice}`);
}
