import dotenv from 'dotenv';
import { readConfig } from '../config.ts';
import { backUp } from '../sqlite/backup.ts';

const USAGE = 'Name the file that the copy goes to: npm run backup -- copy.db';

/** Copies the database of DATABASE_URL, whether or not the program runs. The process ends with 0 where the copy is made, else with 1. */
async function main([to, ...rest]: readonly string[]): Promise<void> {
  if (to === undefined || rest.length > 0) throw new Error(USAGE);
  dotenv.config({ quiet: true });
  process.umask(0o077);
  const { DATABASE_URL } = process.env;
  const { databasePath } = readConfig(DATABASE_URL === undefined ? {} : { DATABASE_URL });
  const accounts = await backUp(databasePath, to);
  console.log(`${to} is a copy of ${databasePath}, with ${accounts} account${accounts === 1 ? '' : 's'}.`);
}

await main(process.argv.slice(2)).catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
