import { setTimeout as sleep } from 'node:timers/promises';
import pg, { type Pool, type PoolClient } from 'pg';
import { StoreUnavailable } from '../store.ts';
import { isMomentary, toFault } from './faults.ts';

/** PostgreSQL ends a wait for a lock, and any other statement, before the patience of a work is over. */
const LOCK_MS = 3000;
const STATEMENT_MS = 3500;
/** PostgreSQL ends a transaction that is idle for this long. So a machine that has died holds no locks. */
const IDLE_IN_TRANSACTION_MS = 5000;
const CONNECT_MS = 3000;
/** A connection that is not used for this long is closed. */
const IDLE_CONNECTION_MS = 10_000;
/** An older connection is replaced, so that after a failover the processes find the new server. */
const CONNECTION_LIFETIME_SECONDS = 1800;
const RETRY_MS = 50;
const LEAST_MS = 20;
const TOO_LATE = 'The database did not take the work in time.';

const INT8 = 20;

/** The connections of this process to the database. */
export class Connections {
  readonly #pool: Pool;

  constructor(url: string, most: number) {
    this.#pool = new pg.Pool({
      connectionString: url,
      application_name: 'two-factor-demo',
      pipeline: true,
      keepAlive: true,
      max: most,
      connectionTimeoutMillis: CONNECT_MS,
      idleTimeoutMillis: IDLE_CONNECTION_MS,
      maxLifetimeSeconds: CONNECTION_LIFETIME_SECONDS,
      lock_timeout: LOCK_MS,
      statement_timeout: STATEMENT_MS,
      idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
      types: { getTypeParser: typeParser },
    });
    // The pool drops a connection that breaks while it is idle. One that breaks in use fails its work.
    this.#pool.on('error', () => undefined);
    this.#pool.on('connect', (client) => client.on('error', () => undefined));
  }

  /**
   * Takes a connection. Tries again if the server has no connection left at the moment. Throws StoreUnavailable if it still
   * has none at `giveUpAtMs`.
   */
  async take(giveUpAtMs: number): Promise<PoolClient> {
    for (;;) {
      // A work that comes so late could only cut the connection that it gets.
      if (performance.now() + LEAST_MS >= giveUpAtMs) throw new StoreUnavailable(TOO_LATE);
      try {
        return await this.#takeOnce(giveUpAtMs);
      } catch (error) {
        if (error instanceof StoreUnavailable) throw error;
        const isLate = performance.now() + RETRY_MS >= giveUpAtMs;
        if (isLate || !isMomentary(error)) throw toFault(error);
      }
      await sleep(RETRY_MS);
    }
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  #takeOnce(giveUpAtMs: number): Promise<PoolClient> {
    return new Promise((resolve, reject) => {
      let isLate = false;
      const timer = setTimeout(() => {
        isLate = true;
        reject(new StoreUnavailable(TOO_LATE));
      }, giveUpAtMs - performance.now());
      this.#pool.connect().then(
        (client) => {
          clearTimeout(timer);
          if (isLate) client.release();
          else resolve(client);
        },
        (error) => {
          clearTimeout(timer);
          reject(error);
        },
      );
    });
  }
}

/** Reads bigint as a number: times and counts are far below 2 ** 53. */
function typeParser(oid: number, format?: 'text' | 'binary') {
  return oid === INT8 ? Number : pg.types.getTypeParser(oid, format);
}
