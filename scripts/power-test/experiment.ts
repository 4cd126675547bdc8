// One part of the power test: rounds on one disk. In each a publisher runs until the power goes, the disk comes back,
// what is owed is run (in some rounds the power goes again meanwhile), and the judge looks.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as after } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Random } from '../random.js';
import { Disk } from './disk.js';
import { judge, type Life } from './judge.js';

export interface PartOptions {
  readonly name: 'power' | 'process' | 'control';
  readonly durability: 'power' | 'process';
  /** A library that the publisher is started with. */
  readonly preload: string | null;
  readonly rounds: number;
}

export interface Findings {
  readonly acknowledged: number;
  readonly lost: number;
  readonly wrong: readonly string[];
}

const publisherScript = fileURLToPath(new URL('./publisher.js', import.meta.url));
/** After so many receipts at most, and so many milliseconds more, the power goes. */
const receiptsMax = 3_000;
const extraMsMax = 60;
/** When the power goes by the clock: somewhere from the start of the process to well after its first receipts. */
const byClockMsMax = 1_500;

export class Experiment {
  readonly #options: PartOptions;
  readonly #random: Random;
  readonly #lives: Life[] = [];
  /** The last process started on the disk. */
  #child: ChildProcess | null = null;

  constructor(options: PartOptions, random: Random) {
    this.#options = options;
    this.#random = random;
  }

  async run(): Promise<Findings> {
    const disk = new Disk();
    const onSignal = (): void => {
      this.#child?.kill('SIGKILL');
      disk.remove();
      process.exit(130);
    };
    process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
    try {
      const wrong: string[] = [];
      let lost = 0;
      // The control is to lose what was acknowledged, not the whole store.
      if (this.#options.preload !== null) await this.#recover(disk);
      for (let round = 1; round <= this.#options.rounds; round += 1) {
        lost = await this.#round(disk, { round, wrong });
      }
      return { acknowledged: sumOf(this.#lives, ({ acknowledged }) => acknowledged.size), lost, wrong };
    } finally {
      process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
      disk.remove();
    }
  }

  /** Gives how many acknowledged events are missing after it, over all rounds so far. */
  async #round(disk: Disk, { round, wrong }: { round: number; wrong: string[] }): Promise<number> {
    const life: Life = { number: round, acknowledged: new Map(), late: new Set(), kept: 0 };
    this.#lives.push(life);
    const cutDuringStart = round % 4 === 0;
    await this.#liveUntilCut(disk, { task: 'publish', life, cutDuringStart });
    const cutDuringRecovery = this.#options.preload === null && round % 3 === 0;
    if (cutDuringRecovery) await this.#liveUntilCut(disk, { task: 'recover', life, cutDuringStart: true });
    await this.#recover(disk);
    const { wrong: found, lost, events, deadLettered } = judge(disk.store, this.#lives);
    wrong.push(...found.map((what) => `round ${round}: ${what}`));
    const lateLost = [...life.late].filter((n) => n >= life.kept).length;
    const notes = [
      `${life.acknowledged.size} acknowledged, ${life.kept} kept`,
      `${events} events in all, ${lost} lost, ${deadLettered} dead-lettered`,
      life.late.size > 0 ? `${life.late.size} receipts too late to count, ${lateLost} of them for nothing` : '',
      cutDuringStart ? 'cut by the clock' : '',
      cutDuringRecovery ? 'cut again during recovery' : '',
    ];
    console.log(`  ${this.#options.name} ${round}: ${notes.filter((note) => note !== '').join('; ')}`);
    return lost;
  }

  /** Runs a process on the disk until the power goes, and brings the disk back. */
  async #liveUntilCut(
    disk: Disk,
    { task, life, cutDuringStart }: { task: 'publish' | 'recover'; life: Life; cutDuringStart: boolean },
  ): Promise<void> {
    const random = this.#random;
    const power = await disk.powerSwitch();
    const child = this.#start(disk, { task, life: life.number });
    const closed = once(child, 'close');
    const receipts = new Receipts(child, life);
    if (cutDuringStart) {
      await after(random() * byClockMsMax);
    } else {
      await Promise.race([receipts.reached(1 + Math.floor(random() * receiptsMax)), closed]);
      await after(random() * extraMsMax);
    }
    // The control keeps to what it is about.
    if (this.#options.preload === null && random() < 0.7) power.stir(Math.floor(random() * 2 ** 31));
    const endedEarly = child.exitCode !== null;
    const cutAt = await power.cut();
    child.kill('SIGKILL');
    await closed;
    receipts.forgetSince(cutAt);
    if (endedEarly && task === 'publish')
      throw new Error(`the publisher ended before the power: ${receipts.complaint}`);
    disk.unmount();
    disk.mount();
  }

  async #recover(disk: Disk): Promise<void> {
    const child = this.#start(disk, { task: 'recover', life: 0 });
    const [[code, signal], complaint] = await Promise.all([once(child, 'close'), textOf(child)]);
    if (code !== 0) throw new Error(`what was owed could not be run (${code ?? signal}): ${complaint}`);
  }

  #start(disk: Disk, { task, life }: { task: 'publish' | 'recover'; life: number }): ChildProcess {
    const { durability, preload } = this.#options;
    const env = preload === null || task !== 'publish' ? process.env : { ...process.env, LD_PRELOAD: preload };
    const args = [publisherScript, disk.store, durability, task, String(life)];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
    this.#child = child;
    return child;
  }
}

/** Takes what a publisher prints into its life. */
class Receipts {
  readonly #life: Life;
  /** When each was printed, by the number of the event. */
  readonly #times = new Map<number, bigint>();
  #rest = '';
  #count = Number.POSITIVE_INFINITY;
  #onReached: () => void = () => {};
  complaint = '';

  constructor(child: ChildProcess, life: Life) {
    this.#life = life;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#take(text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.complaint += text;
    });
  }

  /** Resolves once there are so many. */
  reached(count: number): Promise<void> {
    this.#count = count;
    return new Promise((resolve) => {
      this.#onReached = resolve;
    });
  }

  /**
   * Where the power is really gone nobody prints any more. Here an fdatasync that the cut overtakes may succeed although
   * its data is lost; a plain loop of writes shows the same of about one in four that return after the cut.
   */
  forgetSince(cutAt: bigint): void {
    for (const [n, time] of this.#times) {
      if (time < cutAt) continue;
      this.#life.acknowledged.delete(n);
      this.#life.late.add(n);
    }
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const [n, position, time] = line.split(' ') as [string, string, string];
      this.#life.acknowledged.set(Number(n), Number(position));
      this.#times.set(Number(n), BigInt(time));
    }
    if (this.#life.acknowledged.size >= this.#count) this.#onReached();
  }
}

async function textOf(child: ChildProcess): Promise<string> {
  let text = '';
  for await (const chunk of child.stderr ?? []) text += chunk;
  return text;
}

function sumOf<Item>(items: readonly Item[], count: (item: Item) => number): number {
  return items.reduce((sum, item) => sum + count(item), 0);
}
