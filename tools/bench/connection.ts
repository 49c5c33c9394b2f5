import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** An answer as it came: its status, its head in lower-case field names or not, and its body. */
export interface Answer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** A keep-alive connection that has one request under way at most. Rejects where the other end closes it. */
export interface Connection {
  post(path: string, type: 'form' | 'json', body: string): Promise<Answer>;
  close(): void;
}

const TYPES = { form: 'application/x-www-form-urlencoded', json: 'application/json' };

/** A connection to `port` of 127.0.0.1, from an address of this machine where one is given. It does as little as there can be, so that the server stays what is measured. */
export async function openConnection(port: number, localAddress?: string): Promise<Connection> {
  const socket = connect({ port, host: '127.0.0.1', ...(localAddress && { localAddress }) });
  socket.setNoDelay(true);
  // One character a byte, so that lengths are those of the head.
  socket.setEncoding('latin1');
  await once(socket, 'connect');
  const answers = reader(socket);
  return {
    post(path, type, body) {
      const answer = answers();
      socket.write(
        `POST ${path} HTTP/1.1\r\nHost: localhost:${port}\r\nContent-Type: ${TYPES[type]}\r\n` +
          `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      );
      return answer;
    },
    close: () => socket.destroy(),
  };
}

/** Answers a function for the next answer on the socket. */
function reader(socket: Socket): () => Promise<Answer> {
  let text = '';
  let waiting: { resolve: (answer: Answer) => void; reject: (error: Error) => void } | undefined;
  socket.on('data', (chunk: string) => {
    text += chunk;
    const answer = parse(text);
    if (answer === undefined) return;
    text = '';
    waiting?.resolve(answer);
  });
  const fail = (error?: Error) => waiting?.reject(error ?? new Error('The server closed the connection.'));
  socket.on('error', fail);
  socket.on('close', () => fail());
  return () =>
    new Promise((resolve, reject) => {
      waiting = { resolve, reject };
    });
}

/** The answer in the text, or undefined while some of it is still to come. */
function parse(text: string): Answer | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const head = text.slice(0, end);
  const length = /^content-length: (\d+)/im.exec(head)?.[1];
  const body = text.slice(end + 4);
  const isWhole = length === undefined ? body.endsWith('0\r\n\r\n') : body.length >= Number(length);
  return isWhole ? { status: Number(head.slice(9, 12)), head, body } : undefined;
}

/** As many connections, opened at once. */
export function openConnections(port: number, count: number): Promise<Connection[]> {
  return Promise.all(Array.from({ length: count }, () => openConnection(port)));
}
