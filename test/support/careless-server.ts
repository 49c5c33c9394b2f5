import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { onTestFinished } from 'vitest';

/** The fault of a careless server: it accepts every password, or it locks every account and its codes never expire. */
export type Carelessness = 'accepts everything' | 'locks everyone';

/** Maps look-alike addresses to one address, which is a fault. */
const twinless = (typed: string) => typed.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().trim();
const token = (size: number) => randomBytes(size).toString('base64url');

/** Starts a server with the API's routes and none of its checks until the end of the test. Returns its origin. */
export async function startCarelessServer(carelessness: Carelessness): Promise<string> {
  const phones = new Map<string, string>();
  const messages: { to: string; text: string; at: string }[] = [];
  const codes = new Map<string, string>();

  const sendCode = (username: string, host: string) => {
    const passcode =
      codes.get(username) ?? String(randomBytes(4).readUInt32BE() % 1_000_000).padStart(6, '0');
    codes.set(username, passcode);
    const to = phones.get(username);
    if (to !== undefined)
      messages.unshift({ to, text: `Code\n@${host} #${passcode}`, at: new Date().toISOString() });
    return { phone: 'X-XXX-XXX-1234', resendIn: 60, flow: token(16) };
  };

  const answer = async (path: string, form: URLSearchParams, host: string): Promise<[number, object]> => {
    const username = twinless(form.get('username') ?? '');
    const isKnown = phones.has(username);
    const isRight = isKnown && form.get('passcode') === codes.get(username);
    const isAsked = form.has('passcode');
    if (isAsked) return isRight ? [200, { status: 'ok' }] : [401, { status: 'wrong_code' }];
    switch (path) {
      case '/getseed':
        return [
          200,
          { status: 'ok', id: token(16), seed: token(32), salt: token(16), kdf: isKnown ? 'new' : 'old' },
        ];
      case '/signup':
        phones.set(twinless(form.get('email') ?? ''), form.get('phoneno') ?? '');
        return [201, { status: 'ok' }];
      case '/login':
        if (carelessness === 'locks everyone')
          return [423, { status: 'locked', ...sendCode(username, host) }];
        if (isKnown) await pause(2);
        return isKnown ? [200, { status: 'ok' }] : [401, { status: 'wrong', triesLeft: 2 }];
      case '/resetpwd':
        return [200, { status: 'code_sent', ...sendCode(username, host) }];
      case '/dev/messages.json':
        return [200, messages.slice(0, 100)];
      default:
        return [200, { status: 'ok' }];
    }
  };

  const server = createServer(async (request, response) => {
    const form = new URLSearchParams(await bodyOf(request));
    const [status, body] = await answer(request.url ?? '', form, request.headers.host ?? '');
    response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) body += chunk;
  return body;
}
