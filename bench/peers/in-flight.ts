// Bounds how many events a peer has taken and not ended, as any real publisher must: memory stays flat and no peer
// pays for a queue of the whole run.

export const inFlightMax = 4096;

/** Hands each event to `run`, up to a bound at a time; resolves when all have ended. */
export async function eachInFlight<T>(events: Iterable<T>, run: (event: T) => Promise<unknown>): Promise<void> {
  let inFlight = 0;
  let failure: { readonly error: unknown } | null = null;
  let wake: () => void = () => {};
  const ended = (): void => {
    inFlight -= 1;
    wake();
  };
  const failed = (error: unknown): void => {
    failure ??= { error };
    ended();
  };
  const whenAtMost = async (most: number): Promise<void> => {
    while (inFlight > most) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
      if (failure !== null) throw (failure as { readonly error: unknown }).error;
    }
  };
  for (const event of events) {
    if (inFlight >= inFlightMax) await whenAtMost(inFlightMax / 2);
    inFlight += 1;
    run(event).then(ended, failed);
  }
  await whenAtMost(0);
}
