// Writes the options table of the README from the table in src/options.ts. With `--check` it writes nothing and fails
// when the README is not what it would write.

import { readFileSync, writeFileSync } from 'node:fs';
import type { OptionSpec } from '../src/option-spec.js';
import { optionTable } from '../src/options.js';

const readme = 'README.md';
const begin = '<!-- options: made by `npm run build && node dist/scripts/options-table.js` -->\n';
const end = '<!-- /options -->';

const text = readFileSync(readme, 'utf8');
const from = text.indexOf(begin) + begin.length;
const to = text.indexOf(end);
if (from < begin.length || to < from) throw new Error(`${readme} must have the two comments around its options table`);
const made = `${text.slice(0, from)}\n${table()}\n${text.slice(to)}`;
if (!process.argv.includes('--check')) {
  writeFileSync(readme, made);
} else if (made !== text) {
  console.error(`${readme} must have the options of src/options.ts: run \`node dist/scripts/options-table.js\``);
  process.exitCode = 1;
}

function table(): string {
  const rows = [
    '| option | default | bounds | |',
    '|---|---|---|---|',
    '| `handlers` | required | | The handlers module: a file URL, or a path relative to the current folder. |',
    '| `store` | required | | Path of the SQLite file that holds the outcomes; made when it does not exist. |',
  ];
  for (const [name, spec] of Object.entries<OptionSpec>(optionTable)) rows.push(...rowsOf(name, spec));
  return `${rows.join('\n')}\n`;
}

/** The row of an option, and those of its members. */
function rowsOf(name: string, spec: OptionSpec): string[] {
  const flag = 'flag' in spec && spec.flag !== undefined ? ` Flag \`--${spec.flag}\`.` : '';
  const row = `| \`${name}\` | ${defaultOf(name, spec)} | ${boundsOf(spec)} | ${spec.sentence}${flag} |`;
  const members = spec.kind === 'group' ? Object.entries<OptionSpec>(spec.members) : [];
  return [row, ...members.flatMap(([member, inner]) => rowsOf(`${name}.${member}`, inner))];
}

function defaultOf(name: string, spec: OptionSpec): string {
  if (name === 'threads') return 'cores';
  if (spec.default === null) return 'none';
  return spec.kind === 'integer' ? amount(spec.default) : `\`${spec.default}\``;
}

function boundsOf(spec: OptionSpec): string {
  switch (spec.kind) {
    case 'integer':
    case 'limit':
      return `${amount(spec.min)} to ${amount(spec.max)} ${spec.unit}`;
    case 'choice':
      return spec.choices.map((choice) => `\`${choice}\``).join(', ');
    case 'switch':
      return '`true`, `false`';
    case 'group':
      return Object.keys(spec.members)
        .map((member) => `\`${member}\``)
        .join(', ');
  }
}

/** A whole number as people read it; powers of 1024 from a mebibyte on by their name. */
function amount(value: number): string {
  const mib = 1024 * 1024;
  if (value >= 1024 * mib && value % (1024 * mib) === 0) return `${value / (1024 * mib)} Gi`;
  if (value >= mib && value % mib === 0) return `${value / mib} Mi`;
  return value.toLocaleString('en');
}
