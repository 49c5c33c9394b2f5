import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { median } from '../../../tools/statistics.ts';

/** A keep-alive connection that measures each answer in milliseconds. */
export interface Stopwatch {
  post(path: string, fields: Record<string, string>): Promise<{ ms: number; body: Record<string, string> }>;
  close(): void;
}

/** Opens a connection to `port` of 127.0.0.1 that does as little work as possible. */
export async function stopwatch(port: number): Promise<Stopwatch> {
  const socket = connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  await once(socket, 'connect');
  return {
    async post(path, fields) {
      const body = new URLSearchParams(fields).toString();
      const request = Buffer.from(
        `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      );
      const answered = answer(socket);
      const startMs = performance.now();
      socket.write(request);
      const { endMs, text } = await answered;
      return { ms: endMs - startMs, body: JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4)) };
    },
    close: () => socket.destroy(),
  };
}

/** Returns the next answer on the socket, and the time of its last byte. */
function answer(socket: Socket): Promise<{ endMs: number; text: string }> {
  return new Promise((resolve, reject) => {
    let text = '';
    const read = (chunk: Buffer) => {
      text += chunk;
      const head = text.indexOf('\r\n\r\n');
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1]);
      if (head < 0 || Buffer.byteLength(text) < head + 4 + length) return;
      const endMs = performance.now();
      socket.off('data', read);
      socket.off('close', reject);
      resolve({ endMs, text });
    };
    socket.on('data', read);
    socket.on('close', reject);
  });
}

/**
 * Returns the difference of two kinds that were measured in pairs, as a part of the median of all values. It is the median
 * of the differences. A slow moment of the machine slows both of a pair, so it cancels out.
 */
export function effect(pairs: readonly (readonly [number, number])[]): number {
  return Math.abs(median(pairs.map(([one, other]) => one - other))) / median(pairs.flat());
}
