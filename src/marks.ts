// Classes that are known by a mark instead of by identity, since one process may hold several copies of each: those of
// the package's modules, those in the bundle of a thread, and those of another keylane that a module has of its own.

/** What was thrown may be a proxy whose traps throw. */
export function hasMark(value: unknown, mark: symbol): boolean {
  try {
    return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[mark] === true;
  } catch {
    return false;
  }
}

/** Marks what is made of a class, and has `instanceof` go by it. A class that extends it is told by identity. */
export function markClass(marked: { readonly prototype: object }, mark: symbol): void {
  Object.defineProperty(marked.prototype, mark, { value: true });
  Object.defineProperty(marked, Symbol.hasInstance, {
    value(this: unknown, value: unknown): boolean {
      return this === marked ? hasMark(value, mark) : Function.prototype[Symbol.hasInstance].call(this as never, value);
    },
  });
}
