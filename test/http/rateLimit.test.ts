import supertest from 'supertest';
import { describe, expect, test } from 'vitest';
import { BOUNDS } from '../../src/http/bounds.ts';
import { clientNetworkOf } from '../../src/http/client-network.ts';
import { requestLimit } from '../../src/http/rate-limit.ts';
import { countsInMemory } from '../../src/http/request-counts.ts';
import { consoleSms } from '../../src/sms/console.ts';
import { site } from '../support/site.ts';
import { ANN } from '../support/world.ts';

const policy = { requestsPerMinute: 3 };

function asker(options: Parameters<typeof site>[0]) {
  const { app } = site(options);
  return (from?: string, path = '/getseed', fields: object = { username: ANN }) => {
    const request = supertest(app).post(path).type('form');
    return (from === undefined ? request : request.set('X-Forwarded-For', from)).send(fields);
  };
}

describe('requests of one network', () => {
  test('get slow_down with the seconds to wait above the limit, on every route (attack 7)', async () => {
    const ask = asker({ policy });
    for (let count = 0; count < 3; count += 1) expect((await ask()).status).toBe(200);
    const token = 'A'.repeat(22);
    const keys = { salt: token, kdf: 'k', storedKey: 'A'.repeat(43), serverKey: 'A'.repeat(43) };
    const person = { email: ANN, fname: 'Ann', lname: 'Lee', phoneno: '+12025550123' };
    const requests: [string, object][] = [
      ['/getseed', { username: ANN }],
      ['/signup', { ...person, ...keys }],
      ['/login', { username: ANN, id: token, nonce: token, proof: 'A'.repeat(43) }],
      ['/verifypasscode', { username: ANN, flow: token, passcode: '123456' }],
      ['/resetpwd', { username: ANN }],
      ['/resetpwd', { username: ANN, flow: token, passcode: '123456', ...keys }],
      ['/resendcode', { flow: token }],
      ['/codestatus', { flow: token }],
      ['/logout', {}],
    ];
    for (const [path, fields] of requests) {
      const { status, body, headers } = await ask(undefined, path, fields);
      expect([path, status, body.status]).toEqual([path, 429, 'slow_down']);
      expect(body.retryAfter).toBeGreaterThanOrEqual(1);
      expect(body.retryAfter).toBeLessThanOrEqual(60);
      expect(headers['retry-after']).toBe(String(body.retryAfter));
      expect(headers['set-cookie']).toBeUndefined();
    }
  });

  const refused: [string, number, (ask: ReturnType<typeof asker>) => supertest.Test][] = [
    ['an invalid form', 400, (ask) => ask(undefined, '/getseed', {})],
    ['a form of another type', 400, (ask) => ask().type('json')],
    ['a compressed form', 400, (ask) => ask().set('Content-Encoding', 'gzip')],
    ['a form from another site', 403, (ask) => ask().set('Origin', 'https://elsewhere.example')],
    ['a form over 8 KiB', 413, (ask) => ask(undefined, '/getseed', { username: 'a'.repeat(9000) })],
  ];

  test.each(refused)('count if they are %s (attack S6)', async (_, code, send) => {
    const ask = asker({ policy });
    for (let count = 0; count < 3; count += 1) expect((await send(ask)).status).toBe(code);
    expect((await ask()).status).toBe(429);
  });

  test.each(refused)(
    'above the limit, %s keeps its answer and ends its connection',
    async (_, code, send) => {
      const ask = asker({ policy });
      const first = await send(ask).set('Connection', 'keep-alive');
      expect([first.status, first.headers.connection]).toEqual([code, 'keep-alive']);
      for (let count = 0; count < 3; count += 1) await ask();
      const above = await send(ask).set('Connection', 'keep-alive');
      expect([above.status, above.headers.connection]).toEqual([code, 'close']);
      const wellFormed = await ask().set('Connection', 'keep-alive');
      expect([wellFormed.status, wellFormed.headers.connection]).toEqual([429, 'keep-alive']);
    },
  );

  test.each(['/', '/about', '/nope'])(
    'count if they are for the page %s, but not for its files',
    async (path) => {
      const { app } = site({ policy });
      const file = /"(\/assets\/[^"]+)"/.exec((await supertest(app).get('/')).text)?.[1] ?? '';
      for (let count = 0; count < 5; count += 1) expect((await supertest(app).get(file)).status).toBe(200);
      for (let count = 0; count < 2; count += 1) await supertest(app).get(path);
      const page = await supertest(app).get(path).set('Accept', 'text/html');
      expect([page.status, page.headers['content-type']]).toEqual([429, 'text/html; charset=utf-8']);
      expect(Number(page.headers['retry-after'])).toBeGreaterThanOrEqual(1);
      expect(page.text).toContain('Too many requests');
      const program = await supertest(app).get(path).set('Accept', 'application/json');
      expect([program.status, program.body.status]).toEqual([429, 'slow_down']);
      expect(String(program.body.retryAfter)).toBe(program.headers['retry-after']);
      expect((await supertest(app).get(file)).status).toBe(200);
    },
  );

  test('do not count if they are for the inbox, which programs poll', async () => {
    const { app } = site({ policy, inbox: consoleSms(() => undefined, Date.now) });
    for (let count = 0; count < 5; count += 1)
      expect((await supertest(app).get('/dev/messages.json')).status).toBe(200);
    expect((await supertest(app).get('/')).status).toBe(200);
  });

  test('count together for every X-Forwarded-For if no proxy is trusted (attack 31)', async () => {
    const ask = asker({ policy });
    const statuses = [];
    for (let count = 0; count < 5; count += 1) statuses.push((await ask(`198.51.100.${count}`)).status);
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
  });

  test('count by the last address in X-Forwarded-For, which the trusted proxy added (attack 31)', async () => {
    const ask = asker({ policy, trustProxy: 1 });
    const statuses = [];
    for (let count = 0; count < 5; count += 1) {
      statuses.push((await ask(`198.51.100.${count}, 203.0.113.9`)).status);
    }
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
    expect((await ask('203.0.113.9, 203.0.113.10')).status).toBe(200);
  });

  test.each([
    ['an IPv6 /64', ['2001:db8:1:2::1', '2001:db8:1:2::2', '2001:db8:1:2:3::4', '2001:db8:1:2:ffff::']],
    [
      'an IPv4 address mapped into IPv6',
      ['203.0.113.9', '::ffff:203.0.113.9', '::ffff:cb00:7109', '203.0.113.9:4711'],
    ],
  ])('%s is one network (attack 31)', async (_, addresses) => {
    const ask = asker({ policy, trustProxy: 1 });
    const statuses = [];
    for (const address of addresses) statuses.push((await ask(address)).status);
    expect(statuses).toEqual([200, 200, 200, 429]);
  });

  test('have four times the limit for all networks of an IPv6 /48 (attack 31)', async () => {
    const ask = asker({ policy, trustProxy: 1 });
    let answered = 0;
    for (let count = 0; count < 20; count += 1) {
      answered += Number((await ask(`2001:db8:1:${count}::1`)).status === 200);
    }
    expect(answered).toBe(12);
    expect((await ask('2001:db8:2::1')).status).toBe(200);
  });

  test('do not count for the IPv6 /48 if the limit of their own network refuses them', async () => {
    const ask = asker({ policy, trustProxy: 1 });
    for (let count = 0; count < 20; count += 1) await ask('2001:db8:1:1::1');
    for (let count = 0; count < 3; count += 1) expect((await ask('2001:db8:1:2::1')).status).toBe(200);
  });

  test('to sign up have their own hourly limit', async () => {
    const here = site({ policy: { signupsPerHour: 2 } });
    const statuses = [];
    for (let index = 0; index < 4; index += 1) {
      statuses.push((await here.visitor().signUp(`user${index}@example.com`)).status);
    }
    expect(statuses).toEqual([201, 201, 429, 429]);
    expect((await here.visitor().post('/getseed', { username: ANN })).status).toBe(200);
  });

  test('have no limit if limits are turned off', async () => {
    const ask = asker({ policy: { requestsPerMinute: Number.POSITIVE_INFINITY } });
    for (let count = 0; count < 20; count += 1) expect((await ask()).status).toBe(200);
    expect((await ask(undefined, '/getseed', {}).set('Connection', 'keep-alive')).headers.connection).toBe(
      'keep-alive',
    );
  });
});

const ONE_A_MINUTE = { name: 'requests', most: 1, seconds: 60, block: 1 };

describe('the counts in memory', () => {
  const ipv4 = (index: number) => ({ network: `192.0.2.${index}` });
  const of48 = (index: number) => ({ network: `2001:db8:1:${index}::/64`, prefix48: '2001:db8:1::/48' });

  test('are bounded: past the bound, the oldest is forgotten', async () => {
    const limit = requestLimit(countsInMemory, ONE_A_MINUTE);
    expect([await limit(ipv4(0)), await limit(ipv4(0))]).toEqual([0, expect.any(Number)]);
    for (let index = 1; index < BOUNDS.countedNetworks; index += 1) await limit(ipv4(index));
    expect(await limit(ipv4(0))).toBeGreaterThan(0);
    await limit(ipv4(BOUNDS.countedNetworks));
    await limit(ipv4(BOUNDS.countedNetworks + 1));
    expect(await limit(ipv4(0))).toBe(0);
  });

  test('have no entry for a network of a /48 that is refused', async () => {
    const limit = requestLimit(countsInMemory, ONE_A_MINUTE);
    await limit(ipv4(0));
    for (let index = 0; index < BOUNDS.countedNetworks + 10; index += 1) await limit(of48(index));
    expect(await limit(ipv4(0))).toBeGreaterThan(0);
  });
});

test('the SMS limits of an IPv4 address and an IPv6 /48 hold over HTTP (attack 31)', async () => {
  const ask = asker({ policy: { codeResendSeconds: 0 }, trustProxy: 1 });
  const answered = { network: 0, prefix48: 0 };
  for (let count = 0; count < 65; count += 1) {
    const fields = { username: `user${count}@example.com` };
    answered.network += Number((await ask('198.51.100.1', '/resetpwd', fields)).status === 200);
  }
  for (let count = 0; count < 190; count += 1) {
    const fields = { username: `other${count}@example.com` };
    answered.prefix48 += Number((await ask(`2001:db8:1:${count}::1`, '/resetpwd', fields)).status === 200);
  }
  expect(answered).toEqual({ network: 60, prefix48: 180 });
});

describe('the network of an address', () => {
  test.each([
    ['203.0.113.9', '203.0.113.9', undefined],
    ['::ffff:203.0.113.9', '203.0.113.9', undefined],
    ['::ffff:cb00:7109', '203.0.113.9', undefined],
    ['203.0.113.9:4711', '203.0.113.9', undefined],
    ['[2001:db8:1:2::9]:4711', '2001:db8:1:2::/64', '2001:db8:1::/48'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64', '2001:db8:1::/48'],
    ['2001:0DB8:0001:0002:ffff::', '2001:db8:1:2::/64', '2001:db8:1::/48'],
    ['2001:db8::1', '2001:db8:0:0::/64', '2001:db8:0::/48'],
    ['::1', '0:0:0:0::/64', '0:0:0::/48'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64', 'fe80:0:0::/48'],
    ['unknown', 'unknown', undefined],
  ])('%s is %s in %s (attack 31)', (address, network, prefix48) => {
    const found = clientNetworkOf(address);
    expect([found.network, found.prefix48]).toEqual([network, prefix48]);
  });
});

test('all spellings of an address share one SMS limit (attack 27)', async () => {
  const ask = asker({ policy: { codeResendSeconds: 0 } });
  const spellings = [
    'zo\u00eb@example.com',
    'ZO\u00cb@example.com',
    ' zoe\u0308@example.com',
    'Zoe\u0308@Example.COM ',
  ];
  const statuses = [];
  for (let count = 0; count < 8; count += 1) {
    statuses.push(
      (await ask(undefined, '/resetpwd', { username: spellings[count % spellings.length] })).status,
    );
  }
  expect(statuses).toEqual([200, 200, 200, 200, 200, 429, 429, 429]);
});
