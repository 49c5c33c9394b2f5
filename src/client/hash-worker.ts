/**
 * hash-wasm in its own file, so that pages load it only when the user touches a form with a password.
 * The page imports the file as a module, and the worker runs the same file as its script.
 */
import { argon2id, createHMAC, createSHA256 } from 'hash-wasm';

/** The input of Argon2id: the bytes, the memory in KiB, the passes over it, and the lanes. */
export interface Argon2Input {
  password: Uint8Array;
  salt: Uint8Array;
  memoryKiB: number;
  passes: number;
  lanes: number;
}

/** The URL of this file, to start the worker with. */
export const SCRIPT_URL = import.meta.url;

const utf8 = new TextEncoder();

/** Returns the 32 bytes of Argon2id (RFC 9106). Blocks its thread until then. */
export function argon2(input: Argon2Input): Promise<Uint8Array> {
  return argon2id({
    password: input.password,
    salt: input.salt,
    memorySize: input.memoryKiB,
    iterations: input.passes,
    parallelism: input.lanes,
    hashLength: 32,
    outputType: 'binary',
  });
}

/** Returns the HMAC-SHA-256 of the text in UTF-8. */
export async function hmac(key: Uint8Array, text: string): Promise<Uint8Array> {
  const mac = await createHMAC(createSHA256(), key);
  return mac.init().update(utf8.encode(text)).digest('binary');
}

/** Returns the SHA-256 of the bytes. */
export async function sha256(bytes: Uint8Array): Promise<Uint8Array> {
  const hash = await createSHA256();
  return hash.init().update(bytes).digest('binary');
}

/** Sends the bytes to the port, or undefined after an error. */
async function answer({ data, ports: [port] }: MessageEvent<Argon2Input>): Promise<void> {
  port?.postMessage(await argon2(data).catch(() => undefined));
}

if ('WorkerGlobalScope' in globalThis) {
  addEventListener('message', (event: MessageEvent<Argon2Input>) => void answer(event));
  postMessage('ready');
}
