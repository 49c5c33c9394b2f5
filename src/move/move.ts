import { Refusal } from '../postgres/migrations.ts';
import { openSource, type Source, SourceFault, TABLES, type Table } from './source.ts';
import { RunningSummary, type Summary, sentenceFor, type Target, withTarget } from './target.ts';

/** Further lines about a table that takes long. */
const PROGRESS_MS = 1000;

/**
 * Copies the SQLite database in the file `path` to the empty PostgreSQL database at `url`. Compares counts and checksums of
 * each table. Returns the number of accounts. Until all is copied and compared, no server starts on the target, and the move
 * can be run again. Throws an Error with a sentence for the operator, without the password, if the move was not done.
 */
export async function move(path: string, url: string, tell: (line: string) => void): Promise<number> {
  const source = openSource(path);
  try {
    await withTarget(url, (target) => moveTo(target, source, tell));
    return source.count('users');
  } catch (error) {
    if (error instanceof Refusal)
      throw new Error(`The move to ${withoutPassword(url)} was refused. ${error.message}`);
    if (error instanceof SourceFault) throw error;
    throw new Error(
      `The move to ${withoutPassword(url)} was not done. ${sentenceFor(error)} Then run it again.`,
    );
  } finally {
    source.close();
  }
}

async function moveTo(target: Target, source: Source, tell: (line: string) => void): Promise<void> {
  if (await target.prepare(Date.now())) {
    await target.copy(source, progressOf(source, tell), assertEqual);
    tell('All counts and checksums are equal.');
    return;
  }
  const read = new Map(TABLES.map((table) => [table, summaryOf(source, table)]));
  if (differences(await target.summaries(source), read).length > 0) {
    throw new Refusal(
      'It is in use: it has tables of this program, but no unfinished move, and differs from the source. Choose an empty database.',
    );
  }
  tell('The target has all rows of the source already. All counts and checksums are equal.');
}

/** Tells the rows of each table, and how far it is once a second. */
function progressOf(source: Source, tell: (line: string) => void) {
  let toldAtMs = performance.now();
  const counts = new Map(TABLES.map((table) => [table, source.count(table)]));
  return (table: Table, copied: number) => {
    const count = counts.get(table) ?? 0;
    if (copied < count && performance.now() - toldAtMs < PROGRESS_MS) return;
    toldAtMs = performance.now();
    tell(copied < count ? `${table}: ${copied} of ${count} rows` : `${table}: ${count} rows`);
  };
}

function summaryOf(source: Source, table: Table): Summary {
  const summary = new RunningSummary();
  for (const row of source.rowsOf(table)) summary.add(row);
  return summary;
}

function assertEqual(copied: Map<Table, Summary>, read: Map<Table, Summary>): void {
  const [table] = differences(copied, read);
  if (table === undefined) return;
  throw new Refusal(
    `The copy of the table ${table} differs from the source. Nothing was kept. Report this bug.`,
  );
}

function differences(copied: Map<Table, Summary>, read: Map<Table, Summary>): Table[] {
  return TABLES.filter((table) => {
    const [left, right] = [copied.get(table), read.get(table)];
    return left?.count !== right?.count || left?.checksum !== right?.checksum;
  });
}

/** Returns the URL with its user, host and database only. Other parts may be secret. */
export function withoutPassword(url: string): string {
  const { protocol, username, host, pathname } = new URL(url);
  return `${protocol}//${username && `${username}@`}${host}${pathname}`;
}
