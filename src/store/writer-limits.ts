// The writer's times and sizes. They are no options: they are the same for everybody, but for tests.

export interface WriterLimits {
  /** The thread's entry point. */
  readonly threadUrl: URL;
  /** Between two looks at the files of a store that is idle, and at a thread that owes an answer. */
  readonly beatMs: number;
  /** Until what found no room is sent again. */
  readonly retryMs: number;
  /** Without an answer for so long, the thread hangs. */
  readonly answerMsMax: number;
  /** The same for a thread that takes over, which has to start first. */
  readonly openMsMax: number;
  /** Between two deaths of a thread; the second within it is one too many. */
  readonly replaceMsMin: number;
  /** How long `close` waits for the calls before it, and for a slow disk. */
  readonly closeMsMax: number;
  /** At this size of the log somebody is told; once more only after it was below the other. */
  readonly walBytes: { readonly warnAt: number; readonly calmAt: number };
}

export const defaultLimits: WriterLimits = {
  threadUrl: new URL('../../workers/writer-worker.js', import.meta.url),
  beatMs: 500,
  retryMs: 250,
  answerMsMax: 30_000,
  openMsMax: 30_000,
  replaceMsMin: 60_000,
  closeMsMax: 30_000,
  walBytes: { warnAt: 256 * 1024 * 1024, calmAt: 128 * 1024 * 1024 },
};
