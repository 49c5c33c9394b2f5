import { connect, type Socket } from 'node:net';

/** An answer as it came over the wire: its head in Latin-1 without the empty line, its body as bytes. */
export interface Answer {
  readonly code: number;
  readonly head: string;
  readonly body: Buffer;
}

/** How a connection of one request came to its end: with an answer, without one, or not at all. */
export type End = Answer | 'closed' | 'silent';

/** One socket that is kept open over many requests. */
export interface Connection {
  /** Sends all at once, and settles with the answers in order: fewer where the other side closes early. */
  exchange(requests: readonly { bytes: Buffer; method: string }[]): Promise<Answer[]>;
  close(): void;
}

const HOST = '127.0.0.1';
const SILENT_AFTER_MS = 15_000;

/** A connection to a port of this machine, opened when it is needed and again where it was closed. */
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
 * Sends one request over a socket of its own: `alone` waits for the answer, `ended` says after the last byte that
 * nothing more will come, `cut` breaks off.
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
  // A connection that the other side breaks off says so by `close` too.
  return socket.on('error', () => undefined);
}

/** Reads answers out of what arrives; an answer's length needs the method that it is for. */
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
