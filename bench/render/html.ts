// The report as one page that needs nothing else: no script, no font, no other file. Reads in print and in the dark.

import type { BenchReport } from '../report.js';
import type { Figure } from './figure.js';
import { figuresOf } from './figures.js';
import { checkedLines, ownNotes } from './own-text.js';
import { pageStyle } from './page-style.js';
import { escaped, svgOf } from './svg.js';
import type { Table } from './table.js';
import {
  cellTable,
  costTable,
  headLines,
  latencyTable,
  limitTable,
  overCoresNote,
  peerNotes,
  peersSkipped,
  peerTable,
  sameInAll,
  targetTable,
} from './tables.js';

const title = 'keylane: what the bench found';

/** Longer words than this get a wider column. */
const longWords = 28;

export function htmlPage(report: BenchReport): string {
  const figures = figuresOf(report);
  const sections = [
    targets(report),
    ...figures.filter(({ charts }) => charts.length > 0).map(figureSection),
    section({ id: 'cells', name: 'All cells' }, [
      tableOrNothing('All cells', cellTable(report), 'No cell was run.'),
      paragraphs([overCoresNote, sameInAll(report.cells)]),
      ...(report.cells.length === 0 ? [] : cellDetails(report)),
    ]),
    section({ id: 'limits', name: 'Limits' }, [tableOrNothing('Limits', limitTable(report), 'No limit was measured.')]),
    section({ id: 'promises', name: 'Peers, and what they do not promise' }, [
      tableOrNothing('Peers', peerTable(report), 'No peer was run.'),
      paragraphs([...peerNotes(report), ...peersSkipped(report).map((line) => `Not run: ${line}`)]),
    ]),
    missing(figures),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>
${pageStyle}</style>
</head>
<body>
<header>
<h1>${title}</h1>
${wrong(report)}${headLines(report)
  .map((line) => `<p class="facts">${escaped(line)}</p>`)
  .join('\n')}
${contents(figures)}
</header>
<main>
${sections.filter(Boolean).join('\n')}
</main>
</body>
</html>
`;
}

function wrong(report: BenchReport): string {
  const { wrong: all, own, cells } = report;
  const notes = own === null ? [] : ownNotes(own, { cells });
  const told = notes.map((note) => `<p>${escaped(note)}</p>\n`).join('');
  if (all.length > 0) {
    return all.map((what) => `<p class="wrong" role="alert">WRONG: ${escaped(what)}</p>\n`).join('') + told;
  }
  return (
    checkedLines(report)
      .map((line) => `<p>${escaped(line)}</p>\n`)
      .join('') + told
  );
}

function contents(figures: readonly Figure[]): string {
  const shown = figures.filter(({ charts }) => charts.length > 0);
  const all = [
    ...[{ id: 'targets', title: 'Targets' }, ...shown, { id: 'cells', title: 'All cells' }],
    ...[
      { id: 'limits', title: 'Limits' },
      { id: 'promises', title: 'Peers' },
    ],
  ];
  const items = all.map(({ id, title: name }) => `<li><a href="#${id}">${escaped(name)}</a></li>`);
  return `<nav aria-label="Contents"><ul>${items.join('')}</ul></nav>`;
}

function targets(report: BenchReport): string {
  const met = report.targets.filter(({ isMet }) => isMet).length;
  const lead = report.targets.length === 0 ? '' : `${met} of ${report.targets.length} met.`;
  const notes = report.targets.flatMap(({ target, note }) => (note === null ? [] : [`${target}: ${note}`]));
  return section({ id: 'targets', name: 'Targets' }, [
    paragraphs([lead]),
    tableOrNothing('Targets', targetTable(report), 'Targets were not asked for.'),
    paragraphs(notes),
  ]);
}

function figureSection({ id, title: name, lead, charts, table }: Figure): string {
  const drawn = charts.map(
    (chart) => `<figure><figcaption>${escaped(chart.title)}</figcaption>${svgOf(chart)}</figure>`,
  );
  return `<section id="${id}">
<div class="together">
<h2>${escaped(name)}</h2>
<p>${escaped(lead)}</p>
<div class="charts">${drawn.join('\n')}</div>
</div>
${tableOrNothing(`The numbers: ${name}`, table, '')}
</section>`;
}

function cellDetails(report: BenchReport): string[] {
  return [
    '<h3>Latency, publish to durable outcome</h3>',
    tableOrNothing('Latency of each cell', latencyTable(report), ''),
    '<h3>CPU per event, batches, memory</h3>',
    tableOrNothing('CPU per event, batches and memory of each cell', costTable(report), ''),
  ];
}

/** What is left out, and what would have to be run for it. */
function missing(figures: readonly Figure[]): string {
  const absent = figures.filter(({ charts }) => charts.length === 0);
  if (absent.length === 0) return '';
  const items = absent.map(({ title: name, needs }) => `<li>${escaped(`${name}: needs ${needs}.`)}</li>`);
  return section({ id: 'missing', name: 'Left out for want of data' }, [`<ul>${items.join('')}</ul>`]);
}

function section({ id, name }: { readonly id: string; readonly name: string }, parts: readonly string[]): string {
  return `<section id="${id}">\n<h2>${escaped(name)}</h2>\n${parts.filter(Boolean).join('\n')}\n</section>`;
}

function paragraphs(lines: readonly string[]): string {
  return lines
    .filter(Boolean)
    .map((line) => `<p class="note">${escaped(line)}</p>`)
    .join('\n');
}

function tableOrNothing(name: string, { columns, rows }: Table, otherwise: string): string {
  if (rows.length === 0) return otherwise === '' ? '' : `<p class="note">${escaped(otherwise)}</p>`;
  const classes = columns.map(({ isFigure }, column) => {
    if (isFigure) return 'number';
    return rows.some((row) => (row[column]?.length ?? 0) > longWords) ? 'word long' : 'word';
  });
  const head = columns.map((column, index) => {
    return `<th scope="col" class="${classes[index]}">${escaped(column.title)}</th>`;
  });
  const body = rows.map((row) => {
    return `<tr>${row.map((cell, index) => `<td class="${classes[index]}${verdictClass(cell)}">${escaped(cell)}</td>`).join('')}</tr>`;
  });
  // It scrolls by itself on a narrow screen, and can be reached by keyboard for that.
  return `<div class="scroll" role="region" aria-label="${escaped(name)}" tabindex="0"><table>
<thead><tr>${head.join('')}</tr></thead>
<tbody>
${body.join('\n')}
</tbody></table></div>`;
}

function verdictClass(cell: string): string {
  if (cell === 'met') return ' met';
  return cell === 'MISSED' ? ' missed' : '';
}
