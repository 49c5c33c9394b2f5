import Database from 'better-sqlite3';
import { StoreUnavailable, type TransactOptions, type Tx } from '../store.ts';

/** Limits of a shared commit. Milliseconds, except for `batchWorks`. */
export interface GroupCommitOptions {
  /** The most works in one commit. */
  batchWorks: number;
  /** After this time no further work joins an open commit, so that the event loop is not blocked for longer. */
  batchMs: number;
  /** A work that takes longer is rolled back. */
  workMs: number;
  /** A work that waits longer for the database is refused as unavailable. */
  patienceMs: number;
}

/** The options, and a check of the files. It is false if a commit to them is lost. */
type Options = GroupCommitOptions & { isInPlace(): boolean };

/** The transaction that a work gets. After `end` every call to it throws. */
type EndableTx = Tx & { end(): void };

interface Waiting {
  readonly work: (tx: Tx) => Promise<unknown>;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly giveUpAtMs: number;
  readonly isLasting: boolean;
}

const BUSY_RETRY_MS = 25;
const FILES_GONE =
  "The database's files were deleted, moved or replaced under the running program. " +
  'Stop the program, put the files back or restore a backup, and start again.';

/**
 * Group commit: runs the waiting works one after the other inside one BEGIN IMMEDIATE, each in its own savepoint. One COMMIT
 * settles all of them. Measured: three times the sign-ins of a commit for each.
 */
export class GroupCommit {
  readonly #db: Database.Database;
  readonly #newTx: () => EndableTx;
  readonly #options: Options;
  readonly #begin: Database.Statement;
  readonly #savepoint: Database.Statement;
  readonly #release: Database.Statement;
  readonly #rollbackTo: Database.Statement;
  readonly #commit: Database.Statement;
  readonly #rollback: Database.Statement;
  readonly #queue: Waiting[] = [];
  #draining: Promise<void> | undefined;
  /** True: a commit waits for its fsync (`synchronous = FULL`). False: it does not (`NORMAL`). */
  #isSynced = true;
  /** True after a commit to files that were gone. No further work runs until they are back. */
  #isLost = false;

  constructor(db: Database.Database, newTx: () => EndableTx, options: Options) {
    this.#db = db;
    this.#newTx = newTx;
    this.#options = options;
    this.#begin = db.prepare('BEGIN IMMEDIATE');
    this.#savepoint = db.prepare('SAVEPOINT work');
    this.#release = db.prepare('RELEASE work');
    this.#rollbackTo = db.prepare('ROLLBACK TO work');
    this.#commit = db.prepare('COMMIT');
    this.#rollback = db.prepare('ROLLBACK');
  }

  /** Queues a work. Settles after the commit that holds it, as `Store.transact` promises. */
  transact<Result>(
    work: (tx: Tx) => Promise<Result>,
    { isLasting = true }: TransactOptions,
  ): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      const giveUpAtMs = performance.now() + this.#options.patienceMs;
      const settle = { resolve: resolve as (result: unknown) => void, reject };
      this.#queue.push({ work, ...settle, giveUpAtMs, isLasting });
      this.#draining ??= this.#drain();
    });
  }

  /** Settles when no work waits or runs. */
  async idle(): Promise<void> {
    await this.#draining;
  }

  /** Serves the queue until it is empty, one batch a turn of the loop. Works that arrive in one turn share a commit. */
  async #drain(): Promise<void> {
    do {
      await new Promise((resolve) => setImmediate(resolve));
      this.#refuseLate();
      try {
        this.#rollBack();
        if (this.#isLost) this.#assertInPlace();
        this.#syncCommits(this.#queue.some(({ isLasting }) => isLasting));
        this.#begin.run();
        await this.#runBatch();
      } catch (error) {
        if (!isBusy(error)) refuse(this.#queue.splice(0), error);
        else if (this.#queue.length > 0) await new Promise((resolve) => setTimeout(resolve, BUSY_RETRY_MS));
      }
    } while (this.#queue.length > 0);
    this.#draining = undefined;
  }

  /** Refuses the works that have waited too long, for another process or behind other works. */
  #refuseLate(): void {
    const nowMs = performance.now();
    const inTime = this.#queue.findIndex(({ giveUpAtMs }) => giveUpAtMs > nowMs);
    const late = this.#queue.splice(0, inTime === -1 ? this.#queue.length : inTime);
    if (late.length > 0) refuse(late, new StoreUnavailable('The database did not take the work in time.'));
  }

  /** Sets whether the next commit is synced. SQLite accepts this pragma only outside of a transaction. */
  #syncCommits(isSynced: boolean): void {
    if (isSynced === this.#isSynced) return;
    this.#db.pragma(`synchronous = ${isSynced ? 'FULL' : 'NORMAL'}`);
    this.#isSynced = isSynced;
  }

  /** Runs works in one transaction, and settles them after its commit. */
  async #runBatch(): Promise<void> {
    const taken: Waiting[] = [];
    const settle: (() => void)[] = [];
    const closesAtMs = performance.now() + this.#options.batchMs;
    const deadline = new Deadline(this.#options.workMs);
    try {
      do {
        // A lasting work never joins a commit without a sync.
        if (this.#queue[0]?.isLasting && !this.#isSynced) break;
        const waiting = this.#queue.shift();
        if (waiting === undefined) break;
        taken.push(waiting);
        settle.push(await this.#runOne(waiting, deadline));
      } while (taken.length < this.#options.batchWorks && performance.now() < closesAtMs);
      this.#commit.run();
      if (this.#isSynced) this.#assertInPlace();
    } catch (error) {
      refuse(taken, error);
      this.#rollBack();
      return;
    } finally {
      deadline.end();
    }
    for (const one of settle) one();
  }

  /** Runs one work and returns how to settle it. Throws if the whole transaction is lost with it. */
  async #runOne({ work, resolve, reject }: Waiting, deadline: Deadline): Promise<() => void> {
    const tx = this.#newTx();
    this.#savepoint.run();
    try {
      const result = await deadline.of(work(tx));
      this.#release.run();
      return () => resolve(result);
    } catch (error) {
      // SQLITE_FULL and its like end the whole transaction, not the savepoint alone.
      if (!this.#db.inTransaction) throw error;
      this.#rollbackTo.run();
      this.#release.run();
      return () => reject(toFault(error));
    } finally {
      tx.end();
    }
  }

  /** Throws if the files are gone. Runs after a lasting commit, so an answer means that a restart finds the data. */
  #assertInPlace(): void {
    this.#isLost = !this.#options.isInPlace();
    if (this.#isLost) throw new StoreUnavailable(FILES_GONE);
  }

  /** Rolls back a transaction that is still open. If the disk fails here too, the next BEGIN reports it. */
  #rollBack(): void {
    if (!this.#db.inTransaction) return;
    try {
      this.#rollback.run();
    } catch (error) {
      if (!isAboutDisk(error)) throw error;
    }
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

  /** The work's result, or an Error when its time is up. */
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

/** True if another connection holds a lock that SQLite needs. */
export function isBusy(error: unknown): boolean {
  return /^SQLITE_(BUSY|LOCKED)/.test(sqliteCode(error));
}

/** True if the disk has no room for a write. */
export function isDiskFull(error: unknown): boolean {
  return sqliteCode(error) === 'SQLITE_FULL' || (error as NodeJS.ErrnoException | null)?.code === 'ENOSPC';
}

function refuse(works: readonly Waiting[], cause: unknown): void {
  const fault = toFault(cause);
  for (const { reject } of works) reject(fault);
}

/** True if the error is about the disk or the file, and not about a statement. */
function isAboutDisk(error: unknown): boolean {
  return /^SQLITE_(BUSY|LOCKED|FULL|READONLY|IOERR|CANTOPEN|PERM|NOMEM|PROTOCOL|CORRUPT|NOTADB)/.test(
    sqliteCode(error),
  );
}

/** Returns StoreUnavailable for an error about the disk or the file, and any other error as it is. */
export function toFault(error: unknown, done: 'written' | 'read' = 'written'): unknown {
  return isAboutDisk(error)
    ? new StoreUnavailable(`The database can't be ${done} (${sqliteCode(error)}).`)
    : error;
}

function sqliteCode(error: unknown): string {
  return error instanceof Database.SqliteError ? error.code : '';
}
