import Database from 'better-sqlite3';

/** Thrown if better-sqlite3 can't be loaded. The database is not the cause. */
export class DriverUnavailable extends Error {
  override readonly name = 'DriverUnavailable';
}

/** Opens a connection to the file `path`. Throws SQLite's error, or DriverUnavailable with the command that mends it. */
export function connect(path: string, options: Database.Options = {}): Database.Database {
  try {
    return new Database(path, options);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ERR_DLOPEN_FAILED' && !message.startsWith('Could not locate the bindings file'))
      throw error;
    throw new DriverUnavailable(
      'better-sqlite3 has no binary that fits this version of Node.js and this machine. ' +
        'Run `npm rebuild better-sqlite3`, and start again. The database is not the cause.',
    );
  }
}
