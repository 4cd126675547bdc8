// What simulated handlers keep for a key: a number that depends on each event that succeeded, and on their order.

export function fold(state: number, identity: string): number {
  let next = state;
  for (let at = 0; at < identity.length; at += 1)
    next = (Math.imul(next ^ identity.charCodeAt(at), 0x01000193) + 1) | 0;
  return next;
}
