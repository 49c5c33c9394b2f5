import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  linkSync,
  lstatSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { connect, DriverUnavailable } from './connect.ts';
import { assertRegular, fileFault, syncPath } from './files.ts';
import { assertOwnDatabase } from './migrations.ts';

const ALL_PAGES = 0x7fffffff;
const NOT_READABLE = 'This user may not read it. Run the backup as the user that runs the program.';

/**
 * Copies the database in the file `from`, which may be in use, to a new file `to`. Returns the number of accounts in the copy.
 * The copy is complete, checked and on disk before it gets its name. Until then it is in a folder that only this user may
 * open. Throws an Error with a sentence for the operator if `to` exists already, or if the copy can't be made.
 */
export async function backUp(from: string, to: string): Promise<number> {
  let folder: string | undefined;
  try {
    assertReadable(from);
    assertRegular(from);
    if (/[/\\]$/.test(to)) throw new Error('It is the name of a folder. Name a file.');
    // A dangling link counts too: SQLite would write through it.
    if (lstatSync(to, { throwIfNoEntry: false }) !== undefined) throw new Error(taken(to));
    folder = mkdtempSync(`${to}.part-`);
    const part = join(folder, 'copy');
    await copy(from, part);
    const accounts = accountsIn(part);
    chmodSync(part, 0o600);
    syncPath(part);
    giveName(part, to);
    syncPath(dirname(to));
    return accounts;
  } catch (error) {
    if (error instanceof DriverUnavailable) throw error;
    throw new Error(`The database ${from} can't be backed up to ${to}. ${reasonOf(error, to)}`);
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }
}

async function copy(from: string, to: string): Promise<void> {
  const db = connect(from, { readonly: true, fileMustExist: true });
  try {
    assertOwnDatabase(db);
    // In one step: a write between two steps would start the copy again, and under load it would never end.
    await db.backup(to, { progress: () => ALL_PAGES });
  } finally {
    db.close();
  }
}

function accountsIn(path: string): number {
  const db = connect(path, { fileMustExist: true });
  try {
    const found = db.pragma('integrity_check', { simple: true });
    if (found !== 'ok') throw new Error(`The copy is damaged: ${found}`);
    return db.prepare('SELECT count(*) FROM users').pluck().get() as number;
  } finally {
    db.close();
  }
}

/** Gives the file its name, if no file has that name. A rename alone would overwrite a file that appeared since. */
function giveName(part: string, to: string): void {
  try {
    linkSync(part, to);
  } catch (error) {
    if (!['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP'].includes(codeOf(error))) throw error;
    // Some file systems have no links.
    closeSync(openSync(to, 'wx', 0o600));
    renameSync(part, to);
  }
}

/** Throws an Error with a sentence for the operator if this user can't read the database. */
function assertReadable(path: string): void {
  try {
    accessSync(path, constants.R_OK);
  } catch (error) {
    if (codeOf(error) === 'EACCES') throw new Error(NOT_READABLE);
    throw new Error('There is no such file. Check DATABASE_URL and the working folder.');
  }
}

function reasonOf(error: unknown, to: string): string {
  const folder = dirname(to);
  switch (codeOf(error)) {
    case 'EEXIST':
      return taken(to);
    case 'ENOENT':
    case 'ENOTDIR':
      return existsSync(folder)
        ? `No file can be made in the folder ${folder}. Choose another one.`
        : `The folder ${folder} is missing. Create it, or choose another one.`;
    case 'SQLITE_CANTOPEN':
    case 'SQLITE_READONLY_CANTINIT':
    case 'SQLITE_READONLY_DIRECTORY':
      return NOT_READABLE;
    default:
      return fileFault(error, to);
  }
}

function taken(path: string): string {
  return `${path} exists already, and is left as it is. Choose another name.`;
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException | undefined)?.code ?? '';
}
