// Metrics as the text that Prometheus scrapes: the text exposition format, version 0.0.4. It knows no metric by name,
// but every label that metrics have of their own, so that nobody's label takes the place of one.

import { badOption } from './option-spec.js';

/** Labels that metrics of keylane have. */
const ownLabels = ['handler', 'type', 'result', 'status', 'state', 'thread', 'quantile', 'le'] as const;
type OwnLabel = (typeof ownLabels)[number];

export interface Sample {
  readonly labels?: Readonly<Partial<Record<OwnLabel, string>>>;
  /** Null: it is not known yet, and left out. */
  readonly value: number | null;
  /** Behind the metric's name. */
  readonly suffix?: '_bucket' | '_sum' | '_count';
}

export interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary';
  readonly samples: readonly Sample[];
}

/** Two underscores begin names that are Prometheus's own. */
const labelName = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/;

/**
 * The metrics, each sample with the labels of `given` besides its own. A metric without a known value is left out.
 * Throws a KeylaneError `bad-option` for what can be no label.
 */
export function expositionOf(metrics: readonly Metric[], given: Readonly<Record<string, string>>): string {
  const common = checkedLabels(given);
  return metrics.flatMap((metric) => linesOf(metric, common)).join('');
}

function checkedLabels(labels: unknown): Record<string, string> {
  if (typeof labels !== 'object' || labels === null) throw badOption('labels', 'an object of texts by name', labels);
  for (const [name, value] of Object.entries(labels)) {
    if (!labelName.test(name)) throw badOption('a name in labels', 'letters, digits and single underscores', name);
    if ((ownLabels as readonly string[]).includes(name)) {
      throw badOption('a name in labels', `none that keylane uses (${ownLabels.join(', ')})`, name);
    }
    if (typeof value !== 'string') throw badOption(`labels.${name}`, 'a text', value);
  }
  return labels as Record<string, string>;
}

function linesOf({ name, help, type, samples }: Metric, common: Readonly<Record<string, string>>): string[] {
  const lines = samples.flatMap(({ labels = {}, value, suffix = '' }) => {
    return value === null ? [] : [`${name}${suffix}${labelsText({ ...common, ...labels })} ${value}\n`];
  });
  return lines.length === 0 ? [] : [`# HELP ${name} ${help}\n`, `# TYPE ${name} ${type}\n`, ...lines];
}

function labelsText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
