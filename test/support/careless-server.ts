import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { onTestFinished } from 'vitest';

/**
 * The fault of a careless server. It accepts every password. Or it locks every account, and its codes never expire. Or its
 * codes are for everything, and a session may do everything.
 */
export type Carelessness = 'accepts everything' | 'locks everyone' | 'trusts sessions';

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

  const signedIn = new Set<string>();

  const answer = async (
    path: string,
    form: URLSearchParams,
    host: string,
    session: string,
  ): Promise<[number, object]> => {
    const username = twinless(form.get('username') ?? session);
    const isKnown = phones.has(username);
    const isRight = isKnown && form.get('passcode') === codes.get(username);
    const isAsked = form.has('passcode');
    if (isAsked && !isRight) return [401, { status: 'wrong_code' }];
    if (isAsked) return [200, { status: 'ok', ...(path === '/changephone' && sendCode(username, host)) }];
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
        if (
          carelessness === 'locks everyone' ||
          (carelessness === 'trusts sessions' && signedIn.has(username))
        )
          return [423, { status: 'locked', ...sendCode(username, host) }];
        signedIn.add(username);
        if (isKnown) await pause(2);
        return isKnown ? [200, { status: 'ok' }] : [401, { status: 'wrong', triesLeft: 2 }];
      case '/resetpwd':
        return [200, { status: 'code_sent', ...sendCode(username, host) }];
      case '/changephone':
        phones.set(username, form.get('phoneno') ?? '');
        return [200, { status: 'code_sent', ...sendCode(username, host) }];
      case '/endsession':
      case '/forgetdevice':
        return [200, { status: 'ok', ended: form.get('session') ?? form.get('device') }];
      case '/account.json':
        return [
          200,
          {
            status: 'ok',
            phone: phones.get(username) ?? '',
            phoneConfirmed: true,
            sessions: [{ id: token(16) }],
            devices: [{ id: token(16) }],
          },
        ];
      case '/dev/messages.json':
        return [200, messages.slice(0, 100)];
      default:
        return [200, { status: 'ok' }];
    }
  };

  const server = createServer(async (request, response) => {
    const form = new URLSearchParams(await bodyOf(request));
    const { host = '', cookie = '' } = request.headers;
    const [status, body] = await answer(request.url ?? '', form, host, decodeURIComponent(cookie.slice(4)));
    const session = encodeURIComponent(twinless(form.get('username') ?? ''));
    if (request.url === '/login') response.setHeader('Set-Cookie', `sid=${session}`);
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
