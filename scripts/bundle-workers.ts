// The last step of the build: what a kind of thread loads of ours becomes one file, in the place of the entry point
// that tsc has made. To find, read and link the modules one by one costs more than all else at the start of a thread.
// Packages stay imports: one is native, and others are the user's as well. Not minified: its lines are in stacks.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { messageOf } from '../src/errors.js';

const folder = join('dist', 'workers');
const entries = readdirSync(folder).filter((name) => name.endsWith('.js'));

try {
  // It prints warnings and errors itself.
  const { warnings } = await build({
    entryPoints: entries.map((name) => join(folder, name)),
    outdir: folder,
    allowOverwrite: true,
    bundle: true,
    // Each is whole: nothing that two of them need becomes a file of its own.
    splitting: false,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    // What is syntax of which Node, tsc has seen to.
    target: 'esnext',
    charset: 'utf8',
    logLevel: 'warning',
  });
  if (warnings.length > 0) throw new Error('esbuild must have nothing to warn of');
} catch (error) {
  console.error(`bundle-workers: ${folder} could not be bundled: ${messageOf(error)}`);
  process.exitCode = 1;
}
