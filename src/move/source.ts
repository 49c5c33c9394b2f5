import { readFileSync, statSync } from 'node:fs';
import type { Database } from 'better-sqlite3';
import { connect, DriverUnavailable } from '../sqlite/connect.ts';
import { assertRegular, fileFault } from '../sqlite/files.ts';
import { assertOwnDatabase, MIGRATIONS, schemaIn } from '../sqlite/migrations.ts';
import { differingTables } from '../sqlite/schema.ts';

/**
 * The tables to copy. Flows follow the codes that they refer to. Leases are not here: only PostgreSQL has them, and they
 * last a minute.
 */
export const TABLES = [
  'meta',
  'users',
  'seeds',
  'lockouts',
  'codes',
  'flows',
  'devices',
  'sessions',
  'events',
  'shared_values',
] as const;

export type Table = (typeof TABLES)[number];

/** A value of a column. Flags are 0 or 1. */
export type Value = string | number | Uint8Array | null;

/** A source that can't be moved. The message is a sentence for the operator. */
export class SourceFault extends Error {}

/** A SQLite database at one moment. Later writes of other programs are not seen. */
export interface Source {
  columnsOf(table: Table): string[];
  count(table: Table): number;
  /** The rows in the order in which they were added, as far as the store depends on it. */
  rowsOf(table: Table): Iterable<Value[]>;
  close(): void;
}

/**
 * Opens the database in the file `path` for reading. Throws a SourceFault if it can't be read. Refuses an
 * older schema too, because a move must not upgrade the source.
 */
export function openSource(path: string): Source {
  let db: Database | undefined;
  try {
    assertExists(path);
    assertRegular(path);
    db = connect(path, { readonly: true, fileMustExist: true });
    db.exec('BEGIN');
    assertOwnDatabase(db);
    assertNewest(db);
    return sourceOn(db, path);
  } catch (error) {
    db?.close();
    throw faultOf(error, path);
  }
}

/**
 * Finds out whether a program has the database open. `unknown`: a program is running or was killed, and
 * this system does not show which.
 */
export function useOf(path: string): 'open' | 'closed' | 'unknown' {
  // SQLite deletes this file when the last program closes the database.
  const beside = statSync(`${path}-shm`, { throwIfNoEntry: false });
  if (beside === undefined) return 'closed';
  try {
    return isLocked(readFileSync('/proc/locks', 'utf8'), beside.ino) ? 'open' : 'closed';
  } catch {
    return 'unknown';
  }
}

/** Returns true if the list of Linux's file locks has the lock that SQLite holds while a database is open. */
function isLocked(locks: string, inode: number): boolean {
  return locks
    .split('\n')
    .some((line) => / [0-9a-f]+:[0-9a-f]+:(\d+) 128 128$/.exec(line)?.[1] === String(inode));
}

function sourceOn(db: Database, path: string): Source {
  const prepare = (sql: string) => db.prepare<[], Value[]>(sql);
  return {
    columnsOf: (table) =>
      prepare(`SELECT * FROM ${table}`)
        .columns()
        .map(({ name }) => name),
    count: (table) => Number(prepare(`SELECT count(*) FROM ${table}`).pluck().get()),
    *rowsOf(table) {
      const order = table === 'seeds' || table === 'codes' ? 'ORDER BY rowid' : '';
      try {
        yield* prepare(`SELECT * FROM ${table} ${order}`).raw().iterate();
      } catch (error) {
        throw faultOf(error, path);
      }
    },
    close: () => void db.close(),
  };
}

function assertExists(path: string): void {
  if (statSync(path, { throwIfNoEntry: false }) !== undefined) return;
  throw new Error('There is no such file. Check its path.');
}

function assertNewest(db: Database): void {
  if (db.prepare("SELECT name FROM sqlite_schema WHERE name = 'meta'").get() === undefined) {
    throw new Error('It is empty, so there is nothing to move.');
  }
  if (schemaIn(db) === MIGRATIONS.length && differingTables(db).length === 0) return;
  throw new Error(
    `It was made by an older version of this program (schema ${schemaIn(db)}). Start this version on it once, which upgrades it, and stop it again.`,
  );
}

function faultOf(error: unknown, path: string): Error {
  if (error instanceof DriverUnavailable) return error;
  return new SourceFault(`The source ${path} can't be moved. ${sentenceFor(error, path)}`);
}

function sentenceFor(error: unknown, path: string): string {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (code === 'SQLITE_NOTADB') return 'It is not a SQLite database.';
  if (code.startsWith('SQLITE_READONLY') || code === 'SQLITE_CANTOPEN') {
    return 'This user may not read it, or may not make files beside it. Run the move as the user that runs the program.';
  }
  return fileFault(error, path);
}
