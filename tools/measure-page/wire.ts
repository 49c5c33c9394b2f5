import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** A wire between a browser and a server, which counts what the server sends. */
export interface Wire {
  readonly origin: string;
  /** The bytes that came from the server since the last call, headers and all. */
  bytes(): number;
  close(): void;
}

/** Lays a wire to the server at `origin`, on a port of this machine. */
export async function layWire(origin: string): Promise<Wire> {
  const { hostname, port } = new URL(origin);
  let bytes = 0;
  const ends = new Set<() => void>();
  const wire = createServer((browser) => {
    const server = connect(Number(port || 80), hostname);
    const end = () => {
      browser.destroy();
      server.destroy();
      ends.delete(end);
    };
    ends.add(end);
    for (const socket of [browser, server]) socket.setNoDelay().on('error', end).on('close', end);
    server.on('data', (chunk) => {
      bytes += chunk.length;
    });
    browser.pipe(server).pipe(browser);
  });
  wire.listen(0, 'localhost');
  await once(wire, 'listening');
  const address = wire.address() as { port: number };
  return {
    origin: `http://localhost:${address.port}`,
    bytes() {
      const sent = bytes;
      bytes = 0;
      return sent;
    },
    close() {
      wire.close();
      for (const end of ends) end();
    },
  };
}
