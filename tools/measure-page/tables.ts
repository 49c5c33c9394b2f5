import zlib from 'node:zlib';
import { spreadOf } from '../statistics.ts';
import type { Visit } from './person.ts';

const WHEN: Record<string, string> = {
  'main.js': 'at once',
  'jquery.js': 'at once',
  'main.css': 'at once',
  'favicon.svg': 'at once',
  'hash-worker.js':
    'when a user touches a form with a password; contains hash-wasm, WebAssembly and the worker',
  'passwords.js': 'when a user chooses a new password',
  'estimate.js': 'when a user types a new password; contains zxcvbn',
  'phone.js': 'when a user comes to the field for a phone number; contains libphonenumber',
};

const MS_ROWS: [name: string, of: (visit: Visit) => number][] = [
  ['DOMContentLoaded', ({ load }) => load.domContentLoaded],
  ['First contentful paint', ({ load }) => load.firstContentfulPaint],
  ['Largest contentful paint', ({ load }) => load.largestContentfulPaint],
  ['Time to interactive', ({ load }) => load.interactive],
  ['Total blocking time until then', ({ load }) => load.blocking],
  ['Slow 4G: first contentful paint', ({ mobile }) => mobile[0].firstContentfulPaint],
  ['Slow 4G: largest contentful paint', ({ mobile }) => mobile[0].largestContentfulPaint],
  ['Slow 4G: time to interactive', ({ mobile }) => mobile[0].interactive],
  ['Slow 4G, second visit: time to interactive', ({ mobile }) => mobile[1].interactive],
  ['Sign-in, from Enter to the next page', ({ signIn }) => signIn.duration],
  ['– longest time between two frames', ({ signIn }) => signIn.longestFrame],
  ['Sign-in without a worker', (visit) => visit.signInWithoutWorker.duration],
  ['– longest time between two frames', (visit) => visit.signInWithoutWorker.longestFrame],
  ['Sign-up, from the click to the next page', (visit) => visit.signUp.duration],
  ['– longest time between two frames', (visit) => visit.signUp.longestFrame],
  ['– the same before it, while the form is filled in', (visit) => visit.signUp.longestFrameBefore],
];

const BYTE_ROWS: [name: string, of: (visit: Visit) => number][] = [
  ['Sent for the first visit', ({ firstBytes }) => firstBytes],
  ['Sent when the form is touched', ({ touchedBytes }) => touchedBytes],
  ['Sent for the second visit', ({ secondBytes }) => secondBytes],
];

/** Returns a row for each file, with its sizes. */
export function fileTable(files: ReadonlyMap<string, Buffer>): string {
  const rows = [...files].map(([name, bytes]) => {
    const sizes = [bytes, zlib.gzipSync(bytes, { level: 9 }), zlib.brotliCompressSync(bytes)];
    return `| \`${name}\` | ${sizes.map(({ length }) => grouped(length)).join(' | ')} | ${WHEN[name] ?? ''} |`;
  });
  return ['| file | bytes | gzip | brotli | loaded |', '|---|---:|---:|---:|---|', ...rows].join('\n');
}

/** Returns a row for each figure: the median, the minimum and the maximum of all visits. */
export function timeTable(visits: readonly Visit[]): string {
  const row = (unit: string) => {
    return ([name, of]: (typeof MS_ROWS)[number]) => {
      const { median, min, max } = spreadOf(visits.map(of));
      return `| ${name} | ${grouped(median)} ${unit} | ${grouped(min)} to ${grouped(max)} |`;
    };
  };
  return [
    '| figure | median | minimum to maximum |',
    '|---|---:|---:|',
    ...MS_ROWS.map(row('ms')),
    ...BYTE_ROWS.map(row('bytes')),
  ].join('\n');
}

function grouped(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 0 });
}
