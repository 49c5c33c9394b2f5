import { dirname } from 'node:path';
import type Database from 'better-sqlite3';
import { type Store, StoreUnavailable } from '../store.ts';
import { connect, DriverUnavailable } from './connect.ts';
import { assertRegular, fileFault, makeFile, makeFolder, privacyNote, watchFiles } from './files.ts';
import { GroupCommit, type GroupCommitOptions, toFault } from './group-commit.ts';
import { prepareAll, SqliteTx } from './tx.ts';
import { upgrade, waitFor } from './upgrade.ts';

/** Options of the store: the limits of its commits and of its file. */
export interface SqliteStoreOptions extends Partial<GroupCommitOptions> {
  /** The most pages that the file may have. Past it, a write fails as on a full disk. */
  maxPages?: number;
  /** Gets lines for the operator: an upgrade, a wait for another process, a file that other users can read. */
  tell?: (line: string) => void;
}

const DEFAULTS: GroupCommitOptions = { batchWorks: 128, batchMs: 10, workMs: 1000, patienceMs: 4000 };
/** SQLite copies the log into the file after this many pages (4 KiB each). Fewer pages make shorter pauses. */
const CHECKPOINT_PAGES = 500;

/** Waiting inside SQLite blocks the event loop, so it is short. The longer wait happens outside. */
const BUSY_TIMEOUT_MS = 5;
/** A start that waits this long for another process says so, and waits on. */
const BUSY_MS = 1000;

/**
 * Opens the database in the file `path`, and makes the file and its folder if they are missing. Upgrades an older schema,
 * after a copy. Throws an Error with a sentence for the operator if the file can't be used. Examples: it can't be written,
 * is not a database, or is another program's. A refused file stays as it was.
 */
export function openSqliteStore(path: string, options: SqliteStoreOptions = {}): Store {
  const { maxPages, tell = () => undefined, ...limits } = options;
  let db: Database.Database | undefined;
  try {
    makeFolder(dirname(path));
    makeFile(path);
    assertRegular(path);
    db = connect(path, { timeout: BUSY_MS });
    // WAL with `NORMAL` would lose the last commits in a power failure. An answer is sent only after its commit is on disk.
    db.pragma('synchronous = FULL');
    upgrade(db, path, Date.now(), tell);
    // With WAL, readers go on while one connection writes, and a commit costs one fsync.
    waitFor(() => db?.pragma('journal_mode = WAL'), tell);
    // Deleting a code deletes its flows. Not every build of SQLite checks foreign keys by default.
    db.pragma('foreign_keys = ON');
    db.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`);
    // Each work's savepoint keeps the pages that it changes. A crash makes them worthless, so they need no file.
    db.pragma('temp_store = MEMORY');
    db.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    if (maxPages !== undefined) db.pragma(`max_page_count = ${maxPages}`);
    const note = privacyNote(path);
    if (note !== undefined) tell(note);
    return storeOn(db, path, { ...DEFAULTS, ...limits });
  } catch (error) {
    db?.close();
    if (error instanceof DriverUnavailable) throw error;
    throw new Error(`The database ${path} (DATABASE_URL) can't be used. ${fileFault(error, path)}`);
  }
}

/** Reads on a connection of their own see no open transaction, and wait for no lock of a writer. */
function readerOf(path: string): Pick<Store, 'read' | 'close'> {
  const db = connect(path, { readonly: true, timeout: BUSY_TIMEOUT_MS });
  const statements = prepareAll(db);
  return {
    async read(work) {
      const tx = new SqliteTx(statements);
      try {
        return await work(tx);
      } catch (error) {
        throw toFault(error, 'read');
      } finally {
        tx.end();
      }
    },
    async close() {
      db.close();
    },
  };
}

function storeOn(db: Database.Database, path: string, options: GroupCommitOptions): Store {
  const statements = prepareAll(db);
  const saltKey = db.prepare("SELECT value FROM meta WHERE key = 'salt_key'").pluck().get() as Buffer;
  const isInPlace = watchFiles(path);
  const reader = readerOf(path);
  const commits = new GroupCommit(db, () => new SqliteTx(statements), { ...options, isInPlace });
  let isClosed = false;
  return {
    saltKey,
    transact(work, transactOptions = {}) {
      if (isClosed) return Promise.reject(new StoreUnavailable('The database is closed.'));
      return commits.transact(work, transactOptions);
    },
    read(work) {
      if (isClosed) return Promise.reject(new StoreUnavailable('The database is closed.'));
      return reader.read(work);
    },
    async close() {
      isClosed = true;
      await commits.idle();
      // SQLite tidies up when the last connection closes, and that one must be able to write.
      await reader.close();
      db.close();
    },
  };
}
