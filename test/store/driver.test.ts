import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { ROOT } from '../support/site.ts';

/** Creates an installation whose better-sqlite3 has no binary. Returns its folder, and the folder of the binary. */
function installation(): { folder: string; binary: string } {
  const folder = temporaryFolder();
  const modules = join(ROOT, 'node_modules');
  mkdirSync(join(folder, 'node_modules'));
  for (const name of readdirSync(modules)) {
    if (name === 'better-sqlite3') continue;
    symlinkSync(join(modules, name), join(folder, 'node_modules', name));
  }
  for (const part of ['package.json', 'lib'])
    cpSync(join(modules, 'better-sqlite3', part), join(folder, 'node_modules', 'better-sqlite3', part), {
      recursive: true,
    });
  cpSync(join(ROOT, 'dist'), join(folder, 'dist'), { recursive: true });
  for (const name of ['views', 'public']) symlinkSync(join(ROOT, name), join(folder, name));
  cpSync(join(ROOT, 'package.json'), join(folder, 'package.json'));
  return { folder, binary: join(folder, 'node_modules', 'better-sqlite3', 'build', 'Release') };
}

/** Runs a program of the installation. Returns its exit code and what it printed. */
function run(
  folder: string,
  program: string,
  ...args: string[]
): Promise<{ code: unknown; printed: string }> {
  const options = {
    cwd: folder,
    env: { PATH: process.env.PATH, DATABASE_URL: 'file:users.db' },
    timeout: 30_000,
  };
  return new Promise((resolve) => {
    execFile(process.execPath, [join(folder, 'dist', program), ...args], options, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, printed: stdout + stderr }),
    );
  });
}

test.each([
  ['has no binary, as after npm ci --ignore-scripts', undefined],
  ['has a binary of another version of Node.js', 'another binary'],
])('a start says how to mend a better-sqlite3 that %s', async (_what, content) => {
  const { folder, binary } = installation();
  if (content !== undefined) {
    mkdirSync(binary, { recursive: true });
    writeFileSync(join(binary, 'better_sqlite3.node'), content);
  }
  writeFileSync(join(folder, 'users.db'), '');
  for (const [program, ...args] of [['main.js'], ['commands/backup.js', 'copy.db']] as const) {
    const { code, printed } = await run(folder, program, ...args);
    expect({ program, code, printed }).toEqual({
      program,
      code: 1,
      printed: expect.stringMatching(/^better-sqlite3 has no binary .*Run `npm rebuild better-sqlite3`.*\n$/),
    });
  }
});
