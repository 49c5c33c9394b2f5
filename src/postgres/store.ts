import {
  type About,
  type Lease,
  type ReadTx,
  type Store,
  StoreUnavailable,
  type TransactOptions,
  type Tx,
} from '../store.ts';
import { Connections } from './connections.ts';
import { Lanes } from './lanes.ts';
import { Loaded, statementsFor } from './loaded.ts';
import { PostgresReadTx } from './read-tx.ts';
import { KeySlots } from './slots.ts';
import { SQL } from './sql.ts';
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

/** A work that is in the way of others at each of these tries is refused as unavailable. */
const MAX_TRIES = 20;
const DEFAULTS = { connections: 10, patienceMs: 4000, workMs: 1000, hasClock: true };

/**
 * Opens the database at a `postgres://` URL, and makes or upgrades its tables. Throws an Error with a sentence for the
 * operator within 20 s if the database can't be used. The sentence never contains the password.
 */
export async function openPostgresStore(url: string, options: PostgresStoreOptions = {}): Promise<Store> {
  const { saltKey, nowMs } = await prepareDatabase(url);
  return new PostgresStore(url, saltKey, nowMs, { ...DEFAULTS, ...options });
}

class PostgresStore implements Store {
  readonly saltKey: Uint8Array;
  readonly #options: Required<PostgresStoreOptions>;
  readonly #connections: Connections;
  readonly #lanes = new Lanes();
  readonly #works = new Set<Promise<unknown>>();
  /** The time of the database less that of this process's `performance.now()`, as last seen. */
  #clockMs: number;
  #isClosed = false;

  constructor(url: string, saltKey: Uint8Array, nowMs: number, options: Required<PostgresStoreOptions>) {
    this.saltKey = saltKey;
    this.#options = options;
    this.#clockMs = nowMs - performance.now();
    this.#connections = new Connections(url, options.connections);
  }

  transact<Result>(work: (tx: Tx) => Promise<Result>, options: TransactOptions = {}): Promise<Result> {
    return this.#track((giveUpAtMs) =>
      this.#lanes.run(laneOf(options.about), () => this.#runUntilDone(work, options, giveUpAtMs)),
    );
  }

  /** Uses the database's time as it was last seen, until the session is read. */
  read<Result>(work: (tx: ReadTx) => Promise<Result>): Promise<Result> {
    return this.#track((giveUpAtMs) =>
      this.#withTrips(giveUpAtMs, 'read', async (trips) => {
        const nowMs = Math.floor(this.#clockMs + performance.now());
        const tx = new PostgresReadTx(trips, nowMs, this.#options.hasClock);
        return within(this.#options.workMs, trips, work(tx)).finally(() => tx.end());
      }),
    );
  }

  lease(key: string, block: number, most: number, windowMs: number): Promise<Lease> {
    return this.#track((giveUpAtMs) =>
      // After a power failure the window may begin again.
      this.#withTrips(giveUpAtMs, 'quick', async (trips) => {
        trips.queue(SQL.lease, [key, block, most, windowMs]);
        const [leased] = await trips.commit(1);
        const { count, ends_in_ms: endsInMs } = leased?.rows[0] ?? {};
        return { granted: Math.max(0, Math.min(block, most - (count - block))), endsInMs };
      }),
    );
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await Promise.allSettled(this.#works);
    await this.#connections.close();
  }

  #track<Result>(run: (giveUpAtMs: number) => Promise<Result>): Promise<Result> {
    if (this.#isClosed) return Promise.reject(new StoreUnavailable('The database is closed.'));
    const running = run(performance.now() + this.#options.patienceMs);
    this.#works.add(running);
    const forget = () => void this.#works.delete(running);
    running.then(forget, forget);
    return running;
  }

  /** Runs the work again if works of other accounts were in its way. */
  async #runUntilDone<Result>(
    work: (tx: Tx) => Promise<Result>,
    { about, isLasting = true }: TransactOptions,
    giveUpAtMs: number,
  ): Promise<Result> {
    let slots = new KeySlots();
    let tries = 0;
    for (;;) {
      try {
        return await this.#withTrips(giveUpAtMs, isLasting ? 'lasting' : 'quick', (trips) =>
          this.#runWork(work, about, slots, trips),
        );
      } catch (error) {
        if (!isConflict(error)) throw error;
        tries += 1;
        if (tries >= MAX_TRIES || performance.now() >= giveUpAtMs) throw new StoreUnavailable(error.message);
        slots = new KeySlots(slots.all());
      }
    }
  }

  async #runWork<Result>(
    work: (tx: Tx) => Promise<Result>,
    about: About | undefined,
    slots: KeySlots,
    trips: Trips,
  ): Promise<Result> {
    const first = await trips.runAll(statementsFor(about, slots.all()));
    const loaded = new Loaded(about, first.at(-1)?.rows[0].loaded);
    this.#clockMs = loaded.nowMs - performance.now();
    const tx = new PostgresTx(trips, loaded, slots, this.#options.hasClock);
    const result = await within(this.#options.workMs, trips, work(tx)).finally(() => tx.end());
    // Without a change there is nothing to wait for until it is on disk.
    await (tx.hasWritten ? trips.commit() : trips.run(SQL.rollback));
    return result;
  }

  async #withTrips<Result>(
    giveUpAtMs: number,
    kind: 'lasting' | 'quick' | 'read',
    use: (trips: Trips) => Promise<Result>,
  ): Promise<Result> {
    const client = await this.#connections.take(giveUpAtMs);
    const trips = new Trips(client, giveUpAtMs, kind);
    try {
      return await use(trips);
    } catch (error) {
      await trips.rollBack();
      throw error;
    } finally {
      client.release(trips.isBroken);
    }
  }
}

/** An account has a lane by its email, and further ones by its flows and sessions. */
function laneOf(about: About | undefined): string | undefined {
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
