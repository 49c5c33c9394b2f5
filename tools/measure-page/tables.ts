import zlib from 'node:zlib';
import { spreadOf } from '../statistics.ts';
import type { Visit } from './person.ts';

const WHEN: Record<string, string> = {
  'main.js': 'at once',
  'jquery.js': 'at once',
  'main.css': 'at once',
  'favicon.svg': 'at once',
  'hash-worker.js': 'when a form with a password is touched; hash-wasm, WebAssembly and worker in one',
  'passwords.js': 'when a new password is about to be chosen',
};

const MS_ROWS: [name: string, of: (visit: Visit) => number][] = [
  ['DOMContentLoaded', ({ load }) => load.domContentLoaded],
  ['First contentful paint', ({ load }) => load.firstContentfulPaint],
  ['Largest contentful paint', ({ load }) => load.largestContentfulPaint],
  ['Time to interactive: the forms are bound', ({ load }) => load.interactive],
  ['Total blocking time until then', ({ load }) => load.blocking],
  ['Slow 4G: first contentful paint', ({ mobile }) => mobile[0].firstContentfulPaint],
  ['Slow 4G: largest contentful paint', ({ mobile }) => mobile[0].largestContentfulPaint],
  ['Slow 4G: time to interactive', ({ mobile }) => mobile[0].interactive],
  ['Slow 4G, second visit: time to interactive', ({ mobile }) => mobile[1].interactive],
  ['Sign-in, from Enter to leaving the page', ({ signIn }) => signIn.duration],
  ['– the page stands still for', ({ signIn }) => signIn.longestFrame],
  ['Sign-in where no worker starts', (visit) => visit.signInWithoutWorker.duration],
  ['– the page stands still for', (visit) => visit.signInWithoutWorker.longestFrame],
  ['Sign-up, from the click to leaving the page', (visit) => visit.signUp.duration],
  ['– the page stands still for', (visit) => visit.signUp.longestFrame],
  ['– and before, while the form is filled in, for', (visit) => visit.signUp.longestFrameBefore],
];

const BYTE_ROWS: [name: string, of: (visit: Visit) => number][] = [
  ['Sent for the first visit', ({ firstBytes }) => firstBytes],
  ['Sent when the form is touched', ({ touchedBytes }) => touchedBytes],
  ['Sent for the second visit', ({ secondBytes }) => secondBytes],
];

/** A row for each file, with its size in the codings that it can be sent in. */
export function fileTable(files: ReadonlyMap<string, Buffer>): string {
  const rows = [...files].map(([name, bytes]) => {
    const sizes = [bytes, zlib.gzipSync(bytes, { level: 9 }), zlib.brotliCompressSync(bytes)];
    return `| \`${name}\` | ${sizes.map(({ length }) => grouped(length)).join(' | ')} | ${WHEN[name] ?? ''} |`;
  });
  return ['| file | bytes | gzip | brotli | loaded |', '|---|---:|---:|---:|---|', ...rows].join('\n');
}

/** A row for each figure: its median, and the least and the most of all visits. */
export function timeTable(visits: readonly Visit[]): string {
  const row = (unit: string) => {
    return ([name, of]: (typeof MS_ROWS)[number]) => {
      const { median, min, max } = spreadOf(visits.map(of));
      return `| ${name} | ${grouped(median)} ${unit} | ${grouped(min)} to ${grouped(max)} |`;
    };
  };
  return [
    '| figure | median | least to most |',
    '|---|---:|---:|',
    ...MS_ROWS.map(row('ms')),
    ...BYTE_ROWS.map(row('bytes')),
  ].join('\n');
}

function grouped(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 0 });
}
