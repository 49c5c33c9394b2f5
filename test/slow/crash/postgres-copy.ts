import { rmSync } from 'node:fs';
import Database from 'better-sqlite3';
import pg from 'pg';
import { openSqliteStore } from '../../../src/sqlite/store.ts';

const TABLES = ['users', 'seeds', 'lockouts', 'codes', 'flows', 'devices', 'sessions'];
const INT8 = 20;

/** Copies the rows of a PostgreSQL database to a new SQLite file. So the same SQL reads both. */
export async function copyToSqlite(url: string, path: string): Promise<void> {
  for (const end of ['', '-wal', '-shm']) rmSync(path + end, { force: true });
  await openSqliteStore(path).close();
  const to = new Database(path);
  const from = new pg.Client({ connectionString: url, types: { getTypeParser } });
  await from.connect();
  try {
    for (const table of TABLES) {
      const columns = to.pragma(`table_info(${table})`) as { name: string }[];
      const names = columns.map(({ name }) => name);
      const insert = to.prepare(`INSERT INTO ${table} (${names}) VALUES (${names.map(() => '?')})`);
      const { rows } = await from.query({ text: `SELECT ${names} FROM ${table}`, rowMode: 'array' });
      to.transaction(() => {
        for (const row of rows)
          insert.run(row.map((value: unknown) => (typeof value === 'boolean' ? Number(value) : value)));
      })();
    }
  } finally {
    await from.end();
    to.close();
  }
}

function getTypeParser(oid: number, format?: 'text' | 'binary') {
  return oid === INT8 ? Number : pg.types.getTypeParser(oid, format);
}
