import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs';
import { platform } from 'node:os';
import { dirname, resolve } from 'node:path';

/** Makes a folder and those above it, for this user only. Node's own recursive `mkdir` never ends below /proc. */
export function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** Makes an empty file for this user only, unless the path exists. */
export function makeFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** Throws an Error with a sentence for the operator if the path is a folder, a pipe or a device. SQLite would read a pipe without end. */
export function assertRegular(path: string): void {
  if (!statSync(path).isFile()) throw new Error('It is not a regular file. Choose another one.');
}

/** Returns a sentence for the operator about an error of the system or of SQLite, or the error's own message. */
export function fileFault(error: unknown, path: string): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  const folder = dirname(path);
  if (code.startsWith('SQLITE_IOERR')) return `The disk reported an error (${code}). Check the disk.`;
  if (code.startsWith('SQLITE_READONLY')) return 'This user may not write to it, or the disk is read-only.';
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return `The folder ${folder} can't be made. Choose another one.`;
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return `This user may not write to the folder ${folder}. Choose another one.`;
    case 'ENAMETOOLONG':
      return 'Its name is too long. Choose another one.';
    case 'ENOSPC':
    case 'SQLITE_FULL':
      return `The disk is full. Make room in ${folder}, or choose another folder.`;
    case 'SQLITE_CANTOPEN':
    case 'SQLITE_PERM':
      return 'This user may not open it or a file beside it, or the disk is read-only.';
    case 'SQLITE_CORRUPT':
      return 'It is damaged. Restore a backup.';
    default:
      return message;
  }
}

/** Returns once the file or folder is on disk. */
export function syncPath(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Returns a line for the operator if other users can read the database or its folder, otherwise undefined. */
export function privacyNote(path: string): string | undefined {
  if (platform() === 'win32') return undefined;
  const folder = dirname(path);
  // The working folder and folders like /tmp have other uses.
  const isShared = resolve(folder) === resolve('.') || (statSync(folder).mode & 0o1000) !== 0;
  const open = [...(isShared ? [] : [folder]), path].filter((name) => (statSync(name).mode & 0o077) !== 0);
  if (open.length === 0) return undefined;
  return `Note: other users can read ${open.join(' and ')}. Make them private: chmod go= ${open.join(' ')}`;
}

/**
 * Remembers which files the database consists of. Returns a function that is true as long as their names still belong to
 * them. Costs a few microseconds a call.
 */
export function watchFiles(path: string): () => boolean {
  const identity = () =>
    [path, `${path}-wal`, `${path}-shm`]
      .map((name) => {
        const found = statSync(name, { throwIfNoEntry: false });
        return found && `${found.dev} ${found.ino}`;
      })
      .join();
  const before = identity();
  return () => {
    try {
      return identity() === before;
    } catch {
      return false;
    }
  };
}
