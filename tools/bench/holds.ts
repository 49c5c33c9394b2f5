// Loaded into a server before its program: notes once a second how long its event loop was held.
import { appendFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

/** One second of a server's life. Times are Unix milliseconds. */
export interface Watch {
  readonly fromMs: number;
  readonly toMs: number;
  /** The longest time that a timer which was due had to wait. */
  readonly longestMs: number;
  /** How often one had to wait for more than 20 ms. */
  readonly over20: number;
}

const TICK_MS = 1;
const LINE_MS = 1000;

let fromMs = Date.now();
let lastMs = performance.now();
let longestMs = 0;
let over20 = 0;
// A thread of the server loads this too, and its loop is another one.
if (isMainThread) setInterval(watch, TICK_MS).unref();

function watch(): void {
  const nowMs = performance.now();
  const heldMs = nowMs - lastMs - TICK_MS;
  lastMs = nowMs;
  longestMs = Math.max(longestMs, heldMs);
  if (heldMs > 20) over20 += 1;
  const toMs = Date.now();
  if (toMs - fromMs < LINE_MS) return;
  const line: Watch = { fromMs, toMs, longestMs, over20 };
  appendFileSync('holds.log', `${JSON.stringify(line)}\n`);
  fromMs = Date.now();
  longestMs = 0;
  over20 = 0;
}
