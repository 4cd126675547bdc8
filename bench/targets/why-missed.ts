// Of targets that are missed, where the time goes and what was tried: what the report says beside the figures. Figures
// of what was tried stand in DECISIONS.md, with the commands that make them.

interface Reason {
  readonly target: string;
  /** What the verdict's name has in it; all of the target's where it is left out. */
  readonly of?: string;
  readonly why: string;
}

const onMain =
  'a third of it is JSON.stringify of the data, the rest the core, messages and the collection of objects that an event ' +
  'needs; tried: larger groups and batches, fewer wake-ups, fewer class checks (paid), texts joined otherwise, fewer ' +
  'objects, smaller rings (did not); see DECISIONS.md, 2026-11-26';

const reasons: readonly Reason[] = [
  {
    target: 'T1',
    of: 'insert limit',
    why:
      'the CPU above is that of all threads, which share the cores here, while the limit has one core for the work of ' +
      'the writer alone; what made the writer cheaper made the limit as much faster. Tried: see DECISIONS.md, 2026-11-26',
  },
  { target: 'T1', why: 'the peer has a core for each thread here as well; see the insert limit above' },
  { target: 'T2', why: 'as T1, with a second row and the wait for the disk' },
  {
    target: 'T3',
    why:
      'what main thread and writer take is taken from handler threads where there is no core for them: the best that ' +
      'these figures allow is handlers / (main + handlers + writer + other). Tried: batches of 10 to 30 ms, groups of ' +
      '10 to 50 ms; profiled at 5 ms: at a hundred batches a second the code of the main thread is not compiled for speed ' +
      'within a cell, so an event takes 130 us of it in 3 s and 85 us in 12 s; see DECISIONS.md, 2026-11-26 and 27',
  },
  {
    target: 'T4',
    of: '10 kB',
    why:
      'publish takes the data as it is at that moment, as its owner may change it: JSON text, or a copy of the bytes, is ' +
      'made by the thread that publishes',
  },
  {
    target: 'T4',
    of: 'factor',
    why:
      'profiled: of the main thread with 100,000 keys 10 % is looking up lanes (1.7 % with 1,000), 2 % growing their map and ' +
      '13 % reading keys to make and encode events (3 %), as neither keys nor lanes stay in the cache of the CPU; with ' +
      'more threads there are more batches, each smaller. Tried: lanes that stay when they are empty, which made it worse ' +
      '(1.32 in place of 1.17); see DECISIONS.md, 2026-11-27',
  },
  { target: 'T4', why: onMain },
  {
    target: 'T5',
    of: '70 % load',
    why:
      'main thread and writer share the cores with the handlers where there is no core for them, and an event waits for a ' +
      'batch before its own, its batch and its group. Tried: groups that leave after 5 ms when somebody waits (paid); ' +
      'see DECISIONS.md, 2026-11-26',
  },
  {
    target: 'T6',
    why:
      'heaps of the threads reach their working size late; neither fewer arenas of malloc nor a smaller young ' +
      'generation in the writer changed it',
  },
  {
    target: 'T7',
    of: 'Zipf',
    why:
      'of two shards the larger has 0.55 of these events, so hash-sharding may reach 0.9 of the ideal here, while main ' +
      'thread and writer have no core of their own, see T3. Profiled: threads were idle for a tenth of the time, as what ' +
      'waited of the hot key filled the memory; tried: longer runs of a hot lane (paid 1.13); see DECISIONS.md, 2026-11-27',
  },
  {
    target: 'T9',
    why:
      'loading the modules of the command takes about half of it (see `keylane --version` over bare Node), the rest is ' +
      'the store and the threads, which begin side by side; tried: the writer thread while the handlers module is looked ' +
      'at (paid); see DECISIONS.md, 2026-11-26',
  },
  {
    target: 'unused',
    of: 'receipts',
    why:
      'each call gives a promise of a receipt, whoever asks for it or not; publishMany makes neither. Tried: no promise ' +
      'with functions to settle it where the receipt is there at once (paid 0.81); see DECISIONS.md, 2026-11-28',
  },
  {
    target: 'state',
    of: '200 B',
    why:
      'a run decodes and encodes its state once and each of its events copies it twice, the writer stores each key once a ' +
      'group; short runs have more of all that. Tried: states held while their run goes on, joined on their way to the ' +
      'writer, waiting for more of a key while events come in bulk (paid, together 0.65 to 0.8); see DECISIONS.md, 2026-11-27',
  },
  {
    target: 'P7',
    why:
      'what an event writes is its times, its length, its result and two counts, none of it atomic; the figure is near the ' +
      'noise of whole cells. Tried: short results written unit by unit (paid: 8 % of the time in the thread in place of ' +
      '20 %); see DECISIONS.md, 2026-11-24',
  },
];

/** Null where nothing was found out. */
export function whyMissed(target: string, what: string): string | null {
  const found = reasons.find((reason) => reason.target === target && what.includes(reason.of ?? ''));
  return found?.why ?? null;
}
