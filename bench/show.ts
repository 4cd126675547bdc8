// Shows a stored report without measuring again:
// node dist/bench/show.js REPORT [--html FILE] [--svg FILE] [--markdown] [--compare OLD] [--fail-on-regression]

import { parseArgs } from 'node:util';
import { ReportError } from './parse-report.js';
import { readReport, showFlags, showReport } from './report-files.js';

try {
  const { values, positionals } = parseArgs({ options: showFlags, allowPositionals: true });
  const [path] = positionals;
  if (path === undefined || positionals.length > 1) {
    throw new ReportError(`one report must be named, got ${positionals.length}: node dist/bench/show.js REPORT.json`);
  }
  const failure = showReport(readReport(path), values, (text) => process.stdout.write(text));
  if (failure !== null) {
    console.error(`bench: ${failure}`);
    process.exitCode = 1;
  }
} catch (error) {
  const isUsage = error instanceof ReportError || String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE');
  if (!isUsage) throw error;
  console.error(`bench: ${(error as Error).message}`);
  process.exitCode = 2;
}
