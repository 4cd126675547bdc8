// What becomes of a bench report: read and refused, drawn, written as text, page and Markdown. Nothing is
// measured.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseReport } from '../bench/parse-report.js';
import { barChart } from '../bench/render/bar-chart.js';
import { lineChart } from '../bench/render/chart.js';
import { amountText, percentText, timesText } from '../bench/render/figure-text.js';
import { figuresOf } from '../bench/render/figures.js';
import { htmlPage } from '../bench/render/html.js';
import { markdownTable } from '../bench/render/markdown.js';
import { chartSvg } from '../bench/render/readme-chart.js';
import { rangeRows } from '../bench/render/row-chart.js';
import { logScale, roundScale, scaleOfValues } from '../bench/render/scale.js';
import { element, escaped, svgOf } from '../bench/render/svg.js';
import { terminalTable } from '../bench/render/terminal.js';
import { showerOf } from '../bench/report-files.js';
import { cell, emptyReport, fullReport, peer, sample } from './bench-report-fixture.js';
import { wellFormed } from './well-formed.js';

const nasty = `</text><script>alert("1")</script> & 'x' \u0000\u001b[31m`;

test('a report that was written is read back as it was', () => {
  const report = fullReport();
  expect(parseReport(JSON.stringify(report))).toEqual(report);
});

test('a report of another version is refused, with what to do', () => {
  const older = JSON.stringify({ ...fullReport(), version: 1 });
  expect(() => parseReport(older, 'old.json')).toThrow(/^old\.json: version must be 2, got 1: measure again/);
  expect(() => parseReport('[]', 'old.json')).toThrow('version must be 2, got nothing');
  expect(() => parseReport('{"version":', 'cut.json')).toThrow('cut.json must be JSON');
});

test.each([
  ['a median that is no number', 'report.cells[0].eventsPerSecond.median must be a number', { median: null }],
  ['a run below zero', 'report.cells[0].eventsPerSecond.runs[1] must be a number', { runs: [1, -1] }],
  ['runs that are missing', 'report.cells[0].eventsPerSecond.runs must be a list, got nothing', { runs: undefined }],
])('%s is refused by its place', (_, message, wrongPart) => {
  const wrong = { ...cell(), eventsPerSecond: { ...sample(1), ...wrongPart } };
  expect(() => parseReport(JSON.stringify({ ...emptyReport(), cells: [wrong] }))).toThrow(message);
});

test('a choice that does not exist is refused', () => {
  const wrong = { ...cell(), durability: 'hope' };
  const text = JSON.stringify({ ...emptyReport(), cells: [wrong] });
  expect(() => parseReport(text)).toThrow('durability must be process or power, got "hope"');
});

test('a report from before own handlers could be measured is read as one of fixed work', () => {
  const { own: _, ...older } = fullReport();
  expect(parseReport(JSON.stringify(older)).own).toBeNull();
  expect(() => parseReport(JSON.stringify({ ...older, own: { handlers: 1 } }))).toThrow('own.handlers must be text');
});

test('stored reports are shown, written and compared', () => {
  const folder = mkdtempSync(join(tmpdir(), 'keylane-report-'));
  try {
    const older = join(folder, 'old.json');
    const [html, svg] = [join(folder, 'page.html'), join(folder, 'chart.svg')];
    writeFileSync(older, JSON.stringify(fullReport()));
    const slower = {
      ...fullReport(),
      cells: fullReport().cells.map((one) => ({ ...one, eventsPerSecond: sample(1) })),
    };
    const printed: string[] = [];
    const print = (text: string): void => {
      printed.push(text);
    };
    const failure = showerOf({ html, svg, compare: older, failOnRegression: true })(slower, print);
    expect(failure).toBe('20 of 20 cells are slower than before');
    expect(printed.join('')).toContain('0 faster, 20 slower, 0 within noise, 0 not judged');
    expect(readFileSync(html, 'utf8')).toBe(htmlPage(slower));
    expect(readFileSync(svg, 'utf8')).toBe(chartSvg(slower));
    expect(showerOf({})({ ...slower, wrong: ['sum'] }, print)).toContain('sum');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('what cannot be read or written is told before anything is measured', () => {
  const folder = mkdtempSync(join(tmpdir(), 'keylane-report-'));
  try {
    expect(() => showerOf({ compare: join(folder, 'none.json') })).toThrow('none.json must be a report');
    expect(() => showerOf({ failOnRegression: true })).toThrow('beside --compare');
    expect(() => showerOf({ html: folder })).toThrow(/--html must be a file that can be written, .* it is a folder/);
    expect(() => showerOf({ svg: join(folder, 'no', 'x.svg') })).toThrow(/--svg must be a file .*ENOENT/);
    expect(readdirSync(folder)).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a full report has every chart, and each is well-formed, finite and described', () => {
  const figures = figuresOf(fullReport());
  expect(figures.filter(({ charts }) => charts.length === 0)).toEqual([]);
  for (const chart of figures.flatMap(({ charts }) => charts)) {
    const svg = svgOf(chart);
    wellFormed(svg);
    expect(svg).not.toMatch(/NaN|Infinity|undefined|null/);
    expect(svg).toContain(`<title>${escaped(chart.title)}</title><desc>${escaped(chart.description)}</desc>`);
  }
  wellFormed(chartSvg(fullReport()));
});

test('the page has each chart with a table after it, and nothing from outside', () => {
  const page = htmlPage(fullReport());
  expect(page).not.toMatch(/<script|<link|<img|@import|url\(|src=/);
  expect(page.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:/);
  for (const { id, title } of figuresOf(fullReport())) {
    const section = page.slice(page.indexOf(`<section id="${id}">`)).split('</section>')[0] ?? '';
    expect(section, id).toMatch(new RegExp(`^<section id="${id}">[^]*${title}[^]*<svg[^]*<table>[^]*<td`));
  }
  expect(page).toContain('prefers-color-scheme:dark');
  expect(page).toContain('@media print');
  expect(page).not.toContain('Left out for want of data');
});

test('charts without data are left out, and the page says so', () => {
  const page = htmlPage(emptyReport());
  expect(page).not.toContain('<svg');
  for (const { title, charts, needs } of figuresOf(emptyReport())) {
    expect(charts, title).toEqual([]);
    expect(page).toContain(escaped(`${title}: needs ${needs}.`));
  }
  expect(chartSvg(emptyReport())).toContain('nothing to draw');
  expect(terminalTable(emptyReport())).toContain('No cell was run.');
  expect(terminalTable(emptyReport())).not.toMatch(/Peers|Model|Targets|Checked/);
});

test('one cell alone makes no curve', () => {
  const drawn = figuresOf(emptyReport({ cells: [cell({ isOverCores: true }), cell({ isOverCores: true })] }));
  expect(drawn.flatMap(({ charts }) => charts)).toEqual([]);
});

test('a batch-size curve has only cells that differ in nothing else', () => {
  const cells = [
    cell({ batchSizeMax: 64 }),
    cell({ batchSizeMax: 256 }),
    cell({ batchSizeMax: 1024, payload: '1 MB' }),
  ];
  const figure = figuresOf(emptyReport({ cells })).find(({ id }) => id === 'batch-size');
  expect(figure?.table.rows.map((row) => row[2])).toEqual(['64', '256']);
});

test('texts from outside are escaped everywhere', () => {
  const cells = [1, 2].map((threads) => cell({ workload: nasty, payload: nasty, threads, efficiency: 0.9 }));
  const peers = ['uniform', nasty].flatMap((keys) => [
    peer({ keys, workload: nasty }),
    peer({ name: nasty, keys, lacks: [nasty] }),
  ]);
  const report = { ...fullReport(), cells, peers, command: nasty, wrong: [nasty] };
  const page = htmlPage(report);
  expect(page).not.toContain('<script');
  expect(page).toContain('&lt;script&gt;');
  for (const chart of figuresOf(report).flatMap(({ charts }) => charts)) wellFormed(svgOf(chart));
  wellFormed(chartSvg(report));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  const controls = /[\u0000-\u0009\u000b-\u001f]/;
  expect(page).not.toMatch(controls);
  expect(terminalTable(report)).not.toMatch(controls);
});

test('Markdown keeps its rows and its code, whatever the texts', () => {
  const report = emptyReport({ cells: [cell({ workload: 'a|b\n<c>' }), cell()], command: 'run `x`' });
  const rows = markdownTable(report)
    .split('\n')
    .filter((line) => line.startsWith('|'));
  expect(rows).toHaveLength(4);
  expect(rows[2]).toContain('a\\|b \\<c\\>');
  expect(markdownTable(report)).toContain('`` run `x` ``');
});

test('Markdown has targets and peers with the commands that make them', () => {
  const text = markdownTable(fullReport());
  expect(text).toContain('| T2 | MISSED |');
  expect(text).toContain('| hash-sharded | 60us | 2 | zipf | 14.8 k |');
  expect(text).toMatch(/Measured by `npm run bench`, shown by `node dist\/bench\/show\.js REPORT --markdown`/);
});

test.each([100, 110, 120])('the terminal table fits %s columns and loses no word', (width) => {
  const text = terminalTable(fullReport(), width);
  const figuresAlone = 110;
  for (const line of text.split('\n')) expect(line.length, line).toBeLessThanOrEqual(Math.max(width, figuresAlone));
  for (const word of ['hash-sharded', 'MISSED', 'multi-row', 'BullMQ', '4*', '64 %']) expect(text).toContain(word);
});

test('the terminal table says where a peer wins, what it lacks, and that results are wrong', () => {
  const report = { ...fullReport(), wrong: ['2 threads: order'] };
  const text = terminalTable(report, 400);
  expect(text).toContain(
    'one thread in a loop is faster at 60us, 1 thread, uniform keys: 1.06x keylane, without parallel',
  );
  expect(text).toContain('WRONG: 2 threads: order');
  expect(text).not.toContain('Checked');
  expect(terminalTable(emptyReport({ peers: [peer()] }))).toContain('No peer is faster than keylane');
});

test('peers are told with the intake that keylane had beside them, and what it does not promise in memory', () => {
  const kept = peer({ name: 'keeps', keylaneIntake: 'journal' });
  const { keylaneIntake: _, ...older } = peer({ name: 'older' });
  const unkept = 'keylane with intake memory does not promise';
  for (const shown of [terminalTable, markdownTable, htmlPage]) {
    expect(shown(emptyReport({ peers: [kept] }))).not.toContain(unkept);
    expect(shown(emptyReport({ peers: [kept] }))).toContain('intake journal');
    const parsed = parseReport(JSON.stringify(emptyReport({ peers: [kept, older] })));
    expect(shown(parsed)).toContain(unkept);
    expect(shown(parsed)).toContain('intake memory');
  }
});

test('figures have three digits that count', () => {
  expect([412_000, 999_600, 1_290_000, 17_100, 999.6, 396.4, 2.64, 0].map(amountText)).toEqual([
    '412 k',
    '1 M',
    '1.29 M',
    '17.1 k',
    '1 k',
    '396',
    '2.64',
    '0',
  ]);
  expect([0.934, 0.041, 0, 1, null].map(percentText)).toEqual(['93 %', '4.1 %', '0 %', '100 %', '-']);
  expect([9.43, 22.91, 137.2, 0.943].map(timesText)).toEqual(['9.43x', '22.9x', '137x', '0.943x']);
});

test('scales are finite and in their range whatever the values', () => {
  const range = { from: 10, to: 90 };
  for (const values of [[], [0], [0, 0], [5], [1e-9], [1e12, 3], [Number.NaN, 2], [Number.POSITIVE_INFINITY, 2]]) {
    const scales = [roundScale(values, range), logScale(values, range), scaleOfValues(values, range, 'log')];
    for (const { at, ticks } of scales) {
      for (const place of [...ticks, ...values.filter((value) => Number.isFinite(value) && value > 0)].map(at)) {
        expect(place).toBeGreaterThanOrEqual(9.99);
        expect(place).toBeLessThanOrEqual(90.01);
      }
      expect(ticks.length).toBeLessThan(20);
    }
  }
  expect(roundScale([412_000, 640_000], range).ticks).toEqual([0, 200_000, 400_000, 600_000, 800_000]);
  expect(roundScale([1], range, 0.5).ticks).toEqual([0.5, 0.6, 0.7, 0.8, 0.9, 1]);
  expect(logScale([4, 400], range).ticks).toEqual([1, 10, 100, 1000]);
});

test('charts stay finite on zeros, single points and what is not a number', () => {
  const text = { title: 't', description: 'd' };
  const points = [
    { x: 1, y: 0 },
    { x: 2, y: Number.NaN },
    { x: Number.POSITIVE_INFINITY, y: 3 },
  ];
  const axis = { xTitle: 'x', yTitle: 'y', xScale: 'linear', xText: String, yText: String } as const;
  const line = lineChart({ ...text, ...axis, series: [{ name: 's', points, isIdeal: false, colour: 0 }] });
  const groups = [{ name: 'a', bars: [{ value: 0, limit: null }, null] }];
  const bars = barChart({ ...text, yTitle: 'y', text: String, series: ['a', 'b'], groups, limitName: null });
  const rows = [{ name: 'r', from: 0, to: 0 }];
  const range = rangeRows({ ...text, from: 'p50', to: 'p99', axisTitle: 'ms', text: String, rows });
  for (const drawing of [line, bars, range]) {
    const svg = svgOf(drawing);
    wellFormed(svg);
    expect(svg).not.toMatch(/NaN|Infinity/);
  }
  expect(line.inner.match(/class="mark/g)).toHaveLength(2);
  expect(() => element('path', { x: Number.NaN })).toThrow('x must be a finite number');
});
