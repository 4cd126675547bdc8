// Copies of states that are JSON values as they stand, for a fraction of what it costs to write them as text and to
// read that again. What a copy shows is what the text would have shown; where that is in doubt there is none.

/** Objects and lists in one another; a circle has more. */
const depthMax = 8;

/** The most a value counts for: to copy a larger one costs as much as its text. */
export const plainSizeMax = 4096;

/** Characters of JSON that a unit of size takes at most: a UTF-16 unit may be escaped (`\ud800`). */
export const textPerUnit = 6;

/** What a value counts for besides its text and its name; a number takes 25 characters at most. */
const unitsEach = 5;

const notPlain = Symbol('not plain');

/** A copy that nobody else has. */
export class PlainCopy {
  readonly value: unknown;
  readonly #isFlat: boolean;

  private constructor(value: unknown, { isFlat }: { isFlat: boolean }) {
    this.value = value;
    this.#isFlat = isFlat;
  }

  /**
   * Of a value of objects and lists of texts, finite numbers, booleans and null, that counts for at most `sizeMax`;
   * null for any other. Its text has at most `textPerUnit` times as many characters.
   */
  static of(value: unknown, sizeMax: number): PlainCopy | null {
    left = Math.min(sizeMax, plainSizeMax);
    depthFound = 0;
    const copy = copyOf(value, 0);
    return copy === notPlain ? null : new PlainCopy(copy, { isFlat: depthFound < 2 });
  }

  /** A copy of it for somebody else. */
  again(): unknown {
    const { value } = this;
    if (typeof value !== 'object' || value === null) return value;
    if (this.#isFlat) return Array.isArray(value) ? [...value] : { ...value };
    left = Number.POSITIVE_INFINITY;
    return copyOf(value, 0);
  }
}

/** Of the value that is being copied: what is left of the size that it may have, and how deep it is. */
let left = 0;
let depthFound = 0;

function copyOf(value: unknown, depth: number): unknown {
  left -= unitsEach;
  switch (typeof value) {
    case 'string':
      left -= value.length;
      return left < 0 ? notPlain : value;
    case 'number':
      // JSON has no -0.
      return Number.isFinite(value) && !Object.is(value, -0) ? value : notPlain;
    case 'boolean':
      return value;
    case 'object':
      if (value === null) return null;
      if (depth === depthMax || left < 0 || 'toJSON' in value) return notPlain;
      if (depthFound <= depth) depthFound = depth + 1;
      return Array.isArray(value) ? copyOfList(value, depth) : copyOfObject(value, depth);
    default:
      return notPlain;
  }
}

function copyOfList(list: readonly unknown[], depth: number): unknown {
  if (Object.getPrototypeOf(list) !== Array.prototype || list.length > left) return notPlain;
  const copy: unknown[] = [];
  for (let index = 0; index < list.length; index += 1) {
    const item = copyOf(list[index], depth + 1);
    if (item === notPlain) return notPlain;
    copy.push(item);
  }
  return left < 0 ? notPlain : copy;
}

function copyOfObject(object: object, depth: number): unknown {
  if (Object.getPrototypeOf(object) !== Object.prototype) return notPlain;
  const copy: Record<string, unknown> = {};
  for (const name of Object.keys(object)) {
    const value = (object as Record<string, unknown>)[name];
    // JSON leaves it out.
    if (value === undefined) continue;
    // To set it may throw, or set the prototype.
    if (name in copy) return notPlain;
    left -= name.length;
    const member = copyOf(value, depth + 1);
    if (member === notPlain) return notPlain;
    copy[name] = member;
  }
  return left < 0 ? notPlain : copy;
}
