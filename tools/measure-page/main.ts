/**
 * Measures the pages in Chromium with a main thread that is four times slower, and prints two tables. `--url` measures a
 * running installation in place of the built program. `--runs` sets the number of visits. `--write` writes the tables to
 * docs/benchmarks.md.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { launchChromium } from '../chromium.ts';
import { withMeasured } from '../measured.ts';
import { filesOf, signUp, visit } from './person.ts';
import { startServer } from './server.ts';
import { fileTable, timeTable } from './tables.ts';
import { openWire } from './wire.ts';

const DOCUMENT = 'docs/benchmarks.md';

const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    runs: { type: 'string', default: '5' },
    write: { type: 'boolean', default: false },
  },
});

const server = values.url === undefined ? await startServer() : { origin: values.url, stop: () => undefined };
const wire = await openWire(server.origin);
const browser = await launchChromium();
try {
  if (!browser) throw new Error('No browser was found: install Chrome, Edge or Chromium.');
  await signUp(browser, wire.origin);
  const files = await filesOf(browser, wire.origin);
  const visits = [];
  for (let run = 0; run < Number(values.runs); run += 1) visits.push(await visit(browser, wire));

  const browserFacts = `Chromium ${browser.version()}, ${visits.length} visits with a new profile each.`;
  const tables = [browserFacts, fileTable(files), timeTable(visits)].join('\n\n');
  console.log(tables);
  if (values.write) {
    writeFileSync(DOCUMENT, withMeasured(readFileSync(DOCUMENT, 'utf8'), tables, 'measure:page'));
  }
} finally {
  await browser?.close();
  wire.close();
  server.stop();
}
