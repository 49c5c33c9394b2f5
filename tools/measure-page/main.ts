/**
 * Measures the pages in Chromium with its main thread slowed down four times, and prints two tables.
 *
 *     npm run measure:page                                   the program that is built here
 *     npm run measure:page -- --url http://localhost:5000    one that runs already
 *     npm run measure:page -- --write                        into docs/benchmarks.md too
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { launchChromium } from '../chromium.ts';
import { withMeasured } from '../measured.ts';
import { filesOf, signUp, visit } from './person.ts';
import { startServer } from './server.ts';
import { fileTable, timeTable } from './tables.ts';
import { layWire } from './wire.ts';

const DOCUMENT = 'docs/benchmarks.md';

const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    runs: { type: 'string', default: '5' },
    write: { type: 'boolean', default: false },
  },
});

const server = values.url === undefined ? await startServer() : { origin: values.url, stop: () => undefined };
const wire = await layWire(server.origin);
const browser = await launchChromium();
try {
  if (!browser) throw new Error('No browser was found: install Chrome, Edge or Chromium.');
  await signUp(browser, wire.origin);
  const files = await filesOf(browser, wire.origin);
  const visits = [];
  for (let run = 0; run < Number(values.runs); run += 1) visits.push(await visit(browser, wire));

  const told = `Chromium ${browser.version()}, ${visits.length} runs with a fresh profile each.`;
  const tables = [told, fileTable(files), timeTable(visits)].join('\n\n');
  console.log(tables);
  if (values.write) {
    writeFileSync(DOCUMENT, withMeasured(readFileSync(DOCUMENT, 'utf8'), tables, 'measure:page'));
  }
} finally {
  await browser?.close();
  wire.close();
  server.stop();
}
