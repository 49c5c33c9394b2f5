/** Runs Argon2id in a worker, so that the page doesn't freeze. If no worker answers, the page runs it itself. */
import type { Argon2Input } from './hash-worker.ts';
import { loadOnce, retriedImport } from './load-once.ts';
import { PageError } from './page-error.ts';

// Some browsers block a worker without an error, and some end one. The time begins when the page needs the worker.
const START_TIMEOUT_MS = 2_000;
// For each pass over a MiB. A slow phone takes a fifth of this.
const ANSWER_TIMEOUT_MS = 128;
/** The sentence for a browser without WebAssembly. */
export const NO_WEBASSEMBLY =
  'This browser doesn’t run WebAssembly, which this page needs to protect your password. ' +
  'On an iPhone, iPad or Mac in Lockdown Mode, turn Lockdown Mode off for this website. ' +
  'Otherwise use another browser, or update this one.';
const TOO_LITTLE_MEMORY =
  'This device has too little free memory to protect your password. ' +
  'Close other tabs and apps, then reload this page and try again.';

// The shortest module.
const EMPTY_MODULE = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

let worker: Promise<Worker | undefined> | undefined;

/** Loads the hash functions. */
export const loadHashes = loadOnce(retriedImport('hashWorker', () => import('./hash-worker.ts')));

/** Loads the hash functions and starts the worker before a form needs them; never throws. */
export async function warmUp(): Promise<void> {
  await loadHashes().then(startedWorker, () => undefined);
}

/** Returns the 32 bytes of Argon2id. Throws a PageError if the browser or the device can't run it. */
export async function argon2(input: Argon2Input): Promise<Uint8Array> {
  if (!hasWebAssembly()) throw new PageError(NO_WEBASSEMBLY);
  const hashes = await loadHashes();
  const started = await within(START_TIMEOUT_MS, startedWorker(hashes));
  const patienceMs = (ANSWER_TIMEOUT_MS * input.memoryKiB * input.passes) / 1024;
  const bytes = started && (await within(patienceMs, askWorker(started, input)));
  if (bytes) return bytes;
  started?.terminate();
  worker = Promise.resolve(undefined);
  // If only the worker failed, the page succeeds.
  return hashes.argon2(input).catch((cause: unknown) => {
    throw new PageError(TOO_LITTLE_MEMORY, { cause });
  });
}

/** Returns true if WebAssembly works. Compiles a module, because some browsers have WebAssembly but refuse to compile under this site's policy. */
export function hasWebAssembly(): boolean {
  try {
    return new WebAssembly.Module(EMPTY_MODULE) instanceof WebAssembly.Module;
  } catch {
    return false;
  }
}

function startedWorker({ SCRIPT_URL }: { SCRIPT_URL: string }): Promise<Worker | undefined> {
  worker ??= startWorker(SCRIPT_URL);
  return worker;
}

function startWorker(url: string): Promise<Worker | undefined> {
  return new Promise((resolve) => {
    if (typeof Worker === 'undefined') return resolve(undefined);
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

/** Returns undefined if the promise takes longer than `ms`. */
function within<Value>(ms: number, promise: Promise<Value>): Promise<Value | undefined> {
  return Promise.race([promise, new Promise<undefined>((resolve) => setTimeout(resolve, ms))]);
}
