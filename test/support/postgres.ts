import pg from 'pg';
import { onTestFinished } from 'vitest';
import { openPostgresStore, type PostgresStoreOptions } from '../../src/postgres/store.ts';
import type { Store } from '../../src/store.ts';
import { asAdmin, type TestServer, urlOf } from './postgres-setup.ts';

/** True in the test runs whose stores are on PostgreSQL. */
export const IS_POSTGRES = process.env.TEST_STORE === 'postgres';

let found: Promise<TestServer> | undefined;
/** Set from the start if the stores are on PostgreSQL, so that a store can be made at once. */
const server = IS_POSTGRES ? await testServer() : undefined;

/** Returns the PostgreSQL of this test run. The first call starts it. */
function testServer(): Promise<TestServer> {
  found ??= (async () => {
    const answer = await fetch(process.env.TEST_POSTGRES ?? '');
    const text = await answer.text();
    if (!answer.ok) throw new Error(text);
    return JSON.parse(text);
  })();
  return found;
}

/** An empty database, and a connection to clean it. */
interface TestDatabase {
  readonly url: string;
  readonly client: pg.Client;
}

const TABLES = ['flows', 'codes', 'users', 'seeds', 'lockouts', 'devices', 'sessions', 'events'];
const free: TestDatabase[] = [];
let made = 0;

async function takeDatabase(): Promise<TestDatabase> {
  const used = free.pop();
  if (used !== undefined) {
    await used.client.query(TABLES.map((table) => `DELETE FROM ${table}`).join(';'));
    return used;
  }
  const url = await newDatabase();
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  return { url, client };
}

/** Makes a new database and returns its URL. It has the tables, unless `isEmpty`. */
export async function newDatabase(isEmpty = false): Promise<string> {
  const { adminUrl, template } = await testServer();
  made += 1;
  const name = `${template}_${process.pid}_${made}`;
  const source = isEmpty ? 'template0' : template;
  await asAdmin(adminUrl, `CREATE DATABASE ${name} TEMPLATE ${source} ENCODING 'UTF8'`);
  return urlOf(adminUrl, name);
}

/** Opens a store on an empty database, with the clock of the test. The database serves another test after the store is closed. */
export function postgresStore(options: PostgresStoreOptions = {}): Store {
  if (server === undefined) throw new Error('Only for tests with TEST_STORE=postgres.');
  const opened = takeDatabase().then(async (database) => ({
    database,
    store: await openPostgresStore(database.url, { hasClock: false, ...options }),
  }));
  opened.catch(() => undefined);
  return {
    saltKey: Buffer.from(server.saltKey, 'base64url'),
    transact: async (work, transactOptions) => (await opened).store.transact(work, transactOptions),
    async close() {
      const { database, store } = await opened;
      await store.close();
      free.push(database);
    },
  };
}

/** As `postgresStore`, and closes the store after the test. */
export function postgresStoreOfTest(options?: PostgresStoreOptions): Store {
  const store = postgresStore(options);
  onTestFinished(() => store.close());
  return store;
}
