import { readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { type Spread, threeDigits } from '../statistics.ts';
import { CONTENDERS } from './contenders.ts';
import { over, type Results, type Target, targetsOf } from './results.ts';
import { ROOT } from './server.ts';

/** The settings of a run. */
export interface Setting {
  readonly rounds: number;
  readonly turns: number;
  readonly seconds: number;
  readonly floodRounds: number;
  readonly floodSeconds: number;
  readonly attackSeconds: number;
  readonly users: number;
  readonly accounts: number;
  readonly isPinned: boolean;
  /** The time of one synced write of 4 KiB to the disk of the databases. */
  readonly fsyncMs: number;
}

export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Paragraphs and tables, in order. */
export type Report = readonly (string | Table)[];

/** Formats a report for a terminal. */
export function forTerminal(report: Report): string {
  const text = report.map((part) => (typeof part === 'string' ? part : inColumns(part))).join('\n\n');
  return text.replaceAll('**', '');
}

/** Formats a report as Markdown. */
export function forMarkdown(report: Report): string {
  return report.map((part) => (typeof part === 'string' ? part : inMarkdown(part))).join('\n\n');
}

/** Returns the report of a run. */
export function reportOf(results: Results, setting: Setting): Report {
  const { rounds, turns, seconds, floodRounds, floodSeconds, attackSeconds, users, accounts } = setting;
  return [
    ...machine(setting),
    `**Sign-ins.** ${users} users, ${accounts} accounts. The figure of a round is the median of ${turns} turns of ${seconds} s; a peer has one turn. The tables show the median of ${rounds} rounds, with the minimum and the maximum in parentheses.`,
    speedTable(results),
    `**An honest user** signs in every 150 ms, for ${floodSeconds} s alone. Then 64 networks guess passwords as fast as they can for ${floodSeconds} s. All limits have their defaults. The table shows the median of ${floodRounds} rounds.`,
    floodTable(results),
    `**Attacks on connections.** The honest user signs in for ${attackSeconds} s alone, and then for ${attackSeconds} s beside each attack. A descriptor is left if it is still open five seconds after the attack.`,
    attackTable(results),
    '**Targets.** Each ratio is taken in each round. The median decides.',
    targetTable(targetsOf(results)),
  ];
}

function machine({ isPinned, fsyncMs }: Setting): string[] {
  const pinning = isPinned
    ? 'Each server has core 0 for itself, the load has core 1.'
    : 'Servers and load share all cores, because this system has no taskset.';
  const packages = [
    'express',
    'better-sqlite3',
    'argon2',
    'bcrypt',
    'passport',
    'express-session',
    'better-auth',
  ];
  const versions = packages.map((name) => `${name} ${versionOf(name)}`).join(', ');
  return [`${machineFacts(fsyncMs)}. ${pinning}`, `Versions: ${versions}.`];
}

/** Returns the facts of this machine that the figures depend on. */
export function machineFacts(fsyncMs: number): string {
  const [cpu] = cpus();
  return [
    `${cpu?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores`,
    `${Math.round(totalmem() / 2 ** 30)} GiB of memory`,
    `${process.platform} ${process.arch}`,
    `Node ${process.versions.node}`,
    `4 KiB synced in ${threeDigits(fsyncMs)} ms`,
  ].join('; ');
}

function versionOf(name: string): string {
  for (const folder of ['node_modules', 'tools/bench/node_modules']) {
    try {
      return JSON.parse(readFileSync(join(ROOT, folder, name, 'package.json'), 'utf8')).version;
    } catch {
      // The package is in the other folder.
    }
  }
  return 'unknown';
}

function speedTable({ slices }: Results): Table {
  return {
    head: ['server', 'per second', 'p50 ms', 'p99 ms', 'CPU ms each', 'peak MiB', 'load busy'],
    rows: CONTENDERS.map(({ name, kind }) => {
      const rounds = slices.get(name);
      return [
        kind === 'frame' ? `${name} (requests)` : name,
        ranged(over(rounds, ({ perSecond }) => perSecond)),
        ranged(over(rounds, ({ p50Ms }) => p50Ms)),
        ranged(over(rounds, ({ p99Ms }) => p99Ms)),
        ranged(over(rounds, ({ cpuMs }) => cpuMs)),
        ranged(over(rounds, ({ memoryMiB }) => memoryMiB)),
        ranged(over(rounds, ({ loadShare }) => loadShare)),
      ];
    }),
  };
}

function floodTable({ floods }: Results): Table {
  return {
    head: ['', 'p50 ms', 'p99 ms', 'guesses checked per second', 'guesses limited per second'],
    rows: [
      [
        'quiet server',
        ranged(over(floods, ({ quietP50Ms }) => quietP50Ms)),
        ranged(over(floods, ({ quietP99Ms }) => quietP99Ms)),
        '–',
        '–',
      ],
      [
        'beside the flood',
        ranged(over(floods, ({ floodP50Ms }) => floodP50Ms)),
        ranged(over(floods, ({ floodP99Ms }) => floodP99Ms)),
        ranged(over(floods, ({ checkedPerSecond }) => checkedPerSecond)),
        ranged(over(floods, ({ limitedPerSecond }) => limitedPerSecond)),
      ],
    ],
  };
}

function attackTable({ attacks }: Results): Table {
  return {
    head: ['beside', 'quiet p99 ms', 'p99 ms', 'peak MiB', 'descriptors left'],
    rows: [...attacks].map(([name, rounds]) => [
      name,
      ranged(over(rounds, ({ quietP99Ms }) => quietP99Ms)),
      ranged(over(rounds, ({ besideP99Ms }) => besideP99Ms)),
      ranged(over(rounds, ({ memoryMiB }) => memoryMiB)),
      ranged(over(rounds, ({ leftDescriptors }) => leftDescriptors)),
    ]),
  };
}

/** Returns the table of targets. */
export function targetTable(targets: readonly Target[]): Table {
  return {
    head: ['ratio', 'target', 'measured', ''],
    rows: targets.map(({ ratio, target, measured, isMet }) => [
      ratio,
      target,
      ranged(measured),
      isMet ? 'met' : 'missed',
    ]),
  };
}

/** Formats a spread as a cell of a table. */
export function ranged({ median, min, max }: Spread): string {
  if (Number.isNaN(median)) return '–';
  return min === max
    ? threeDigits(median)
    : `${threeDigits(median)} (${threeDigits(min)}–${threeDigits(max)})`;
}

function inColumns({ head, rows }: Table): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]) =>
    row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ');
  return all.map((row) => line(row).trimEnd()).join('\n');
}

function inMarkdown({ head, rows }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}
