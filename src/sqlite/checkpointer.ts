import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Database } from 'better-sqlite3';

/** Keeps the write-ahead log short without holding the event loop. */
export interface Checkpointer {
  /**
   * After a commit: has the log copied into the database once it is long. Settles when writing may go on, at once but
   * where the log is so long that it has to begin anew.
   */
  keepShort(): Promise<void>;
  /** Ends the thread, and its connection with it. */
  end(): Promise<void>;
}

/** Pages in the log from which on they are copied: SQLite's own number. */
const PAGES_TO_COPY = 1000;
/** Pages from which on nobody writes until they are copied, so that the log begins anew. */
const PAGES_AT_MOST = 4000;
/** Pages at which SQLite copies by itself, where the thread has ended. */
const PAGES_WITHOUT_THREAD = 16_000;
/** Writing waits no longer for a copy. */
const PATIENCE_MS = 1000;

/**
 * Checkpoints the database in the file `path`, which `db` writes, by a thread that runs `script`. A thread that can't
 * start, or ends, leaves it to SQLite, which then holds the loop now and then.
 */
export function startCheckpointer(db: Database, path: string, script: URL): Checkpointer {
  db.pragma(`wal_autocheckpoint = ${PAGES_WITHOUT_THREAD}`);
  const pages = db.prepare<[], { log: number; checkpointed: number }>('PRAGMA wal_checkpoint(NOOP)');
  const worker = new Worker(script, { workerData: path });
  worker.on('error', () => undefined);
  worker.unref();
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  let copying: Promise<void> | undefined;
  /** Somebody reads an old state, a backup for one, and the log can't begin anew before: writing goes on until so many pages. */
  let nextWaitPages = PAGES_AT_MOST;

  function copy(): Promise<void> {
    copying ??= (async () => {
      worker.postMessage('copy');
      await Promise.race([new Promise((resolve) => worker.once('message', resolve)), ended]);
      copying = undefined;
    })();
    return copying;
  }

  function lengthOfLog(): { all: number; left: number } {
    try {
      const { log, checkpointed } = pages.get() ?? { log: 0, checkpointed: 0 };
      return { all: log, left: log - checkpointed };
    } catch {
      // What is wrong with the disk is for the next commit to say.
      return { all: 0, left: 0 };
    }
  }

  return {
    async keepShort() {
      const { all, left } = lengthOfLog();
      if (left < PAGES_TO_COPY && (left === 0 || all < PAGES_AT_MOST)) return;
      const copied = copy();
      if (all < nextWaitPages) return;
      // The copy under way may have begun before the last pages came.
      const isPatient = setTimeout(PATIENCE_MS, undefined, { ref: false });
      await Promise.race([copied.then(copy), isPatient]);
      nextWaitPages = lengthOfLog().left === 0 ? PAGES_AT_MOST : all + PAGES_AT_MOST;
    },
    async end() {
      await Promise.race([copying, ended]);
      worker.ref();
      worker.postMessage('end');
      await ended;
    },
  };
}
