import { connect, type Socket } from 'node:net';

/** An answer from the wire: its head in Latin-1 without the empty line, its body as bytes. */
export interface Answer {
  readonly code: number;
  readonly head: string;
  readonly body: Buffer;
}

/** The end of a connection with one request: an answer, a close without an answer, or neither in time. */
export type End = Answer | 'closed' | 'silent';

/** A keep-alive connection for many requests. */
export interface Connection {
  /** Sends all requests at once and resolves with the answers in order. Fewer answers come if the server closes early. */
  exchange(requests: readonly { bytes: Buffer; method: string }[]): Promise<Answer[]>;
  close(): void;
}

const HOST = '127.0.0.1';
const SILENT_AFTER_MS = 15_000;

/** Creates a connection to a port of this machine. It opens when needed, and again after the server closed it. */
export function connectionTo(port: number): Connection {
  let socket: Socket | undefined;
  return {
    exchange(requests) {
      if (socket === undefined || socket.destroyed || socket.readableEnded) socket = open(port);
      const own = socket;
      const methods = requests.map(({ method }) => method);
      own.write(Buffer.concat(requests.map(({ bytes }) => bytes)));
      return new Promise((resolve) => {
        const answers: Answer[] = [];
        const finish = () => {
          clearTimeout(timer);
          own.removeAllListeners('data').removeAllListeners('close');
          if (answers.length < requests.length) own.destroy();
          resolve(answers);
        };
        const timer = setTimeout(finish, SILENT_AFTER_MS);
        const take = answersFrom(methods, (answer) => {
          answers.push(answer);
          if (answers.length === requests.length) finish();
        });
        own.on('data', take).on('close', finish);
      });
    },
    close: () => void socket?.destroy(),
  };
}

/**
 * Sends one request over its own socket. `alone` waits for the answer. After the last byte, `ended` closes its side
 * and `cut` destroys the socket.
 */
export function sendAlone(
  port: number,
  { bytes, method, manner }: { bytes: Buffer; method: string; manner: string },
): Promise<End> {
  const socket = open(port);
  return new Promise((resolve) => {
    const finish = (end: End) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(end);
    };
    const timer = setTimeout(finish, SILENT_AFTER_MS, 'silent');
    socket.on('data', answersFrom([method], finish)).on('close', () => finish('closed'));
    if (manner === 'ended') return void socket.end(bytes);
    socket.write(bytes, () => manner === 'cut' && socket.destroy());
  });
}

function open(port: number): Socket {
  const socket = connect({ host: HOST, port, noDelay: true });
  // A reset connection emits `close` too.
  return socket.on('error', () => undefined);
}

/** Returns a function that reads answers from chunks. An answer's length depends on the method of its request. */
function answersFrom(methods: readonly string[], onAnswer: (answer: Answer) => void) {
  let rest: Buffer = Buffer.alloc(0);
  let count = 0;
  return (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (;;) {
      const taken = takeAnswer(rest, methods[count] ?? '');
      if (taken === undefined) return;
      rest = rest.subarray(taken.size);
      if (taken.answer.code < 200) continue;
      count += 1;
      onAnswer(taken.answer);
    }
  };
}

function takeAnswer(bytes: Buffer, method: string): { answer: Answer; size: number } | undefined {
  const headSize = bytes.indexOf('\r\n\r\n');
  if (headSize < 0) return undefined;
  const head = bytes.toString('latin1', 0, headSize);
  const code = Number(head.slice(9, 12));
  const isBare = method === 'HEAD' || code === 304 || code === 204 || code < 200;
  const length = isBare ? 0 : Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
  const size = headSize + 4 + length;
  if (bytes.length < size) return undefined;
  return { answer: { code, head, body: bytes.subarray(headSize + 4, size) }, size };
}
