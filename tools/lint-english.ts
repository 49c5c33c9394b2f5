/** Checks the English of comments, documents, messages and test names. Usage: `npm run lint:english -- [path]…` */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync } from 'node:fs';

/** Released migrations keep their text. */
const RELEASED = 'src/sqlite/migrations.ts';

const PROSE_FILES = /\.([jt]s|css|ejs|md)$|^\.env\.example$|^\.ci\/run$/;
const MAX_WORDS = 20;

const BANNED: [rule: string, words: RegExp][] = [
  ['name the actor', /\b(who(m|s|se)?(so)?ever|(some|no|any)body|(some|any|no )one)\b/],
  ['name the number', /\b(so|that) many\b/],
  ['use a plain negation', /\b(nor|need not|lets? no|can not|is none|are none|(is|are|was) no \w+ of)\b/],
  ['use a literal verb', /\b((is|are|was|were|be|been) (told|good for)|stands?(?!-)|lies?|goes|leaves)\b/],
  ["use today's word", /\b((there|where)(of|in|by|upon)|[wt]?hence|lest|albeit|whilst|meanwhile)\b/],
  ["use today's word", /\b(of late|in vain|just now|for ever|at the (most|least))\b/],
  [
    'use "if" or "when" for a condition',
    /(?<!\b(place|file|folder|page|line|point|code|by|from|to|of|know|show|say|see|tell)s? )\bwhere (an?|any|it|its|no|none|nothing|nobody|one|some|that|the|there|they|this|too)\b/,
  ],
];

const BAD_START = /(?<=^\s*)(What|Who|Whoever|Whosever|Whether|Where|How|Why|All that) \S+( \S+)?/g;

/** Comments, strings and templates of TypeScript. Matches regular expressions too, because they can contain quotes. */
const TOKENS =
  /(?<doc>\/\*\*[\s\S]*?\*\/)|(?<comment>\/\*[\s\S]*?\*\/|\/\/.*(\n[ \t]*\/\/.*)*)|(?<string>'(\\.|[^'\\\n])*'|"(\\.|[^"\\\n])*"|`(\\[\s\S]|[^`\\])*`)|(?<=([=(,:;!&|?{}[>]|\breturn|^)\s*)\/(\\.|\[(\\.|[^\]\\\n])*\]|[^/\\\n[])+\//gm;

/** A piece of prose at its index in the file. */
interface Prose {
  kind: 'doc' | 'comment' | 'document' | 'test name' | 'message';
  index: number;
  text: string;
}

/** A broken rule of plain English. */
export interface Finding {
  line: number;
  rule: string;
  text: string;
}

/** Returns the broken rules of a file in the order of its lines. The path decides how the file is read. */
export function lintEnglish(path: string, source: string): Finding[] {
  const findings = proseIn(path, source).flatMap(({ kind, index: start, text }) =>
    faultsIn(kind, mask(text)).map(({ rule, index, length }) => ({
      line: source.slice(0, start + index).split('\n').length,
      rule,
      text: text.slice(index, index + length).replace(/\s+((\/\/|--|\*|#) )?/g, ' '),
    })),
  );
  return findings.sort((left, right) => left.line - right.line);
}

function proseIn(path: string, source: string): Prose[] {
  if (path.endsWith('.md')) return proseOfDocument(source);
  if (/\.[jt]s$/.test(path)) return proseOfCode(path, source);
  return matches('comment', source, /\/\*[\s\S]*?\*\/|<%#[\s\S]*?%>|<!--[\s\S]*?-->|^# .*(\n#.*)*/gm);
}

function matches(kind: Prose['kind'], source: string, pattern: RegExp, offset = 0): Prose[] {
  return [...source.matchAll(pattern)].map(({ 0: text, index }) => ({ kind, index: offset + index, text }));
}

function proseOfCode(path: string, source: string): Prose[] {
  return [...source.matchAll(TOKENS)].flatMap(({ 0: text, index, groups = {} }): Prose[] => {
    if (groups.doc) return [{ kind: 'doc', index, text }];
    if (groups.comment) return [{ kind: 'comment', index, text }];
    if (!groups.string) return [];
    if (text.includes('\n')) return matches('comment', text, /^ *-- .*/gm, index);
    const before = source.slice(0, index).slice(-40);
    const isTestName = path.startsWith('test/') && /(\b(test|it|describe)(\.\w+)*|\))\(\s*$/.test(before);
    if (!isTestName && !path.startsWith('src/')) return [];
    return [{ kind: isTestName ? 'test name' : 'message', index: index + 1, text: text.slice(1, -1) }];
  });
}

/** Reads each heading, paragraph, list item and table cell by itself. Omits code blocks, HTML and measured blocks. */
function proseOfDocument(source: string): Prose[] {
  const text = source.replace(
    /<!-- measured[\s\S]*?<!-- end of measured -->|^( *)```[\s\S]*?^\1```$|(?<=\n\n)( {4}.*\n+)+|<[^>]*>/gm,
    blank,
  );
  const pieces: Prose[] = [];
  let isOpen = false;
  for (const { 0: line, index } of text.matchAll(/^.*$/gm)) {
    const last = pieces.at(-1);
    const isText = /^ *[^\s|]/.test(line);
    const isStart = /^ *([-*>]|#+|\d+\.) /.test(line);
    if (!isText) pieces.push(...matches('document', line, /[^|]*[^|\s][^|]*/g, index));
    else if (last && isOpen && !isStart) last.text += `\n${line}`;
    else pieces.push({ kind: 'document', index, text: line });
    isOpen = isText && !line.startsWith('#');
  }
  return pieces;
}

/** Replaces everything but prose with blanks, and each piece of code with one word of its length. */
function mask(text: string): string {
  return text
    .replace(/^[ \t]*(\/\*\*?|\/\/|--|#+|<%#|<!--|[-*>](?= |$)|\d+\. )|(\*\/|-->|%>)$|\]\([^)]*\)/gm, blank)
    .replace(/`[^`]*`|https?:\/\/[^\s)]*[^\s).,;:]|\$\{[^}]*\}/g, (code) => 'X'.padEnd(code.length, 'x'))
    .replace(/\b(e\.g|i\.e|vs)\./g, blank)
    .replace(/\n(?!\s*\n)/g, ' ');
}

function blank(text: string): string {
  return text.replace(/./g, ' ');
}

const sentences = new Intl.Segmenter('en', { granularity: 'sentence' });

function faultsIn(kind: Prose['kind'], text: string): { rule: string; index: number; length: number }[] {
  const find = (rule: string, pattern: RegExp) =>
    [...text.matchAll(pattern)].map(({ 0: { length }, index }) => ({ rule, index, length }));
  const faults = BANNED.flatMap(([rule, words]) =>
    find(rule, new RegExp(words.source.replaceAll(' ', '\\s+'), 'gi')),
  );
  if (kind === 'message') return faults;
  if (kind === 'doc') faults.push(...find('start with a verb or a noun', BAD_START));
  for (const { segment, index } of sentences.segment(text)) {
    const count = segment.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word)).length;
    const rule = `${count} words, at most ${MAX_WORDS}`;
    const indent = segment.search(/\S/);
    if (count > MAX_WORDS) faults.push({ rule, index: index + indent, length: segment.trim().length });
  }
  return faults;
}

function main(paths: string[]): void {
  const args = ['ls-files', '-co', '--exclude-standard', ...paths];
  for (const file of execFileSync('git', args, { encoding: 'utf8' }).split('\n')) {
    if (!PROSE_FILES.test(file) || file === RELEASED || !existsSync(file)) continue;
    for (const { line, rule, text } of lintEnglish(file, readFileSync(file, 'utf8'))) {
      console.log(`${file}:${line}: ${rule}: ${text}`);
      process.exitCode = 1;
    }
  }
}

if (process.argv[1] && realpathSync(process.argv[1]) === import.meta.filename) main(process.argv.slice(2));
