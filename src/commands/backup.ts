import { parseArgs } from 'node:util';
import { readConfig } from '../config.ts';
import { loadEnvironment } from '../runtime/environment.ts';
import { backUp } from '../sqlite/backup.ts';

const USAGE = 'Name the file for the copy: npm run backup -- copy.db';

/** Copies the database of DATABASE_URL, even while the server runs. Exits with 0 after a copy, otherwise with 1. */
async function main(): Promise<void> {
  const { positionals } = parseArgs({ allowPositionals: true });
  const [to, ...rest] = positionals;
  if (!to || rest.length > 0) throw new Error(USAGE);
  const source = loadEnvironment(process.env, process.cwd());
  process.umask(0o077);
  const { DATABASE_URL } = process.env;
  if (DATABASE_URL?.startsWith('postgres')) {
    throw new Error('This copies SQLite files. Copy a PostgreSQL database with pg_dump.');
  }
  const { database } = readConfig({ DATABASE_URL }, source);
  if (database.kind !== 'sqlite') return;
  const accounts = await backUp(database.path, to);
  console.log(`${to} is a copy of ${database.path}, with ${accounts} account${accounts === 1 ? '' : 's'}.`);
}

await main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
