import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../support/site.ts';

const STATUSES = ['met', 'partly', 'not met', 'does not apply'] as const;

const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');

/** The cells of each table row of a text, without the header and its rule. */
function rowsOf(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .map((cells) => cells.slice(1, -1))
    .slice(1);
}

function section(heading: string): string {
  return read('docs/standards.md').split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
}

/** Counts each status in one column of a standard's rows. */
function counts(rows: readonly string[][], column: number): string[] {
  return STATUSES.map((status) => String(rows.filter((cells) => cells[column] === status).length));
}

const ASVS = rowsOf(section('OWASP ASVS 5.0, V6'));
const NIST = rowsOf(section('NIST SP 800-63B-4'));

test.each([
  ['ASVS', ASVS, 6],
  ['NIST', NIST, 5],
] as const)('every row of %s has a status for both policies', (_name, rows, width) => {
  expect(rows.length).toBeGreaterThan(40);
  const faulty = rows.filter(
    (cells) =>
      cells.length !== width ||
      !cells.slice(width - 3, width - 1).every((cell) => (STATUSES as readonly string[]).includes(cell)),
  );
  expect(faulty).toEqual([]);
});

test('the table of counts equals the rows', () => {
  const table = rowsOf(read('docs/standards.md')).filter(([name]) => name === 'ASVS' || name === 'NIST');
  expect(table).toEqual([
    ['ASVS', '`tutorial`', ...counts(ASVS, 3)],
    ['ASVS', '`strict`', ...counts(ASVS, 4)],
    ['NIST', '`tutorial`', ...counts(NIST, 2)],
    ['NIST', '`strict`', ...counts(NIST, 3)],
  ]);
});

test.each(['SECURITY.md', 'docs/standards.md'])('every path that %s names exists', (file) => {
  const paths = [...read(file).matchAll(/`((?:test|src|views|docs|tools)\/[^`\s]*)`/g)].map(
    ([, path]) => path as string,
  );
  expect(paths.length).toBeGreaterThan(10);
  const missing = [...new Set(paths)].filter((path) => !existsSync(join(ROOT, path)));
  expect(missing).toEqual([]);
});
