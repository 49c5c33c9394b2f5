/** Argon2id beside the page, in a worker, so that the page never freezes; in the page where no worker can start. */
import type { Stretch, Stretched } from './hashes.ts';

/** A worker that says nothing for so long is not waited for: something in the browser may hold it back without a word. */
const START_WITHIN_MS = 10_000;

let hashes: Promise<typeof import('./hashes.ts')> | undefined;
let worker: Promise<Worker | undefined> | undefined;

/** The hash functions; fetched at the first call, and again after a fetch that failed. */
export function loadHashes(): Promise<typeof import('./hashes.ts')> {
  hashes ??= import('./hashes.ts').catch((error: unknown) => {
    hashes = undefined;
    throw error;
  });
  return hashes;
}

/** Fetches the hash functions and starts the worker, ahead of the form that will need them; never throws. */
export async function warmUp(): Promise<void> {
  await startedWorker().catch(() => undefined);
}

/** Argon2id's 32 bytes, by the worker where there is one. */
export async function stretched(work: Stretch): Promise<Uint8Array> {
  const thread = await startedWorker();
  const answered = thread && (await askWorker(thread, work));
  if (answered && 'bytes' in answered) return answered.bytes;
  // What the worker could not do is tried here; a fault that is not the worker's own shows again.
  return (await loadHashes()).stretch(work);
}

async function startedWorker(): Promise<Worker | undefined> {
  const { SCRIPT } = await loadHashes();
  worker ??= startWorker(SCRIPT);
  return worker;
}

function startWorker(script: string): Promise<Worker | undefined> {
  return new Promise((resolve) => {
    if (typeof Worker === 'undefined') return resolve(undefined);
    setTimeout(() => resolve(undefined), START_WITHIN_MS);
    try {
      const started = new Worker(script, { type: 'module' });
      started.addEventListener('message', () => resolve(started), { once: true });
      started.addEventListener('error', () => resolve(undefined), { once: true });
    } catch {
      resolve(undefined);
    }
  });
}

function askWorker(thread: Worker, work: Stretch): Promise<Stretched> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    const answered = new AbortController();
    const settle = (answer: Stretched) => {
      port1.close();
      answered.abort();
      resolve(answer);
    };
    port1.onmessage = ({ data }: MessageEvent<Stretched>) => settle(data);
    thread.addEventListener('error', ({ message }) => settle({ fault: message }), {
      signal: answered.signal,
    });
    thread.postMessage(work, [port2]);
  });
}
