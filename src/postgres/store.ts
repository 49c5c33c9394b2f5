import { setTimeout as sleep } from 'node:timers/promises';
import pg, { type Pool, type PoolClient } from 'pg';
import { type Store, StoreUnavailable, type TransactOptions, type Tx } from '../store.ts';
import { isMomentary, toFault } from './faults.ts';
import { Lanes } from './lanes.ts';
import { Loaded, statementsFor } from './loaded.ts';
import { KeySlots } from './slots.ts';
import { prepareDatabase } from './start.ts';
import { isConflict, Trips } from './trips.ts';
import { PostgresTx } from './tx.ts';

/** Options of the store. Times are milliseconds. */
export interface PostgresStoreOptions {
  /** The most connections of this process. */
  readonly connections?: number;
  /** A work that has no answer from the database by then is refused as unavailable. */
  readonly patienceMs?: number;
  /** A work that waits for anything but its `tx` for longer is rolled back. */
  readonly workMs?: number;
  /** If false, `tx.nowMs` is undefined, so that a test's own clock counts. */
  readonly hasClock?: boolean;
}

// Measured: five connections make as many sign-ins as 20 on a database with two cores. Ten leave room for waits.
const DEFAULTS = { connections: 10, patienceMs: 4000, workMs: 1000, hasClock: true };
/** PostgreSQL ends a wait for a lock, and any other statement, before the patience of a work is over. */
const LOCK_MS = 3000;
const STATEMENT_MS = 3500;
/** PostgreSQL ends a transaction that is idle for this long. So a machine that has died holds no locks. */
const IDLE_IN_TRANSACTION_MS = 5000;
const CONNECT_MS = 3000;
/** A connection that is not used for this long is closed. */
const IDLE_CONNECTION_MS = 60_000;
/** An older connection is replaced, so that after a failover the processes find the new server. */
const CONNECTION_LIFETIME_SECONDS = 1800;
const RETRY_MS = 50;

const INT8 = 20;

/**
 * Opens the database at a `postgres://` URL, and makes or upgrades its tables. Throws an Error with a sentence for the
 * operator within 20 s if the database can't be used. The sentence never contains the password.
 */
export async function openPostgresStore(url: string, options: PostgresStoreOptions = {}): Promise<Store> {
  const saltKey = await prepareDatabase(url);
  return new PostgresStore(url, saltKey, { ...DEFAULTS, ...options });
}

class PostgresStore implements Store {
  readonly saltKey: Uint8Array;
  readonly #options: Required<PostgresStoreOptions>;
  readonly #pool: Pool;
  readonly #lanes = new Lanes();
  readonly #works = new Set<Promise<unknown>>();
  #isClosed = false;

  constructor(url: string, saltKey: Uint8Array, options: Required<PostgresStoreOptions>) {
    this.saltKey = saltKey;
    this.#options = options;
    this.#pool = new pg.Pool({
      connectionString: url,
      application_name: 'two-factor-demo',
      pipeline: true,
      keepAlive: true,
      max: options.connections,
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

  transact<Result>(work: (tx: Tx) => Promise<Result>, options: TransactOptions = {}): Promise<Result> {
    if (this.#isClosed) return Promise.reject(new StoreUnavailable('The database is closed.'));
    const giveUpAtMs = performance.now() + this.#options.patienceMs;
    const running = this.#lanes.run(laneOf(options), () => this.#runUntilDone(work, options, giveUpAtMs));
    this.#works.add(running);
    const forget = () => void this.#works.delete(running);
    running.then(forget, forget);
    return running;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await Promise.allSettled(this.#works);
    await this.#pool.end();
  }

  /** Runs the work again if works of other accounts were in its way. */
  async #runUntilDone<Result>(
    work: (tx: Tx) => Promise<Result>,
    options: TransactOptions,
    giveUpAtMs: number,
  ): Promise<Result> {
    let slots = new KeySlots();
    for (;;) {
      try {
        return await this.#runOnce(work, options, slots, giveUpAtMs);
      } catch (error) {
        if (!isConflict(error)) throw error;
        if (performance.now() >= giveUpAtMs) throw new StoreUnavailable((error as Error).message);
        slots = new KeySlots(slots.all());
      }
    }
  }

  async #runOnce<Result>(
    work: (tx: Tx) => Promise<Result>,
    { about, isLasting = true }: TransactOptions,
    slots: KeySlots,
    giveUpAtMs: number,
  ): Promise<Result> {
    const client = await this.#connect(giveUpAtMs);
    const trips = new Trips(client, giveUpAtMs, isLasting);
    try {
      const first = await trips.runAll(statementsFor(about, slots.all()));
      const loaded = new Loaded(about, first.at(-1)?.rows[0].loaded);
      const tx = new PostgresTx(trips, loaded, slots, this.#options.hasClock);
      const result = await within(this.#options.workMs, trips, work(tx)).finally(() => tx.end());
      await trips.commit();
      return result;
    } catch (error) {
      await trips.rollBack();
      throw error;
    } finally {
      client.release(trips.isBroken);
    }
  }

  /** Takes a connection from the pool. Tries again if the server has none left at the moment. */
  async #connect(giveUpAtMs: number): Promise<PoolClient> {
    for (;;) {
      try {
        return await this.#connectOnce(giveUpAtMs);
      } catch (error) {
        if (error instanceof StoreUnavailable) throw error;
        const isLate = performance.now() + RETRY_MS >= giveUpAtMs;
        if (isLate || !isMomentary(error)) throw toFault(error);
      }
      await sleep(RETRY_MS);
    }
  }

  #connectOnce(giveUpAtMs: number): Promise<PoolClient> {
    return new Promise((resolve, reject) => {
      let isLate = false;
      const timer = setTimeout(() => {
        isLate = true;
        reject(new StoreUnavailable('The database did not take the work in time.'));
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

/** An account has a lane by its email, and further ones by its flows and sessions. */
function laneOf({ about }: TransactOptions): string | undefined {
  if (about === undefined) return undefined;
  if ('flow' in about) return `flow ${about.flow}`;
  return 'session' in about ? `session ${about.session}` : `email ${about.email}`;
}

/** The work's result, or an Error if the work waits for anything but its transaction for `ms`. */
function within<Result>(ms: number, trips: Trips, result: Promise<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      if (trips.isUnderWay) return;
      reject(new Error(`A work took over ${ms} ms and was rolled back.`));
    }, ms);
    trips.onTrip(() => timer.refresh());
    result.then(resolve, reject).finally(() => {
      trips.onTrip(() => undefined);
      clearTimeout(timer);
    });
  });
}

/** Reads bigint as a number: times and counts are far below 2 ** 53. */
function typeParser(oid: number, format?: 'text' | 'binary') {
  return oid === INT8 ? Number : pg.types.getTypeParser(oid, format);
}
