import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from './server.ts';

/** Reads numbers above 0, each with a default, and flags. Throws an Error with a sentence on anything else. */
export function readOptions<Name extends string, Flag extends string>(
  args: string[],
  defaults: Readonly<Record<Name, number>>,
  flags: readonly Flag[],
): Record<Name, number> & Record<Flag, boolean> {
  const types: [string, { type: 'string' | 'boolean' }][] = [
    ...Object.keys(defaults).map((name): [string, { type: 'string' }] => [name, { type: 'string' }]),
    ...flags.map((flag): [string, { type: 'boolean' }] => [flag, { type: 'boolean' }]),
  ];
  const values: Record<string, unknown> = parseArgs({ args, options: Object.fromEntries(types) }).values;
  const numbers = Object.entries<number>(defaults).map(([name, byDefault]) => {
    const value = Number(values[name] ?? byDefault);
    if (!(value > 0)) throw new Error(`--${name} must be a number above 0.`);
    return [name, value];
  });
  const isGiven = flags.map((flag) => [flag, values[flag] === true]);
  return Object.fromEntries([...numbers, ...isGiven]);
}

/** Creates a folder for databases. It is removed when the process exits, also after a signal. */
export function workFolder(name: string): string {
  // The system's folder for temporary files is often in memory, so it would measure no disk.
  const data = join(ROOT, 'data');
  mkdirSync(data, { recursive: true });
  const folder = mkdtempSync(join(data, `${name}-`));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  return folder;
}
