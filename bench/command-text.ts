// The command line of the bench, as a person can type it again.

import { platform } from 'node:process';

/** `npm run bench` hands its own words on behind two dashes; a subcommand has its name before them. */
export function commandText(name: string): string {
  const isNpm = name === 'npm run bench';
  const given = process.argv.slice(isNpm ? 2 : 3);
  if (given.length === 0) return name;
  return [name, ...(isNpm ? ['--'] : []), ...given.map(quoted)].join(' ');
}

/** Quoted for a shell where need be. */
function quoted(word: string): string {
  if (/^[\w@%+=:,./\\-]+$/.test(word)) return word;
  return platform === 'win32' ? `"${word.replaceAll('"', '\\"')}"` : `'${word.replaceAll("'", "'\\''")}'`;
}
