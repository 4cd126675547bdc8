// A disk whose power can be cut: an ext4 file system in an image file of its own, mounted in a temporary folder. Needs
// the rights of root. Whatever happens, `remove` leaves neither mount nor loop device nor file.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, ftruncateSync, mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Only what is written takes room on the disk of this machine. */
const imageBytes = 1024 * 1024 * 1024;
/** Sources of python are not compiled, so that the script is where it was written. */
const switchScript = fileURLToPath(new URL('../../../scripts/power-test/power-switch.py', import.meta.url));

export class Disk {
  readonly #folder = mkdtempSync(join(tmpdir(), 'keylane-power-'));
  readonly #image = join(this.#folder, 'image');
  readonly #mountPoint = join(this.#folder, 'disk');
  /** Path of the store on it. */
  readonly store = join(this.#mountPoint, 'events.db');

  /** Makes the disk and mounts it. Throws with the words of the tool that failed, leaving nothing. */
  constructor() {
    try {
      mkdirSync(this.#mountPoint);
      const file = openSync(this.#image, 'wx', 0o600);
      ftruncateSync(file, imageBytes);
      closeSync(file);
      runTool('mkfs.ext4', ['-q', '-F', this.#image]);
      this.mount();
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  /** After a cut this is what the machine's next start is: the file system's own journal is replayed. */
  mount(): void {
    runTool('mount', ['-o', 'loop', this.#image, this.#mountPoint]);
  }

  /** Every process that has a file on it must have ended. */
  unmount(): void {
    runTool('umount', [this.#mountPoint]);
  }

  remove(): void {
    // Fails where it is not mounted, which is as well; a lazy unmount lets a process that lingers finish.
    if (spawnSync('umount', [this.#mountPoint]).status !== 0) spawnSync('umount', ['-l', this.#mountPoint]);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** The switch of the mounted disk, ready to act at once. */
  powerSwitch(): Promise<PowerSwitch> {
    return PowerSwitch.ready(this.#mountPoint, this.store);
  }
}

/** Cuts the power of one mounted disk, once. */
export class PowerSwitch {
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown[]>;
  #printed = '';

  private constructor(process: ChildProcess) {
    this.#process = process;
    this.#ended = once(process, 'close');
    process.stdout?.on('data', (text) => {
      this.#printed += text;
    });
  }

  static async ready(mountPoint: string, store: string): Promise<PowerSwitch> {
    const process = spawn('python3', [switchScript, mountPoint, store], { stdio: ['pipe', 'pipe', 'inherit'] });
    const made = new PowerSwitch(process);
    await Promise.race([once(process.stdout, 'data'), made.#ended]);
    if (!made.#printed.startsWith('ready')) throw new Error('the power switch did not start: read its lines above');
    return made;
  }

  /** Writes some of what is only in memory to the disk, as a system may at any time, in any order. */
  stir(seed: number): void {
    this.#process.stdin?.write(`stir ${seed}\n`);
  }

  /** Everything that is not on the disk is gone, and nothing more gets there. Gives when, as `process.hrtime` counts. */
  async cut(): Promise<bigint> {
    this.#process.stdin?.end('cut\n');
    await this.#ended;
    const [, at] = /^cut (\d+)$/m.exec(this.#printed) ?? [];
    if (at === undefined) throw new Error('the power could not be cut: read the lines above');
    return BigInt(at);
  }
}

/** Runs a tool; throws with its own words when it fails. */
function runTool(name: string, args: readonly string[]): void {
  const { status, error, stderr } = spawnSync(name, args, { encoding: 'utf8' });
  if (status === 0) return;
  throw new Error(`${name}: ${error?.message ?? stderr.trim().replaceAll(/\s+/g, ' ')}`);
}
