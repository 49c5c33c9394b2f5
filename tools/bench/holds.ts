// A preload of a server that records once a second how long its event loop was held.
import { appendFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

/** One second of a server's event loop. Times are Unix milliseconds. */
export interface Watch {
  readonly fromMs: number;
  readonly toMs: number;
  /** The longest delay of a timer that was due. */
  readonly longestMs: number;
  /** The number of delays over 20 ms. */
  readonly over20: number;
}

const TICK_MS = 1;
const LINE_MS = 1000;

let fromMs = Date.now();
let lastMs = performance.now();
let longestMs = 0;
let over20 = 0;
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
