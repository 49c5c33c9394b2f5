import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { freePort } from '../free-port.ts';

/** Starts the built program in its own folder, without request limits. `env` has more variables. */
export async function startServer(
  env: Record<string, string> = {},
): Promise<{ origin: string; stop: () => void }> {
  const cwd = mkdtempSync(join(tmpdir(), 'two-factor-'));
  // Otherwise the program reads the developer's own .env.
  writeFileSync(join(cwd, '.env'), '');
  const port = await freePort();
  const program = spawn(process.execPath, [resolve('dist', 'main.js')], {
    cwd,
    env: { PATH: process.env.PATH, PORT: String(port), RATE_LIMITS: 'off', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const stop = () => {
    program.once('exit', () => rmSync(cwd, { recursive: true, force: true }));
    program.kill();
  };
  for await (const text of program.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    if (String(text).includes(' is at ')) break;
  }
  program.stdout.resume();
  return { origin: `http://localhost:${port}`, stop };
}
