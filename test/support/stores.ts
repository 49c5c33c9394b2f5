import { randomBytes } from 'node:crypto';
import { onTestFinished } from 'vitest';
import { type PostgresServer, startPostgres } from './postgres-server.ts';
import { asAdmin, urlOf } from './postgres-setup.ts';

/** The stores that a started program is tried on. */
export const STORES = ['SQLite', 'PostgreSQL'] as const;

/** Returns the settings of a program on an empty database of the store. A PostgreSQL runs until the test ends. */
export async function settingsFor(store: (typeof STORES)[number]): Promise<Record<string, string>> {
  if (store === 'SQLite') return {};
  const server: PostgresServer = await startPostgres();
  onTestFinished(() => server.stop());
  await asAdmin(server.url(), "CREATE DATABASE app ENCODING 'UTF8' TEMPLATE template0");
  return { DATABASE_URL: urlOf(server.url(), 'app'), APP_SECRET: randomBytes(32).toString('base64url') };
}
