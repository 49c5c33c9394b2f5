import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from './support/site.ts';

const read = (...path: string[]) => readFileSync(join(ROOT, ...path), 'utf8');
const filesUnder = (folder: string) =>
  readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
    .filter((file) => !file.includes('node_modules'));

test('each of the known attacks has a test that carries its number', () => {
  const names = filesUnder('test')
    .filter((file) => file.endsWith('.ts'))
    .map((file) => read(file))
    .join('\n');
  const numbers = new Set(
    [...names.matchAll(/\(attack (\d+)(?:, attack (\d+))?\)/g)].flatMap(([, ...found]) => found),
  );
  const missing = Array.from({ length: 54 }, (_, index) => String(index + 1)).filter(
    (row) => !numbers.has(row),
  );
  expect(missing).toEqual([]);
});

test.each(['package-lock.json', 'tools/bench/package-lock.json'])('%s names no registry', (file) => {
  expect(read(file)).not.toMatch(/"resolved"|registry\./);
});
