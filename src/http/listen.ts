import { createServer, type RequestListener, type Server } from 'node:http';

// A form is 8 KiB at most: who takes longer than this to send one is holding the connection for its own sake.
const REQUEST_TIMEOUT_MS = 20_000;

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

/** Stops listening, and settles once every request under way has its answer. */
export async function closeServers(servers: readonly Server[]): Promise<void> {
  await Promise.all(
    servers.map((server) => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeIdleConnections();
      return closed;
    }),
  );
}

function listenOn(app: RequestListener, host: string, port: number): Promise<Server> {
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, app);
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve(server);
    });
  });
}
