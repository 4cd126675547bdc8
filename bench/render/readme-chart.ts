// The one drawing of the README: efficiency over threads beside keylane and its peers at the same work. It stands alone,
// with its own colours and ground, since an image takes nothing from the page around it.

import type { BenchReport } from '../report.js';
import { chartSize } from './chart.js';
import { chartStyle } from './page-style.js';
import { peerCharts } from './peer-figures.js';
import { type Drawing, element, escaped, label, svgOf } from './svg.js';
import { headLines } from './tables.js';
import { efficiencyChart } from './thread-figures.js';

const gap = 32;
const headHeight = 44;
const footHeight = 40;

/** Says so in words where the report has nothing to draw. */
export function chartSvg(report: BenchReport): string {
  const panels = [efficiencyChart(report), peerCharts(report)[0]].filter((panel) => panel != null);
  const width = gap + Math.max(1, panels.length) * (chartSize.width + gap);
  const height = headHeight + Math.max(20, ...panels.map((panel) => panel.height)) + footHeight;
  const [machine = ''] = headLines(report);
  const inner = [
    `<style>${chartStyle}</style>`,
    element('rect', { class: 'ground', width, height }),
    ...panels.map((panel, index) => placed(panel, gap + index * (chartSize.width + gap))),
    panels.length === 0 ? label('This report has nothing to draw.', { x: gap, y: headHeight }) : '',
    label(machine, { x: gap, y: height - 14, class: 'tick' }),
  ];
  const title = 'keylane: efficiency over threads, and peers';
  const description = panels.map((panel) => `${panel.title}. ${panel.description}`).join(' ');
  return `${svgOf({ title, description, width, height, inner: inner.join('') })}\n`;
}

function placed({ title, inner, width, height }: Drawing, x: number): string {
  const heading = label(title, { x, y: 26, class: 'heading' });
  const spoken = element('title', {}, escaped(title));
  return heading + element('svg', { x, y: headHeight, width, height }, spoken + inner);
}
