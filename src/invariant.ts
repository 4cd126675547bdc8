// Our own bugs: conditions that hold unless keylane itself is wrong. A handler's failure is data and the world's
// failure is a KeylaneError; neither comes through here.

/** Ends the current call when something that must be true is not: a bug in keylane, never the caller's fault. */
export function invariant(condition: boolean, promise: string): asserts condition {
  if (!condition) throw new Error(`keylane is wrong here (please report it): ${promise}`);
}

/** Closes an exhaustive switch: compiles only while every member of the union has its case. */
export function unreachable(value: never): never {
  throw new Error(`keylane is wrong here (please report it): no case for ${String(value)}`);
}
