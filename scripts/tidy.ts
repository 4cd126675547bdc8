// Checks the shape of this project: folders, imports, lengths, names, dead files. Prints a line for each finding and
// ends with status 1 if there is any. Looks at what git tracks and at new files it does not ignore.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { printed } from './tidy/finding.js';
import { findingsOf } from './tidy/rules.js';

const tree = Object.fromEntries(paths().map((path) => [path, readFileSync(path, 'utf8')]));
const findings = findingsOf(tree);
for (const finding of findings) console.log(printed(finding));
console.log(`tidy: ${Object.keys(tree).length} files, ${findings.length} findings`);
process.exitCode = findings.length === 0 ? 0 : 1;

/** A file that was deleted and not yet staged is still listed by git. */
function paths(): string[] {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  return [...new Set(listed.split('\0'))].filter((path) => path !== '' && existsSync(path));
}
