import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Bounds } from './bounds.ts';

type Exchange = readonly [request: IncomingMessage, response: ServerResponse];

/** The requests of one connection without an answer. Only the first one has been handed to the app. */
type Unanswered = Exchange[];

/** All open connections of the program. */
export interface Connections {
  /** Keeps a new connection, and closes the one without a request for the longest time if there are too many. */
  add(socket: Socket): void;
  /** Hands a request to the app once the earlier requests of its connection have their answers. */
  take(request: IncomingMessage, response: ServerResponse): void;
  /** Returns the request that the connection waits on, with its answer. */
  current(socket: Socket): Exchange | undefined;
  /**
   * Ends a connection whose further bytes are no HTTP, after the answers to the requests that have wholly arrived. Returns false
   * if there is no such request.
   */
  endAfterWhole(socket: Socket): boolean;
  /** From now on, the last answer of each connection ends it. */
  endWithAnswers(): void;
  /** Cuts the connections without a complete request. From now on, a connection without a request is cut. */
  cutIdle(): void;
  cutAll(): void;
  cut(socket: Socket): void;
  /** Returns the number of connections that have not reported their end yet. */
  count(): number;
}

/**
 * Keeps the connections within their bounds. The app gets the requests of a connection one by one. Node would hand it all
 * pipelined requests of a chunk at once. When the connection closes, it would not close those that wait.
 */
export function createConnections(app: RequestListener, bounds: Bounds): Connections {
  // In the order of their last requests. Values are no answers, because V8 keeps old tables of a busy Map for a while.
  const open = new Map<Socket, Unanswered>();
  const broken = new WeakSet<Socket>();
  let count = 0;
  let isEnding = false;
  let isIdleCut = false;

  const serve = (socket: Socket, unanswered: Unanswered) => {
    const [request, response] = unanswered[0] as Exchange;
    response.once('close', () => {
      unanswered.shift();
      const isLast = unanswered.length === 0 || (broken.has(socket) && !isWhole(unanswered));
      // Other connections have their turn between two requests of this one.
      if (!isLast) setImmediate(() => !socket.destroyed && serve(socket, unanswered));
      else if (isIdleCut || broken.has(socket)) socket.destroySoon();
    });
    if (isEnding || broken.has(socket)) endWith(unanswered);
    app(request, response);
  };

  const cut = (socket: Socket) => {
    // After a plain close, the system would keep an answer that is not read for some minutes.
    if (open.get(socket)?.length) socket.resetAndDestroy();
    else socket.destroy();
    open.delete(socket);
  };

  return {
    add(socket) {
      // Node remembers the address only if it is read before the client resets the connection.
      if (socket.remoteAddress === undefined) return void socket.destroy();
      open.set(socket, []);
      count += 1;
      socket.once('close', () => {
        count -= 1;
        open.delete(socket);
      });
      const [idlest] = open.keys();
      if (idlest && open.size > bounds.connections) cut(idlest);
    },
    take(request, response) {
      const { socket } = request;
      const unanswered = open.get(socket);
      // Node still parses the rest of the chunk after a connection is cut.
      if (unanswered === undefined || socket.destroyed) return;
      open.delete(socket);
      open.set(socket, unanswered);
      unanswered.push([request, response]);
      if (unanswered.length > bounds.unansweredRequests) {
        stopParsing(socket);
        cut(socket);
      } else if (unanswered.length === 1) serve(socket, unanswered);
    },
    current: (socket) => open.get(socket)?.[0],
    endAfterWhole(socket) {
      const unanswered = open.get(socket);
      if (unanswered === undefined || !socket.writable || !isWhole(unanswered)) return false;
      broken.add(socket);
      endWith(unanswered);
      return true;
    },
    endWithAnswers() {
      isEnding = true;
      for (const unanswered of open.values()) endWith(unanswered);
    },
    cutIdle() {
      isIdleCut = true;
      for (const [socket, [current]] of open) if (!current?.[0].complete) cut(socket);
    },
    cut,
    count: () => count,
    cutAll() {
      for (const socket of open.keys()) cut(socket);
    },
  };
}

/**
 * Stops Node's parser within a chunk, which may hold two thousand requests more. Node has no public way, and without this
 * one it only takes longer. The parser takes 2 for an upgrade, so the rest of the chunk is no HTTP.
 */
function stopParsing(socket: Socket & { parser?: { onIncoming: () => number } | null }): void {
  if (socket.parser) socket.parser.onIncoming = () => 2;
}

/** True if the first request has arrived with its whole body. */
function isWhole([current]: Unanswered): boolean {
  return current?.[0].complete === true;
}

/** Lets the answer end its connection, if it is the last one and its headers are not sent. */
function endWith([current, ...others]: Unanswered): void {
  if (current === undefined || others.length > 0 || current[1].headersSent) return;
  current[1].setHeader('Connection', 'close');
}
