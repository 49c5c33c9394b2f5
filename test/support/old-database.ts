import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import Database from 'better-sqlite3';
import { onTestFinished } from 'vitest';
import { MIGRATIONS, schemaIn } from '../../src/sqlite/migrations.ts';
import { openSqliteStore } from '../../src/sqlite/store.ts';
import { temporaryFolder } from './folder.ts';
import { ROOT } from './site.ts';

/** The newest schema. */
export const NEWEST = MIGRATIONS.length;
/** The name of the copy that an upgrade makes. */
export const COPY = `users.db.before-${NEWEST}`;
/** Rows that make an upgrade long enough to be interrupted. */
const PADDING_ROWS = 20_000;
/** Creates a database that an earlier version made. Returns its folder and its path. */
export function oldDatabase(name = 'schema-4'): { folder: string; path: string } {
  const folder = temporaryFolder();
  const path = join(folder, 'users.db');
  copyFileSync(join(ROOT, 'test', 'store', 'fixtures', `${name}.db`), path);
  chmodSync(path, 0o600);
  return { folder, path };
}

/** Runs the work on a connection of its own. */
export function withDatabase<Result>(path: string, work: (db: Database.Database) => Result): Result {
  const db = new Database(path);
  try {
    return work(db);
  } finally {
    db.close();
  }
}

/** Returns the number of the schema that the file records. */
export const schemaOf = (path: string) => withDatabase(path, schemaIn);
/** Returns the rows that every schema has. */
export const rowsOf = (path: string) =>
  withDatabase(path, (db) => ({
    schema: schemaIn(db),
    users: db.prepare('SELECT email, phoneno, kdf, stored_key, server_key FROM users').all(),
    sessions: db.prepare('SELECT token_hash, email FROM sessions ORDER BY 1').all(),
    devices: db.prepare('SELECT token_hash, email, id FROM devices ORDER BY 1').all(),
    codes: db.prepare('SELECT id, email, purpose FROM codes').all(),
    events: db.prepare('SELECT count(*) FROM events').pluck().get(),
    integrity: db.pragma('integrity_check', { simple: true }),
  }));

/** Opens and closes the store in this process. Returns the lines for the operator. */
export async function start(path: string): Promise<string[]> {
  const lines: string[] = [];
  await openSqliteStore(path, { tell: (line) => lines.push(line) }).close();
  return lines;
}

/** A start of the store in a process of its own. */
export interface Start {
  readonly process: ChildProcess;
  printed(): string;
  ended(): Promise<number | null>;
}

/** Opens and closes the built store in a process of its own. */
export function startProcess(path: string): Start {
  const module = pathToFileURL(join(ROOT, 'dist', 'sqlite', 'store.js')).href;
  const program = `
    const { openSqliteStore } = await import(${JSON.stringify(module)});
    await openSqliteStore(${JSON.stringify(path)}, { tell: console.log }).close();`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program]);
  let printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => {
      printed += text;
    });
  const ended = once(child, 'close').then(([code]) => code as number | null);
  onTestFinished(() => void child.kill('SIGKILL'));
  return { process: child, printed: () => printed, ended: () => ended };
}

/** Adds events, so that the copy and the migration take a while. */
export function pad(path: string, rows = PADDING_ROWS): void {
  withDatabase(path, (db) => {
    const add = db.prepare('INSERT INTO events (key, number, at_ms) VALUES (?, 1, 0)');
    db.transaction(() => {
      for (let row = 0; row < rows; row += 1) add.run(`message network settled ${row} ${'x'.repeat(400)}`);
    })();
  });
}
