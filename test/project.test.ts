import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { VARIABLES } from '../src/config.ts';
import { ROOT } from './support/site.ts';

const read = (...path: string[]) => readFileSync(join(ROOT, ...path), 'utf8');
const filesUnder = (folder: string) =>
  readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
    .filter((file) => !file.includes('node_modules'));

test('the five names of the tutorial come in one order everywhere', () => {
  const names = ['getSeed', 'signup', 'login', 'verifyPasscode', 'resetPwd', 'resendCode', 'logout'];
  const orderIn = (text: string, pattern: (name: string) => RegExp) => {
    const places = names.map((name) => text.search(pattern(name)));
    expect(
      places.every((place) => place >= 0),
      String(places),
    ).toBe(true);
    return [...places].sort((left, right) => left - right).map((place) => names[places.indexOf(place)]);
  };
  // On a page, signing up comes before the seed that it asks for; the tutorial tells it in that order too.
  expect(
    orderIn(read('src/engine.ts'), (name) => new RegExp(`^export async function ${name}\\(`, 'm')),
  ).toEqual(names);
  expect(
    orderIn(read('src/http/routes.ts'), (name) => new RegExp(`^  post\\('${name.toLowerCase()}'`, 'm')),
  ).toEqual(names);
  expect(
    orderIn(read('src/client/main.ts'), (name) => new RegExp(`^(export )?async function ${name}\\(`, 'm')),
  ).toEqual(names);
  expect(
    orderIn(read('README.md'), (name) => new RegExp(`^\\| \`POST /${name.toLowerCase()}\``, 'm')),
  ).toEqual(names);
});

describe('the documents', () => {
  test('.env.example has the variables of the configuration, in its order', () => {
    const named = [...read('.env.example').matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name);
    expect(named).toEqual([...VARIABLES]);
  });

  test('the README has the variables of the configuration, in its order', () => {
    const table = read('README.md').split('## Environment')[1]?.split('\n## ')[0] ?? '';
    const named = [...table.matchAll(/^\| (`[^|]+`) \|/gm)].flatMap(([, cell]) =>
      [...(cell ?? '').matchAll(/`([A-Z_]+)`/g)].map(([, name]) => name),
    );
    expect(named).toEqual([...VARIABLES]);
  });

  test('the README has the routes of the code, and no other', () => {
    const code = read('src/http/routes.ts');
    const inCode = [
      ...[...code.matchAll(/router\.get\('([^']+)'/g)].map(([, path]) => `GET ${path}`),
      ...[...code.matchAll(/^ {2}post\('([^']+)'/gm)].map(([, path]) => `POST /${path}`),
    ];
    const table = read('README.md').split('## Routes')[1]?.split('\n## ')[0] ?? '';
    const inReadme = [...table.matchAll(/^\| (`[^|]+`) \|/gm)].flatMap(([, cell]) =>
      [...(cell ?? '').matchAll(/`((?:GET|POST) [^`]+)`/g)].map(([, route]) => route),
    );
    expect(inReadme.sort()).toEqual(inCode.sort());
  });

  test('the README lists every kind of outcome and every refusal', () => {
    const kinds = new Set(
      [...read('src/engine/outcomes.ts').matchAll(/(?:kind|status): ((?:'\w+'(?: \| )?)+)/g)].flatMap(
        ([, list]) => [...(list ?? '').matchAll(/'(\w+)'/g)].map(([, kind]) => kind as string),
      ),
    );
    const words = read('README.md').split('## Outcomes')[1]?.split('\n## ')[0] ?? '';
    const listed = [...words.matchAll(/^\| `(\w+)` \| \d/gm)].map(([, kind]) => kind as string);
    expect(listed.sort()).toEqual([...kinds].sort());
  });

  test('every link of a document to a file of the project leads somewhere', () => {
    const documents = [
      'README.md',
      'SECURITY.md',
      'CHANGELOG.md',
      ...filesUnder('docs').filter((file) => file.endsWith('.md')),
    ];
    const dead = documents.flatMap((file) =>
      [...read(file).matchAll(/\]\((?!https?:|#|mailto:)([^)#]+)[^)]*\)/g)]
        .map(([, target]) => join(dirname(file), target as string))
        .filter((target) => !existsSync(join(ROOT, target)))
        .map((target) => `${file} -> ${target}`),
    );
    expect(dead).toEqual([]);
  });

  test('a decision has its four parts, and its number in order', () => {
    const decisions = filesUnder('docs/decisions').sort();
    decisions.forEach((file, index) => {
      expect(file).toMatch(new RegExp(`/${String(index + 1).padStart(4, '0')}-[a-z0-9-]+\\.md$`));
      for (const part of ['Context', 'Decision', 'Consequences', 'What would bring us back']) {
        expect(read(file)).toContain(`\n## ${part}\n`);
      }
    });
    expect(decisions.length).toBeGreaterThanOrEqual(7);
  });
});

test('each of the forty known attacks has a test that carries its number', () => {
  const names = filesUnder('test')
    .filter((file) => file.endsWith('.ts'))
    .map((file) => read(file))
    .join('\n');
  const numbers = new Set(
    [...names.matchAll(/\(attack (\d+)(?:, attack (\d+))?\)/g)].flatMap(([, ...found]) => found),
  );
  const missing = Array.from({ length: 40 }, (_, index) => String(index + 1)).filter(
    (row) => !numbers.has(row),
  );
  expect(missing).toEqual([]);
});

test.each(['package-lock.json', 'tools/bench/package-lock.json'])('%s names no registry', (file) => {
  expect(read(file)).not.toMatch(/"resolved"|registry\./);
});
