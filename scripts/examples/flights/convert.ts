// Made flights.ndjson, once, out of flights-20k.json of the npm package vega-datasets: one compact JSON object a line,
// the same fields in the same order, flights in source order (by time of departure). See SOURCE.md.
//
//   npm pack vega-datasets@3.2.1 && tar xzf vega-datasets-3.2.1.tgz
//   node dist/scripts/examples/flights/convert.js package/data/flights-20k.json > scripts/examples/flights/flights.ndjson

import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import type { Flight } from './model.js';

/** The table as NDJSON. Throws when it is not an array of flights. */
export function ndjsonOf(table: unknown): string {
  if (!Array.isArray(table)) throw new Error('the source must be a JSON array of flights');
  return table.map((record, index) => `${JSON.stringify(flightOf(record, index))}\n`).join('');
}

function flightOf(record: Record<string, unknown>, index: number): Flight {
  const { date, delay, distance, origin, destination, ...others } = record;
  const fits =
    typeof date === 'string' &&
    /^\d{4}\/\d\d\/\d\d \d\d:\d\d$/.test(date) &&
    Number.isInteger(delay) &&
    Number.isInteger(distance) &&
    typeof origin === 'string' &&
    typeof destination === 'string' &&
    Object.keys(others).length === 0;
  if (!fits) {
    throw new Error(
      `record ${index} must have date (YYYY/MM/DD HH:MM), whole delay and distance, origin, destination and no more, ` +
        `got ${JSON.stringify(record)}`,
    );
  }
  return { date, delay: delay as number, distance: distance as number, origin, destination };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const path = process.argv[2];
  if (path === undefined) throw new Error('usage: convert.js path/to/flights-20k.json > flights.ndjson');
  process.stdout.write(ndjsonOf(JSON.parse(readFileSync(path, 'utf8'))));
}
