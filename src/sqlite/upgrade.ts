import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type Database from 'better-sqlite3';
import { connect } from './connect.ts';
import { syncPath } from './files.ts';
import { isBusy, isDiskFull } from './group-commit.ts';
import { assertOwnDatabase, MIGRATIONS, migrate, schemaIn } from './migrations.ts';
import { differingTables, rebuild } from './schema.ts';

/** Copies from before an upgrade that are kept. Two upgrades in a row can be undone. */
const KEPT_COPIES = 2;
/** A start waits this long for another process that holds the database: a million users take about one minute. */
const PATIENCE_MS = 5 * 60_000;
const RETRY_MS = 25;

/** An upgrade that the database needs. */
interface Plan {
  readonly from: number;
  readonly to: number;
  readonly differing: ReturnType<typeof differingTables>;
}

/**
 * Brings the database in the file `path` to the newest schema, all or nothing. Before it changes a table it copies the
 * database to `<path>.before-<new schema>`, and keeps the two newest copies. A second process waits for the first. Throws an
 * Error with a sentence for the operator if the database is foreign or the disk is full. Then the caller closes `db`, which
 * rolls everything back. `tell` gets a line after an upgrade, and one if another process delays the start.
 */
export function upgrade(
  db: Database.Database,
  path: string,
  nowMs: number,
  tell: (line: string) => void,
): void {
  waitFor(() => assertOwnDatabase(db), tell);
  // A table that is rebuilt must keep the rows that refer to it. SQLite accepts this pragma only outside of a transaction.
  db.pragma('foreign_keys = OFF');
  waitFor(() => db.exec('BEGIN IMMEDIATE'), tell);
  let copy: Copy | undefined;
  try {
    assertOwnDatabase(db);
    const plan = planFor(db);
    copy = plan && copyBefore(path, plan.to);
    if (plan) rebuild(db, plan.differing);
    migrate(db, nowMs);
    if (plan) assertReferences(db);
    copy?.keep();
    waitFor(() => db.exec('COMMIT'), tell);
    if (plan) finish(path, plan, tell);
  } catch (error) {
    // The transaction is still open, so the folder is not another start's. Closing the connection rolls it back.
    copy?.drop();
    throw isDiskFull(error) ? diskFull(path) : error;
  }
}

/** Returns what is left to do, or undefined if the schema is the newest, or if the database is new. */
function planFor(db: Database.Database): Plan | undefined {
  const isNew = db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() === 0;
  if (isNew) return undefined;
  const plan = { from: schemaIn(db), to: MIGRATIONS.length, differing: differingTables(db) };
  return plan.from < plan.to || plan.differing.length > 0 ? plan : undefined;
}

/** A copy of the database in a private folder. */
interface Copy {
  /** Gives the copy its name. */
  keep(): void;
  /** Deletes the copy, unless it has its name. */
  drop(): void;
}

/** Copies the database, as the last commit left it. Refuses names that something else has, and then copies nothing. */
function copyBefore(path: string, schema: number): Copy {
  const name = `${path}.before-${schema}`;
  if (lstatSync(name, { throwIfNoEntry: false }) && !isOwnCopy(name)) throw foreign(name);
  const folder = `${path}.upgrading`;
  const part = join(folder, basename(path));
  const drop = () => dropFolder(folder, part);
  // A crash may have left it.
  drop();
  mkdirSync(folder, { mode: 0o700 });
  try {
    const reader = connect(path, { readonly: true });
    try {
      reader.prepare('VACUUM INTO ?').run(part);
    } finally {
      reader.close();
    }
    chmodSync(part, 0o600);
    syncPath(part);
  } catch (error) {
    drop();
    throw error;
  }
  return {
    drop,
    keep() {
      renameSync(part, name);
      drop();
      syncPath(dirname(path));
    },
  };
}

/** Deletes the folder of a copy. Throws an Error with a sentence for the operator if it is, or has, anything else. */
function dropFolder(folder: string, part: string): void {
  const found = lstatSync(folder, { throwIfNoEntry: false });
  if (found === undefined) return;
  const own = [part, `${part}-journal`];
  const isOwn = found.isDirectory() && readdirSync(folder).every((name) => own.includes(join(folder, name)));
  if (!isOwn) throw foreign(folder);
  for (const file of own) rmSync(file, { force: true });
  rmdirSync(folder);
}

/** True if the file is a database of this program, as a copy from before an upgrade is. */
function isOwnCopy(path: string): boolean {
  if (!lstatSync(path).isFile()) return false;
  try {
    const db = connect(path, { readonly: true });
    try {
      assertOwnDatabase(db);
      return schemaIn(db) > 0;
    } finally {
      db.close();
    }
  } catch {
    return false;
  }
}

function foreign(path: string): Error {
  return new Error(`${path} is not of this program. Move it away, and start again.`);
}

function assertReferences(db: Database.Database): void {
  const broken = db.pragma('foreign_key_check') as { table: string }[];
  if (broken.length === 0) return;
  throw new Error(
    `The upgrade would break ${broken.length} rows of ${broken[0]?.table}. Nothing was changed.`,
  );
}

/** Says what was done, and deletes the older copies. */
function finish(path: string, { from, to }: Plan, tell: (line: string) => void): void {
  const change = from < to ? `upgraded from schema ${from} to ${to}` : `its tables are mended (schema ${to})`;
  tell(`${path}: ${change}. ${path}.before-${to} is a copy from before.`);
  dropOldCopies(path);
}

function dropOldCopies(path: string): void {
  const start = `${basename(path)}.before-`;
  const numbers = readdirSync(dirname(path), { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.startsWith(start))
    .map(({ name }) => name.slice(start.length))
    .filter((number) => /^\d+$/.test(number))
    .map(Number)
    .filter((number) => isOwnCopy(`${path}.before-${number}`))
    .sort((left, right) => right - left);
  for (const number of numbers.slice(KEPT_COPIES)) rmSync(`${path}.before-${number}`, { force: true });
}

function diskFull(path: string): Error {
  const mebibytes = Math.ceil((3 * statSync(path).size + 1) / 1024 ** 2);
  return new Error(
    `The disk is full. Nothing was changed. Make at least ${mebibytes} MiB free in ${dirname(path)}, and start again.`,
  );
}

/** Repeats a step while another process holds the database. */
export function waitFor(step: () => void, tell: (line: string) => void): void {
  const giveUpAtMs = performance.now() + PATIENCE_MS;
  for (let isTold = false; ; ) {
    try {
      step();
      return;
    } catch (error) {
      if (!isBusy(error)) throw error;
      if (performance.now() > giveUpAtMs) {
        throw new Error(
          'Another process has held it for five minutes. End that process, or wait for it, and start again.',
        );
      }
      if (!isTold) tell('Another process holds the database. This start waits for it, five minutes at most.');
      isTold = true;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }
}
