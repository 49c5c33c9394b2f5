import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, test, vi } from 'vitest';
import type { SmsOutcome, SmsSender } from '../../src/sms.ts';
import {
  BUSY,
  CODE,
  MISCONFIGURED,
  PHONE,
  ringCentralBench,
  SENT,
  TEXT,
  UNKNOWN,
} from '../support/ringcentral.ts';
import {
  account,
  oauthRefusal,
  ok,
  page,
  RingCentralStandIn,
  refusal,
  type Trouble,
  tooMany,
} from '../support/ringcentral-standin.ts';

const bench = ringCentralBench();
const { lines, sender, warmSender } = bench;

const sendTen = (sms: SmsSender): Promise<SmsOutcome[]> =>
  Promise.all(Array.from({ length: 10 }, () => sms.send(PHONE, TEXT)));

describe('a message', () => {
  test('is sent from our number to the recipient, and has the id that RingCentral gave it', async () => {
    const outcome = await sender().send(PHONE, TEXT);
    expect(bench.ringCentral.messages).toEqual([
      { id: 40_000_000_001, from: account.fromNumber, to: PHONE, text: TEXT },
    ]);
    expect(outcome).toMatchObject({ kind: 'sent', messageId: '40000000001' });
  });

  test('has the status and the request id of RingCentral in its outcome', async () => {
    expect(await sender().send(PHONE, TEXT)).toEqual({
      kind: 'sent',
      messageId: '40000000001',
      facts: { status: 200, requestId: 'standin-request-2', errorCode: undefined },
    });
  });

  test('is sent even if the server URL ends in a slash', async () => {
    expect(await sender({ serverUrl: `${bench.ringCentral.url}/` }).send(PHONE, TEXT)).toEqual(SENT);
  });

  test('that RingCentral accepts and fails at once is refused alone', async () => {
    bench.ringCentral.next('sms', ok({ id: 1, messageStatus: 'SendingFailed' }));
    expect(await sender().send(PHONE, TEXT)).toMatchObject({
      kind: 'refused',
      reason: 'undeliverable',
      scope: 'message',
    });
  });

  test.each([
    ['SMS-RC-413', 'opted_out'],
    ['SMS-UP-413', 'opted_out'],
    ['SMS-CAR-413', 'opted_out'],
    ['SMS-UP-410', 'bad_recipient'],
    ['SMS-CAR-411', 'bad_recipient'],
    ['SMS-UP-414', 'misconfigured'],
    ['SMS-CAR-461', 'misconfigured'],
  ])('whose delivery failed with %s is refused as %s', async (deliveryErrorCode, reason) => {
    bench.ringCentral.next('sms', ok({ id: 1, messageStatus: 'DeliveryFailed', deliveryErrorCode }));
    expect(await sender().send(PHONE, TEXT)).toMatchObject({ kind: 'refused', reason, scope: 'message' });
  });
});

describe('the login', () => {
  test('is made once for ten messages at a cold start', async () => {
    expect(await sendTen(sender())).toEqual(Array(10).fill(SENT));
    expect(bench.ringCentral.count('token')).toBe(1);
    expect(bench.ringCentral.messages).toHaveLength(10);
  });

  test('is kept for later messages', async () => {
    const sms = await warmSender();
    await sms.send(PHONE, TEXT);
    expect(bench.ringCentral.count('token')).toBe(1);
  });

  test('is repeated by JWT when the token expires, without a refresh token', async () => {
    bench.ringCentral.expiresInSeconds = 30;
    const sms = await warmSender();
    expect(await sms.send(PHONE, TEXT)).toEqual(SENT);
    expect(bench.ringCentral.issued).toEqual(Array(2).fill('urn:ietf:params:oauth:grant-type:jwt-bearer'));
  });

  test('is repeated once for ten messages whose token was revoked, and each is sent once', async () => {
    const sms = await warmSender();
    bench.ringCentral.revokeTokens();
    expect(await sendTen(sms)).toEqual(Array(10).fill(SENT));
    expect(bench.ringCentral.count('token')).toBe(2);
    expect(bench.ringCentral.messages).toHaveLength(10);
  });

  test('of one message survives the late 401 of another message for an older token', async () => {
    const sms = await warmSender();
    bench.ringCentral.revokeTokens();
    let answer = () => {};
    bench.ringCentral.next('sms', {
      kind: 'late',
      after: new Promise<void>((resolve) => (answer = resolve)),
    });
    const both = [sms.send(PHONE, TEXT), sms.send(PHONE, TEXT)];
    expect(await Promise.race(both)).toEqual(SENT);
    answer();
    expect(await Promise.all(both)).toEqual([SENT, SENT]);
    expect(bench.ringCentral.count('token')).toBe(2);
  });

  test('belongs to one sender', async () => {
    await warmSender();
    expect(await sender({ jwt: 'another-jwt' }).send(PHONE, TEXT)).toEqual(MISCONFIGURED);
    expect(bench.ringCentral.messages).toEqual([]);
  });

  test.each([
    ['the client secret', { clientSecret: 'wrong' }, 401, 'OAU-146'],
    ['the JWT', { jwt: 'wrong' }, 400, 'OAU-125'],
  ])(
    'that fails because of %s is our fault, and its outcome says so',
    async (_what, options, status, errorCode) => {
      expect(await sender(options).send(PHONE, TEXT)).toEqual(MISCONFIGURED);
      expect(lines).toMatchObject([{ call: 'login', reason: 'misconfigured', status, errorCode }]);
      expect(bench.ringCentral.count('sms')).toBe(0);
    },
  );

  test('is not tried again for a minute after a refusal', async () => {
    bench.ringCentral.next('token', oauthRefusal(400, 'invalid_grant', 'OAU-125'));
    const sms = sender();
    await sms.send(PHONE, TEXT);
    bench.advanceSeconds(59);
    expect(await sms.send(PHONE, TEXT)).toEqual(MISCONFIGURED);
    expect(bench.ringCentral.count('token')).toBe(1);
    bench.advanceSeconds(1);
    expect(await sms.send(PHONE, TEXT)).toEqual(SENT);
  });

  test('is one call for ten messages, and its refusal refuses all ten', async () => {
    bench.ringCentral.always('token', oauthRefusal(401, 'invalid_client', 'OAU-146'));
    expect(await sendTen(sender())).toEqual(Array(10).fill(MISCONFIGURED));
    expect(bench.ringCentral.count('token')).toBe(1);
  });

  test.each<[string, Trouble]>([
    ['JSON without a token', ok({ token_type: 'bearer', expires_in: 3600 })],
    ['an empty token', ok({ access_token: '', expires_in: 3600 })],
    ['a page', page(200)],
  ])('with the answer 200 and %s has failed, and waits a minute', async (_what, trouble) => {
    bench.ringCentral.always('token', trouble);
    const sms = sender();
    expect(await sms.send(PHONE, TEXT)).toEqual(MISCONFIGURED);
    expect(await sms.send(PHONE, TEXT)).toEqual(MISCONFIGURED);
    expect(bench.ringCentral.count('token')).toBe(1);
    expect(bench.ringCentral.count('sms')).toBe(0);
  });

  test('that is answered without a token does not revive an expired token', async () => {
    bench.ringCentral.expiresInSeconds = 30;
    const sms = await warmSender();
    bench.ringCentral.next('token', ok({ token_type: 'bearer', expires_in: 3600 }));
    expect(await sms.send(PHONE, TEXT)).toEqual(MISCONFIGURED);
    expect(bench.ringCentral.messages).toEqual([]);
  });

  test.each<[string, Trouble]>([
    ['a 500', page(500)],
    ['a page of 200 kB', page(503, 200_000)],
    ['half an answer', { kind: 'cut' }],
    ['a dropped connection', { kind: 'drop', when: 'before' }],
  ])('that fails with %s sends nothing, and the next message tries again', async (_what, trouble) => {
    bench.ringCentral.next('token', trouble);
    const sms = sender();
    expect(await sms.send(PHONE, TEXT)).toEqual(BUSY);
    expect(bench.ringCentral.count('sms')).toBe(0);
    expect(await sms.send(PHONE, TEXT)).toEqual(SENT);
  });

  test.each<[string, Trouble]>([
    ['hangs', { kind: 'hang' }],
    ['stops midway', { kind: 'stall' }],
  ])('that %s times out, sends nothing, and does not block the next', async (_what, trouble) => {
    bench.ringCentral.next('token', trouble);
    const sms = sender({ requestTimeoutMs: 500 });
    expect(await sms.send(PHONE, TEXT)).toEqual(BUSY);
    expect(lines).toMatchObject([{ call: 'login', reason: 'busy', errorCode: 'TimeoutError' }]);
    expect(await sms.send(PHONE, TEXT)).toEqual(SENT);
    expect(bench.ringCentral.messages).toHaveLength(1);
  });

  test('that ends after the deadline of its message does not send the message', async () => {
    let letIn = () => {};
    bench.ringCentral.next('token', {
      kind: 'late',
      after: new Promise<void>((resolve) => (letIn = resolve)),
    });
    const sms = sender({ deadlineMs: 500 });
    expect(await sms.send(PHONE, TEXT)).toEqual(BUSY);
    expect(lines).toMatchObject([{ call: 'login', reason: 'busy', errorCode: 'Deadline' }]);
    const next = sms.send('+16505550199', TEXT);
    letIn();
    expect(await next).toEqual(SENT);
    expect(bench.ringCentral.messages.map(({ to }) => to)).toEqual(['+16505550199']);
    expect(bench.ringCentral.count('token')).toBe(1);
  });

  test('after a 401 counts towards the deadline, and a message that misses it is not sent', async () => {
    const sms = await warmSender({ deadlineMs: 1000 });
    bench.ringCentral.revokeTokens();
    bench.ringCentral.next('token', { kind: 'hang' });
    expect(await sms.send(PHONE, TEXT)).toEqual(BUSY);
    expect(bench.ringCentral.messages).toEqual([]);
  });

  test('is not repeated without end if each new token is refused', async () => {
    bench.ringCentral.always('sms', refusal(401, 'OAU-128'));
    const sms = sender();
    expect(await sms.send(PHONE, TEXT)).toEqual(MISCONFIGURED);
    expect(await sms.send(PHONE, TEXT)).toEqual(MISCONFIGURED);
    expect([bench.ringCentral.count('token'), bench.ringCentral.count('sms')]).toEqual([2, 2]);
  });
});

describe('a refusal', () => {
  test.each([
    [403, 'MSG-240'],
    [400, 'MSG-243'],
    [400, 'MSG-246'],
    [400, 'MSG-247'],
    [400, 'MSG-310'],
    [403, 'MSG-388'],
  ])('%i %s is about the recipient', async (status, errorCode) => {
    bench.ringCentral.next('sms', refusal(status, errorCode));
    expect(await sender().send(PHONE, TEXT)).toMatchObject({ kind: 'refused', reason: 'bad_recipient' });
  });

  test.each(['to', 'to.phoneNumber', 'to[0].phoneNumber'])(
    '400 CMN-101 for the parameter %s is about the recipient',
    async (parameterName) => {
      bench.ringCentral.next('sms', refusal(400, 'CMN-101', parameterName));
      expect(await sender().send(PHONE, TEXT)).toMatchObject({ kind: 'refused', reason: 'bad_recipient' });
    },
  );

  test.each(['from', 'text', 'token'])(
    '400 CMN-101 for the parameter %s is our fault',
    async (parameterName) => {
      bench.ringCentral.next('sms', refusal(400, 'CMN-101', parameterName));
      expect(await sender().send(PHONE, TEXT)).toEqual(MISCONFIGURED);
    },
  );

  test.each([
    [400, 'CMN-101'],
    [400, 'MSG-338'],
    [403, 'MSG-999'],
    [404, 'CMN-102'],
    [422, 'NEW-1'],
  ])('%i %s, which is not known, counts as a fault of this message', async (status, errorCode) => {
    bench.ringCentral.next('sms', refusal(status, errorCode));
    expect(await sender().send(PHONE, TEXT)).toMatchObject({ kind: 'refused', reason: 'undeliverable' });
  });

  test('of an invalid number is about the recipient', async () => {
    expect(await sender().send('+1', TEXT)).toMatchObject({ kind: 'refused', reason: 'bad_recipient' });
  });

  test('of a sending number that is not ours is our fault', async () => {
    expect(await sender({ fromNumber: '+12095550199' }).send(PHONE, TEXT)).toEqual(MISCONFIGURED);
  });

  test('400 SMS-RC-413 says that the recipient opted out', async () => {
    bench.ringCentral.next('sms', refusal(400, 'SMS-RC-413'));
    expect(await sender().send(PHONE, TEXT)).toMatchObject({ kind: 'refused', reason: 'opted_out' });
  });

  test.each([
    [403, 'MSG-242'],
    [400, 'MSG-245'],
    [403, 'MSG-304'],
    [403, 'CMN-109'],
    [403, 'CMN-401'],
    [403, 'CMN-408'],
    [404, 'CMN-120'],
    [400, 'CMN-406'],
    [405, 'AGW-405'],
    [403, 'MSG-241'],
    [403, 'MSG-314'],
    [403, 'MSG-367'],
    [403, 'CMN-402'],
    [403, 'CMN-405'],
    [403, 'CMN-419'],
    [403, 'BIL-103'],
    [403, 'EXT-135'],
  ])('%i %s is our fault, and its outcome says so', async (status, errorCode) => {
    bench.ringCentral.next('sms', refusal(status, errorCode));
    expect(await sender().send(PHONE, TEXT)).toEqual(MISCONFIGURED);
    expect(lines).toMatchObject([{ kind: 'refused', reason: 'misconfigured', status, errorCode }]);
  });

  test('is read if only the top level has the code', async () => {
    bench.ringCentral.next('sms', { kind: 'answer', status: 400, body: () => ({ errorCode: 'MSG-243' }) });
    expect(await sender().send(PHONE, TEXT)).toMatchObject({ kind: 'refused', reason: 'bad_recipient' });
  });

  test.each(['null', '"no"', '[]', '{"errors":[null]}', '{"errors":7}', '{"errorCode":{}}', ''])(
    'is judged by its status if its body is %j',
    async (body) => {
      bench.ringCentral.next('sms', { kind: 'answer', status: 403, body: () => body });
      expect(await sender().send(PHONE, TEXT)).toEqual(MISCONFIGURED);
    },
  );

  test('has no code in its outcome if the code is a sentence', async () => {
    bench.ringCentral.next('sms', refusal(400, `${CODE} to ${PHONE} under ${account.jwt}`));
    await sender().send(PHONE, TEXT);
    expect(lines).toMatchObject([
      { kind: 'refused', reason: 'undeliverable', status: 400, errorCode: 'InvalidParameter' },
    ]);
  });

  test.each([
    [503, 'MSG-290'],
    [503, 'CMN-301'],
    [503, 'CMN-310'],
    [403, 'MSG-384'],
  ])('%i %s means busy', async (status, errorCode) => {
    bench.ringCentral.next('sms', refusal(status, errorCode));
    expect(await sender().send(PHONE, TEXT)).toEqual(BUSY);
  });

  test('by a redirect is our fault, and the other server gets no message and no token', async () => {
    const elsewhere = {
      kind: 'answer',
      status: 307,
      headers: { location: '/elsewhere' },
      body: () => '',
    } as const;
    bench.ringCentral.next('sms', elsewhere);
    expect(await sender().send(PHONE, TEXT)).toEqual(MISCONFIGURED);
    expect(bench.ringCentral.count('other')).toBe(0);
  });
});

describe('a 429', () => {
  test('refuses the message for the seconds of its Retry-After', async () => {
    const sms = await warmSender();
    bench.ringCentral.next('sms', tooMany('7'));
    expect(await sms.send(PHONE, TEXT)).toEqual({ ...BUSY, retryAfterSeconds: 7 });
  });

  test('stops every message and login of the process until then', async () => {
    bench.ringCentral.expiresInSeconds = 30;
    const sms = await warmSender();
    bench.ringCentral.next('sms', tooMany('7'));
    await sms.send(PHONE, TEXT);
    const calls = [bench.ringCentral.count('token'), bench.ringCentral.count('sms')];
    bench.advanceSeconds(6);
    expect(await sms.send('+16505550199', TEXT)).toEqual({ ...BUSY, retryAfterSeconds: 1 });
    expect([bench.ringCentral.count('token'), bench.ringCentral.count('sms')]).toEqual(calls);
    bench.advanceSeconds(1);
    expect(await sms.send(PHONE, TEXT)).toEqual(SENT);
  });

  test('at the login stops every call too', async () => {
    const sms = sender();
    bench.ringCentral.next('token', tooMany('30'));
    expect(await sms.send(PHONE, TEXT)).toEqual({ ...BUSY, retryAfterSeconds: 30 });
    expect(await sms.send(PHONE, TEXT)).toEqual({ ...BUSY, retryAfterSeconds: 30 });
    expect(bench.ringCentral.count('token')).toBe(1);
    bench.advanceSeconds(30);
    expect(await sms.send(PHONE, TEXT)).toEqual(SENT);
  });

  test.each([
    ['no Retry-After', undefined, 60],
    ['an empty one', '', 60],
    ['a date', 'Wed, 21 Oct 2037 07:28:00 GMT', 60],
    ['0', '0', 1],
    ['a negative one', '-5', 1],
    ['an absurd one', '99999999999999', 3600],
  ])('with %s means a sensible wait', async (_what, retryAfter, seconds) => {
    bench.ringCentral.next('sms', tooMany(retryAfter));
    expect(await sender().send(PHONE, TEXT)).toEqual({ ...BUSY, retryAfterSeconds: seconds });
  });

  test('with a shorter wait does not end a longer wait', async () => {
    const sms = await warmSender();
    bench.ringCentral.next('sms', tooMany('600'), tooMany('1'));
    await Promise.all([sms.send(PHONE, TEXT), sms.send(PHONE, TEXT)]);
    expect(await sms.send(PHONE, TEXT)).toEqual({ ...BUSY, retryAfterSeconds: 600 });
  });
});

describe('the outcome is unknown', () => {
  test.each<[string, Trouble]>([
    ['a 500', refusal(500, 'CMN-203')],
    ['a 503 with a page', page(503)],
    ['an error page of 200 kB', page(502, 200_000)],
    ['a 200 with a page', page(200)],
    ['a 200 without an id', ok({ messageStatus: 'Queued' })],
    ['a 200 with nothing', ok('')],
    ['a dropped connection', { kind: 'drop', when: 'before' }],
  ])('after %s', async (_what, trouble) => {
    const sms = await warmSender();
    bench.ringCentral.next('sms', trouble);
    expect(await sms.send(PHONE, TEXT)).toEqual(UNKNOWN);
    expect(bench.ringCentral.count('sms')).toBe(2);
  });

  test.each<[string, Trouble]>([
    ['a connection dropped after the message was accepted', { kind: 'drop', when: 'after' }],
    ['half an answer', { kind: 'cut' }],
  ])('after %s, and the message is not sent again', async (_what, trouble) => {
    const sms = await warmSender();
    bench.ringCentral.next('sms', trouble);
    expect(await sms.send(PHONE, TEXT)).toEqual(UNKNOWN);
    expect(bench.ringCentral.messages).toHaveLength(1);
    expect(bench.ringCentral.count('sms')).toBe(2);
  });

  test.each<[string, Trouble]>([
    ['hangs', { kind: 'hang' }],
    ['stops midway', { kind: 'stall' }],
  ])('if the answer %s for longer than the time limit of a call', async (_what, trouble) => {
    const sms = await warmSender({ requestTimeoutMs: 500 });
    bench.ringCentral.next('sms', trouble);
    expect(await sms.send(PHONE, TEXT)).toEqual(UNKNOWN);
    expect(lines).toMatchObject([{ kind: 'unknown', errorCode: 'TimeoutError' }]);
  });

  test('if the deadline passes after the message was posted', async () => {
    const sms = await warmSender({ deadlineMs: 1000 });
    bench.ringCentral.next('sms', { kind: 'hang' });
    expect(await sms.send(PHONE, TEXT)).toEqual(UNKNOWN);
    expect(lines).toMatchObject([{ kind: 'unknown', errorCode: 'Deadline' }]);
  });

  test('but not if the server is down and the old connection is known to be closed', async () => {
    const sms = await warmSender();
    await bench.ringCentral.close();
    await sms.send(PHONE, TEXT);
    expect(await sms.send(PHONE, TEXT)).toEqual(BUSY);
    expect(lines.at(-1)).toMatchObject({ kind: 'refused', reason: 'busy', errorCode: 'ECONNREFUSED' });
    bench.ringCentral = await RingCentralStandIn.start();
  });

  test('but not if the server is down at the login', async () => {
    const sms = sender();
    await bench.ringCentral.close();
    expect(await sms.send(PHONE, TEXT)).toEqual(BUSY);
    bench.ringCentral = await RingCentralStandIn.start();
  });
});

describe('a message that was never posted, because', () => {
  /** Node's error of a `fetch` whose connection failed. With several addresses it has an error for each. */
  const notConnected = (code: string, syscall: string, addresses = 1) => {
    const errors = Array.from({ length: addresses }, () => Object.assign(new Error(code), { code, syscall }));
    const cause = addresses === 1 ? errors[0] : Object.assign(new AggregateError(errors), { code });
    return new TypeError('fetch failed', { cause });
  };

  test.each([
    ['ENETUNREACH', 'connect'],
    ['EHOSTUNREACH', 'connect'],
    ['ENETDOWN', 'connect'],
    ['EHOSTDOWN', 'connect'],
    ['ENETRESET', 'connect'],
    ['ECONNRESET', 'connect'],
    ['ETIMEDOUT', 'connect'],
    ['EADDRNOTAVAIL', 'connect'],
    ['EAFNOSUPPORT', 'connect'],
    ['EACCES', 'connect'],
    ['EPERM', 'connect'],
    ['EMFILE', 'connect'],
    ['ENOTFOUND', 'getaddrinfo'],
    ['EAI_FAIL', 'getaddrinfo'],
    ['EAI_NODATA', 'getaddrinfo'],
  ])('there was no connection (%s, %s), is refused', async (code, syscall) => {
    const sms = await warmSender();
    for (const addresses of [1, 2]) {
      vi.spyOn(globalThis, 'fetch').mockRejectedValueOnce(notConnected(code, syscall, addresses));
      expect(await sms.send(PHONE, TEXT)).toEqual(BUSY);
    }
    expect(lines.at(-1)).toMatchObject({ kind: 'refused', reason: 'busy', errorCode: code });
  });

  test.each(['read', 'write'])('but one whose connection broke (%s) may have been sent', async (syscall) => {
    const sms = await warmSender();
    vi.spyOn(globalThis, 'fetch').mockRejectedValueOnce(notConnected('EHOSTUNREACH', syscall));
    expect(await sms.send(PHONE, TEXT)).toEqual(UNKNOWN);
  });

  test.each([
    'CERT_HAS_EXPIRED',
    'CERT_NOT_YET_VALID',
    'CERT_REVOKED',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'UNABLE_TO_GET_CRL',
    'CRL_HAS_EXPIRED',
    'INVALID_CA',
    'INVALID_PURPOSE',
    'PATH_LENGTH_EXCEEDED',
    'HOSTNAME_MISMATCH',
    'ERR_TLS_CERT_ALTNAME_INVALID',
  ])('the certificate is not trusted (%s), is refused as our fault', async (code) => {
    const sms = await warmSender();
    const cause = Object.assign(new Error(code), { code });
    vi.spyOn(globalThis, 'fetch').mockRejectedValueOnce(new TypeError('fetch failed', { cause }));
    expect(await sms.send(PHONE, TEXT)).toEqual(MISCONFIGURED);
    expect(lines.at(-1)).toMatchObject({ kind: 'refused', errorCode: code });
  });

  test('the server speaks no TLS, is refused as our fault', async () => {
    const serverUrl = bench.ringCentral.url.replace('http:', 'https:');
    expect(await sender({ serverUrl }).send(PHONE, TEXT)).toEqual(MISCONFIGURED);
    expect(lines).toMatchObject([{ errorCode: 'ERR_SSL_WRONG_VERSION_NUMBER' }]);
  });

  test('the connection dropped before its TLS was set up, is refused', async () => {
    const server = createServer((socket) => void socket.destroy()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const sms = await warmSender();
    const { fetch } = globalThis;
    vi.spyOn(globalThis, 'fetch').mockImplementationOnce((_url, init) =>
      fetch(`https://127.0.0.1:${(server.address() as AddressInfo).port}`, init),
    );
    expect(await sms.send(PHONE, TEXT)).toEqual(BUSY);
    server.close();
  });
});

describe('a fault', () => {
  test('inside the SDK refuses one message and ends nothing', async () => {
    const sms = await warmSender();
    const notJson = 1n as unknown as string;
    expect(await sms.send(PHONE, notJson)).toEqual(BUSY);
    expect(lines).toMatchObject([{ call: 'login', reason: 'busy', errorCode: 'TypeError' }]);
    expect(await sms.send(PHONE, TEXT)).toEqual(SENT);
  });

  test.each([new TypeError('broken'), 'broken', undefined])(
    'of fetch (%s) makes one outcome unknown and ends nothing',
    async (fault) => {
      const sms = await warmSender();
      vi.spyOn(globalThis, 'fetch').mockRejectedValueOnce(fault);
      expect(await sms.send(PHONE, TEXT)).toEqual(UNKNOWN);
      expect(await sms.send(PHONE, TEXT)).toEqual(SENT);
    },
  );
});
