import { parentPort, workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';

/** The thread that checkpoints: what it waits for the disk, nobody else waits. */
const db = new Database(workerData as string, { fileMustExist: true });
db.pragma('synchronous = FULL');
// Opens the log too: a thread that can't do that ends here, where SQLite can take its place, and not at each copy.
db.pragma('user_version');

parentPort?.on('message', (word: 'copy' | 'end') => {
  if (word === 'end') {
    db.close();
    parentPort?.close();
    return;
  }
  try {
    db.pragma('wal_checkpoint(PASSIVE)');
  } catch {
    // On a disk that is full or broken it stays in the log, and the next copy tries again.
  }
  parentPort?.postMessage('copied');
});
