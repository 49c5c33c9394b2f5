import { medians, percentile } from '../statistics.ts';
import { openConnection } from './connection.ts';
import type { Contender } from './contenders.ts';
import type { Server } from './server.ts';

/** The figures of one server in one turn. */
export interface Slice {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMs: number;
  readonly memoryMiB: number;
  /** The share of its core that the load used. Near 1, the load would be the bottleneck. */
  readonly loadShare: number;
}

let account = 0;

/**
 * Lets `users` sign in again and again for `seconds`, each on its own connection and from its own address. The turn lasts
 * until the last answer, so a slow server is not judged by the end of the turn.
 */
export async function measureSlice(
  { signIn }: Contender,
  server: Server,
  { users, accounts, seconds }: { users: number; accounts: number; seconds: number },
): Promise<Slice> {
  server.wake();
  const connections = await Promise.all(
    Array.from({ length: users }, (_, index) =>
      openConnection(server.port, addressOf(index), server.devices),
    ),
  );
  const latenciesMs: number[] = [];
  const cpuBeforeMs = server.cpuMs();
  const loadBefore = process.cpuUsage();
  const startMs = performance.now();
  const endMs = startMs + seconds * 1000;
  await Promise.all(
    connections.map(async (connection) => {
      while (performance.now() < endMs) {
        const sentMs = performance.now();
        account += 1;
        await signIn(connection, account % accounts);
        latenciesMs.push(performance.now() - sentMs);
      }
    }),
  );
  const tookMs = performance.now() - startMs;
  const load = process.cpuUsage(loadBefore);
  const slice = {
    perSecond: (latenciesMs.length / tookMs) * 1000,
    p50Ms: percentile(latenciesMs, 0.5),
    p99Ms: percentile(latenciesMs, 0.99),
    cpuMs: (server.cpuMs() - cpuBeforeMs) / latenciesMs.length,
    memoryMiB: server.memoryMiB(),
    loadShare: (load.user + load.system) / 1000 / tookMs,
  };
  for (const connection of connections) connection.close();
  server.rest();
  return slice;
}

/** Returns an address of this machine. Only Linux has all of 127.0.0.0/8. */
function addressOf(index: number): string | undefined {
  return process.platform === 'linux' ? `127.0.1.${1 + index}` : undefined;
}

/** Returns the medians of the slices of one round, and the largest memory. */
export function middleOf(slices: readonly Slice[]): Slice {
  return { ...medians(slices), memoryMiB: Math.max(...slices.map(({ memoryMiB }) => memoryMiB)) };
}
