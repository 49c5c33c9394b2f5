import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { freePort } from '../../../tools/free-port.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { ROOT } from '../../support/site.ts';

/** Copies the built program and the command to a folder whose `data` is its own. */
function installed(): string {
  const root = temporaryFolder();
  // As root, the server runs as another user.
  chmodSync(root, 0o755);
  for (const name of ['package.json', 'dist', 'views', 'public']) {
    cpSync(join(ROOT, name), join(root, name), { recursive: true });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'));
  writeFileSync(join(root, '.env'), '');
  const bundled = spawnSync(
    'npm',
    [
      'run',
      '-s',
      'bundle',
      '--',
      'tools/dev-postgres.ts',
      `--outfile=${join(root, 'dist', 'dev-postgres.js')}`,
    ],
    { cwd: ROOT, encoding: 'utf8' },
  );
  expect(bundled.status, bundled.stderr).toBe(0);
  return root;
}

/** Runs the command in a process group of its own, until it has been interrupted as by Ctrl-C. Returns what it printed. */
async function runOnce(root: string): Promise<string> {
  const port = await freePort();
  const child = spawn(process.execPath, ['dist/dev-postgres.js'], {
    cwd: root,
    detached: true,
    env: { PATH: process.env.PATH, PORT: String(port) },
  });
  const group = -Number(child.pid);
  onTestFinished(() => {
    if (child.exitCode === null) process.kill(group, 'SIGKILL');
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk) => {
      output += chunk;
    });
  }
  const page = () =>
    fetch(`http://localhost:${port}/`).then(
      ({ status }) => status,
      () => (child.exitCode === null ? undefined : output),
    );
  await expect.poll(page).toBe(200);
  const ended = once(child, 'exit');
  process.kill(group, 'SIGINT');
  expect(await ended).toEqual([0, null]);
  return output;
}

test('one command runs the app on a PostgreSQL with lasting data, and Ctrl-C stops both', async () => {
  const root = installed();
  const first = await runOnce(root);
  expect(first).toContain('PostgreSQL at 127.0.0.1');
  expect(first.trim()).toMatch(/Stopped\.$/);
  // The second run finds the data, its password and its secret.
  expect((await runOnce(root)).trim()).toMatch(/Stopped\.$/);
  const left = spawnSync('pgrep', ['-f', join(root, 'data', 'postgres')], { encoding: 'utf8' });
  expect(left.stdout).toBe('');
});
