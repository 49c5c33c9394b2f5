import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import supertest, { type Agent, type Response } from 'supertest';
import { expect, onTestFinished } from 'vitest';
import { type AppOptions, createApp } from '../../src/http/app.ts';
import type { Policy } from '../../src/policy.ts';
import { openSqliteStore, type SqliteStoreOptions } from '../../src/sqlite/store.ts';
import type { Store } from '../../src/store.ts';
import { folderInMemory } from './folder.ts';
import { newKeys, proofFor } from './page.ts';
import { IS_POSTGRES, postgresStore, queryOf } from './postgres.ts';
import { ANN, PASSWORD, PHONE, type World, world } from './world.ts';

export const ROOT = join(import.meta.dirname, '..', '..');

/** The application with a real database and fakes. */
export interface Site {
  readonly app: RequestListener;
  readonly world: World;
  /** The path of the SQLite file. */
  readonly databasePath: string;
  /** Returns all rows of the tables, by the tables' names. */
  tables(): Promise<Record<string, unknown[]>>;
  /** Returns the log as text. */
  logged(): string;
  /** Opens a new browser without cookies. */
  visitor(): Visitor;
}

/** A browser that does what the page does. */
export interface Visitor {
  readonly agent: Agent;
  post(path: string, fields?: Record<string, string>): Promise<Response>;
  signUp(email?: string, password?: string): Promise<Response>;
  signIn(password: string, username?: string): Promise<Response>;
  lockOut(username?: string): Promise<Response>;
  setPassword(flow: string, passcode: string, password: string, username?: string): Promise<Response>;
}

/** Creates a site without accounts, and closes it after the test. A logged error fails the test, unless `hasFaults`. */
export function site(
  options: Partial<AppOptions> & {
    policy?: Partial<Policy>;
    store?: SqliteStoreOptions;
    /** The leases of limits that this site shares with others. */
    lease?: Store['lease'];
    hasFaults?: boolean;
    /** `false` if a message may hang, so the end of the test does not wait for it. */
    isIdle?: boolean;
  } = {},
): Site {
  const { policy, store: storeOptions, lease, hasFaults, isIdle = true, ...appOptions } = options;
  const databasePath = join(folderInMemory(), 'users.db');
  const store = IS_POSTGRES ? postgresStore() : openSqliteStore(databasePath, storeOptions);
  const own = world(policy, lease ? { ...store, lease } : store);
  const faults: unknown[] = [];
  onTestFinished(async () => {
    if (isIdle) await own.settled();
    await store.close();
    if (!hasFaults) expect(faults).toEqual([]);
  });

  const lines: string[] = [];
  const write = (...args: unknown[]) => void lines.push(JSON.stringify(args));
  const app = createApp(own.deps, {
    root: ROOT,
    publicOrigin: 'http://localhost:5000',
    isProduction: false,
    trustProxy: false,
    log: {
      info: write,
      error: (...args: unknown[]) => {
        write(...args);
        faults.push(args);
      },
    },
    ...appOptions,
  });
  return {
    app,
    world: own,
    databasePath,
    tables: async () => (IS_POSTGRES ? postgresTables(store) : sqliteTables(databasePath)),
    logged: () => lines.join('\n'),
    visitor: () => visitor(app),
  };
}

function sqliteTables(path: string): Record<string, unknown[]> {
  const db = new Database(path, { readonly: true });
  const names = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all();
  const tables = Object.fromEntries(names.map((name) => [name, db.prepare(`SELECT * FROM ${name}`).all()]));
  db.close();
  return tables;
}

async function postgresTables(store: Store): Promise<Record<string, unknown[]>> {
  const names = await queryOf(store, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'");
  const tables: Record<string, unknown[]> = {};
  for (const { tablename } of names)
    tables[String(tablename)] = await queryOf(store, `SELECT * FROM ${tablename}`);
  return tables;
}

function visitor(app: RequestListener): Visitor {
  const agent = supertest.agent(app);
  const self: Visitor = {
    agent,
    post: (path, fields = {}) => agent.post(path).type('form').send(fields),
    async signUp(email = ANN, password = PASSWORD) {
      const { salt, kdf } = (await self.post('/getseed', { username: email })).body;
      const person = { email, fname: 'Ann', lname: 'Lee', phoneno: PHONE };
      return self.post('/signup', { ...person, salt, kdf, ...newKeys(password, salt) });
    },
    async signIn(password, username = ANN) {
      const seed = await self.post('/getseed', { username });
      const { id, nonce, proof } = proofFor(password, username, seed.body);
      return self.post('/login', { username, id, nonce, proof });
    },
    async lockOut(username = ANN) {
      await self.signIn('wrong', username);
      await self.signIn('wrong', username);
      return self.signIn('wrong', username);
    },
    async setPassword(flow, passcode, password, username = ANN) {
      const { salt, kdf } = (await self.post('/getseed', { username })).body;
      return self.post('/resetpwd', { username, flow, passcode, salt, kdf, ...newKeys(password, salt) });
    },
  };
  return self;
}

/** Returns the Set-Cookie lines of an answer. */
export function cookiesOf(response: Response): string[] {
  return (response.headers['set-cookie'] as unknown as string[] | undefined) ?? [];
}
