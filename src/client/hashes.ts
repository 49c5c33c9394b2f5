/**
 * hash-wasm in a file of its own, which is fetched when a form with a password is touched. The page takes it as a module,
 * and the worker beside it runs the same file as its script.
 */
import { argon2id, createHMAC, createSHA256 } from 'hash-wasm';

/** Argon2id's input: bytes, memory in KiB, passes over it, lanes. */
export interface Stretch {
  password: Uint8Array;
  salt: Uint8Array;
  memoryKiB: number;
  passes: number;
  lanes: number;
}

/** What the worker answers: the 32 bytes, or why there are none. */
export type Stretched = { bytes: Uint8Array } | { fault: string };

/** Where this file is, for the worker that is to run it. */
export const SCRIPT = import.meta.url;

const utf8 = new TextEncoder();

/** Argon2id (RFC 9106), 32 bytes. It holds its thread up until it is done. */
export function stretch({ password, salt, memoryKiB, passes, lanes }: Stretch): Promise<Uint8Array> {
  return argon2id({
    password,
    salt,
    memorySize: memoryKiB,
    iterations: passes,
    parallelism: lanes,
    hashLength: 32,
    outputType: 'binary',
  });
}

/** HMAC-SHA-256 of the text in UTF-8. */
export async function hmac(key: Uint8Array, text: string): Promise<Uint8Array> {
  const mac = await createHMAC(createSHA256(), key);
  return mac.init().update(utf8.encode(text)).digest('binary');
}

/** SHA-256 of the bytes. */
export async function sha256(bytes: Uint8Array): Promise<Uint8Array> {
  const hash = await createSHA256();
  return hash.init().update(bytes).digest('binary');
}

async function answer({ data, ports: [port] }: MessageEvent<Stretch>): Promise<void> {
  const answered: Stretched = await stretch(data).then(
    (bytes) => ({ bytes }),
    (error: unknown) => ({ fault: String(error) }),
  );
  port?.postMessage(answered);
}

if ('WorkerGlobalScope' in globalThis) {
  addEventListener('message', (event: MessageEvent<Stretch>) => void answer(event));
  postMessage('ready');
}
