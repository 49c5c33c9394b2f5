import Database from 'better-sqlite3';

/** How many accounts there are, and the password of all of them. */
export const ACCOUNTS = Number(process.env.BENCH_ACCOUNTS);
export const PASSWORD = process.env.BENCH_PASSWORD;
export const PORT = Number(process.env.PORT);

/** The address of the account of that number. */
export const emailOf = (account) => `user${account}@example.com`;

/** A database of the process's own folder, whose commits are on disk before they are answered, as the product's are. */
export function openDatabase() {
  const db = new Database('peer.db');
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  return db;
}
