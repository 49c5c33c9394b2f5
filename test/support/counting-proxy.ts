import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { onTestFinished } from 'vitest';

/** A proxy in front of a database, which counts round trips. */
export interface CountingProxy {
  readonly url: string;
  /** The round trips since the last call. */
  trips(): number;
  /** True if the client has asked for a commit since the last call. */
  hasCommitted(): boolean;
}

/**
 * Starts a proxy in front of the database of a URL, for the test. A trip begins when the client sends after an answer. The
 * client runs in this process, so all that it sends at once has arrived before the proxy reads.
 */
export async function countingProxy(url: string): Promise<CountingProxy> {
  const target = new URL(url);
  const { hostname, port } = target;
  let count = 0;
  let hasCommitted = false;
  const server = createServer((client) => {
    const database = connect(Number(port), hostname);
    let isAnswered = true;
    client.on('data', (chunk) => {
      if (isAnswered) count += 1;
      isAnswered = false;
      // The name that the statement is prepared under.
      hasCommitted ||= chunk.includes('\0commit\0');
      database.write(chunk);
    });
    database.on('data', (chunk) => {
      isAnswered = true;
      client.write(chunk);
    });
    for (const socket of [client, database]) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        client.destroy();
        database.destroy();
      });
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  target.port = String((server.address() as AddressInfo).port);
  return {
    url: target.href,
    trips() {
      const trips = count;
      count = 0;
      return trips;
    },
    hasCommitted() {
      const found = hasCommitted;
      hasCommitted = false;
      return found;
    },
  };
}
