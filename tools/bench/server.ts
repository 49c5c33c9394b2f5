import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { freePort } from '../free-port.ts';
import { median } from '../statistics.ts';
import { type Contender, PASSWORD } from './contenders.ts';

/** The project's folder. The bundle of the benchmark is in its folder `dist`. */
export const ROOT = join(import.meta.dirname, '..');

const SERVER_CORE = '0';
const LOAD_CORE = '1';

/** A running server. It can rest, so it takes nothing from the server that is measured. */
export interface Server {
  readonly port: number;
  /** The newest device token of each account. */
  readonly devices: Map<number, string>;
  wake(): void;
  rest(): void;
  /** Returns the CPU time of its process so far; NaN if the system does not report it. */
  cpuMs(): number;
  /** Returns the largest resident memory since `wake`; NaN if the system does not report it. */
  memoryMiB(): number;
  /** Returns the open descriptors of its process; 0 if the system does not report them. */
  descriptors(): number;
  /** Ends the process. Resolves after its exit. */
  stop(): Promise<void>;
}

/** Keeps this process and its children on one core, so servers have the other one. Returns false without taskset. */
export function pinLoad(): boolean {
  if (process.platform !== 'linux') return false;
  const { status } = spawnSync('taskset', ['-a', '-c', '-p', LOAD_CORE, String(process.pid)]);
  return status === 0;
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts a server with its own core if `isPinned`. Resolves when it listens. */
export async function startServer(
  contender: Contender,
  options: {
    cwd: string;
    accounts: number;
    isPinned: boolean;
    nodeFlags?: readonly string[];
    env?: Record<string, string>;
  },
): Promise<Server> {
  const { cwd } = options;
  const port = await freePort();
  const [script = '', ...rest] = contender.script;
  const command = [process.execPath, ...(options.nodeFlags ?? []), join(ROOT, script), ...rest];
  const [program = '', ...args] = options.isPinned ? ['taskset', '-c', SERVER_CORE, ...command] : command;
  // Otherwise the program reads the developer's own .env.
  writeFileSync(join(cwd, '.env'), '');
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
      ...contender.env,
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
    devices: new Map(),
    wake() {
      forgetPeak(child.pid);
      child.kill('SIGCONT');
    },
    rest: () => void child.kill('SIGSTOP'),
    cpuMs: () => cpuTimesOf(child.pid).ownMs,
    memoryMiB: () => memoryMiBOf(child.pid),
    descriptors: () =>
      existsSync(`/proc/${child.pid}/fd`) ? readdirSync(`/proc/${child.pid}/fd`).length : 0,
    async stop() {
      child.kill('SIGCONT');
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** Resolves when the port answers. Rejects if the process exits before, or after two minutes. */
async function answering(port: number, child: ChildProcess): Promise<void> {
  const giveUpAtMs = performance.now() + 120_000;
  while (performance.now() < giveUpAtMs) {
    if (child.exitCode !== null) throw new Error(`It exited with ${child.exitCode}.`);
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

/** Linux counts CPU time in hundredths of a second. */
const MS_PER_TICK = 10;

/** Returns the CPU time of a process, and that of its ended children (proc(5), fields 14 to 17). NaN if it has ended. */
export function cpuTimesOf(pid: number | undefined): { ownMs: number; childrenMs: number } {
  // The program's name in parentheses may contain blanks.
  const fields = fromProc(pid, 'stat')
    .replace(/^.*\) /s, '')
    .split(' ');
  const msOf = (first: number) => (Number(fields[first]) + Number(fields[first + 1])) * MS_PER_TICK;
  return { ownMs: msOf(11), childrenMs: msOf(13) };
}

function memoryMiBOf(pid: number | undefined): number {
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(fromProc(pid, 'status'))?.[1]) / 1024;
}

/** Resets the record of the largest memory (proc(5), clear_refs). */
function forgetPeak(pid: number | undefined): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
  } catch {
    // Without this file, the record covers the whole life of the process.
  }
}

function fromProc(pid: number | undefined, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

/** Returns the time of one synced write of 4 KiB to the disk of the folder. */
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
