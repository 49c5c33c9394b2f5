import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { freePort } from '../../tools/free-port.ts';
import { temporaryFolder } from './folder.ts';
import { ROOT } from './site.ts';

/** The built program, running in its own process. */
export interface Program {
  readonly origin: string;
  readonly port: number;
  readonly process: ChildProcess;
  /** Everything that it has printed. */
  output(): string;
  /** Settles with the exit code once the process has ended. */
  ended(): Promise<number | null>;
}

/** A code that the console sender has printed, and the number that it was sent to. */
export interface PrintedCode {
  readonly phone: string;
  readonly code: string;
  readonly purpose: 'unlock' | 'reset';
}

/** Hands over every code that the program prints from now on. */
export function onPrintedCode({ process }: Program, take: (printed: PrintedCode) => void): void {
  let rest = '';
  let phone = '';
  process.stdout?.on('data', (chunk: string) => {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      phone = /^│ Text message to (\S+)/.exec(line)?.[1] ?? phone;
      const [, code, verb] = /^│ .*: (\d{6}) is your code to (unlock|set)/.exec(line) ?? [];
      if (code !== undefined) take({ phone, code, purpose: verb === 'unlock' ? 'unlock' : 'reset' });
    }
  });
}

/** Makes an empty `.env` in a folder without one, so that a program there does not read the developer's. */
function shieldFromEnvFile(cwd: string, root: string): void {
  if (root === ROOT && !existsSync(join(cwd, '.env'))) writeFileSync(join(cwd, '.env'), '');
}

/** Runs a built script, such as `commands/backup`, until it ends. */
export async function runCommand(
  script: string,
  args: readonly string[] = [],
  env: Record<string, string> = {},
  cwd = temporaryFolder(),
  root = ROOT,
): Promise<{ code: number | null; output: string }> {
  shieldFromEnvFile(cwd, root);
  const child = spawn(process.execPath, [join(root, 'dist', `${script}.js`), ...args], {
    cwd,
    env: { PATH: process.env.PATH, ...env },
  });
  onTestFinished(() => void child.kill());
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk) => {
      output += chunk;
    });
  }
  const [code] = await once(child, 'close');
  return { code, output };
}

/**
 * Runs the built program in a folder of its own until the test ends. Of this process's environment it gets only PATH. `through`
 * is a command that runs the command behind it, as `strace` does. `root` is the folder of the program.
 */
export async function runProgram(
  env: Record<string, string> = {},
  cwd = temporaryFolder(),
  through: readonly string[] = [],
  root = ROOT,
): Promise<Program> {
  shieldFromEnvFile(cwd, root);
  const port = Number(env.PORT ?? (await freePort()));
  const node = [process.execPath, '--enable-source-maps', join(root, 'dist', 'main.js')];
  const [command = '', ...args] = [...through, ...node];
  const child = spawn(command, args, {
    cwd,
    env: { PATH: process.env.PATH, PORT: String(port), ...env },
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk) => {
      printed += chunk;
    });
  }
  const ended = once(child, 'close').then(([code]) => code as number | null);
  onTestFinished(async () => {
    // An orderly stop waits for idle connections. A tracer has to end its program itself.
    child.kill(through.length === 0 ? 'SIGKILL' : 'SIGTERM');
    await ended;
  });
  return {
    origin: `http://localhost:${port}`,
    port,
    process: child,
    output: () => printed,
    ended: () => ended,
  };
}

/** As `runProgram`, once it listens. */
export async function startProgram(
  env: Record<string, string> = {},
  cwd?: string,
  through?: readonly string[],
  root?: string,
): Promise<Program> {
  const program = await runProgram(env, cwd, through, root);
  const listens = new Promise<void>((resolve) => {
    program.process.stdout?.on('data', function look() {
      if (!program.output().includes(' is at ')) return;
      program.process.stdout?.off('data', look);
      resolve();
    });
  });
  await Promise.race([listens, program.ended()]);
  if (!program.output().includes(' is at ')) throw new Error(`It did not start:\n${program.output()}`);
  return program;
}
