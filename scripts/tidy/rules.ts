// All rules of the tree together: a pure function from the files to what is wrong with them, so that a test can hand it
// a tree that never existed.

import type { Finding } from './finding.js';
import { importFindings } from './import-rules.js';
import { sourceOf } from './source.js';
import { textFindings } from './text-rules.js';

const topFolders = ['src', 'workers', 'test', 'bench', 'scripts'];

/** What is wrong with a tree, given as text by path; paths are relative to its root, with forward slashes. */
export function findingsOf(tree: Readonly<Record<string, string>>): Finding[] {
  const sources = Object.entries(tree)
    .filter(([path]) => /\.(?:ts|js|mjs|cjs)$/.test(path))
    .map(([path, text]) => sourceOf(path, text));
  const found = [...folderFindings(Object.keys(tree)), ...importFindings(sources), ...sources.flatMap(textFindings)];
  return found.sort((a, b) => (a.path === b.path ? a.line - b.line : a.path < b.path ? -1 : 1));
}

function folderFindings(paths: readonly string[]): Finding[] {
  const found = new Set(paths.filter((path) => path.includes('/')).map((path) => path.slice(0, path.indexOf('/'))));
  const rule = `the top-level folders are exactly ${topFolders.join(', ')}`;
  const extra = [...found].filter((folder) => !folder.startsWith('.') && !topFolders.includes(folder));
  const missing = topFolders.filter((folder) => !found.has(folder));
  return [
    ...extra.map((path) => ({ path, line: 1, rule, fix: 'move its files into one of them' })),
    ...missing.map((path) => ({ path, line: 1, rule, fix: 'it is missing: put back what belongs there' })),
  ];
}
