import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

// A form has 8 KiB at most. A client that takes longer to send one only holds the connection. Node checks every five seconds.
const TIMEOUTS = { requestTimeout: 20_000, connectionsCheckingInterval: 5_000 };

/**
 * Listens on `host`. `localhost` is 127.0.0.1, and ::1 if this machine has IPv6. Rejects with Node's error (`code` EADDRINUSE,
 * EACCES …), and then listens on nothing.
 */
export async function listen(app: RequestListener, host: string, port: number): Promise<Server[]> {
  if (host !== 'localhost') return [await listenOn(app, host, port)];
  const ipv4 = await listenOn(app, '127.0.0.1', port);
  try {
    return [ipv4, await listenOn(app, '::1', port)];
  } catch (error) {
    if (['EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return [ipv4];
    ipv4.close();
    throw error;
  }
}

/**
 * Stops listening, and settles once every request under way has its answer. Cuts connections that have not asked for anything.
 * Each answer ends its connection.
 */
export async function closeServers(servers: readonly Server[]): Promise<void> {
  await Promise.all(
    servers.map((server) => {
      server.prependListener('request', (_request, response) => response.setHeader('Connection', 'close'));
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeIdleConnections();
      for (const [socket, response] of TRAFFIC.get(server) ?? []) {
        if (response === undefined) socket.destroy();
        else if (!response.headersSent) response.setHeader('Connection', 'close');
      }
      return closed;
    }),
  );
}

/**
 * The open connections with their last answers. A connection without a request has none: Node does not count it as idle. A
 * Set of answers would leak for a while. V8 (11.3) rebuilds a busy Set often, and each old one keeps the next alive.
 */
type Traffic = Map<Socket, ServerResponse | undefined>;

const TRAFFIC = new WeakMap<Server, Traffic>();

function watchTraffic(server: Server): void {
  const traffic: Traffic = new Map();
  TRAFFIC.set(server, traffic);
  server.on('connection', (socket) => {
    traffic.set(socket, undefined);
    socket.once('close', () => traffic.delete(socket));
  });
  server.on('request', ({ socket }, response) => traffic.set(socket, response));
}

function listenOn(app: RequestListener, host: string, port: number): Promise<Server> {
  const server = createServer(TIMEOUTS);
  watchTraffic(server);
  server.on('request', app);
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve(server);
    });
  });
}
