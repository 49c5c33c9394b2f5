import { connect } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { percentile } from '../statistics.ts';
import { measureBeside } from './flood.ts';
import type { Server } from './server.ts';

/** An honest user's waits on a quiet server and beside an attack, and what the attack made the server hold. */
export interface AttackSlice {
  readonly quietP99Ms: number;
  readonly besideP99Ms: number;
  /** The largest resident memory during the attack. */
  readonly memoryMiB: number;
  /** Descriptors that are still open after the attack. */
  readonly leftDescriptors: number;
}

/** Connections that send one text each, and are opened again a second after their end. */
interface ConnectionAttack {
  readonly name: string;
  readonly connections: number;
  readonly text: string;
  readonly reads: boolean;
  /** The client closes after this time, or resets at once if it is 0. */
  readonly holdMs: number;
}

const NETWORKS = 64;
const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
const post = (length: number, body: string) =>
  'POST /getseed HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n' +
  `Content-Length: ${length}\r\n\r\n${body}`;
const FORM = 'username=stranger%40example.com';

/** Attacks on what the server holds, from 64 networks together. */
export const CONNECTION_ATTACKS: readonly ConnectionAttack[] = [
  ['pages asked for by the hundred, never read', 10, get('/').repeat(850), false, 1000],
  ['files asked for by the hundred, never read', 10, get('/assets/FILE').repeat(850), false, 1000],
  ['pages, sixteen at a time, never read', 64, get('/').repeat(16), false, 30_000],
  ['forms that are never finished', 500, post(100, 'user'), true, 60_000],
  ['idle connections', 5000, '', true, 60_000],
  ['connections reset after a form', 200, post(FORM.length, FORM), true, 0],
  ['refused forms', 64, post(5, 'a=b&c').repeat(16), true, 1000],
].map(
  ([name, connections, text, reads, holdMs]) =>
    ({ name, connections, text, reads, holdMs }) as ConnectionAttack,
);

/** Lets one honest user sign in for `seconds` alone, and for `seconds` beside the attack of that name. */
export async function measureAttack(server: Server, name: string, seconds: number): Promise<AttackSlice> {
  server.wake();
  const before = server.descriptors();
  const { quietMs, besideMs } = await measureBeside(server, seconds, ['attack', name]);
  await setTimeout(AFTERMATH_MS);
  const slice = {
    quietP99Ms: percentile(quietMs, 0.99),
    besideP99Ms: percentile(besideMs, 0.99),
    memoryMiB: server.memoryMiB(),
    leftDescriptors: server.descriptors() - before,
  };
  server.rest();
  return slice;
}

const AGAIN_MS = 1000;
/** The system closes thousands of connections of the attack's process in this time. */
const AFTERMATH_MS = 5000;

/** Runs the attack's own process until it is stopped. */
export async function runAttack([port, name]: readonly string[]): Promise<void> {
  const attack = CONNECTION_ATTACKS.find((one) => one.name === name);
  if (attack === undefined) throw new Error(`There is no attack ${name}.`);
  process.once('disconnect', () => process.exit());
  const page = await (await fetch(`http://127.0.0.1:${port}/`)).text();
  const file = /"\/assets\/(jquery[^"]+)"/.exec(page)?.[1] ?? '';
  const text = attack.text.replaceAll('FILE', file);
  let isOver = false;
  const lanes = Array.from({ length: attack.connections }, async (_, lane) => {
    // The connections are opened one after the other within a second.
    await setTimeout((lane / attack.connections) * AGAIN_MS);
    while (!isOver) {
      await holdOne({ ...attack, text }, Number(port), `127.0.0.${2 + (lane % NETWORKS)}`);
      await setTimeout(AGAIN_MS, undefined, { ref: false });
    }
  });
  await Promise.race([setTimeout(AGAIN_MS), ...lanes]);
  process.send?.('attacking');
  process.once('message', () => {
    isOver = true;
    process.send?.('stopped');
  });
}

/** Opens one connection, and resolves at its end. */
async function holdOne(attack: ConnectionAttack, port: number, localAddress: string): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', localAddress });
  const closed = new Promise((resolve) => socket.on('error', () => undefined).on('close', resolve));
  if (attack.reads) socket.resume();
  socket.write(attack.text, () => {
    if (attack.holdMs === 0) socket.resetAndDestroy();
  });
  await Promise.race([closed, setTimeout(attack.holdMs || AGAIN_MS)]);
  socket.destroy();
}
