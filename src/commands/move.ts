import { parseArgs } from 'node:util';
import { databaseAt } from '../config.ts';
import { SourceFault, useOf } from '../move/source.ts';

const USAGE = `Moves a SQLite database to an empty PostgreSQL database: npm run move -- file:data/users.db postgres://user:password@host/database
Stop the program first. With --yes it may run, but what users change after the start of the move is lost.
Other directions are not possible.`;

const NEXT = `Next:
1. Set DATABASE_URL to the target, and keep APP_SECRET. Codes on their way need the same one.
2. Start the program. Users stay signed in, and their devices stay known.
3. Keep the source as a backup. Don't start the program on it again: what is written there is not moved.`;

/** Wrong arguments. The exit status is 2. */
class UsageError extends Error {}

interface Arguments {
  readonly path: string;
  readonly url: string;
  readonly isForced: boolean;
}

/** Moves a SQLite database to PostgreSQL. Exits with 0 if it was moved, 1 if it was not, and 2 after wrong arguments. */
async function main(): Promise<void> {
  const { path, url, isForced } = readArguments();
  process.umask(0o077);
  if (!isForced) assertUnused(path);
  const { move, withoutPassword } = await import('../move/move.ts').catch((error) => {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new Error('PostgreSQL needs a package that is not installed: npm install pg');
  });
  console.log(`Moving ${path} to ${withoutPassword(url)}.`);
  const accounts = await move(path, url, (line) => console.log(`  ${line}`));
  console.log(`Moved ${accounts} account${accounts === 1 ? '' : 's'}. The source is as it was.\n${NEXT}`);
}

function readArguments(): Arguments {
  const { positionals, values } = parse();
  const [from, to, ...rest] = positionals;
  if (from === undefined || to === undefined || rest.length > 0) throw new UsageError(USAGE);
  const [source, target] = [from, to].map((url) => databaseAt(url, process.cwd()));
  if (source?.kind !== 'sqlite') throw new UsageError(`The source must be file: and a path.\n${USAGE}`);
  if (target?.kind !== 'postgres') {
    throw new UsageError(`The target must be postgres://user:password@host/database.\n${USAGE}`);
  }
  return { path: source.path, url: target.url, isForced: values.yes };
}

function parse() {
  try {
    return parseArgs({ allowPositionals: true, options: { yes: { type: 'boolean', default: false } } });
  } catch {
    throw new UsageError(USAGE);
  }
}

function assertUnused(path: string): void {
  const use = useOf(path);
  if (use === 'closed') return;
  throw new SourceFault(
    use === 'open'
      ? `A program has ${path} open. Stop it and run the move again. If it must go on, add --yes: what users change from now on is lost.`
      : `A program has ${path} open, or was killed. Stop it. If none runs, add --yes and run the move again.`,
  );
}

await main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = error instanceof UsageError ? 2 : 1;
});
