import Database from 'better-sqlite3';

/** The number of accounts, and the password of all of them. */
export const ACCOUNTS = Number(process.env.BENCH_ACCOUNTS);
export const PASSWORD = process.env.BENCH_PASSWORD;
export const PORT = Number(process.env.PORT);

/** Returns the address of the account with that number. */
export const emailOf = (account) => `user${account}@example.com`;

/** Opens a database in the working folder. Its commits are synced, as the product's are. */
export function openDatabase() {
  const db = new Database('peer.db');
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  return db;
}
