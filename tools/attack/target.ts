import { randomInt } from 'node:crypto';
import { Agent, type IncomingHttpHeaders, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps, Agent as TlsAgent } from 'node:https';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { isLoopbackHost } from '../../src/loopback.ts';
import { type Random, seededRandom } from '../random.ts';

/** The fields of an answer's JSON; empty if the body is not a JSON object. */
export interface Reply {
  readonly status?: string;
  readonly message?: string;
  readonly field?: string;
  readonly flow?: string;
  readonly phone?: string;
  readonly resendIn?: number;
  readonly retryAfter?: number;
  readonly triesLeft?: number;
  readonly signature?: string;
  readonly id?: string;
  readonly seed?: string;
  readonly salt?: string;
  readonly kdf?: string;
}

/** An answer of the target, with its raw body and its time in milliseconds. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly body: Reply;
  readonly ms: number;
}

/** Optional parts of a request. */
export interface Extras {
  readonly headers?: Record<string, string>;
  readonly contentType?: string;
}

/** A client with cookies and keep-alive connections. It can have its own source address. */
export interface Browser {
  readonly address: string | undefined;
  readonly cookies: Map<string, string>;
  /** Sends a form: its fields, or a raw body. */
  post(path: string, fields?: Record<string, string> | string, extras?: Extras): Promise<Answer>;
  get(path: string, extras?: Extras): Promise<Answer>;
  close(): void;
}

/** A running installation, as seen over the network. */
export interface Target {
  readonly origin: string;
  /** A part of the address of each account, so runs on one database do not share accounts. */
  readonly runId: string;
  readonly random: Random;
  readonly isThisMachine: boolean;
  /** True if browsers can have different source addresses. */
  readonly hasAddresses: boolean;
  readonly hasInbox: boolean;
  /** Returns a new source address; undefined if the target has only one. */
  newAddress(): string | undefined;
  browser(address?: string): Browser;
  /** Opens a connection for a client that keeps no rule of HTTP. It ignores its errors, and reads only if the client does. */
  connect(address?: string): Socket;
  /** Returns the result of the first call with that name, so attacks can share a costly preparation. */
  once<Value>(name: string, make: () => Promise<Value>): Promise<Value>;
}

/** Returns true if the name of the URL means this machine. Sends no request. */
export function leadsToThisMachine(url: URL): boolean {
  return isLoopbackHost(url.hostname);
}

/** Opens the installation at `url`. Rejects if nothing answers there. */
export async function openTarget(url: URL, seed = randomInt(2 ** 32)): Promise<Target> {
  const random = seededRandom(seed);
  const isThisMachine = leadsToThisMachine(url);
  const isName = url.hostname.toLowerCase() === 'localhost';
  const ownHost = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const answers = async (host: string, address?: string) => {
    const browser = openBrowser(url, host, address);
    return browser.get('/dev/messages.json').finally(() => browser.close());
  };
  const host = isName && (await answers('127.0.0.1').catch(() => undefined)) ? '127.0.0.1' : ownHost;
  const inbox = await answers(host);
  const hasAddresses =
    host.startsWith('127.') && (await answers(host, '127.77.77.77').catch(() => undefined)) !== undefined;

  let nextAddress = random.below(1 << 22);
  const shared = new Map<string, Promise<unknown>>();
  const newAddress = () => {
    if (!hasAddresses) return undefined;
    nextAddress += 1;
    return `127.${10 + ((nextAddress >> 16) % 240)}.${(nextAddress >> 8) & 255}.${1 + (nextAddress % 254)}`;
  };
  return {
    origin: url.origin,
    random,
    runId: random.bytes(4).toString('hex'),
    isThisMachine,
    hasAddresses,
    hasInbox: inbox.status === 200,
    newAddress,
    browser: (address) => openBrowser(url, host, address),
    connect: (address) => openSocket(url, host, address),
    once<Value>(name: string, make: () => Promise<Value>) {
      if (!shared.has(name)) shared.set(name, make());
      return shared.get(name) as Promise<Value>;
    },
  };
}

const PATIENCE_MS = 20_000;

function openSocket(url: URL, host: string, localAddress: string | undefined): Socket {
  const isTls = url.protocol === 'https:';
  const options = {
    host,
    port: Number(url.port || (isTls ? 443 : 80)),
    ...(localAddress && { localAddress }),
  };
  const socket = isTls ? connectTls({ ...options, servername: url.hostname }) : connectTcp(options);
  return socket.on('error', () => undefined);
}

function openBrowser(url: URL, host: string, address: string | undefined): Browser {
  const isTls = url.protocol === 'https:';
  const agent = isTls ? new TlsAgent({ keepAlive: true }) : new Agent({ keepAlive: true });
  const cookies = new Map<string, string>();

  const send = (method: string, path: string, body: string | undefined, extras: Extras, again = false) =>
    new Promise<Answer>((resolve, reject) => {
      const startedAt = performance.now();
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
      const request = (isTls ? requestHttps : requestHttp)({
        agent,
        host,
        port: url.port || (isTls ? 443 : 80),
        ...(isTls && { servername: url.hostname }),
        ...(address !== undefined && { localAddress: address }),
        method,
        path,
        timeout: PATIENCE_MS,
        headers: {
          Host: url.host,
          ...(cookie && { Cookie: cookie }),
          ...(body !== undefined && {
            'Content-Type': extras.contentType ?? 'application/x-www-form-urlencoded',
            'Content-Length': Buffer.byteLength(body),
          }),
          ...extras.headers,
        },
      });
      request.on('timeout', () =>
        request.destroy(new Error(`no answer to ${path} in ${PATIENCE_MS / 1000} s`)),
      );
      request.on('error', (error: NodeJS.ErrnoException) => {
        // A server may close an idle connection at the moment of the next request.
        const isStale = request.reusedSocket && error.code === 'ECONNRESET' && !again;
        if (isStale) send(method, path, body, extras, true).then(resolve, reject);
        else reject(error);
      });
      request.on('response', (response) => {
        read(response).then((text) => {
          keepCookies(cookies, response);
          const ms = performance.now() - startedAt;
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text,
            body: parse(text),
            ms,
          });
        }, reject);
      });
      request.end(body);
    });

  return {
    address,
    cookies,
    post(path, fields = {}, extras = {}) {
      const body = typeof fields === 'string' ? fields : new URLSearchParams(fields).toString();
      return send('POST', path, body, extras);
    },
    get: (path, extras = {}) => send('GET', path, undefined, extras),
    close: () => agent.destroy(),
  };
}

async function read(response: IncomingMessage): Promise<string> {
  response.setEncoding('utf8');
  let text = '';
  for await (const chunk of response) text += chunk;
  return text;
}

function parse(text: string): Reply {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

function keepCookies(cookies: Map<string, string>, response: IncomingMessage): void {
  for (const line of response.headers['set-cookie'] ?? []) {
    const [pair = ''] = line.split(';');
    const name = pair.slice(0, pair.indexOf('='));
    const value = pair.slice(pair.indexOf('=') + 1);
    if (value === '') cookies.delete(name);
    else cookies.set(name, value);
  }
}
