import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

// A form is 8 KiB at most: who takes longer than this to send one is holding the connection for its own sake. Node looks
// as often as the second says.
const TIMEOUTS = { requestTimeout: 20_000, connectionsCheckingInterval: 5_000 };

/**
 * Listens on `host`; `localhost` is 127.0.0.1 and, where this machine has IPv6, ::1 too. Rejects with Node's error
 * (`code` EADDRINUSE, EACCES …), and then listens nowhere.
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
 * Stops listening, and settles once every request under way has its answer. Connections that have asked for nothing yet
 * are cut, and each answer ends its connection.
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
 * The open connections, each with its last answer, or none where no request has come: Node counts such a connection neither
 * as idle nor as busy. Answers are not kept in a Set of their own: one that members join and leave all the time is made
 * anew time and again, and V8 (11.3) lets each old one keep the next alive with all its members, until a full collection.
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
