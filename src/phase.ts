// The life of a processor, in one word.

/**
 * - `idle`: events are accepted, none runs yet.
 * - `running`: events are accepted and run.
 * - `draining`: none is accepted; what is held, or under `stop` only what is in flight, is being finished.
 * - `stopped`: ended, as somebody asked.
 * - `failed`: ended by trouble; every call says which.
 */
export type Phase = 'idle' | 'running' | 'draining' | 'stopped' | 'failed';
