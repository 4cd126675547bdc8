// A source file cut into code and comments, without a parser: what lies inside strings, templates, regular expressions
// and comments is blanked, so that a rule that looks for a word finds the word used, not mentioned. Offsets and lines
// stay.

/** One file. `code` and `comments` are as long as `text`; each holds blanks where the other has something. */
export interface Source {
  readonly path: string;
  readonly text: string;
  /** Without comments, and without what is inside quotes. */
  readonly code: string;
  readonly comments: string;
  readonly imports: readonly Import[];
}

/** A module named by `import`, `export ... from`, `import()` or `require()`. */
export interface Import {
  readonly specifier: string;
  readonly line: number;
}

/** Reads one TypeScript or JavaScript file. */
export function sourceOf(path: string, text: string): Source {
  const { code, comments } = split(text);
  return { path, text, code, comments, imports: importsOf(text, code) };
}

/** The line, counted from 1, of a place in the text. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) line += 1;
  return line;
}

/** Quotes survive blanking and their content is read back from the text at the same offset. */
function importsOf(text: string, code: string): Import[] {
  const pattern = /(?:\bfrom\s*|\bimport\s*|\bimport\s*\(\s*|\brequire\s*\(\s*)(['"])( *)\1/dg;
  return [...code.matchAll(pattern)].map((match) => {
    const [start, end] = match.indices?.[2] ?? [0, 0];
    return { specifier: text.slice(start, end), line: lineAt(text, start) };
  });
}

/** What the scanner is inside of; `braces` counts those open within a template's `${}`. */
type Inside =
  | { readonly kind: 'code'; braces: number }
  | { readonly kind: 'template' }
  | { readonly kind: 'quote'; readonly end: string }
  | { readonly kind: 'regex'; inClass: boolean }
  | { readonly kind: 'comment'; readonly end: string };

interface Scan {
  readonly text: string;
  readonly stack: Inside[];
  readonly code: string[];
  readonly comments: string[];
  at: number;
}

function split(text: string): { code: string; comments: string } {
  const scan: Scan = { text, stack: [{ kind: 'code', braces: 0 }], code: [], comments: [], at: 0 };
  while (scan.at < text.length) {
    const inside = scan.stack.at(-1);
    if (inside === undefined) break;
    if (inside.kind === 'code') stepCode(scan, inside);
    else if (inside.kind === 'comment') stepComment(scan, inside.end);
    else stepQuoted(scan, inside);
  }
  return { code: scan.code.join(''), comments: scan.comments.join('') };
}

function stepCode(scan: Scan, inside: { braces: number }): void {
  const here = scan.text[scan.at] ?? '';
  const two = scan.text.slice(scan.at, scan.at + 2);
  if (two === '//' || two === '/*') {
    scan.stack.push({ kind: 'comment', end: two === '//' ? '\n' : '*/' });
    take(scan, { count: 2, as: 'comment' });
    return;
  }
  if (here === '/' && regexMayStart(scan)) scan.stack.push({ kind: 'regex', inClass: false });
  else if (here === "'" || here === '"') scan.stack.push({ kind: 'quote', end: here });
  else if (here === '`') scan.stack.push({ kind: 'template' });
  else if (here === '{') inside.braces += 1;
  else if (here === '}') {
    if (inside.braces === 0 && scan.stack.length > 1) scan.stack.pop();
    else inside.braces -= 1;
  }
  take(scan, { count: 1, as: 'code' });
}

function stepComment(scan: Scan, end: string): void {
  const ends = scan.text.startsWith(end, scan.at);
  take(scan, { count: ends ? end.length : 1, as: 'comment' });
  if (ends) scan.stack.pop();
}

function stepQuoted(scan: Scan, inside: Exclude<Inside, { kind: 'code' | 'comment' }>): void {
  const here = scan.text[scan.at] ?? '';
  if (here === '\\') {
    take(scan, { count: 2, as: 'blank' });
  } else if (inside.kind === 'template' && scan.text.startsWith('${', scan.at)) {
    scan.stack.push({ kind: 'code', braces: 0 });
    take(scan, { count: 2, as: 'code' });
  } else if (endsQuoted(inside, here)) {
    scan.stack.pop();
    take(scan, { count: 1, as: 'code' });
  } else {
    if (inside.kind === 'regex' && (here === '[' || here === ']')) inside.inClass = here === '[';
    take(scan, { count: 1, as: 'blank' });
  }
}

function endsQuoted(inside: Exclude<Inside, { kind: 'code' | 'comment' }>, here: string): boolean {
  if (inside.kind === 'template') return here === '`';
  if (inside.kind === 'quote') return here === inside.end || here === '\n';
  return (here === '/' && !inside.inClass) || here === '\n';
}

/** A slash divides after a value and begins a regular expression everywhere else. */
function regexMayStart(scan: Scan): boolean {
  const before = scan.code.slice(-40).join('').trimEnd();
  if (before === '') return true;
  if (/(?:^|[^\w$.])(?:return|typeof|case|in|of|do|else|void|delete|throw|yield|await|new)$/.test(before)) return true;
  return !/[\w$)\]}'"`]$/.test(before);
}

function take(scan: Scan, { count, as }: { count: number; as: 'code' | 'comment' | 'blank' }): void {
  const taken = scan.text.slice(scan.at, scan.at + count);
  const blank = taken.replace(/[^\n]/g, ' ');
  scan.code.push(as === 'code' ? taken : blank);
  scan.comments.push(as === 'comment' ? taken : blank);
  scan.at += count;
}
