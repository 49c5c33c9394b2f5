import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import { openPostgresStore } from '../../src/postgres/store.ts';
import { type PostgresServer, startPostgres } from './postgres-server.ts';

/** A server for tests, and the database that theirs are copied from. */
export interface TestServer {
  readonly adminUrl: string;
  readonly template: string;
  /** The template's salt key as base64url. Copies have the same. */
  readonly saltKey: string;
}

/**
 * Answers the address of a PostgreSQL for tests, and starts it when the first test asks. TEST_DATABASE_URL names another
 * one, whose user may create databases. Vitest calls this before all tests, and what it returns after them.
 */
export default async function setUp(): Promise<(() => Promise<void>) | undefined> {
  if (process.env.TEST_POSTGRES !== undefined) return undefined;
  let started: Promise<TestServer> | undefined;
  let own: PostgresServer | undefined;
  const template = `two_factor_test_${process.pid}`;
  const start = async () => {
    if (process.env.TEST_DATABASE_URL === undefined) own = await startPostgres();
    const adminUrl = own?.url() ?? process.env.TEST_DATABASE_URL ?? '';
    return makeTemplate(adminUrl, template);
  };
  const door = createServer((_request, response) => {
    started ??= start();
    started.then(
      (server) => response.end(JSON.stringify(server)),
      (error) => response.writeHead(500).end(String(error)),
    );
  }).listen(0, '127.0.0.1');
  await once(door, 'listening');
  process.env.TEST_POSTGRES = `http://127.0.0.1:${(door.address() as AddressInfo).port}`;
  return async () => {
    delete process.env.TEST_POSTGRES;
    door.close();
    const server = await started?.catch(() => undefined);
    if (own !== undefined) await own.stop();
    else if (server !== undefined) await dropDatabases(server);
  };
}

async function makeTemplate(adminUrl: string, template: string): Promise<TestServer> {
  await asAdmin(adminUrl, `CREATE DATABASE ${template} ENCODING 'UTF8' TEMPLATE template0`);
  const store = await openPostgresStore(urlOf(adminUrl, template));
  const saltKey = Buffer.from(store.saltKey).toString('base64url');
  await store.close();
  return { adminUrl, template, saltKey };
}

async function dropDatabases({ adminUrl, template }: TestServer): Promise<void> {
  const made = await asAdmin(
    adminUrl,
    `SELECT datname FROM pg_database WHERE datname LIKE '${template.replaceAll('_', '\\_')}%'`,
  );
  for (const { datname } of made) await asAdmin(adminUrl, `DROP DATABASE ${datname} WITH (FORCE)`);
}

/** Runs one statement as the administrator, and returns its rows. */
export async function asAdmin(url: string, text: string): Promise<Record<string, string>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

/** The URL of another database of the same server. */
export function urlOf(adminUrl: string, database: string): string {
  const url = new URL(adminUrl);
  url.pathname = `/${database}`;
  return url.href;
}
