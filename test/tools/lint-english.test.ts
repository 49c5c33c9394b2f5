import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { describe, expect, test } from 'vitest';
import { lintEnglish } from '../../tools/lint-english.ts';
import { temporaryFolder } from '../support/folder.ts';
import { ROOT } from '../support/site.ts';

const rulesIn = (path: string, source: string) => lintEnglish(path, source).map(({ rule }) => rule);
const words = (count: number) => `Words${' word'.repeat(count - 1)}.`;

const PLAIN = `Returns the user if the proof is valid. After three failures, locks the account and sends a code.
The limit can't be saved, so the attempt doesn't happen. The folder where the file is has no other user.`;

const FAULTS: [rule: string, sentences: string[]][] = [
  [
    'name the actor',
    ['Whoever asks', 'whosever it is', 'Ask somebody', "nobody's account", 'if anybody asks'],
  ],
  ['name the actor', ['Ask someone', 'if anyone asks', 'No one asks']],
  ['name the number', ['Returns so many bytes', 'if that many fail']],
  [
    'use a plain negation',
    ['It sends nor stores', 'It need not wait', 'It lets no user in', 'It can not wait'],
  ],
  ['use a plain negation', ['There is none', 'It is no part of it']],
  ['use a literal verb', ['A user is told so', 'It stands here', 'It goes out', 'It leaves', 'It lies here']],
  ['use a literal verb', ['It is good for one login']],
  ["use today's word", ['The end thereof', 'Hence it waits', 'Meanwhile it waits', 'It waits in vain']],
  [
    "use today's word",
    ['It has failed of late', 'It failed just now', 'It lives for ever', 'Three at the most'],
  ],
  ['use "if" or "when" for a condition', ['Undefined where there is an error', 'Waits, where it can']],
];

test.each(FAULTS.flatMap(([rule, sentences]) => sentences.map((sentence) => [sentence, rule])))(
  'finds the fault in "%s"',
  (sentence, rule) => {
    expect(rulesIn('src/a.ts', `// ${sentence}.`)).toEqual([rule]);
  },
);

test.each(['What', 'Whoever', 'Whether', 'Where', 'How'])(
  'a doc comment that starts with "%s" is found',
  (word) => {
    const starts = (source: string) =>
      rulesIn('src/a.ts', source).filter((rule) => rule === 'start with a verb or a noun');
    expect(starts(`/** ${word} it is. */`)).toHaveLength(1);
    expect(starts(`/**\n * ${word} it is.\n */`)).toHaveLength(1);
    expect(starts(`// ${word} it is.`)).toHaveLength(0);
  },
);

describe('prose is read in', () => {
  test.each([
    ['a comment of TypeScript', 'src/a.ts', 'call(); // Ask nobody.'],
    ['a doc comment', 'src/a.ts', '/** Asks nobody. */'],
    ['a comment of SQL', 'src/a.ts', 'db.exec(`\n  -- Asks nobody.\n  DROP TABLE a;\n`);'],
    ['a message of the program', 'src/a.ts', "log('Asks nobody');"],
    ['the name of a test', 'test/a.ts', "test('asks nobody', () => {});"],
    ['the name of a group of tests', 'test/a.ts', 'describe("asks nobody", () => {});'],
    [
      'the name of tests from a table',
      'test/a.ts',
      "test.each([\n  [1],\n])(\n  'asks nobody',\n  () => {},\n);",
    ],
    ['the name of a test in a template', 'test/a.ts', 'it.skipIf(isMac)(`asks nobody`, () => {});'],
    ['a comment of CSS', 'public/a.css', 'a { color: red; /* Asks nobody. */ }'],
    ['a comment of EJS', 'views/a.ejs', '<p>\n<%# Asks nobody. %>'],
    ['a comment of the environment', '.env.example', 'PORT=1\n# Asks nobody.\nHOST='],
    ['a heading', 'a.md', '# Asks nobody\nA text.'],
    ['a paragraph', 'a.md', 'A text that\nasks nobody.'],
    ['an item of a list', 'a.md', '- One.\n- Asks nobody.'],
    ['a cell of a table', 'a.md', '| a | b |\n|---|---|\n| 1 | asks nobody |'],
  ])('%s', (_, path, source) => {
    expect(rulesIn(path, source)).toEqual(['name the actor']);
  });
});

describe('code is left out in', () => {
  test.each([
    ['a name', 'src/a.ts', 'const nobody = 1;'],
    ['a regular expression', 'src/a.ts', 'const pattern = /nobody \\/\\/ [/"] nobody/;'],
    ['a string of a test', 'test/a.ts', "expect(text).toBe('nobody');"],
    ['inline code', 'src/a.ts', '// Calls `nobody`.'],
    ['an address', 'a.md', 'See https://example.com/nobody.'],
    ['the target of a link', 'a.md', 'See [the file](docs/nobody.md).'],
    ['a code block with a fence', 'a.md', 'A text.\n\n```sh\nnobody\n```\n'],
    ['an indented code block', 'a.md', 'A text.\n\n    nobody\n\n    nobody\n'],
  ])('%s', (_, path, source) => {
    expect(lintEnglish(path, source)).toEqual([]);
  });
});

describe('a sentence of more than 20 words is found in', () => {
  test.each([
    ['a doc comment', 'src/a.ts', `/** ${words(21)} */`],
    ['a comment of two lines', 'src/a.ts', `// ${words(21).replace('word word', 'word\n// word')}`],
    ['the name of a test', 'test/a.ts', `test('${words(21)}', () => {});`],
    ['the second sentence of a paragraph', 'a.md', `A text. ${words(21)}`],
    ['a cell of a table', 'a.md', `| a | ${words(21)} |`],
  ])('%s', (_, path, source) => {
    expect(rulesIn(path, source)).toEqual(['21 words, at most 20']);
  });
});

describe('words are counted separately in', () => {
  test.each([
    ['two sentences', 'a.md', `${words(20)} ${words(20)}`],
    ['two items of a list', 'a.md', `- ${words(20)}\n- ${words(20)}`],
    ['a heading and its paragraph', 'a.md', `## A title of three words\n${words(20)}`],
    ['two cells of a table', 'a.md', `| ${words(20)} | ${words(20)} |`],
    ['two paragraphs of a comment', 'src/a.ts', `/**\n * ${words(20)}\n *\n * ${words(20)}\n */`],
    ['inline code, which is one word', 'a.md', `\`a long piece of code\` ${words(19)}`],
  ])('%s', (_, path, source) => {
    expect(lintEnglish(path, source)).toEqual([]);
  });
});

test('plain text passes', () => {
  expect(lintEnglish('a.md', PLAIN)).toEqual([]);
  expect(lintEnglish('src/a.ts', `/** ${PLAIN.replace('\n', '\n * ')} */`)).toEqual([]);
});

test('a finding names its line and its words, even across a line break', () => {
  const source = "const a = '//';\n/**\n * Returns so\n * many bytes, or asks\n * nobody.\n */\n";
  expect(lintEnglish('src/a.ts', source)).toEqual([
    { line: 3, rule: 'name the number', text: 'so many' },
    { line: 5, rule: 'name the actor', text: 'nobody' },
  ]);
});

test('the command prints each finding with its place, and exits with 1 if there is one', () => {
  const folder = temporaryFolder();
  const script = join(folder, 'lint.mjs');
  const entryPoints = [join(ROOT, 'tools/lint-english.ts')];
  buildSync({ entryPoints, outfile: script, bundle: true, platform: 'node', format: 'esm' });
  execFileSync('git', ['init', '--quiet'], { cwd: folder });
  writeFileSync(join(folder, 'plain.md'), PLAIN);
  const run = (...paths: string[]) => {
    const { status, stdout } = spawnSync(process.execPath, [script, ...paths], {
      cwd: folder,
      encoding: 'utf8',
    });
    return { status, stdout };
  };
  expect(run()).toEqual({ status: 0, stdout: '' });
  mkdirSync(join(folder, 'notes'));
  writeFileSync(join(folder, 'notes', 'a.md'), '# Title\n\nAsks nobody.\n');
  expect(run()).toEqual({ status: 1, stdout: 'notes/a.md:3: name the actor: nobody\n' });
  expect(run('plain.md')).toEqual({ status: 0, stdout: '' });
});
