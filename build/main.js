/**
 * Builds the server into `dist` and the files of the pages into `public/assets`. Each file gets its name when it is complete.
 * So several builds and starts can run at once. With `--if-possible` it only checks for a build if the compiler is missing.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

const OUT = 'dist';
const PART = '.build-';
/** A part that is older was left by a build that was interrupted. */
const PART_LIFETIME_MS = 3_600_000;

process.chdir(join(import.meta.dirname, '..'));
const isPossible = existsSync('node_modules/typescript') && existsSync('node_modules/esbuild');
if (isPossible) await build();
else if (!process.argv.includes('--if-possible') || !existsSync(join(OUT, 'main.js'))) {
  console.error(
    'There is no complete build, and the packages that make one are missing: npm ci && npm run build',
  );
  process.exitCode = 1;
}

async function build() {
  for (const name of readdirSync('.')) if (name.startsWith(PART)) removeOld(name);
  // Beside `dist`, so that source maps name the same relative paths, and a rename is possible.
  const part = mkdtempSync(PART);
  try {
    await buildIn(part);
  } catch (error) {
    // The compilers have printed the errors of the code.
    if (error.status === undefined && error.errors === undefined) throw error;
    process.exitCode = 1;
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
}

async function buildIn(part) {
  const run = (...args) => execFileSync(process.execPath, args, { stdio: 'inherit' });
  run('node_modules/typescript/bin/tsc', '-p', 'tsconfig.json', '--noEmit', 'false', '--outDir', part);
  move(part, OUT);
  const { buildSync } = await import('esbuild');
  const page = join(part, 'page.js');
  const options = { bundle: true, platform: 'node', format: 'esm', packages: 'external' };
  buildSync({ ...options, entryPoints: ['build/page.ts'], outfile: page, logLevel: 'warning' });
  run(page);
}

/** Moves each file of a folder to the same place in another one. */
function move(from, to) {
  for (const entry of readdirSync(from, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const target = join(to, path.slice(from.length));
    mkdirSync(dirname(target), { recursive: true });
    renameSync(path, target);
  }
}

function removeOld(part) {
  const { mtimeMs } = statSync(part, { throwIfNoEntry: false }) ?? { mtimeMs: Date.now() };
  if (Date.now() - mtimeMs > PART_LIFETIME_MS) rmSync(part, { recursive: true, force: true });
}
