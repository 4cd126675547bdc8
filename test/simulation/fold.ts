// What simulated handlers keep for a key, a number that depends on each event that succeeded and on their order; and
// which of them emit.

export function fold(state: number, identity: string): number {
  let next = state;
  for (let at = 0; at < identity.length; at += 1)
    next = (Math.imul(next ^ identity.charCodeAt(at), 0x01000193) + 1) | 0;
  return next;
}

/** How many events a try emits where there is a journal, by the identity of its event with its handler. */
export function emitCount(identity: string, depth: number): number {
  const drawn = (Math.imul(fold(0, identity), 0x9e3779b1) >>> 16) % 12;
  return depth < 2 && drawn < 2 ? drawn + 1 : 0;
}
