/** Runs Argon2id in a worker, so that the page doesn't freeze. If no worker starts, the page runs it itself. */
import type { Argon2Input } from './hash-worker.ts';
import { loadOnce } from './load-once.ts';

// Some browsers block a worker without an error.
const START_TIMEOUT_MS = 10_000;

let worker: Promise<Worker | undefined> | undefined;

/** Loads the hash functions. */
export const loadHashes = loadOnce(() => import('./hash-worker.ts'));

/** Loads the hash functions and starts the worker before a form needs them; never throws. */
export async function warmUp(): Promise<void> {
  await startedWorker().catch(() => undefined);
}

/** Returns the 32 bytes of Argon2id. */
export async function argon2(input: Argon2Input): Promise<Uint8Array> {
  const started = await startedWorker();
  const bytes = started && (await askWorker(started, input));
  // If only the worker failed, the page succeeds; any other error comes up again.
  return bytes ?? (await loadHashes()).argon2(input);
}

async function startedWorker(): Promise<Worker | undefined> {
  const { SCRIPT_URL } = await loadHashes();
  worker ??= startWorker(SCRIPT_URL);
  return worker;
}

function startWorker(url: string): Promise<Worker | undefined> {
  return new Promise((resolve) => {
    if (typeof Worker === 'undefined') return resolve(undefined);
    setTimeout(() => resolve(undefined), START_TIMEOUT_MS);
    try {
      const started = new Worker(url, { type: 'module' });
      started.addEventListener('message', () => resolve(started), { once: true });
      started.addEventListener('error', () => resolve(undefined), { once: true });
    } catch {
      resolve(undefined);
    }
  });
}

/** Returns undefined if the worker fails. */
function askWorker(started: Worker, input: Argon2Input): Promise<Uint8Array | undefined> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }: MessageEvent<Uint8Array | undefined>) => {
      port1.close();
      resolve(data);
    };
    started.addEventListener('error', () => resolve(undefined), { once: true });
    started.postMessage(input, [port2]);
  });
}
