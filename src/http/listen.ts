import { createServer, type RequestListener, type Server } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { BOUNDS, type Bounds } from './bounds.ts';
import { type Connections, createConnections } from './connections.ts';
import { commonHeaders } from './headers.ts';
import { malformedAnswer } from './replies.ts';

/** The address to listen on, and the origin that decides the headers of answers without the app. */
export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  readonly publicOrigin: string;
  readonly bounds?: Bounds;
}

/** The program, as it listens. */
export interface Listener {
  /**
   * Stops listening, and settles once all connections are closed. Requests that have arrived, or that arrive within
   * `stopIdleMs`, are answered. All other connections are cut.
   */
  close(): Promise<void>;
}

/**
 * Listens on `host`. `localhost` is 127.0.0.1, and ::1 if this machine has IPv6. Rejects with Node's error (`code` EADDRINUSE,
 * EACCES …), and then listens on nothing.
 */
export async function listen(app: RequestListener, options: ListenOptions): Promise<Listener> {
  const { bounds = BOUNDS } = options;
  const connections = createConnections(app, bounds);
  const servers = await openServers(connections, options);
  return {
    async close() {
      const closed = Promise.all(servers.map(stopListening));
      const closedWithin = (ms: number) => Promise.race([closed, setTimeout(ms, undefined, { ref: false })]);
      connections.endWithAnswers();
      await closedWithin(bounds.stopIdleMs);
      connections.cutIdle();
      await closedWithin(bounds.stopAnswersMs);
      connections.cutAll();
      await closed;
      // A connection that was cut reports its end some turns of the loop later, and then logs its request.
      while (connections.count() > 0) await setImmediate();
    },
  };
}

async function openServers(connections: Connections, options: ListenOptions): Promise<Server[]> {
  if (options.host !== 'localhost') return [await openServer(connections, options)];
  const ipv4 = await openServer(connections, { ...options, host: '127.0.0.1' });
  try {
    return [ipv4, await openServer(connections, { ...options, host: '::1' })];
  } catch (error) {
    if (['EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return [ipv4];
    ipv4.close();
    throw error;
  }
}

function openServer(
  connections: Connections,
  { host, port, publicOrigin, bounds = BOUNDS }: ListenOptions,
): Promise<Server> {
  const server = createServer({
    requestTimeout: bounds.requestMs,
    headersTimeout: bounds.requestMs,
    connectionsCheckingInterval: bounds.checkMs,
    keepAliveTimeout: bounds.keepAliveMs,
    // The app refuses a request without it.
    requireHostHeader: false,
  });
  server.timeout = bounds.stalledMs;
  server.on('connection', connections.add);
  server.on('request', connections.take);
  server.on('checkExpectation', connections.take);
  server.on('timeout', connections.cut);

  answerMalformed(server, connections, publicOrigin);
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve(server);
    });
  });
}

/** Answers requests that Node hands to no app, with the headers that every answer has. */
function answerMalformed(server: Server, connections: Connections, publicOrigin: string): void {
  const headers = commonHeaders(publicOrigin);
  const refuse = (socket: Duplex, status: number) => {
    socket.end(malformedAnswer(status, headers));
    (socket as Socket).destroySoon();
  };
  server.on('connect', (_request, socket) => {
    // Node hands over the socket without a listener for its errors.
    socket.on('error', () => socket.destroy());
    refuse(socket, 400);
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // The client would take the refusal for the answer to its earlier request.
    if (connections.endAfterWhole(socket as Socket)) return;
    const [, response] = connections.current(socket as Socket) ?? [];
    if (!socket.writable || response?.headersSent) socket.destroy();
    else refuse(socket, STATUS_OF_ERROR[error.code ?? ''] ?? 400);
  });
}

/** The status of errors of Node's parser, as Node itself answers them. All others are 400. */
const STATUS_OF_ERROR: Record<string, number> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** Stops listening. Resolves when all connections are closed. */
function stopListening(server: Server): Promise<void> {
  // An HTTP server's own `close` cuts all idle connections at once, also those with a request on its way.
  return new Promise((resolve) => NetServer.prototype.close.call(server, () => resolve()));
}
