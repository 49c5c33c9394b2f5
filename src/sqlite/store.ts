import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { type Store, StoreUnavailable } from '../store.ts';
import { GroupCommit, type GroupCommitOptions, isBusy } from './group-commit.ts';
import { assertOwnDatabase, migrate } from './migrations.ts';
import { prepareAll, SqliteTx } from './tx.ts';

/** Options of the store: the limits of its commits and of its file. */
export interface SqliteStoreOptions extends Partial<GroupCommitOptions> {
  /** The most pages that the file may have. Past it, a write fails as on a full disk. */
  maxPages?: number;
}

const DEFAULTS: GroupCommitOptions = { batchWorks: 128, batchMs: 10, workMs: 1000, patienceMs: 4000 };
/** SQLite copies the log into the file after this many pages (4 KiB each). Fewer pages make shorter pauses. */
const CHECKPOINT_PAGES = 500;
const OPEN_RETRY_MS = 25;
const OPEN_PATIENCE_MS = 5000;

/**
 * Opens the database in the file `path`, and makes the file and its folder if they are missing. Throws an Error with a
 * sentence for the operator if the file can't be used. Examples: it can't be written, is not a database, or is another
 * program's. A refused file stays as it was.
 */
export function openSqliteStore(path: string, { maxPages, ...options }: SqliteStoreOptions = {}): Store {
  let db: Database.Database | undefined;
  try {
    makeFolder(dirname(path));
    db = new Database(path);
    assertOwnDatabase(db);
    // With WAL, readers go on while one connection writes, and a commit costs one fsync.
    retryWhileBusy(db, (own) => own.pragma('journal_mode = WAL'));
    // WAL with `NORMAL` would lose the last commits in a power failure. An answer is sent only after its commit is on disk.
    db.pragma('synchronous = FULL');
    // Deleting a code deletes its flows. Not every build of SQLite checks foreign keys by default.
    db.pragma('foreign_keys = ON');
    migrate(db, Date.now());
    // Waiting inside SQLite blocks the event loop, so it is short. The longer wait happens outside.
    db.pragma('busy_timeout = 5');
    // Each work's savepoint keeps the pages that it changes. A crash makes them worthless, so they need no file.
    db.pragma('temp_store = MEMORY');
    db.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    if (maxPages !== undefined) db.pragma(`max_page_count = ${maxPages}`);
    return storeOn(db, { ...DEFAULTS, ...options });
  } catch (error) {
    db?.close();
    throw new Error(`The database ${path} (DATABASE_URL) can't be used. ${(error as Error).message}`);
  }
}

function storeOn(db: Database.Database, options: GroupCommitOptions): Store {
  const statements = prepareAll(db);
  const commits = new GroupCommit(db, () => new SqliteTx(statements), options);
  let isClosed = false;
  return {
    saltKey: db.prepare("SELECT value FROM meta WHERE key = 'salt_key'").pluck().get() as Buffer,
    transact(work, transactOptions = {}) {
      if (isClosed) return Promise.reject(new StoreUnavailable('The database is closed.'));
      return commits.transact(work, transactOptions);
    },
    async close() {
      isClosed = true;
      await commits.idle();
      db.close();
    },
  };
}

/** Makes a folder and those above it. Node's own recursive `mkdir` never ends below /proc. */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** Repeats a step while another process holds the database, for five seconds. */
function retryWhileBusy(db: Database.Database, step: (db: Database.Database) => void): void {
  const giveUpAtMs = performance.now() + OPEN_PATIENCE_MS;
  for (;;) {
    try {
      step(db);
      return;
    } catch (error) {
      if (!isBusy(error) || performance.now() > giveUpAtMs) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, OPEN_RETRY_MS);
    }
  }
}
