import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** An answer: its status, its head as sent, and its body. */
export interface Answer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** A keep-alive connection for one request at a time. A request rejects if the server closes the connection. */
export interface Connection {
  /** The newest device token of each account on the server, shared by its connections. */
  readonly devices: Map<number, string>;
  post(path: string, type: 'form' | 'json', body: string, cookie?: string): Promise<Answer>;
  close(): void;
}

const TYPES = { form: 'application/x-www-form-urlencoded', json: 'application/json' };

/** Opens a connection to `port` of 127.0.0.1. It does little work, so the server is what is measured. */
export async function openConnection(
  port: number,
  localAddress?: string,
  devices = new Map<number, string>(),
): Promise<Connection> {
  const socket = connect({ port, host: '127.0.0.1', ...(localAddress && { localAddress }) });
  socket.setNoDelay(true);
  // In Latin-1, one character is one byte, as in Content-Length.
  socket.setEncoding('latin1');
  await once(socket, 'connect');
  const nextAnswer = readerOf(socket);
  return {
    devices,
    post(path, type, body, cookie) {
      const answer = nextAnswer();
      socket.write(
        `POST ${path} HTTP/1.1\r\nHost: localhost:${port}\r\nContent-Type: ${TYPES[type]}\r\n` +
          `Content-Length: ${Buffer.byteLength(body)}\r\n${cookie ? `Cookie: ${cookie}\r\n` : ''}\r\n${body}`,
      );
      return answer;
    },
    close: () => socket.destroy(),
  };
}

/** Returns a function that waits for the next answer on the socket. */
function readerOf(socket: Socket): () => Promise<Answer> {
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

/** Returns the answer in the text; undefined if a part of it is missing. */
function parse(text: string): Answer | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const head = text.slice(0, end);
  const length = /^content-length: (\d+)/im.exec(head)?.[1];
  const body = text.slice(end + 4);
  const isWhole = length === undefined ? body.endsWith('0\r\n\r\n') : body.length >= Number(length);
  return isWhole ? { status: Number(head.slice(9, 12)), head, body } : undefined;
}
