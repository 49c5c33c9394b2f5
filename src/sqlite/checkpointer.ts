import { Worker } from 'node:worker_threads';
import type { Database } from 'better-sqlite3';

/** The thread that checkpoints. */
export interface CheckpointOptions {
  /** `checkpoint-worker.js`. */
  script: URL;
  /** Told, once, why the thread can't start or has ended before its time. */
  onFault(error: Error): void;
}

/** Keeps the write-ahead log short without holding the event loop. Nothing here rejects. */
export interface Checkpointer {
  /**
   * After a commit: has the log copied into the database once it is long. Settles when writing may go on, at once but
   * where the log is so long that it has to begin anew, and within a second in any case.
   */
  keepShort(): Promise<void>;
  /** Ends the thread, and its connection with it. A thread that does not answer is left to itself after two seconds. */
  end(): Promise<void>;
}

/** The log is copied each time it has grown by so many pages: SQLite's own number. A page has 4 KiB. */
const PAGES_TO_COPY = 1000;
/** Once it has grown by so many, writing waits for the copy so that the log begins anew; without the thread SQLite copies then. */
const PAGES_TO_WAIT = 4000;
const WAIT_MS = 1000;
const END_MS = 2000;

/**
 * Checkpoints the database in the file `path`, which `db` writes, by a thread. A thread that can't start, or ends, is not
 * started again: SQLite then checkpoints within commits, and holds the loop now and then.
 */
export function startCheckpointer(
  db: Database,
  path: string,
  { script, onFault }: CheckpointOptions,
): Checkpointer | undefined {
  const pages = db.prepare<[], { log: number }>('PRAGMA wal_checkpoint(NOOP)');
  db.pragma(`wal_autocheckpoint = ${PAGES_TO_WAIT}`);
  const worker = startWorker(script, path, onFault);
  if (worker === undefined) return undefined;
  // Where somebody reads an old state, SQLite would try in vain, on this thread, at each commit.
  db.pragma('wal_autocheckpoint = 0');

  let isRunning = true;
  let copying: Promise<void> | undefined;
  let settle = () => {};
  const copied = () => {
    copying = undefined;
    settle();
  };
  worker.on('message', copied);
  const ended = new Promise<void>((resolve) => {
    worker.once('exit', () => {
      isRunning = false;
      copied();
      resolve();
      if (db.open) db.pragma(`wal_autocheckpoint = ${PAGES_TO_WAIT}`);
    });
  });

  /** Settles once the copy that is under way, or else a new one, has been made or has failed. */
  function copy(): Promise<void> {
    if (!isRunning) return Promise.resolve();
    copying ??= new Promise((resolve) => {
      settle = resolve;
      worker?.postMessage('copy');
    });
    return copying;
  }

  /** The log's length when a copy was last asked for, and when writing last waited for one. */
  let copiedAtPages = 0;
  let waitedAtPages = 0;
  return {
    async keepShort() {
      const log = isRunning ? lengthOf(pages) : undefined;
      if (log === undefined) return;
      const hasBegunAnew = log < copiedAtPages;
      if (hasBegunAnew) copiedAtPages = waitedAtPages = 0;
      if (log - waitedAtPages >= PAGES_TO_WAIT) {
        copiedAtPages = waitedAtPages = log;
        // The copy under way may have begun before the last pages came.
        await within(WAIT_MS, copy().then(copy));
      } else if (log - copiedAtPages >= PAGES_TO_COPY) {
        copiedAtPages = log;
        void copy();
      }
    },
    async end() {
      worker.postMessage('end');
      await within(END_MS, ended);
      void worker.terminate();
    },
  };
}

function startWorker(script: URL, path: string, onFault: (error: Error) => void): Worker | undefined {
  try {
    return new Worker(script, { workerData: path }).once('error', onFault);
  } catch (error) {
    onFault(error as Error);
    return undefined;
  }
}

/** The pages in the log, or undefined where the disk does not tell: what is wrong with it is for the next commit to say. */
function lengthOf(pages: { get(): { log: number } | undefined }): number | undefined {
  try {
    return pages.get()?.log;
  } catch {
    return undefined;
  }
}

/** Settles with `done`, but after `ms` in any case. */
function within(ms: number, done: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    void done.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
