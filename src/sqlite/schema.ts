import Database from 'better-sqlite3';
import { migrate, schemaIn } from './migrations.ts';

/**
 * Early versions recorded the same schema numbers for other tables. These are the columns that they lack, each with the
 * expression that fills it.
 */
const FILLED: Record<string, string> = {
  'seeds.network': 'address',
  'codes.reason': 'NULL',
  'codes.is_in_outage': '0',
  'codes.is_held_back': '0',
  'codes.is_own': '0',
  'events.number': 'row_number() OVER (PARTITION BY key ORDER BY at_ms)',
  'users.known_since_ms': '(SELECT min(known_since_ms) FROM devices WHERE devices.email = users.email)',
  'users.generation': 'session_generation',
  'devices.generation':
    'coalesce((SELECT session_generation FROM users WHERE users.email = devices.email), 0)',
};
/** The columns of early versions that no released table has. `FILLED` uses their values. */
const SPARE = new Set(['seeds.address', 'users.session_generation', 'devices.known_since_ms']);

interface Column {
  name: string;
  type: string;
  notnull: number;
  dflt_value: string | null;
  pk: number;
}

/** A table of a released schema, and the statements that make it and its indexes. */
interface ReleasedTable {
  readonly name: string;
  readonly columns: readonly string[];
  readonly shape: string;
  readonly create: string;
  readonly createIndexes: readonly string[];
}

/**
 * Returns the tables that differ from those of the schema that the database records. Throws an Error with a sentence for
 * the operator if no early version made them so. It only reads.
 */
export function differingTables(db: Database.Database): ReleasedTable[] {
  const number = schemaIn(db);
  const differing = tablesOf(number).filter(({ name, shape }) => shapeOf(db, name) !== shape);
  const foreign = differing.filter((table) => !isOfEarlyVersion(db, table)).map(({ name }) => name);
  if (foreign.length === 0) return differing;
  throw new Error(
    `It records schema ${number}, but these tables differ from that: ${foreign.join(', ')}. ` +
      'Nothing was changed. Restore a backup, or run the version that made it.',
  );
}

/**
 * Rebuilds tables of early versions as the recorded schema has them, with their rows. Needs an open transaction. Foreign keys
 * must be off: otherwise dropping an old table deletes the rows that refer to it.
 */
export function rebuild(db: Database.Database, tables: readonly ReleasedTable[]): void {
  for (const { name, columns, create } of tables) {
    const own = columnsOf(db, name);
    const values = columns.map((column) => (own.includes(column) ? column : FILLED[`${name}.${column}`]));
    db.exec(create.replace(/^CREATE TABLE "?\w+"?/, `CREATE TABLE new_${name}`));
    db.exec(`INSERT INTO new_${name} (${columns.join()}) SELECT ${values.join()} FROM ${name}`);
  }
  for (const { name, createIndexes } of tables) {
    db.exec(`DROP TABLE ${name}`);
    db.exec(`ALTER TABLE new_${name} RENAME TO ${name}`);
    for (const create of createIndexes) db.exec(create);
  }
}

function isOfEarlyVersion(db: Database.Database, { name, columns }: ReleasedTable): boolean {
  const own = columnsOf(db, name);
  const isFilled = columns.every((column) => own.includes(column) || `${name}.${column}` in FILLED);
  const isSpare = own.every((column) => columns.includes(column) || SPARE.has(`${name}.${column}`));
  return own.length > 0 && isFilled && isSpare;
}

function tablesOf(number: number): ReleasedTable[] {
  const db = new Database(':memory:');
  try {
    migrate(db, 0, number);
    const sqlOf = db.prepare<[string, string], string>(
      'SELECT sql FROM sqlite_schema WHERE type = ? AND tbl_name = ? AND sql IS NOT NULL',
    );
    const names = db.prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all();
    return names.map((name) => ({
      name,
      columns: columnsOf(db, name),
      shape: shapeOf(db, name),
      create: sqlOf.pluck().get('table', name) ?? '',
      createIndexes: sqlOf.pluck().all('index', name),
    }));
  } finally {
    db.close();
  }
}

function columnsOf(db: Database.Database, table: string): string[] {
  return (db.pragma(`table_xinfo(${table})`) as Column[]).map(({ name }) => name);
}

/** A text that is equal for tables with equal columns and indexes. Ignores an operator's own indexes. */
function shapeOf(db: Database.Database, table: string): string {
  const [kind] = db.pragma(`table_list(${table})`) as { wr: number; strict: number }[];
  const columns = (db.pragma(`table_xinfo(${table})`) as Column[]).map(
    ({ name, type, notnull, dflt_value, pk }) => [name, type, notnull, dflt_value, pk],
  );
  const indexes = (db.pragma(`index_list(${table})`) as { name: string; unique: number; partial: number }[])
    .filter(({ name }) => name.startsWith(`${table}_by_`))
    .map(({ name, unique, partial }) => [name, unique, partial, db.pragma(`index_info(${name})`)]);
  return JSON.stringify([kind?.wr, kind?.strict, columns, indexes.sort()]);
}
