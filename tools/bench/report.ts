import { readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { type Spread, threeDigits } from '../statistics.ts';
import { CONTENDERS } from './contenders.ts';
import { over, type Results, targetsOf } from './results.ts';
import { ROOT } from './server.ts';

/** How a run was made. */
export interface Setting {
  readonly rounds: number;
  readonly turns: number;
  readonly seconds: number;
  readonly floodRounds: number;
  readonly floodSeconds: number;
  readonly users: number;
  readonly accounts: number;
  readonly isPinned: boolean;
  /** What one write of 4 KiB takes until it is on the disk that the databases are on. */
  readonly fsyncMs: number;
}

export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** The run as a person reads it in a terminal. */
export function reportForTerminal(results: Results, setting: Setting): string {
  return sections(results, setting)
    .map((section) => (typeof section === 'string' ? section : inColumns(section)))
    .join('\n\n');
}

/** The run as Markdown. */
export function reportForMarkdown(results: Results, setting: Setting): string {
  return sections(results, setting)
    .map((section) => (typeof section === 'string' ? section : inMarkdown(section)))
    .join('\n\n');
}

function sections(results: Results, setting: Setting): (string | Table)[] {
  return [
    ...machine(setting),
    `**Sign-ins**, the median of ${setting.rounds} rounds, with the least and the greatest in parentheses; a round is the median of ${setting.turns} turns of ${setting.seconds} s, and one turn of a peer; ${setting.users} users, ${setting.accounts} accounts:`,
    speedTable(results),
    `**An honest user** who signs in every 50 ms, alone and beside 64 connections that send wrong passwords, the median of ${setting.floodRounds} rounds of as many turns, with ${setting.floodSeconds} s of each:`,
    floodTable(results),
    '**Ratios**, taken in each round, of which the median has to hold:',
    targetTable(results),
  ];
}

function machine({ isPinned, fsyncMs }: Setting): string[] {
  const pinning = isPinned
    ? 'Each server has core 0 to itself, the load core 1.'
    : 'Servers and load share all cores: there is no taskset here.';
  const versions = [
    'express',
    'better-sqlite3',
    'argon2',
    'bcrypt',
    'passport',
    'express-session',
    'better-auth',
  ]
    .map((name) => `${name} ${versionOf(name)}`)
    .join(', ');
  return [`${machineFacts(fsyncMs)}. ${pinning}`, `Versions: ${versions}.`];
}

/** What the figures of this machine depend on. */
export function machineFacts(fsyncMs: number): string {
  const [cpu] = cpus();
  return [
    `${cpu?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores`,
    `${Math.round(totalmem() / 2 ** 30)} GiB of memory`,
    `${process.platform} ${process.arch}`,
    `Node ${process.versions.node}`,
    `4 KiB on disk in ${threeDigits(fsyncMs)} ms`,
  ].join('; ');
}

function versionOf(name: string): string {
  for (const folder of ['node_modules', 'tools/bench/node_modules']) {
    try {
      return JSON.parse(readFileSync(join(ROOT, folder, name, 'package.json'), 'utf8')).version;
    } catch {
      // It is in the other one.
    }
  }
  return 'unknown';
}

function speedTable({ slices }: Results): Table {
  return {
    head: ['server', 'a second', 'p50 ms', 'p99 ms', 'CPU ms each', 'peak MiB', 'load busy'],
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
    head: [
      'server',
      'quiet p50 ms',
      'quiet p99 ms',
      'flood p50 ms',
      'flood p99 ms',
      'wrong a second',
      'honest',
    ],
    rows: CONTENDERS.filter(({ kind }) => kind !== 'frame').map(({ name }) => {
      const rounds = floods.get(name);
      return [
        name,
        ranged(over(rounds, ({ quietP50Ms }) => quietP50Ms)),
        ranged(over(rounds, ({ quietP99Ms }) => quietP99Ms)),
        ranged(over(rounds, ({ floodP50Ms }) => floodP50Ms)),
        ranged(over(rounds, ({ floodP99Ms }) => floodP99Ms)),
        ranged(over(rounds, ({ wrongPerSecond }) => wrongPerSecond)),
        ranged(over(rounds, ({ honestCount }) => honestCount)),
      ];
    }),
  };
}

function targetTable(results: Results): Table {
  return {
    head: ['ratio', 'target', 'measured', ''],
    rows: targetsOf(results).map(({ ratio, bound, measured, isHeld }) => [
      ratio,
      bound,
      ranged(measured),
      isHeld ? 'held' : 'missed',
    ]),
  };
}

/** The spread as a cell of a table. */
export function ranged({ median, min, max }: Spread): string {
  if (Number.isNaN(median)) return '–';
  return min === max
    ? threeDigits(median)
    : `${threeDigits(median)} (${threeDigits(min)}–${threeDigits(max)})`;
}

/** The table as a person reads it in a terminal. */
export function inColumns({ head, rows }: Table): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** The table as Markdown. */
export function inMarkdown({ head, rows }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}
