// Time as the pump sees it. The core takes time as an argument; only the pump asks a clock, so a test can hand it one
// that moves by hand.

/** A source of time and of wake-ups. */
export interface Clock {
  /** Milliseconds since some fixed moment; never goes back, whatever happens to the wall clock. */
  nowMs(): number;
  /** Milliseconds since the Unix epoch, for times that outlive the process. It jumps when somebody sets it. */
  wallMs(): number;
  /** Calls back once, as soon as the messages that are already here have been delivered. */
  soon(callback: () => void): void;
  /** Calls back once after `delayMs`; the returned function cancels it. */
  alarm(delayMs: number, callback: () => void): () => void;
}

/** The clock of the machine. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  soon: (callback) => {
    setImmediate(callback);
  },
  alarm: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
