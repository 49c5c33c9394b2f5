import type { Writable } from 'node:stream';
import type { PoolClient, QueryResult } from 'pg';
import { StoreUnavailable } from '../store.ts';
import { breaksConnection, Conflict, isDivision, isLockHeld, toFault } from './faults.ts';
import { SQL, type Statement } from './sql.ts';

type Values = readonly unknown[];
type Query = readonly [Statement, Values];
// biome-ignore lint/suspicious/noExplicitAny: each statement has a row type of its own.
type Row = any;

/** A work whose time is up still has this long to roll back, so that its connection is kept. */
const ROLLBACK_MS = 200;

// The isolation and the sync of commits are set here, whatever the database's defaults.
const BEGIN: Statement = {
  name: '',
  text: 'BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit = on',
};

/**
 * One transaction on a connection, in as few round trips as possible. Writes are queued. The next read sends them and itself
 * at once, so it sees them. The commit sends the rest.
 */
export class Trips {
  readonly #client: PoolClient;
  readonly #giveUpAtMs: number;
  readonly #isOpen: boolean;
  #queued: Query[] = [];
  #fault: unknown;
  #onTrip: (() => void) | undefined;
  #pending = 0;
  /** True if the connection must not be used again. */
  isBroken = false;

  /** `read`: each statement is its own transaction. `quick`: the commit does not wait for the disk. */
  constructor(client: PoolClient, giveUpAtMs: number, kind: 'lasting' | 'quick' | 'read') {
    this.#client = client;
    this.#giveUpAtMs = giveUpAtMs;
    this.#isOpen = kind !== 'read';
    if (this.#isOpen) this.queue(BEGIN);
    if (kind === 'quick') this.queue(SQL.syncNotAtCommit);
  }

  /** True while a trip is under way. */
  get isUnderWay(): boolean {
    return this.#pending > 0;
  }

  /** Calls `listener` after each trip. */
  onTrip(listener: () => void): void {
    this.#onTrip = listener;
  }

  /** Queues a write. If it fails, the commit fails. */
  queue(statement: Statement, values: Values = []): void {
    this.#queued.push([statement, values]);
  }

  /** Takes back the writes of a statement whose values begin with these. Returns how many they were. */
  unqueue(statement: Statement, ...values: Values): number {
    const kept = this.#queued.filter(
      ([queued, its]) => queued !== statement || values.some((value, index) => value !== its[index]),
    );
    const count = this.#queued.length - kept.length;
    this.#queued = kept;
    return count;
  }

  /** Sends what is queued, and then the statement. Returns the statement's rows. */
  async read(statement: Statement, values: Values = []): Promise<Row[]> {
    return (await this.run(statement, values)).rows;
  }

  /** As `read`, but returns the statement's whole result. */
  async run(statement: Statement, values: Values = []): Promise<QueryResult<Row>> {
    const [result] = await this.runAll([[statement, values]]);
    if (result === undefined) throw new Error('PostgreSQL gave no result.');
    return result;
  }

  /** As `run`, for several statements in one trip. */
  async runAll(queries: readonly Query[]): Promise<QueryResult<Row>[]> {
    if (this.#fault !== undefined) throw this.#fault;
    const sent = [...this.#queued, ...queries];
    this.#queued = [];
    const results = await this.#send(sent);
    return results.slice(results.length - queries.length);
  }

  /**
   * Commits, and returns the results of the last `count` queued statements. Throws if anything of the transaction failed.
   * Then nothing was changed, or the answer was lost.
   */
  async commit(count = 0): Promise<QueryResult<Row>[]> {
    const last = this.#queued.splice(this.#queued.length - count, count);
    const results = await this.runAll([...last, [SQL.commit, []]]);
    if (results.at(-1)?.command !== 'COMMIT')
      throw new StoreUnavailable('The database rolled the work back.');
    return results.slice(0, -1);
  }

  /** Undoes everything. A connection that can't do even that is broken. */
  async rollBack(): Promise<void> {
    if (this.isBroken || !this.#isOpen) return;
    this.#queued = [];
    this.#fault = undefined;
    await this.#send([[SQL.rollback, []]], ROLLBACK_MS).catch(() => {
      this.isBroken = true;
    });
  }

  async #send(queries: readonly Query[], leastMs = 1): Promise<QueryResult<Row>[]> {
    this.#pending += 1;
    // When the time is up, the driver cuts the connection, and so ends all that waits for it.
    const query_timeout = Math.max(leastMs, this.#giveUpAtMs - performance.now());
    const stream = streamOf(this.#client);
    // One write for the whole trip, in place of one for each statement.
    stream?.cork();
    const answers = queries.map(([{ name, text }, values], index) => {
      const isLast = index === queries.length - 1;
      const config = name === '' ? { text } : { name, text, values: [...values] };
      return this.#client.query<Row>(isLast ? { ...config, query_timeout } : config);
    });
    stream?.uncork();
    const settled = await Promise.allSettled(answers);
    this.#pending -= 1;
    this.#onTrip?.();
    // The first error is the cause. The statements behind it fail because of it.
    const first = settled.findIndex(({ status }) => status === 'rejected');
    const failed = settled[first];
    if (failed?.status === 'rejected') {
      this.isBroken ||= settled.some((one) => one.status === 'rejected' && breaksConnection(one.reason));
      const isOvertaken = queries[first]?.[0].name === 'assertNewestEvents' && isDivision(failed.reason);
      const isHeld = queries[first]?.[0].name === 'tryLockSlots' && isLockHeld(failed.reason);
      this.#fault ??=
        isHeld || isOvertaken ? new Conflict('Another work counts the same limit.') : toFault(failed.reason);
      throw this.#fault;
    }
    return settled.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  }
}

/** The socket of a connection. It is not among the driver's types, so a later driver may have none. */
function streamOf(client: PoolClient): Writable | undefined {
  return (client as unknown as { connection?: { stream?: Writable } }).connection?.stream;
}

/** True if the work may be run again. */
export function isConflict(error: unknown): error is Conflict {
  return error instanceof Conflict;
}
