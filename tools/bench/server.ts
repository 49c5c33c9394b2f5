import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { median } from '../statistics.ts';
import { type Contender, PASSWORD } from './contenders.ts';

/** The project's own folder: the bundle of the benchmark is in `dist`. */
export const ROOT = join(import.meta.dirname, '..');

const SERVER_CORE = '0';
const LOAD_CORE = '1';

/** A running server, which rests until it is woken. */
export interface Server {
  readonly port: number;
  /** Lets it run, or holds it, so that it takes nothing from the one that is measured. */
  wake(): void;
  rest(): void;
  /** What its process and all threads of it have used of the processor so far; NaN where the system does not say. */
  cpuMs(): number;
  /** The most memory that was resident since it was woken; NaN where the system does not say. */
  memoryMiB(): number;
  /** Asks it to end, and settles once it has. */
  stop(): Promise<void>;
}

/** Keeps this process, and what it starts, on one core, so that servers have the other. False where that can't be done. */
export function pinLoad(): boolean {
  if (process.platform !== 'linux') return false;
  const { status } = spawnSync('taskset', ['-a', '-c', '-p', LOAD_CORE, String(process.pid)]);
  return status === 0;
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts a server in its folder below `folder` with its own core where `isPinned`, and settles once it listens. */
export async function startServer(
  contender: Contender,
  options: {
    folder: string;
    accounts: number;
    isPinned: boolean;
    nodeFlags?: readonly string[];
    env?: Record<string, string>;
  },
): Promise<Server> {
  const cwd = join(options.folder, contender.name);
  mkdirSync(cwd, { recursive: true });
  const port = await freePort();
  const [script = '', ...rest] = contender.script;
  const command = [process.execPath, ...(options.nodeFlags ?? []), join(ROOT, script), ...rest];
  const [program = '', ...args] = options.isPinned ? ['taskset', '-c', SERVER_CORE, ...command] : command;
  const output = openSync(join(cwd, 'output.log'), 'w');
  const child = spawn(program, args, {
    cwd,
    stdio: ['ignore', output, output],
    env: {
      PATH: process.env.PATH,
      NODE_ENV: 'production',
      PORT: String(port),
      RATE_LIMITS: 'off',
      SMS_SENDER: 'console',
      BENCH_ACCOUNTS: String(options.accounts),
      BENCH_PASSWORD: PASSWORD,
      ...options.env,
    },
  });
  running.add(child);
  const ended = once(child, 'close').then(() => running.delete(child));
  await answering(port, child).catch((error) => {
    throw new Error(
      `${contender.name} did not start. ${error.message}\n${readFileSync(join(cwd, 'output.log'))}`,
    );
  });
  return {
    port,
    wake() {
      forgetPeak(child.pid);
      child.kill('SIGCONT');
    },
    rest: () => void child.kill('SIGSTOP'),
    cpuMs: () => cpuMsOf(child.pid),
    memoryMiB: () => memoryMiBOf(child.pid),
    async stop() {
      child.kill('SIGCONT');
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** Settles once something listens on the port; rejects where the process ends before, or in two minutes. */
async function answering(port: number, child: ChildProcess): Promise<void> {
  const giveUpAtMs = performance.now() + 120_000;
  while (performance.now() < giveUpAtMs) {
    if (child.exitCode !== null) throw new Error(`It ended with ${child.exitCode}.`);
    const socket = connect(port, '127.0.0.1');
    const isThere = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isThere) return;
    await setTimeout(5);
  }
  throw new Error('Nothing answers on its port.');
}

/** Linux counts in hundredths of a second. */
const MS_PER_TICK = 10;

function cpuMsOf(pid: number | undefined): number {
  // The program's name, in parentheses, may hold blanks.
  const fields = fromProc(pid, 'stat')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
}

function memoryMiBOf(pid: number | undefined): number {
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(fromProc(pid, 'status'))?.[1]) / 1024;
}

/** Linux starts its record of the most memory anew (proc(5), clear_refs). */
function forgetPeak(pid: number | undefined): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
  } catch {
    // Then the record is that of its whole life.
  }
}

function fromProc(pid: number | undefined, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

/** What one write of 4 KiB takes until it is on the disk that the folder is on. */
export function fsyncMsIn(folder: string): number {
  const file = join(folder, 'fsync');
  const descriptor = openSync(file, 'w');
  const page = Buffer.alloc(4096, 1);
  const times = Array.from({ length: 200 }, () => {
    const startMs = performance.now();
    writeSync(descriptor, page);
    fsyncSync(descriptor);
    return performance.now() - startMs;
  });
  closeSync(descriptor);
  return median(times);
}
