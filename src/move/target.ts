import { createHash } from 'node:crypto';
import pg, { type Client } from 'pg';
import { sqlState } from '../postgres/faults.ts';
import { isUnfinishedMove, MIGRATIONS, migrate, Refusal } from '../postgres/migrations.ts';
import { assertServer, sentenceFor as sentenceForFault } from '../postgres/start.ts';
import { type Source, TABLES, type Table, type Value } from './source.ts';

const CONNECT_MS = 5000;
/** A move that was killed holds its locks until the server notices. */
const LOCK_MS = 10_000;
/** The server ends the transaction of a move whose machine has died. */
const IDLE_IN_TRANSACTION_MS = 60_000;
/** Rows of one statement: about a megabyte. */
const BATCH_ROWS = 2000;
/** Hexadecimal digits of a row's hash that its table's checksum adds up: they fit into 60 bits. */
const HASH_DIGITS = 15;

/** The number of a table's rows, and a sum of their hashes, which does not depend on their order. */
export interface Summary {
  readonly count: number;
  readonly checksum: string;
}

/** Reports how many rows of a table are copied. */
export type Progress = (table: Table, copied: number) => void;

interface Column {
  readonly name: string;
  /** PostgreSQL's name of the type. */
  readonly type: string;
}

/** Connects to the database at a `postgres://` URL, and calls `use`. Throws what `use` throws. */
export async function withTarget<Result>(
  url: string,
  use: (target: Target) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'two-factor-demo move',
    connectionTimeoutMillis: CONNECT_MS,
    keepAlive: true,
    lock_timeout: LOCK_MS,
    statement_timeout: 0,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await use(new Target(client));
  } finally {
    void client.end().catch(() => undefined);
  }
}

/** Returns a sentence for the operator about a fault of the target. Never the password. */
export function sentenceFor(error: unknown): string {
  switch (sqlState(error)) {
    case '55P03':
      return 'Another move to it is under way, or a server is starting on it. Wait until that has ended.';
    case '42P01':
      return 'Another move to it has ended in the meantime.';
    case '57014':
    case '57P01':
      return 'Its server has ended the work.';
    case '22021':
      return 'A text of the source has a character that PostgreSQL refuses.';
    default:
      return sentenceForFault(error);
  }
}

/** A PostgreSQL database that a source is moved to. */
class Target {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  /**
   * Makes the tables in an empty database. Marks them as an unfinished move, so that no server starts on them. Returns
   * false if the tables were there without that mark. Then nothing is changed.
   */
  async prepare(nowMs: number): Promise<boolean> {
    const query = this.#query;
    await this.#begin();
    await assertServer(query);
    const schema = await migrate(query, nowMs, { isMove: true });
    const isNew = schema === 0;
    if (isNew) await query('CREATE TABLE unfinished_move ()');
    const isReady = isNew || (await isUnfinishedMove(query));
    await query(isReady ? 'COMMIT' : 'ROLLBACK');
    if (!isReady && schema < MIGRATIONS.length)
      throw new Refusal(`It is in use, with schema ${schema}. ${EMPTY}`);
    return isReady;
  }

  /** Copies all rows in one transaction. `check` gets the summaries of the copy, and throws if they are wrong. */
  async copy(
    source: Source,
    progress: Progress,
    check: (copied: Map<Table, Summary>, read: Map<Table, Summary>) => void,
  ) {
    await this.#begin();
    // Only one move at a time.
    await this.#query('LOCK TABLE unfinished_move IN ACCESS EXCLUSIVE MODE');
    await this.#query(`TRUNCATE ${TABLES.join(', ')}, leases RESTART IDENTITY`);
    const read = new Map<Table, Summary>();
    for (const table of TABLES) read.set(table, await this.#copyTable(source, table, progress));
    check(await this.summaries(source), read);
    await this.#query('DROP TABLE unfinished_move');
    await this.#query('COMMIT');
    await this.#query(`ANALYZE ${TABLES.join(', ')}`);
  }

  /** Counts the rows of each table, and adds up their hashes. */
  async summaries(source: Source): Promise<Map<Table, Summary>> {
    const summaries = new Map<Table, Summary>();
    for (const table of TABLES)
      summaries.set(table, await this.#summaryOf(table, await this.#columnsOf(source, table)));
    return summaries;
  }

  async #copyTable(source: Source, table: Table, progress: Progress): Promise<Summary> {
    const columns = await this.#columnsOf(source, table);
    const summary = new RunningSummary();
    let batch: Value[][] = [];
    for (const row of source.rowsOf(table)) {
      summary.add(row);
      batch.push(row);
      if (batch.length < BATCH_ROWS) continue;
      await this.#insert(table, columns, batch);
      batch = [];
      progress(table, summary.count);
    }
    if (batch.length > 0) await this.#insert(table, columns, batch);
    progress(table, summary.count);
    return summary;
  }

  async #insert(table: Table, columns: readonly Column[], rows: readonly Value[][]): Promise<void> {
    const names = columns.map(({ name }) => name).join(', ');
    const arrays = columns.map(({ type }, index) => `$${index + 1}::${type}[]`).join(', ');
    await this.#query(
      `INSERT INTO ${table} (${names}) SELECT * FROM unnest(${arrays})`,
      columns.map((_, index) => rows.map((row) => row[index])),
    );
  }

  async #summaryOf(table: Table, columns: readonly Column[]): Promise<Summary> {
    const values = columns.map(({ name, type }) => {
      if (type === 'bytea') return `encode(${name}, 'hex')`;
      return type === 'boolean' ? `${name}::int` : name;
    });
    const hash = `encode(sha256(convert_to(json_build_array(${values.join(', ')})::text, 'UTF8')), 'hex')`;
    const { rows } = await this.#query(`
      SELECT count(*)::float8 AS count, coalesce(sum(('x0' || substr(${hash}, 1, ${HASH_DIGITS}))::bit(64)::bigint), 0)::text AS checksum
      FROM ${table}`);
    return rows[0] as unknown as Summary;
  }

  /** Returns the columns of the source with their types in the target. */
  async #columnsOf(source: Source, table: Table): Promise<Column[]> {
    const { rows } = await this.#query(
      `SELECT attname AS name, format_type(atttypid, NULL) AS type FROM pg_attribute
      WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped`,
      [table],
    );
    const types = new Map(rows.map(({ name, type }) => [name, String(type)]));
    return source.columnsOf(table).map((name) => ({ name, type: types.get(name) ?? 'text' }));
  }

  /** Whatever the defaults of the database are. */
  async #begin(): Promise<void> {
    await this.#query('BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE');
    await this.#query('SET LOCAL synchronous_commit = on');
  }

  readonly #query = (text: string, values?: unknown[]) => this.#client.query(text, values);
}

export type { Target };

const EMPTY = 'Choose an empty database.';

/** The summary of the rows that were read from a source so far. */
export class RunningSummary implements Summary {
  count = 0;
  #sum = 0n;

  add(row: readonly Value[]): void {
    this.count += 1;
    // The text of PostgreSQL's json_build_array.
    const text = `[${row.map(asJson).join(', ')}]`;
    this.#sum += BigInt(`0x${createHash('sha256').update(text).digest('hex').slice(0, HASH_DIGITS)}`);
  }

  get checksum(): string {
    return String(this.#sum);
  }
}

function asJson(value: Value): string {
  return JSON.stringify(value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value);
}
