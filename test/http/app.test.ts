import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import Database from 'better-sqlite3';
import supertest from 'supertest';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { consoleSms } from '../../src/sms/console.ts';
import { StoreUnavailable } from '../../src/store.ts';
import { IS_POSTGRES } from '../support/postgres.ts';
import { cookiesOf, site } from '../support/site.ts';
import { passcodeIn } from '../support/sms.ts';
import { ANN, PASSWORD } from '../support/world.ts';

const PATHS = [
  '/getseed',
  '/signup',
  '/login',
  '/verifypasscode',
  '/resetpwd',
  '/resendcode',
  '/codestatus',
  '/logout',
];

describe('pages', () => {
  test.each(['/', '/signup', '/about'])('%s is not cached and runs only its own scripts', async (path) => {
    const { status, headers } = await supertest(site().app).get(path);
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(headers['cache-control']).toBe('no-store');
    const csp = headers['content-security-policy'];
    expect(csp).toContain("script-src 'self' 'wasm-unsafe-eval';");
    expect(csp).not.toMatch(/unsafe-inline|unsafe-eval'(?<!wasm-unsafe-eval')/);
    expect(headers['x-powered-by']).toBeUndefined();
  });

  test.each(['/', '/signup', '/about'])('%s has no inline script or style', async (path) => {
    const { text } = await supertest(site().app).get(path);
    expect(text).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=/i);
  });

  test("a user's name is shown as text, even if it contains HTML", async () => {
    const { visitor } = site();
    const eve = visitor();
    const { newKeys } = await import('../support/page.ts');
    const { salt, kdf } = (await eve.post('/getseed', { username: ANN })).body;
    const person = { email: ANN, fname: '<script>alert(1)</script>', lname: 'Lee', phoneno: '+12025550123' };
    await eve.post('/signup', { ...person, salt, kdf, ...newKeys(PASSWORD, salt) });
    await eve.signIn(PASSWORD);
    const { text } = await eve.agent.get('/about');
    expect(text).toContain('&lt;script&gt;');
    expect(text).not.toContain('<script>alert');
  });

  test.each(['/', '/signup'])('%s sends a signed-in user on, except with a query', async (path) => {
    const ann = site().visitor();
    expect((await ann.agent.get(path)).status).toBe(200);
    await ann.signUp();
    await ann.signIn(PASSWORD);
    const { status, headers } = await ann.agent.get(path);
    expect([status, headers.location, headers['cache-control']]).toEqual([303, '/about', 'no-store']);
    expect((await ann.agent.get(`${path}?reset`)).status).toBe(200);
    await ann.post('/logout');
    expect((await ann.agent.get(path)).status).toBe(200);
  });

  test('a page that is not found shows who is signed in', async () => {
    const ann = site().visitor();
    await ann.signUp();
    await ann.signIn(PASSWORD);
    const { status, text } = await ann.agent.get('/nope').set('Accept', 'text/html');
    expect([status, text.includes('signed in as')]).toEqual([404, true]);
  });

  test('an unknown path answers a program with JSON and a browser with a page', async () => {
    const { app } = site();
    const program = await supertest(app).get('/nope');
    expect([program.status, program.body]).toEqual([
      404,
      { status: 'not_found', message: expect.any(String) },
    ]);
    const browser = await supertest(app)
      .get('/nope')
      .set('Accept', 'text/html,application/xhtml+xml,*/*;q=0.8');
    expect([browser.status, browser.headers['content-type']]).toEqual([404, 'text/html; charset=utf-8']);
  });

  test('HEAD of an unknown path has the type of GET', async () => {
    const { status, headers, text } = await supertest(site().app).head('/nope').set('Accept', 'text/html');
    expect([status, headers['content-type'], text]).toEqual([404, 'text/html; charset=utf-8', undefined]);
  });

  test('an unexpected error answers a browser with a page', async () => {
    const { app, world } = site({ hasFaults: true });
    world.deps.store.read = () => Promise.reject(new TypeError('a secret detail'));
    const browser = supertest(app)
      .get('/about')
      .set({ Accept: 'text/html', Cookie: `sid=${'x'.repeat(43)}` });
    const { status, text } = await browser;
    expect(status).toBe(500);
    expect(text).toContain('Something went wrong');
    expect(text).not.toContain('secret detail');
  });

  test('a request target that is not a URL gets invalid as JSON', async () => {
    const server = createServer(site().app);
    onTestFinished(() => void server.close());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const socket = connect((server.address() as { port: number }).port, '127.0.0.1');
    socket.write('GET http://[x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    const answer = (await socket.toArray()).join('');
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('Cache-Control: no-store');
    expect(answer).toContain('"status":"invalid"');
  });

  test('the inbox is not found for a request with two Host headers', async () => {
    const server = createServer(site({ inbox: consoleSms(() => undefined, Date.now) }).app);
    onTestFinished(() => void server.close());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const statusWith = async (hosts: string) => {
      const socket = connect((server.address() as { port: number }).port, '127.0.0.1');
      socket.write(`GET /dev/messages.json HTTP/1.1\r\n${hosts}Connection: close\r\n\r\n`);
      return (await socket.toArray()).join('').split(' ')[1];
    };
    expect(await statusWith('Host: localhost\r\n')).toBe('200');
    expect(await statusWith('Host: localhost\r\nHost: evil.example\r\n')).toBe('404');
  });

  test.each(PATHS)('OPTIONS %s is not found', async (path) => {
    const { status, body } = await supertest(site().app).options(path);
    expect([status, body.status]).toEqual([404, 'not_found']);
  });

  test.each(PATHS)('GET and PUT %s are not found, except the sign-up page', async (path) => {
    const { app } = site();
    const put = await supertest(app).put(path).type('form').send('username=ann');
    expect([put.status, put.body.status]).toEqual([404, 'not_found']);
    if (path !== '/signup') expect((await supertest(app).get(path)).status).toBe(404);
  });
});

describe('cross-site requests', () => {
  const from = (headers: Record<string, string>, path = '/getseed', publicOrigin = 'http://localhost:5000') =>
    supertest(site({ publicOrigin }).app).post(path).set(headers).type('form').send('username=ann');

  test.each([
    { 'Sec-Fetch-Site': 'cross-site' },
    { 'Sec-Fetch-Site': 'same-site' },
    { 'Sec-Fetch-Site': 'cross-site', Origin: 'http://localhost:5000' },
    { 'Sec-Fetch-Site': 'SAME-ORIGIN' },
    { Origin: 'null' },
    { Origin: 'https://evil.example' },
    { Origin: 'http://localhost:5001' },
    { Origin: 'https://localhost:5000' },
    { Origin: 'http://localhost.evil.example:5000' },
    { Origin: 'http://127.0.0.1.evil.example:5000' },
    { Origin: 'localhost:5000' },
    { Origin: '' },
  ])('a POST with %o is refused (attack 36)', async (headers) => {
    const { status, body } = await from(headers);
    expect([status, body.status]).toEqual([403, 'cross_site']);
  });

  test.each([
    {},
    { 'Sec-Fetch-Site': 'same-origin' },
    { 'Sec-Fetch-Site': 'none' },
    { Origin: 'http://localhost:5000' },
    { Origin: 'http://127.0.0.1:5000' },
    { Origin: 'http://[::1]:5000' },
  ])('a POST with %o is accepted', async (headers: Record<string, string>) => {
    expect((await from(headers)).status).toBe(200);
  });

  test('a public site does not accept a loopback origin', async () => {
    expect((await from({ Origin: 'https://localhost' }, '/getseed', 'https://example.com')).status).toBe(403);
    expect((await from({ Origin: 'https://example.com' }, '/getseed', 'https://example.com')).status).toBe(
      200,
    );
  });

  test.each([...PATHS, '/nope'])('%s checks the origin of a POST first', async (path) => {
    const { status, body } = await supertest(site().app)
      .post(path)
      .set('Origin', 'null')
      .type('json')
      .send('{');
    expect([status, body.status]).toEqual([403, 'cross_site']);
  });

  test('a refused POST sends no message (attack 36)', async () => {
    const { app, world, visitor } = site();
    await visitor().signUp();
    await supertest(app)
      .post('/resetpwd')
      .set('Sec-Fetch-Site', 'cross-site')
      .type('form')
      .send({ username: ANN });
    await world.settled();
    expect(world.sms.sent).toEqual([]);
  });
});

describe('cookies', () => {
  test('a sign-in sets the session and device cookies, both HttpOnly and SameSite', async () => {
    const { visitor } = site();
    const ann = visitor();
    await ann.signUp();
    const [session, device, ...rest] = cookiesOf(await ann.signIn(PASSWORD));
    expect(session).toMatch(
      /^sid=[0-9a-f]{12}[\w-]{43}; Max-Age=2592000; Path=\/; Expires=[^;]+; HttpOnly; SameSite=Lax$/,
    );
    expect(device).toMatch(
      /^device-[0-9a-f]{8}=[0-9a-f]{12}[\w-]{43}; Max-Age=34560000; Path=\/; Expires=[^;]+; HttpOnly; SameSite=Strict$/,
    );
    expect(rest).toEqual([]);
  });

  test('the device cookie is named after the canonical address', async () => {
    const { visitor } = site();
    const ann = visitor();
    await ann.signUp();
    const { createHash } = await import('node:crypto');
    const name = `device-${createHash('sha256').update(ANN).digest('hex').slice(0, 8)}`;
    expect(cookiesOf(await ann.signIn(PASSWORD, ' ANN@example.com'))[1]).toContain(`${name}=`);
  });

  test('cookies are Secure and bound to the host under https', async () => {
    const { visitor } = site({ publicOrigin: 'https://example.com' });
    const ann = visitor();
    await ann.signUp();
    const [session, device] = cookiesOf(await ann.signIn(PASSWORD));
    expect(session).toMatch(/^__Host-sid=.*; Path=\/;.*; Secure; SameSite=Lax$/);
    expect(device).toMatch(/^__Host-device-[0-9a-f]{8}=.*; Path=\/;.*; Secure; SameSite=Strict$/);
  });

  test('a sign-in replaces a session that an attacker planted (attack 23)', async () => {
    const { visitor } = site();
    const [mallory, ann] = [visitor(), visitor()];
    await mallory.signUp('mallory@example.com');
    await ann.signUp();
    const planted = cookiesOf(await mallory.signIn(PASSWORD, 'mallory@example.com'))[0]?.split(
      ';',
    )[0] as string;
    ann.agent.jar.setCookie(planted);
    expect(cookiesOf(await ann.signIn(PASSWORD))[0]).not.toContain(planted);
    expect((await mallory.agent.get('/about')).text).not.toContain('mallory@example.com');
  });

  test('a right code sets the device cookie and no session', async () => {
    const { world, visitor } = site();
    const ann = visitor();
    await ann.signUp();
    const locked = await ann.lockOut();
    await world.settled();
    const form = { username: ANN, flow: locked.body.flow, passcode: world.sms.lastPasscode() };
    const cookies = cookiesOf(await ann.post('/verifypasscode', form));
    expect(cookies.map((cookie) => cookie.split('=')[0])).toEqual([expect.stringMatching(/^device-/)]);
  });

  test('a sign-out deletes the session cookie and keeps the device cookie', async () => {
    const { visitor } = site();
    const ann = visitor();
    await ann.signUp();
    await ann.signIn(PASSWORD);
    expect(cookiesOf(await ann.post('/logout'))).toEqual([
      expect.stringMatching(/^sid=; Path=\/; Expires=Thu, 01 Jan 1970/),
    ]);
    await visitor().lockOut();
    expect((await ann.signIn(PASSWORD)).status).toBe(200);
  });

  test('two accounts in one browser have separate devices (attack 4)', async () => {
    const { visitor } = site();
    const browser = visitor();
    const bob = 'bob@example.com';
    await browser.signUp();
    await browser.signUp(bob);
    await browser.signIn(PASSWORD);
    await visitor().lockOut();
    await visitor().lockOut(bob);
    expect((await browser.signIn(PASSWORD)).status).toBe(200);
    expect((await browser.signIn(PASSWORD, bob)).status).toBe(423);
  });
});

describe('a locked account', () => {
  test('stays locked under every request except the right code (attack 22)', async () => {
    const { world, visitor } = site();
    const ann = visitor();
    await ann.signUp();
    const { flow } = (await ann.lockOut()).body;
    const { salt, kdf } = (await ann.post('/getseed', { username: ANN })).body;
    const keys = { salt, kdf, storedKey: 'A'.repeat(43), serverKey: 'A'.repeat(43) };
    const answers = [
      await ann.signIn(PASSWORD),
      await ann.signIn(PASSWORD, ANN.toUpperCase()),
      await ann.post('/verifypasscode', { username: ANN, flow: 'A'.repeat(22), passcode: '000000' }),
      await ann.post('/resetpwd', { username: ANN, flow, passcode: '000000', ...keys }),
      await ann.post('/resetpwd', { username: ANN }),
      await ann.post('/resendcode', { flow }),
      await ann.post('/codestatus', { flow }),
      await ann.post('/logout'),
      await ann.signUp(),
    ];
    expect(answers.flatMap(cookiesOf).filter((cookie) => !cookie.startsWith('sid=;'))).toEqual([]);
    expect((await ann.signIn(PASSWORD)).body.status).toBe('locked');
    expect((await ann.agent.get('/about')).text).not.toContain('Ann');

    await world.settled();
    const passcode = passcodeIn(world.sms.sent[0]?.text);
    const form = { username: ANN, flow, passcode };
    expect((await ann.post('/verifypasscode', form)).body.status).toBe('ok');
    expect((await ann.signIn(PASSWORD)).body.status).toBe('ok');
  });
});

describe('a request target that names its host', () => {
  const ask = async (target: string) => {
    const inbox = consoleSms(() => undefined, Date.now);
    const server = createServer(site({ inbox }).app).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const socket = connect((server.address() as { port: number }).port, '127.0.0.1');
    socket.write(`GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    let answer = '';
    socket.setEncoding('utf8').on('data', (chunk) => {
      answer += chunk;
    });
    await once(socket, 'close');
    server.close();
    return answer;
  };

  test('is accepted, and its host replaces the Host header', async () => {
    expect(await ask('http://localhost/signup')).toMatch(/^HTTP\/1.1 200 /);
    expect(await ask('http://localhost/dev/messages.json')).toMatch(/^HTTP\/1.1 200 /);
    expect(await ask('http://example.com/dev/messages.json')).toMatch(/^HTTP\/1.1 404 /);
  });

  test.each(['http://localhost:not-a-port/login?proof=secret', 'http://[::1', '*', 'ftp://localhost/'])(
    '%s is invalid, and no warning prints it',
    async (target) => {
      const warned = vi.spyOn(process, 'emitWarning');
      expect(await ask(target)).toMatch(/^HTTP\/1.1 400 .*"status":"invalid"/s);
      expect(warned).not.toHaveBeenCalled();
    },
  );
});

describe('the inbox', () => {
  const message = { to: '+12025550123', text: 'Hello', at: '2026-01-01T00:00:00.000Z' };
  const inbox = consoleSms(
    () => undefined,
    () => Date.parse(message.at),
  );
  const get = (headers: Record<string, string> = {}, options = {}) =>
    supertest(site({ inbox, ...options }).app)
      .get('/dev/messages.json')
      .set(headers);

  test('shows the messages as a page and as JSON', async () => {
    await inbox.send(message.to, message.text);
    const answer = await get();
    expect([answer.status, answer.body]).toEqual([200, [message]]);
    const page = await supertest(site({ inbox }).app).get('/dev/messages');
    expect(page.text).toContain('+12025550123');
  });

  test.each([
    { Host: 'example.com' },
    { Host: 'localhost.example.com:5000' },
    { Host: '192.168.1.2' },
    { Forwarded: 'for=127.0.0.1' },
    { 'X-Forwarded-For': '127.0.0.1' },
    { 'X-Forwarded-Host': 'localhost' },
    { 'X-Forwarded-Anything': '' },
    { Via: '1.1 proxy' },
  ])('is not found with %o', async (headers) => {
    const answer = await get(headers);
    expect([answer.status, answer.body.status]).toEqual([404, 'not_found']);
  });

  test.each(['localhost', 'localhost:5000', '127.0.0.1:5000', '[::1]:5000'])(
    'is shown for the host %s',
    async (host) => {
      expect((await get({ Host: host })).status).toBe(200);
    },
  );

  test('is not found in production or without the console sender', async () => {
    expect((await get({}, { isProduction: true })).status).toBe(404);
    expect((await supertest(site().app).get('/dev/messages')).status).toBe(404);
  });
});

describe('the delivery of a message', () => {
  test('is shown with a sentence to a known device, but not to other devices', async () => {
    const { world, visitor } = site();
    const ann = visitor();
    await ann.signUp();
    await ann.signIn(PASSWORD);
    world.sms.answerNext({ kind: 'refused', reason: 'opted_out' });
    const { flow } = (await ann.post('/resetpwd', { username: ANN })).body;
    await world.settled();
    expect((await ann.post('/codestatus', { flow })).body).toEqual({
      status: 'ok',
      message: expect.stringContaining('STOP'),
      delivery: 'failed',
      reason: 'opted_out',
      resendIn: 0,
    });
    expect((await visitor().post('/codestatus', { flow })).body).toMatchObject({
      delivery: 'sending',
      resendIn: 60,
    });
    expect((await ann.post('/resendcode', { flow })).body).toMatchObject({
      status: 'code_sent',
      resendIn: 60,
      flow,
    });
    await world.settled();
    expect((await ann.post('/codestatus', { flow })).body).toMatchObject({ delivery: 'delivered' });
  });

  test('is sending for an unknown flow', async () => {
    const { status, body } = await site()
      .visitor()
      .post('/codestatus', { flow: 'A'.repeat(22) });
    expect([status, body]).toEqual([200, { status: 'ok', message: expect.any(String), delivery: 'sending' }]);
  });

  test('a full queue answers slow_down with the seconds to wait, in the body and the header', async () => {
    const { world, visitor } = site();
    world.sms.availability = { kind: 'full', retryAfterSeconds: 17 };
    const { status, body, headers } = await visitor().post('/resetpwd', { username: ANN });
    expect([status, body.status, body.retryAfter, headers['retry-after']]).toEqual([
      429,
      'slow_down',
      17,
      '17',
    ]);
  });
});

describe("a database that can't be written", () => {
  test.skipIf(IS_POSTGRES)(
    'answers unavailable, changes nothing, and recovers without a restart',
    async () => {
      const { visitor, databasePath } = site({ store: { patienceMs: 100 }, hasFaults: true });
      const ann = visitor();
      await ann.signUp();
      const other = new Database(databasePath, { timeout: 0 });
      onTestFinished(() => void other.close());
      other.exec('BEGIN IMMEDIATE');
      const refused = await ann.post('/getseed', { username: ANN });
      expect([refused.status, refused.body.status]).toEqual([503, 'unavailable']);
      other.exec('COMMIT');
      expect((await ann.signIn(PASSWORD)).status).toBe(200);
    },
  );

  test('shows every page to a signed-in user while another process holds the write lock', async () => {
    const { world, visitor, databasePath } = site({ store: { patienceMs: 100 } });
    const ann = visitor();
    await ann.signUp();
    await ann.signIn(PASSWORD);
    // From now on a visit has something to record.
    world.clock.advanceMinutes(5);
    const other = new Database(databasePath, { timeout: 0 });
    onTestFinished(() => void other.close());
    other.exec('BEGIN IMMEDIATE');
    for (const path of ['/about', '/?reset', '/account', '/nope']) {
      const { status, text } = await ann.agent.get(path).set('Accept', 'text/html');
      expect([path, status, text.includes('signed in as')]).toEqual([
        path,
        path === '/nope' ? 404 : 200,
        true,
      ]);
    }
    await world.settled();
    other.exec('COMMIT');
    await ann.agent.get('/about');
    await world.settled();
    const { body } = await ann.agent.get('/account.json');
    expect(body.sessions).toMatchObject([{ current: true }]);
  });

  test('that can also not be read shows pages as signed out, and says so in the log', async () => {
    const { world, visitor, logged } = site({ hasFaults: true });
    const ann = visitor();
    await ann.signUp();
    await ann.signIn(PASSWORD);
    world.deps.store.read = () => Promise.reject(new StoreUnavailable('gone'));
    const about = await ann.agent.get('/about');
    expect([about.status, about.text.includes('signed in as')]).toEqual([200, false]);
    expect(logged()).toContain('store_unavailable');
    expect((await ann.agent.get('/account')).status).toBe(503);
  });

  test('an unexpected error answers with a fixed sentence, and only the log has its details', async () => {
    const { app, world, logged } = site({ hasFaults: true });
    world.deps.store.transact = () => Promise.reject(new TypeError('a secret detail'));
    const { status, body } = await supertest(app).post('/getseed').type('form').send('username=ann');
    expect([status, body]).toEqual([
      500,
      { status: 'error', message: 'Something went wrong on our side. Try again in a few minutes.' },
    ]);
    expect(logged()).toContain('TypeError');
    const [, id] = /"event":"fault","id":"([0-9a-f]{12})"/.exec(logged()) ?? [];
    expect(logged()).toContain(`{"id":"${id}","method":"POST","path":"/getseed"`);
  });
});

describe('the log', () => {
  const lines = (logged: string) =>
    logged.split('\n').map((line) => (JSON.parse(line) as [Record<string, unknown>])[0]);

  test('names the route of a refused POST, but no other path', async () => {
    const { app, logged } = site();
    const post = (path: string) => supertest(app).post(path).type('form');
    await post('/getseed').send({});
    await post('/login').set('Origin', 'null').send({});
    await post('/signup').send({ email: 'a'.repeat(9000) });
    await post('/my-secret').send({});
    await supertest(app).get('/getseed');
    expect(lines(logged()).map(({ method, path, status }) => [method, path, status])).toEqual([
      ['POST', '/getseed', 400],
      ['POST', '/login', 403],
      ['POST', '/signup', 413],
      ['POST', 'unknown', 404],
      ['GET', '/getseed', 404],
    ]);
  });

  test('has a line for a request that its client gives up, without a status if there was no answer', async () => {
    const { app, logged } = site();
    const server = createServer(app).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const socket = connect((server.address() as { port: number }).port, '127.0.0.1');
    const form = 'Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 12\r\n\r\nuser';
    const received = once(server, 'request');
    socket.write(`POST /getseed HTTP/1.1\r\nHost: localhost\r\n${form}`);
    await received;
    socket.destroy();
    await expect.poll(logged).not.toBe('');
    expect(lines(logged())).toEqual([
      { id: expect.any(String), method: 'POST', path: '/getseed', ms: expect.any(Number), aborted: true },
    ]);
  });
});

describe('a proxy that is not trusted', () => {
  const alertsOf = async (options: object, headers: Record<string, string>) => {
    const { app, world } = site(options);
    await supertest(app).get('/').set(headers);
    return world.alerts;
  };
  const https = { publicOrigin: 'https://example.com' };
  const forwarded = { 'X-Forwarded-For': '203.0.113.9' };

  test('alerts if it forwards requests to a site at https', async () => {
    expect(await alertsOf(https, forwarded)).toEqual([{ event: 'proxy_not_trusted' }]);
  });

  test.each([
    ['no request was forwarded', https, {}],
    ['a proxy is trusted', { ...https, trustProxy: 1 }, forwarded],
    ['the site is at http', {}, forwarded],
  ])('does not alert if %s', async (_, options, headers) => {
    expect(await alertsOf(options, headers)).toEqual([]);
  });
});

describe('the network of a request', () => {
  test('ignores X-Forwarded-For unless a proxy is trusted', async () => {
    const oldestIsKept = async (trustProxy: false | number) => {
      const { app } = site({ trustProxy, policy: { maxSeedsPerNetwork: 1 } });
      const ask = (address: string) =>
        supertest(app).post('/getseed').set('X-Forwarded-For', address).type('form').send({ username: ANN });
      const first = (await ask('203.0.113.9')).body;
      await ask('198.51.100.1');
      const form = { username: ANN, id: first.id, nonce: 'n'.repeat(22), proof: 'A'.repeat(43) };
      return (await supertest(app).post('/login').type('form').send(form)).body.status;
    };
    expect(await oldestIsKept(false)).toBe('bad_seed');
    expect(await oldestIsKept(1)).toBe('wrong');
  });
});
