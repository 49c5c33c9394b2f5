import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { assertOwnDatabase } from './migrations.ts';

const ALL_PAGES = 0x7fffffff;

/**
 * Copies the database in the file `from`, which may be in use, to a new file `to`. Returns the number of accounts in the copy.
 * The copy is complete, checked and on disk before it gets its name. Throws an Error with a sentence for the operator if `to`
 * exists already, or if the copy can't be made.
 */
export async function backUp(from: string, to: string): Promise<number> {
  if (existsSync(to)) throw new Error(`${to} exists already, and is left as it is. Choose another name.`);
  const part = `${to}.part`;
  try {
    rmSync(part, { force: true });
    await copy(from, part);
    const accounts = accountsIn(part);
    renameSync(part, to);
    syncFolder(dirname(to));
    return accounts;
  } catch (error) {
    rmSync(part, { force: true });
    throw new Error(`The database ${from} can't be backed up to ${to}. ${(error as Error).message}`);
  }
}

async function copy(from: string, to: string): Promise<void> {
  const db = new Database(from, { readonly: true, fileMustExist: true });
  try {
    assertOwnDatabase(db);
    // In one step: a write between two steps would start the copy again, and under load it would never end.
    await db.backup(to, { progress: () => ALL_PAGES });
  } finally {
    db.close();
  }
}

function accountsIn(path: string): number {
  const db = new Database(path, { fileMustExist: true });
  try {
    const found = db.pragma('integrity_check', { simple: true });
    if (found !== 'ok') throw new Error(`The copy is damaged: ${found}`);
    return db.prepare('SELECT count(*) FROM users').pluck().get() as number;
  } finally {
    db.close();
  }
}

function syncFolder(path: string): void {
  const folder = openSync(path, 'r');
  fsyncSync(folder);
  closeSync(folder);
}
