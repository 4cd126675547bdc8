// Which event of the soak does what: the same in the handlers, which do it, and in the judge, who expects it.

export type Fate = 'fine' | 'throws' | 'loops' | 'exits' | 'exhausts';

export const keys = 500;

/** Tries of a bad event, the first included. */
export const attemptsMax = 2;

/** Moves on by one each round, so that bad events come to all keys and good ones follow them there. */
export function keyOf(n: number): number {
  return (n + Math.floor(n / keys)) % keys;
}

/** Those that exhaust their heap have a handler of their own, as that takes longer than a loop may run. */
export function typeOf(n: number): 'soak' | 'hungry' {
  return n % 10 === 1 ? 'hungry' : 'soak';
}

/** What the event with this number does; spread evenly, by shares of 1 %, 0.1 %, 0.05 % and 0.02 %. */
export function fateOf(n: number): Fate {
  if (n % 100 === 7) return 'throws';
  if (n % 1000 === 13) return 'loops';
  if (n % 2000 === 29) return 'exits';
  if (n % 5000 === 41) return 'exhausts';
  return 'fine';
}

/** What the store must say of a dead letter: the name of its error, and a text in it. */
export const reasons: Readonly<Record<Exclude<Fate, 'fine'>, { readonly name: string; readonly text: RegExp }>> = {
  throws: { name: 'RangeError', text: /thrown on purpose/ },
  loops: { name: 'TimeoutError', text: /timed-out/ },
  exits: { name: 'ThreadDied', text: /exited with code: 7/ },
  exhausts: { name: 'ThreadDied', text: /ERR_WORKER_OUT_OF_MEMORY/ },
};
