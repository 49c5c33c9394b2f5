import pg from 'pg';
import { onTestFinished } from 'vitest';
import { openPostgresStore } from '../../src/postgres/store.ts';
import { type Store, StoreUnavailable } from '../../src/store.ts';
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

let made = 0;

/** Makes a new database and returns its URL. It has the tables, unless `isEmpty`. */
export async function newDatabase(isEmpty = false): Promise<string> {
  const { adminUrl, template } = await testServer();
  made += 1;
  const name = `${template}_${process.pid}_${made}`;
  const source = isEmpty ? 'template0' : template;
  await asAdmin(adminUrl, `CREATE DATABASE ${name} TEMPLATE ${source} ENCODING 'UTF8'`);
  return urlOf(adminUrl, name);
}

/** A database with a store, which serve one test after the other. */
interface Warm {
  readonly store: Store;
  readonly client: pg.Client;
}

const TABLES = [
  'flows',
  'codes',
  'users',
  'seeds',
  'lockouts',
  'devices',
  'sessions',
  'events',
  'shared_values',
  'leases',
];
const free: Warm[] = [];
const clients = new WeakMap<Store, Promise<Warm>>();

async function takeWarm(): Promise<Warm> {
  const used = free.pop();
  if (used !== undefined) {
    await used.client.query(TABLES.map((table) => `DELETE FROM ${table}`).join(';'));
    return used;
  }
  const url = await newDatabase();
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  // The engine gets the time of the test's clock.
  return { client, store: await openPostgresStore(url, { hasClock: false }) };
}

/** Opens a store on an empty database. Its `close` hands the database to another test. */
export function postgresStore(): Store {
  if (server === undefined) throw new Error('Only for tests with TEST_STORE=postgres.');
  const taken = takeWarm();
  taken.catch(() => undefined);
  const works = new Set<Promise<unknown>>();
  let isClosed = false;
  const run = <Result>(work: (store: Store) => Promise<Result>): Promise<Result> => {
    if (isClosed) return Promise.reject(new StoreUnavailable('The database is closed.'));
    const running = taken.then((warm) => work(warm.store));
    works.add(running);
    const forget = () => void works.delete(running);
    running.then(forget, forget);
    return running;
  };
  const store: Store = {
    saltKey: Buffer.from(server.saltKey, 'base64url'),
    transact: (work, options) => run((warm) => warm.transact(work, options)),
    read: (work) => run((warm) => warm.read(work)),
    lease: (...request) => run(async (warm) => must(await warm.lease?.(...request))),
    async close() {
      isClosed = true;
      await Promise.allSettled(works);
      free.push(await taken);
    },
  };
  clients.set(store, taken);
  return store;
}

/** Returns the rows of a statement on the database of a store that `postgresStore` has opened. */
export async function queryOf(store: Store, text: string): Promise<Record<string, unknown>[]> {
  const warm = await clients.get(store);
  if (warm === undefined) throw new Error('Not a store of `postgresStore`.');
  return (await warm.client.query(text)).rows;
}

/** As `postgresStore`, for one test. A work that a hanging task of the test starts later never runs. */
export function postgresStoreOfTest(): Store {
  const store = postgresStore();
  let isOver = false;
  onTestFinished(() => {
    isOver = true;
    return store.close();
  });
  return {
    ...store,
    transact: (work, options) => (isOver ? new Promise(() => undefined) : store.transact(work, options)),
  };
}

function must<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('The store has no leases.');
  return value;
}
