import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { VARIABLES } from '../../src/config.ts';
import { EVENTS } from '../../src/events.ts';
import { ROOT } from '../support/site.ts';

const read = (...path: string[]) => readFileSync(join(ROOT, ...path), 'utf8');
const filesUnder = (folder: string) =>
  readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
    .sort();
const DOCUMENTS = [
  'README.md',
  'SECURITY.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  ...filesUnder('docs').filter((file) => file.endsWith('.md')),
];

const sectionOf = (file: string, heading: string) =>
  read(file).split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
/** The words in code style in the first cells of a table, row by row. */
const firstCells = (table: string, word: RegExp) =>
  [...table.matchAll(/^\| (`[^|]+`) \|/gm)].flatMap(([, cell]) =>
    [...(cell ?? '').matchAll(word)].map(([, name]) => name as string),
  );

test('the five names of the tutorial come in one order everywhere', () => {
  const names = ['getSeed', 'signup', 'login', 'verifyPasscode', 'resetPwd', 'resendCode', 'logout'];
  const orderIn = (file: string, pattern: (name: string) => RegExp) => {
    const text = read(file);
    const places = names.map((name) => text.search(pattern(name)));
    expect(
      places.every((place) => place >= 0),
      `${file}: ${places}`,
    ).toBe(true);
    return [...places].sort((left, right) => left - right).map((place) => names[places.indexOf(place)]);
  };
  const functionIn = (name: string) => new RegExp(`^(export )?async function ${name}\\(`, 'm');
  const codeIn = (name: string) => new RegExp(`\`${name}\``);
  expect(orderIn('src/engine.ts', functionIn)).toEqual(names);
  expect(orderIn('src/client/main.ts', functionIn)).toEqual(names);
  expect(
    orderIn('src/http/routes.ts', (name) => new RegExp(`^  post\\('${name.toLowerCase()}'`, 'm')),
  ).toEqual(names);
  expect(orderIn('docs/api.md', (name) => new RegExp(`^\\| \`POST /${name.toLowerCase()}\``, 'm'))).toEqual(
    names,
  );
  expect(orderIn('README.md', codeIn)).toEqual(names);
  expect(orderIn('docs/architecture.md', codeIn)).toEqual(names);
});

test.each([
  ['.env.example', [...read('.env.example').matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name)],
  ['docs/configuration.md', firstCells(read('docs/configuration.md'), /`([A-Z_]+)`/g)],
])('%s has the variables of the configuration, in its order', (_file, named) => {
  expect(named).toEqual([...VARIABLES]);
});

test('docs/api.md has the routes of the code, and no other', () => {
  const code = read('src/http/routes.ts');
  const inCode = [
    ...[...code.matchAll(/app\.get\('([^']+)'/g)].map(([, path]) => `GET ${path}`),
    ...[...code.matchAll(/^ {2}post\('([^']+)'/gm)].map(([, path]) => `POST /${path}`),
  ];
  const inDocument = firstCells(sectionOf('docs/api.md', 'Routes'), /`((?:GET|POST) [^`]+)`/g);
  expect(inDocument.sort()).toEqual(inCode.sort());
});

test('docs/api.md lists every kind of outcome and every refusal', () => {
  const kinds = new Set(
    [...read('src/engine/outcomes.ts').matchAll(/(?:kind|status): ((?:'\w+'(?: \| )?)+)/g)].flatMap(
      ([, list]) => [...(list ?? '').matchAll(/'(\w+)'/g)].map(([, kind]) => kind as string),
    ),
  );
  const words = sectionOf('docs/api.md', 'Outcomes');
  const listed = [...words.matchAll(/^\| `(\w+)` \| \d/gm)].map(([, kind]) => kind as string);
  expect(listed.sort()).toEqual([...kinds].sort());
});

describe('the events of the log', () => {
  const LEVELS = { info: '30', warn: '40', error: '50' };
  const events = Object.entries(EVENTS).map(([event, level]) => [event, LEVELS[level]]);
  const alerts = events.filter(([, level]) => level !== LEVELS.info);

  test('docs/operations.md has every alert with its level', () => {
    const rows = sectionOf('docs/operations.md', 'Alerts').matchAll(/^\| `(\w+)` \| (\d\d) \|/gm);
    expect([...rows].map(([, event, level]) => [event, level]).sort()).toEqual(alerts.sort());
  });

  test('the README has every alert', () => {
    const named = firstCells(sectionOf('README.md', 'Alarms'), /`(\w+_\w+|fault)`/g);
    expect(named.sort()).toEqual(alerts.map(([event]) => event).sort());
  });

  test('docs/ringcentral-failures.md has all others', () => {
    const named = firstCells(
      sectionOf('docs/ringcentral-failures.md', 'The log'),
      /`((?:sms|delivery)_\w+)`/g,
    );
    const others = events.filter(([, level]) => level === LEVELS.info).map(([event]) => event);
    expect(named.sort()).toEqual(others.sort());
  });

  test('the code has no other', () => {
    const code = filesUnder('src')
      .filter((file) => file.endsWith('.ts') && !file.startsWith('src/client'))
      .map((file) => read(file))
      .join('\n');
    const named = new Set([...code.matchAll(/\bevent: '(\w+)'/g)].map(([, event]) => event));
    expect(named.size).toBeGreaterThan(5);
    expect(Object.keys(EVENTS)).toEqual(expect.arrayContaining([...named]));
  });
});

test('every link of a document to a file of the project, and to a heading, leads somewhere', () => {
  const dead = DOCUMENTS.flatMap((file) =>
    [...withoutCode(read(file)).matchAll(/\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]*))?\)/g)]
      .filter(([, path = '', anchor]) => !leadsSomewhere(path ? join(dirname(file), path) : file, anchor))
      .map(([link]) => `${file} ${link}`),
  );
  expect(dead).toEqual([]);
});

test('a decision has its four parts, and its number in order', () => {
  const decisions = filesUnder('docs/decisions');
  decisions.forEach((file, index) => {
    expect(file).toMatch(new RegExp(`/${String(index + 1).padStart(4, '0')}-[a-z0-9-]+\\.md$`));
    for (const part of ['Context', 'Decision', 'Consequences', 'When to revisit']) {
      expect(read(file), file).toContain(`\n## ${part}\n`);
    }
  });
  expect(decisions.length).toBeGreaterThanOrEqual(7);
});

test('the README has fewer than 1,200 words', () => {
  expect(read('README.md').trim().split(/\s+/).length).toBeLessThan(1200);
});

function leadsSomewhere(path: string, anchor: string | undefined): boolean {
  if (!existsSync(join(ROOT, path))) return false;
  return anchor === undefined || !path.endsWith('.md') || anchorsOf(read(path)).has(anchor);
}

function withoutCode(text: string): string {
  return text.replace(/^```[\s\S]*?^```$/gm, '');
}

/** The anchors that GitHub gives to the headings of a document. */
function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of withoutCode(text).matchAll(/^#{1,6} +(.+?) *$/gm)) {
    const anchor = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M}_ -]/gu, '')
      .replaceAll(' ', '-');
    let count = 0;
    while (anchors.has(count === 0 ? anchor : `${anchor}-${count}`)) count += 1;
    anchors.add(count === 0 ? anchor : `${anchor}-${count}`);
  }
  return anchors;
}
