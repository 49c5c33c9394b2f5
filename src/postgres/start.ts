import { setTimeout as sleep } from 'node:timers/promises';
import pg, { type Client } from 'pg';
import { sqlState } from './faults.ts';
import { migrate, Refusal } from './migrations.ts';
import { SQL } from './sql.ts';

/** A start that takes longer is given up. */
const START_MS = 18_000;
const CONNECT_MS = 5000;
const RETRY_MS = 200;
const OLDEST_VERSION = 14;

/** Two starts made the tables at once, or PostgreSQL is starting or has no connection left. */
const TRY_AGAIN = ['40001', '40P01', '23505', '42P07', '42710', '57P03', '53300'];

/** The salt key and the time of the database. */
interface Prepared {
  readonly saltKey: Uint8Array;
  readonly nowMs: number;
}

/**
 * Connects, checks the server, and makes or upgrades the tables. Returns the database's salt key and time. Throws an Error with a
 * sentence for the operator that never contains the password.
 */
export async function prepareDatabase(url: string): Promise<Prepared> {
  const giveUpAtMs = performance.now() + START_MS;
  for (;;) {
    try {
      return await tryOnce(url, giveUpAtMs);
    } catch (error) {
      const isLate = performance.now() + RETRY_MS >= giveUpAtMs;
      if (isLate || !TRY_AGAIN.includes(sqlState(error) ?? '')) {
        throw new Error(`The database (DATABASE_URL) can't be used. ${sentenceFor(error)}`);
      }
      await sleep(RETRY_MS);
    }
  }
}

async function tryOnce(url: string, giveUpAtMs: number): Promise<Prepared> {
  const leftMs = Math.max(1, Math.ceil(giveUpAtMs - performance.now()));
  const client = new pg.Client({
    connectionString: url,
    application_name: 'two-factor-demo start',
    connectionTimeoutMillis: Math.min(CONNECT_MS, leftMs),
    query_timeout: leftMs,
    lock_timeout: leftMs,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await makeTables(client);
  } finally {
    void client.end();
  }
}

async function makeTables(client: Client): Promise<Prepared> {
  const query = (text: string, values?: unknown[]) => client.query(text, values);
  await query('BEGIN ISOLATION LEVEL READ COMMITTED');
  await query('SET LOCAL synchronous_commit = on');
  await assertServer(query);
  await migrate(query, Date.now());
  const { rows } = await query("SELECT value FROM meta WHERE key = 'salt_key'");
  const clock = await query(SQL.now.text);
  await query('COMMIT');
  return { saltKey: rows[0].value, nowMs: clock.rows[0].loaded.nowMs };
}

/** Throws a Refusal if the server is too old, or if the database can't hold the tables. */
export async function assertServer(query: (text: string) => Promise<pg.QueryResult>): Promise<void> {
  const { rows } = await query(
    "SELECT version() AS version, getdatabaseencoding() AS encoding, current_schema() AS schema, current_setting('server_version_num')::int / 10000 AS major",
  );
  const [{ version, encoding, schema, major }] = rows;
  // CockroachDB has versions of its own.
  if (/^PostgreSQL/.test(version) && major < OLDEST_VERSION) {
    throw new Refusal(`It is PostgreSQL ${major}. Use PostgreSQL ${OLDEST_VERSION} or newer.`);
  }
  if (encoding !== 'UTF8') {
    throw new Refusal(
      `Its encoding is ${encoding}. Create it with: CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0.`,
    );
  }
  if (schema === null) throw new Refusal('Its user has no schema to make tables in. Set a search_path.');
}

/** Returns what is wrong and what to do. Never the driver's own text, which may contain parts of the URL. */
export function sentenceFor(error: unknown): string {
  const code = sqlState(error);
  if (code !== undefined) return sentenceForState(code);
  if (error instanceof Refusal) return error.message;
  const { code: system, message = '' } = error as { code?: string; message?: string };
  switch (system) {
    case 'ECONNREFUSED':
      return 'Nothing listens at its host and port. Start PostgreSQL, or correct the URL.';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'Its host name is not known. Correct the URL, or check the network.';
    case 'ENOENT':
    case 'EACCES':
      return `A file that the URL names can't be read (${system}): a certificate, or the server's socket.`;
    case undefined:
      break;
    default:
      return /CERT|SELF_SIGNED|TLS|SSL/.test(system)
        ? `Its TLS certificate is not accepted (${system}). Give its authority with sslrootcert in the URL.`
        : `It can't be reached (${system}). Check the host, the port and the network.`;
  }
  if (/time/i.test(message)) return 'It does not answer. Check the host, the port and the firewall.';
  if (/SSL|TLS/.test(message)) return 'It accepts no TLS. Correct sslmode in the URL.';
  if (/SASL|password/i.test(message)) return 'It asks for a password. Put it into the URL.';
  return 'The connection was closed. Check that the port is that of PostgreSQL.';
}

function sentenceForState(code: string): string {
  switch (code) {
    case '28P01':
    case '28000':
      return `It refuses the user or the password (${code}). Correct the URL, or pg_hba.conf of the server.`;
    case '3D000':
      return 'The server has no database of that name. Create it, or correct the URL.';
    case '42501':
      return 'Its user may not make tables. As its owner: GRANT CREATE, USAGE ON SCHEMA public TO the user.';
    case '25006':
      return 'It can only be read. Use the URL of the primary server.';
    case '53300':
      return 'It has no connection left. Raise max_connections, or stop other programs.';
    case '57P03':
      return 'It is still starting. Try again in a minute.';
    case '55P03':
    case '57014':
      return 'Another process holds it. Wait until that has upgraded the tables, and start again.';
    default:
      return `It answered with error ${code}. See the log of PostgreSQL.`;
  }
}
