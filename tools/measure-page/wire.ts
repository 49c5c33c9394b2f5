import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** A proxy between a browser and a server that counts the server's bytes. */
export interface Wire {
  readonly origin: string;
  /** Returns the server's bytes since the last call, with headers. */
  bytes(): number;
  close(): void;
}

/** Opens a proxy to the server at `origin`, on a port of this machine. */
export async function openWire(origin: string): Promise<Wire> {
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
