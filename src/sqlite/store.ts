import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { type Store, StoreUnavailable, type TransactOptions, type Tx } from '../store.ts';
import { type Checkpointer, type CheckpointOptions, startCheckpointer } from './checkpointer.ts';
import { migrate, refuseForeign } from './migrations.ts';
import { prepareAll, SqliteTx, type Statements } from './tx.ts';

/** How the store shares its commits and how long it waits. Milliseconds, but for `batchWorks`. */
export interface SqliteStoreOptions {
  /** The most works that share a commit. */
  batchWorks?: number;
  /** No further work joins a commit that has been open this long: the loop is not held longer. */
  batchMs?: number;
  /** A work that takes longer is rolled back. */
  workMs?: number;
  /** A work that the database has not taken by then is refused as unavailable. */
  patienceMs?: number;
  /** The file grows to this many pages at the most; more is a full disk. */
  maxPages?: number;
  /** The thread that checkpoints. Without it SQLite does so itself, and holds the loop. */
  checkpoints?: CheckpointOptions;
}

interface Waiting {
  readonly work: (tx: Tx) => Promise<unknown>;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly giveUpAtMs: number;
  readonly isLasting: boolean;
}

const BUSY_RETRY_MS = 25;

/**
 * Opens the database in the file `path`, making it and its folder where they are missing. Throws an Error with a
 * sentence for the operator where the file can't be opened or written, is no database, or is another program's or a
 * newer version's; a file that is refused is left as it was.
 */
export function openSqliteStore(path: string, options: SqliteStoreOptions = {}): Store {
  let db: Database.Database | undefined;
  try {
    makeFolder(dirname(path));
    db = new Database(path);
    refuseForeign(db);
    // Readers go on while one writes, and a commit costs one fsync. SQLite does not wait for its lock here by itself.
    patiently(db, (own) => own.pragma('journal_mode = WAL'));
    // WAL alone would lose the last commits with the power; an answer may only leave once its commit is on disk.
    db.pragma('synchronous = FULL');
    // A code's flows go with it. Not every build of SQLite minds foreign keys unless asked.
    db.pragma('foreign_keys = ON');
    migrate(db, Date.now());
    // Waiting inside SQLite holds the event loop, so it is kept short and the longer wait is done outside.
    db.pragma('busy_timeout = 5');
    // Each work's savepoint keeps the pages that it changes, which nobody needs once the program is gone.
    db.pragma('temp_store = MEMORY');
    if (options.maxPages !== undefined) db.pragma(`max_page_count = ${options.maxPages}`);
    return new SqliteStore(db, path, options);
  } catch (error) {
    db?.close();
    throw new Error(`The database ${path} (DATABASE_URL) can't be used. ${(error as Error).message}`);
  }
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

/** Runs a step of the start again while another process holds the database, for five seconds. */
function patiently(db: Database.Database, step: (db: Database.Database) => void): void {
  const giveUpAtMs = performance.now() + 5000;
  for (;;) {
    try {
      step(db);
      return;
    } catch (error) {
      if (!isBusy(error) || performance.now() > giveUpAtMs) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BUSY_RETRY_MS);
    }
  }
}

class SqliteStore implements Store {
  readonly saltKey: Uint8Array;
  readonly #db: Database.Database;
  readonly #statements: Statements;
  readonly #begin: Database.Statement;
  readonly #savepoint: Database.Statement;
  readonly #release: Database.Statement;
  readonly #rollbackTo: Database.Statement;
  readonly #commit: Database.Statement;
  readonly #rollback: Database.Statement;
  readonly #checkpointer: Checkpointer | undefined;
  readonly #options: Required<Omit<SqliteStoreOptions, 'maxPages' | 'checkpoints'>>;
  readonly #queue: Waiting[] = [];
  #draining: Promise<void> | undefined;
  /** Whether a commit is synced: FULL in place of NORMAL, for which SQLite syncs the log only when it copies it. */
  #isSynced = true;
  #isClosed = false;

  constructor(db: Database.Database, path: string, options: SqliteStoreOptions) {
    this.#db = db;
    this.#options = { batchWorks: 128, batchMs: 10, workMs: 1000, patienceMs: 4000, ...options };
    this.#statements = prepareAll(db);
    this.#begin = db.prepare('BEGIN IMMEDIATE');
    this.#savepoint = db.prepare('SAVEPOINT work');
    this.#release = db.prepare('RELEASE work');
    this.#rollbackTo = db.prepare('ROLLBACK TO work');
    this.#commit = db.prepare('COMMIT');
    this.#rollback = db.prepare('ROLLBACK');
    const { checkpoints } = options;
    this.#checkpointer = checkpoints && startCheckpointer(db, path, checkpoints);
    this.saltKey = db.prepare("SELECT value FROM meta WHERE key = 'salt_key'").pluck().get() as Buffer;
  }

  transact<Result>(
    work: (tx: Tx) => Promise<Result>,
    { isLasting = true }: TransactOptions = {},
  ): Promise<Result> {
    if (this.#isClosed) return Promise.reject(new StoreUnavailable('The database is closed.'));
    return new Promise<Result>((resolve, reject) => {
      const giveUpAtMs = performance.now() + this.#options.patienceMs;
      this.#queue.push({
        work,
        resolve: resolve as (result: unknown) => void,
        reject,
        giveUpAtMs,
        isLasting,
      });
      this.#draining ??= this.#drain();
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#draining;
    await this.#checkpointer?.end();
    this.#db.close();
  }

  /** Serves the queue until it is empty, a batch a turn of the loop: what arrives in one turn shares a commit. */
  async #drain(): Promise<void> {
    do {
      await new Promise((resolve) => setImmediate(resolve));
      this.#refuseLate();
      try {
        this.#rollBack();
        this.#syncCommits(this.#queue.some(({ isLasting }) => isLasting));
        this.#begin.run();
        await this.#runBatch();
        await this.#checkpointer?.keepShort();
      } catch (error) {
        if (!isBusy(error)) this.#refuse(this.#queue.splice(0), error);
        else if (this.#queue.length > 0) await new Promise((resolve) => setTimeout(resolve, BUSY_RETRY_MS));
      }
    } while (this.#queue.length > 0);
    this.#draining = undefined;
  }

  /** Works that have waited too long, for another process or behind other works, give up; the others wait on. */
  #refuseLate(): void {
    const nowMs = performance.now();
    const inTime = this.#queue.findIndex(({ giveUpAtMs }) => giveUpAtMs > nowMs);
    const late = this.#queue.splice(0, inTime === -1 ? this.#queue.length : inTime);
    if (late.length > 0)
      this.#refuse(late, new StoreUnavailable('The database did not take the work in time.'));
  }

  /** Says whether the next commit is synced; SQLite takes that outside of a transaction only. */
  #syncCommits(isSynced: boolean): void {
    if (isSynced === this.#isSynced) return;
    this.#db.pragma(`synchronous = ${isSynced ? 'FULL' : 'NORMAL'}`);
    this.#isSynced = isSynced;
  }

  /** Runs works one after the other in one transaction, each in a savepoint, and tells their results after its commit. */
  async #runBatch(): Promise<void> {
    const taken: Waiting[] = [];
    const tell: (() => void)[] = [];
    const closesAtMs = performance.now() + this.#options.batchMs;
    const deadline = new Deadline(this.#options.workMs);
    try {
      do {
        // One that came while the batch runs waits for a commit that is synced.
        if (this.#queue[0]?.isLasting && !this.#isSynced) break;
        const waiting = this.#queue.shift();
        if (waiting === undefined) break;
        taken.push(waiting);
        tell.push(await this.#runOne(waiting, deadline));
      } while (taken.length < this.#options.batchWorks && performance.now() < closesAtMs);
      this.#commit.run();
    } catch (error) {
      this.#refuse(taken, error);
      this.#rollBack();
      return;
    } finally {
      deadline.end();
    }
    for (const settle of tell) settle();
  }

  /** Runs one work, and answers how to tell its result. Throws where the whole transaction is lost with it. */
  async #runOne({ work, resolve, reject }: Waiting, deadline: Deadline): Promise<() => void> {
    const tx = new SqliteTx(this.#statements);
    this.#savepoint.run();
    try {
      const result = await deadline.of(work(tx));
      this.#release.run();
      return () => resolve(result);
    } catch (error) {
      // A full disk and its like end the whole transaction, not the savepoint alone.
      if (!this.#db.inTransaction) throw error;
      this.#rollbackTo.run();
      this.#release.run();
      return () => reject(toFault(error));
    } finally {
      tx.end();
    }
  }

  /** Leaves a transaction that failed, if one is still open. A disk that fails even here is met again by the next BEGIN. */
  #rollBack(): void {
    if (!this.#db.inTransaction) return;
    try {
      this.#rollback.run();
    } catch (error) {
      if (!isAboutDisk(error)) throw error;
    }
  }

  #refuse(works: Waiting[], cause: unknown): void {
    const fault =
      cause === 'busy' ? new StoreUnavailable('Another process holds the database.') : toFault(cause);
    for (const { reject } of works) reject(fault);
  }
}

/** Ends works that take longer than `ms`, one at a time, with one timer for all of them. */
class Deadline {
  readonly #timer: NodeJS.Timeout;
  #giveUp: ((reason: Error) => void) | undefined;

  constructor(ms: number) {
    this.#timer = setTimeout(() => {
      this.#giveUp?.(new Error(`A work took over ${ms} ms and was rolled back.`));
    }, ms);
  }

  /** The work's result, or an Error once the time from here on is up. Works that only await their tx never reach the timer. */
  of<Result>(result: Promise<Result>): Promise<Result> {
    this.#timer.refresh();
    return new Promise((resolve, reject) => {
      this.#giveUp = reject;
      result.then(resolve, reject);
    });
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

function sqliteCode(error: unknown): string {
  return error instanceof Database.SqliteError ? error.code : '';
}

function isBusy(error: unknown): boolean {
  return /^SQLITE_(BUSY|LOCKED)/.test(sqliteCode(error));
}

/** Whether SQLite speaks of the disk or the file, so that the database can't be used now, rather than of a statement. */
function isAboutDisk(error: unknown): boolean {
  return /^SQLITE_(BUSY|LOCKED|FULL|READONLY|IOERR|CANTOPEN|PERM|NOMEM|PROTOCOL|CORRUPT|NOTADB)/.test(
    sqliteCode(error),
  );
}

function toFault(error: unknown): unknown {
  return isAboutDisk(error)
    ? new StoreUnavailable(`The database can't be written (${sqliteCode(error)}).`)
    : error;
}
