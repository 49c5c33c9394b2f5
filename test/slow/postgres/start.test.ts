import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { MIGRATIONS } from '../../../src/postgres/migrations.ts';
import { openPostgresStore } from '../../../src/postgres/store.ts';
import { newDatabase } from '../../support/postgres.ts';
import { asAdmin } from '../../support/postgres-setup.ts';

/** Opens a store and closes it after the test. */
async function opened(url: string) {
  const store = await openPostgresStore(url);
  onTestFinished(() => store.close());
  return store;
}

/** Returns the sentence of a refused start. */
async function refusalOf(url: string): Promise<string> {
  const store = await openPostgresStore(url).catch((error: Error) => error.message);
  if (typeof store === 'string') return store;
  await store.close();
  throw new Error('The start was not refused.');
}

function changed(url: string, change: (parts: URL) => void): string {
  const parts = new URL(url);
  change(parts);
  return parts.href;
}

test('several starts at once on an empty database make its tables once, and share its salt key', async () => {
  const url = await newDatabase(true);
  const stores = await Promise.all([opened(url), opened(url), opened(url), opened(url)]);
  expect(new Set(stores.map(({ saltKey }) => Buffer.from(saltKey).toString('hex'))).size).toBe(1);
  const made = await asAdmin(url, 'SELECT number, name FROM migrations ORDER BY number');
  expect(made.map(({ name }) => name)).toEqual(MIGRATIONS.map(({ name }) => name));
  await opened(url);
});

test('a newer schema is refused', async () => {
  const url = await newDatabase();
  await asAdmin(url, "INSERT INTO migrations VALUES (99, 'of tomorrow', 0)");
  expect(await refusalOf(url)).toMatch(/newer version of this program \(schema 99;/);
});

test("another program's tables are refused, and stay as they were", async () => {
  const url = await newDatabase(true);
  await asAdmin(url, 'CREATE TABLE migrations (id int)');
  expect(await refusalOf(url)).toMatch(/another program's/);
  expect(await asAdmin(url, "SELECT relname FROM pg_class WHERE relname = 'users'")).toEqual([]);
});

test('another encoding than UTF-8 is refused', async () => {
  const url = await newDatabase(true);
  await asAdmin(url, "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0");
  const latin = changed(url, (parts) => {
    parts.pathname = '/latin';
  });
  expect(await refusalOf(latin)).toMatch(/encoding is LATIN1\. Create it with: CREATE DATABASE/);
  await asAdmin(url, 'DROP DATABASE latin');
});

test('a user who owns nothing needs one grant, and no superuser', async () => {
  const url = await newDatabase(true);
  await asAdmin(url, "CREATE ROLE clerk LOGIN PASSWORD 'pw'");
  const asClerk = changed(url, (parts) => {
    parts.username = 'clerk';
    parts.password = 'pw';
  });
  expect(await refusalOf(asClerk)).toMatch(/GRANT CREATE, USAGE ON SCHEMA public/);
  await asAdmin(url, 'GRANT CREATE, USAGE ON SCHEMA public TO clerk');
  const store = await opened(asClerk);
  expect(await store.transact((tx) => tx.addFailure('ann@example.com', '', 0))).toBe(1);
});

test('a database that can only be read is refused', async () => {
  const url = await newDatabase();
  await asAdmin(
    url,
    `ALTER DATABASE ${new URL(url).pathname.slice(1)} SET default_transaction_read_only = on`,
  );
  expect(await refusalOf(url)).toMatch(/can only be read\. Use the URL of the primary/);
});

test('a wrong password, a missing database and a closed port are one sentence each, without the password', async () => {
  const url = await newDatabase();
  const { password } = new URL(url);
  const closed = createServer().listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const { port } = closed.address() as AddressInfo;
  closed.close();
  const sentences = [
    await refusalOf(changed(url, (parts) => Object.assign(parts, { password: 'hunter2' }))),
    await refusalOf(changed(url, (parts) => Object.assign(parts, { pathname: '/nothere' }))),
    await refusalOf(changed(url, (parts) => Object.assign(parts, { port: String(port) }))),
    await refusalOf(changed(url, (parts) => Object.assign(parts, { search: '?sslmode=verify-full' }))),
    await refusalOf(changed(url, (parts) => Object.assign(parts, { search: '?sslrootcert=/no/such/file' }))),
  ];
  expect(sentences).toEqual([
    expect.stringContaining('It refuses the user or the password (28P01).'),
    expect.stringContaining('The server has no database of that name.'),
    expect.stringContaining('Nothing listens at its host and port.'),
    expect.stringContaining('It accepts no TLS.'),
    expect.stringContaining("A file that the URL names can't be read (ENOENT)"),
  ]);
  for (const sentence of sentences) {
    expect(sentence).toMatch(/^The database \(DATABASE_URL\) can't be used\. /);
    expect(sentence).not.toMatch(new RegExp(`hunter2|${password}`));
  }
});

test('a server that never answers, and one that is no PostgreSQL, are refused', async () => {
  const silent = createServer().listen(0, '127.0.0.1');
  const other = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(
    0,
    '127.0.0.1',
  );
  const sockets: { destroy(): void }[] = [];
  silent.on('connection', (socket) => sockets.push(socket));
  await Promise.all([once(silent, 'listening'), once(other, 'listening')]);
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    silent.close();
    other.close();
  });
  const at = (server: typeof silent) =>
    `postgres://ann:hunter2@127.0.0.1:${(server.address() as AddressInfo).port}/users`;
  const [first, second] = await Promise.all([refusalOf(at(silent)), refusalOf(at(other))]);
  expect(first).toMatch(/It does not answer\. Check the host/);
  expect(second).toMatch(/Check that the port is that of PostgreSQL/);
});
