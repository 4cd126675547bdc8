// Rules about one file at a time: lengths, names, and words that have their place or none at all.

import type { Finding } from './finding.js';
import { lineAt, type Source } from './source.js';

const fileLinesMax = 300;
const functionLinesMax = 60;
const lineLengthMax = 120;
const vagueNames = /(?:^|\/)(?:utils?|helpers?|types|common|misc|lib)\.[cm]?[jt]sx?$/;

/** A word in the code or the comments of the files in `where`, other than those in `except`, is a finding. */
interface WordRule {
  readonly word: RegExp;
  readonly in: 'code' | 'comments';
  readonly where: RegExp;
  readonly except?: RegExp;
  readonly rule: string;
  readonly fix: string;
}

const impureWords = [
  ...['Date', 'performance', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'],
  ...['Math\\.random', 'Promise', 'async', 'await', 'console', 'process'],
];

const wordRules: readonly WordRule[] = [
  {
    word: new RegExp(`\\b(?:${impureWords.join('|')})\\b`, 'g'),
    in: 'code',
    where: /^src\/dispatch\//,
    rule: 'dispatch is pure: no clock, timer, chance, promise, log or process',
    fix: 'take it as an argument or give it back as a value',
  },
  {
    word: /\bprocess\.env\b/g,
    in: 'code',
    where: /^(src|workers)\//,
    except: /^src\/options\.ts$/,
    rule: 'the environment is read only in src/options.ts',
    fix: 'make it an option',
  },
  {
    word: /\bprocess\.exit\b/g,
    in: 'code',
    where: /^(src|workers)\//,
    except: /^src\/cli\//,
    rule: 'process.exit is only for src/cli',
    fix: 'throw, or report it to whoever called',
  },
  {
    word: /\bexport\s*(?:type\s*)?(?:\*|\{[^}]*\}\s*from\b)/g,
    in: 'code',
    where: /^(src|workers)\//,
    except: /^src\/index\.ts$/,
    rule: 'only src/index.ts re-exports',
    fix: 'import from the file that declares it',
  },
  {
    word: /\bexport\s*\*/g,
    in: 'code',
    where: /^src\/index\.ts$/,
    rule: 'the public API is named one by one',
    fix: 'write export { name } from',
  },
  {
    word: /\bexport\s+default\b|\bexport\s*=/g,
    in: 'code',
    where: /^src\//,
    rule: 'src has named exports only',
    fix: 'give it a name and export that',
  },
  {
    word: /\bas any\b/g,
    in: 'code',
    where: /./,
    rule: 'no cast to any',
    fix: 'state the type, or narrow from unknown',
  },
  {
    word: /\.(?:only|skip)\b/g,
    in: 'code',
    where: /^test\//,
    rule: 'no test is left out',
    fix: 'run all of them; delete a test that is not wanted',
  },
  {
    word: /@ts-(?:ignore|nocheck)\b/g,
    in: 'comments',
    where: /./,
    rule: 'the compiler is not silenced',
    fix: 'correct the type',
  },
  {
    word: /\b(?:TODO|FIXME|XXX)\b/g,
    in: 'comments',
    where: /./,
    rule: 'no work is left in a comment',
    fix: 'do it now or file an issue',
  },
];

/** All that is wrong inside one file. */
export function textFindings(source: Source): Finding[] {
  return [...nameFindings(source.path), ...wordFindings(source), ...lengthFindings(source)];
}

function nameFindings(path: string): Finding[] {
  if (!vagueNames.test(path)) return [];
  return [{ path, line: 1, rule: 'a file is named after the one noun it holds', fix: 'name it so, or split it' }];
}

function wordFindings(source: Source): Finding[] {
  return wordRules
    .filter(({ where, except }) => where.test(source.path) && !except?.test(source.path))
    .flatMap(({ word, in: part, rule, fix }) =>
      [...source[part].matchAll(word)].map(({ 0: found, index }): Finding => {
        const line = lineAt(source.text, index);
        return { path: source.path, line, rule: `${rule}, found "${found.replace(/\s+/g, ' ')}"`, fix };
      }),
    );
}

function lengthFindings({ path, text, code }: Source): Finding[] {
  if (!/^(src|workers)\//.test(path)) return [];
  const lines = text.replace(/\n$/, '').split('\n');
  const found: Finding[] = [];
  if (lines.length > fileLinesMax) {
    const rule = `a file has at most ${fileLinesMax} lines, found ${lines.length}`;
    found.push({ path, line: fileLinesMax + 1, rule, fix: 'split it by noun' });
  }
  for (const [index, line] of lines.entries()) {
    if (line.length <= lineLengthMax) continue;
    const rule = `a line has at most ${lineLengthMax} characters, found ${line.length}`;
    found.push({ path, line: index + 1, rule, fix: 'break it' });
  }
  for (const { first, last } of functionsOf(code.split('\n'))) {
    const length = last - first + 1;
    if (length <= functionLinesMax) continue;
    const rule = `a function has at most ${functionLinesMax} lines, found ${length}`;
    found.push({ path, line: first + 1, rule, fix: 'give a step of it a name of its own' });
  }
  return found;
}

/**
 * The formatter indents a block's first and last line alike, so that indentation shows where a function ends. A head
 * whose parameters take several lines ends with a line that begins with a bracket and belongs to the line that opened
 * it.
 */
function functionsOf(lines: readonly string[]): { first: number; last: number }[] {
  return lines.flatMap((line, index) => {
    const indent = indentOf(line);
    let first = index;
    if (/^\s*\)/.test(line)) {
      for (first -= 1; first > 0 && !(indentOf(lines[first]!) === indent && lines[first]!.trim() !== ''); ) first -= 1;
    }
    if (!opensFunction(line.trim(), lines[first]!.trim())) return [];
    const last = lines.findIndex((other, at) => at > index && indentOf(other) === indent && /^\s*\}/.test(other));
    return last === -1 ? [] : [{ first, last }];
  });
}

function opensFunction(line: string, head: string): boolean {
  if (
    /^(?:\} )?(?:if|else|for|while|switch|catch|do|try|finally|class|interface|export (?:interface|class))\b/.test(head)
  ) {
    return false;
  }
  return /=> \{$/.test(line) || /\)(?:: .+)? \{$/.test(line);
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}
