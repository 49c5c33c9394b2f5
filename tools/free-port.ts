import { once } from 'node:events';
import { createServer } from 'node:net';

// Outgoing connections have higher ports, so they can't take the port before its server listens. Each process starts elsewhere.
let port = 20_000 + ((process.pid * 6181) % 10_000);

/** Returns a port of 127.0.0.1 that is free at this moment. This process does not return it again. */
export async function freePort(): Promise<number> {
  for (;;) {
    port += 1;
    const candidate = port;
    if (await isFree(candidate)) return candidate;
  }
}

async function isFree(candidate: number): Promise<boolean> {
  const server = createServer().listen(candidate, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
