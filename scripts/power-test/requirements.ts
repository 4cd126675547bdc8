// What the power test needs of the machine, found out by trying it. Gives the exact reason where something is missing.

import { spawnSync } from 'node:child_process';
import { Disk } from './disk.js';

/** Preloaded, it makes every wait for the disk succeed at once without waiting. */
export const noWaitLibrary = 'libeatmydata.so';

/** Why no disk can lose its power here, or null if it can. */
export async function whyNoDisk(): Promise<string | null> {
  if (process.platform !== 'linux') return `loop devices and ext4 are of Linux, this is ${process.platform}`;
  if (process.getuid?.() !== 0) return 'mounting needs root';
  for (const [tool, option] of [
    ['mkfs.ext4', '-V'],
    ['mount', '-V'],
    ['python3', '-V'],
  ] as const) {
    const { error } = spawnSync(tool, [option]);
    if (error !== undefined) return `${tool} does not run (${error.message})`;
  }
  let disk: Disk | null = null;
  try {
    disk = new Disk();
    const power = await disk.powerSwitch();
    await power.cut();
    disk.unmount();
    disk.mount();
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    disk?.remove();
  }
}

/** Why no process can be kept from waiting for the disk, or null if it can. */
export function whyNoControl(): string | null {
  // The loader only warns about a library it does not find.
  const { stderr, error } = spawnSync('true', [], { env: { ...process.env, LD_PRELOAD: noWaitLibrary } });
  if (error !== undefined) return error.message;
  const words = String(stderr).trim();
  return words === '' ? null : `${noWaitLibrary} does not load (${words}): install libeatmydata1`;
}
