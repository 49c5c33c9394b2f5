import { medians, percentile } from '../statistics.ts';
import { openConnections } from './connection.ts';
import type { Contender } from './contenders.ts';
import type { Server } from './server.ts';

/** What one server did in one slice of time. */
export interface Slice {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMs: number;
  readonly memoryMiB: number;
  /** The part of its core that the load took: near 1, it would be the load that is measured. */
  readonly loadShare: number;
}

/**
 * Lets `users` sign in over and over, each on a connection of its own, for so many seconds. The time runs until the last
 * of them has an answer, so that a slow server is not judged by where the slice happens to end.
 */
export async function measureSlice(
  contender: Contender,
  server: Server,
  { users, accounts, seconds }: { users: number; accounts: number; seconds: number },
): Promise<Slice> {
  server.wake();
  const connections = await openConnections(server.port, users);
  const latenciesMs: number[] = [];
  let next = Math.floor(Math.random() * accounts);
  const cpuBeforeMs = server.cpuMs();
  const loadBefore = process.cpuUsage();
  const startMs = performance.now();
  const endMs = startMs + seconds * 1000;
  await Promise.all(
    connections.map(async (connection) => {
      while (performance.now() < endMs) {
        const sentMs = performance.now();
        next += 1;
        await contender.signIn(connection, next % accounts);
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

/** The medians of the slices of one round, and the most of their memory. */
export function middleOf(slices: readonly Slice[]): Slice {
  return { ...medians(slices), memoryMiB: Math.max(...slices.map(({ memoryMiB }) => memoryMiB)) };
}
