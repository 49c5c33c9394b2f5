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
      const { silent, unanswered } = TRAFFIC.get(server) ?? NO_TRAFFIC;
      server.prependListener('request', (_request, response) => response.setHeader('Connection', 'close'));
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeIdleConnections();
      for (const socket of silent) socket.destroy();
      for (const response of unanswered) if (!response.headersSent) response.setHeader('Connection', 'close');
      return closed;
    }),
  );
}

/** The connections that have sent no request yet, which Node counts neither as idle nor as busy, and the open answers. */
interface Traffic {
  readonly silent: Set<Socket>;
  readonly unanswered: Set<ServerResponse>;
}

const TRAFFIC = new WeakMap<Server, Traffic>();
const NO_TRAFFIC: Traffic = { silent: new Set(), unanswered: new Set() };

function watchTraffic(server: Server): void {
  const silent = new Set<Socket>();
  const unanswered = new Set<ServerResponse>();
  TRAFFIC.set(server, { silent, unanswered });
  server.on('connection', (socket) => {
    silent.add(socket);
    socket.once('close', () => silent.delete(socket));
  });
  server.on('request', ({ socket }, response) => {
    silent.delete(socket);
    unanswered.add(response);
    response.once('close', () => unanswered.delete(response));
  });
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
