import { describe, expect, test } from 'vitest';
import type { CheckResult } from '../../src/sms/ringcentral/check-result.ts';
import {
  type CheckOptions,
  checkRingCentral,
  warnAboutRingCentral,
} from '../../src/sms/ringcentral/checks.ts';
import { ringCentralClient } from '../../src/sms/ringcentral/client.ts';
import { expectNoSecrets, PHONE, ringCentralBench, TEXT } from '../support/ringcentral.ts';
import {
  account,
  oauthRefusal,
  ok,
  page,
  RingCentralStandIn,
  refusal,
  tooMany,
} from '../support/ringcentral-standin.ts';

const bench = ringCentralBench();

function options(changes: Partial<CheckOptions> = {}): CheckOptions {
  const { url: serverUrl } = bench.ringCentral;
  return { serverUrl, ...account, smsCountries: ['US', 'CA'], trackingDelaysMs: [0, 0, 0], ...changes };
}

/** Returns all results, and checks that they have no secret. */
async function results(changes?: Partial<CheckOptions>, message?: { to: string; text: string }) {
  const found: CheckResult[] = [];
  for await (const result of checkRingCentral(options(changes), message)) found.push(result);
  expectNoSecrets(found, bench.ringCentral);
  return found;
}

const wrongIn = (found: CheckResult[]) => found.filter(({ status }) => status === 'wrong');

/** Returns the only fault as one line: its step, message and fix. */
async function theFault(changes?: Partial<CheckOptions>): Promise<string> {
  const wrong = wrongIn(await results(changes));
  expect(wrong).toHaveLength(1);
  return wrong.map(({ step, message, fix }) => `${step}: ${message} ${fix}`).join();
}

const stepsOf = (found: CheckResult[]) => found.map(({ step }) => step);

describe('the checks', () => {
  test('find no fault in a correct configuration, send nothing, and log out', async () => {
    const found = await results();
    expect(found.map(({ status }) => status)).toEqual(Array(8).fill('ok'));
    expect(stepsOf(found)).toEqual([
      'Server',
      'Login',
      'Permission',
      'Number',
      'Feature',
      'Countries',
      'Campaign',
      'Reading',
    ]);
    expect(bench.ringCentral.messages).toEqual([]);
    expect(bench.ringCentral.sessions).toBe(0);
  });

  test('report an unreachable server, and stop', async () => {
    const { url } = bench.ringCentral;
    await bench.ringCentral.close();
    const found = await results({ serverUrl: url });
    bench.ringCentral = await RingCentralStandIn.start();
    expect(stepsOf(found)).toEqual(['Server']);
    expect(found[0]).toMatchObject({ status: 'wrong', message: expect.stringContaining('ECONNREFUSED') });
    expect(found[0]?.fix).toContain('RC_SERVER_URL');
  });

  test('report a server that hangs', async () => {
    bench.ringCentral.next('token', { kind: 'hang' });
    expect(await theFault({ requestTimeoutMs: 200 })).toMatch(/^Server: .*TimeoutError.*firewall/);
  });

  test.each([
    ['a page', page(200)],
    ['a 404 with a page', page(404)],
    ['JSON of another server', ok({ hello: 'world' })],
  ])('report a server that answers the login with %s', async (_what, trouble) => {
    bench.ringCentral.always('token', trouble);
    expect(await theFault()).toMatch(/^Server: .*doesn't answer like RingCentral.*RC_SERVER_URL/);
  });

  test('report a RingCentral that is out of order', async () => {
    bench.ringCentral.always('token', page(503));
    expect(await theFault()).toMatch(/^Server: .*out of order \(503, request standin-request-1\).*Wait/);
  });

  test.each([
    [
      'the client secret',
      { clientSecret: 'wrong' },
      /401 OAU-146.*RC_APP_CLIENT_ID and RC_APP_CLIENT_SECRET/,
    ],
    ['the JWT', { jwt: 'wrong' }, /400 OAU-125.*RC_USER_JWT is revoked, expired/],
  ])('report that %s is wrong, and stop', async (_what, changes, advice) => {
    expect(await theFault(changes)).toMatch(advice);
    expect(stepsOf(await results(changes))).toEqual(['Server', 'Login']);
  });

  test('report that the app may not log in by JWT', async () => {
    bench.ringCentral.always('token', oauthRefusal(400, 'unauthorized_client', 'OAU-251'));
    expect(await theFault()).toMatch(/^Login: .*Give it the JWT auth flow/);
  });

  test('report too many logins', async () => {
    bench.ringCentral.always('token', tooMany('60'));
    expect(await theFault()).toMatch(/^Login: .*429 CMN-301.*Wait a minute/);
  });

  test.each([
    ['SMS', 'standard', /^Permission: .*lacks the permission SMS.*Developer Console/],
    ['ReadMessages', 'standard', /^Reading: .*CMN-401.*Add the permission ReadMessages/],
    ['ReadAccounts', 'standard', /^Number: .*CMN-401.*Add the permission ReadAccounts/],
  ] as const)('report that the app lacks the permission %s', async (permission, api, advice) => {
    bench.ringCentral.permissions.delete(permission);
    expect(await theFault({ api })).toMatch(advice);
  });

  test('report that the app lacks A2PSMS, which high volume needs to send and to read', async () => {
    bench.ringCentral.permissions.delete('A2PSMS');
    const wrong = wrongIn(await results({ api: 'a2p', smsCountries: ['US'] }));
    expect(stepsOf(wrong)).toEqual(['Permission', 'Reading']);
    expect(wrongIn(await results())).toEqual([]);
  });

  test("report another user's number, and the last four digits of this user's numbers", async () => {
    expect(await theFault({ fromNumber: '+12095550199' })).toMatch(
      /^Number: RC_FROM_NUMBER, ending in 0199, doesn't belong to the user.*from the number ending in 0100\./,
    );
  });

  test('report that the user has no number that can send', async () => {
    bench.ringCentral.numbers.length = 0;
    expect(await theFault()).toMatch(/^Number: .*no number with the feature SmsSender/);
  });

  test.each([
    [['A2PSmsSender'], 'standard', /^Feature: .*lacks the feature SmsSender.*Set RC_SMS_API=a2p/],
    [['SmsSender'], 'a2p', /^Feature: .*lacks the feature A2PSmsSender.*Set RC_SMS_API=standard/],
    [['CallerId'], 'standard', /^Feature: .*lacks the feature SmsSender.*Switch on text messages/],
  ] as const)('report that a number with %o does not send by %s', async (features, api, advice) => {
    bench.ringCentral.numbers[0]?.features.splice(0, 9, ...features);
    expect(await theFault({ api, smsCountries: ['US'] })).toMatch(advice);
  });

  test('report the countries that the number does not reach', async () => {
    const smsCountries = ['US', 'GB', 'DE', 'JM'];
    expect(await theFault({ smsCountries })).toMatch(
      /^Countries: The number doesn't reach GB, DE, JM\..*InternationalSmsSender/,
    );
    bench.ringCentral.numbers[0]?.features.push('InternationalSmsSender');
    expect(wrongIn(await results({ smsCountries }))).toEqual([]);
  });

  test('report that a local number of high volume reaches one country, and a toll-free number both', async () => {
    expect(await theFault({ api: 'a2p' })).toMatch(
      /^Countries: .*doesn't reach CA.*Remove CA from SMS_COUNTRIES/,
    );
    Object.assign(bench.ringCentral.numbers[0] ?? {}, { paymentType: 'TollFree' });
    expect(wrongIn(await results({ api: 'a2p' }))).toEqual([]);
  });

  test('report that the number is linked to no campaign', async () => {
    bench.ringCentral.campaign = undefined;
    expect(await theFault()).toMatch(/^Campaign: .*linked to no campaign.*MachineToMachine/);
  });

  test('report that the campaign is not confirmed yet', async () => {
    bench.ringCentral.campaign = { status: 'Submitted' };
    expect(await theFault()).toMatch(/^Campaign: The campaign is Submitted\..*Confirmed/);
  });

  test.each<[string, () => void, RegExp]>([
    [
      'a campaign for other things',
      () => {
        bench.ringCentral.campaign = { status: 'Confirmed', useCases: ['CustomerCare'] };
      },
      /for CustomerCare.*MachineToMachine/,
    ],
    [
      'an unreadable campaign',
      () => bench.ringCentral.always('configuration', refusal(403, 'CMN-408')),
      /403 CMN-408/,
    ],
    [
      'a toll-free number',
      () => void Object.assign(bench.ringCentral.numbers[0] ?? {}, { paymentType: 'TollFree' }),
      /toll-free number needs a verification/,
    ],
  ])('report %s as unknown, which is not a fault', async (_what, arrange, words) => {
    arrange();
    const found = await results();
    expect(wrongIn(found)).toEqual([]);
    const { message, fix } = found.find(({ status }) => status === 'unknown') ?? {};
    expect(`${message} ${fix}`).toMatch(words);
  });

  test('never throw on unexpected answers', async () => {
    for (const endpoint of ['numbers', 'configuration', 'messages'] as const) {
      for (const body of ['null', '[]', '{"records":[null,7]}', '{"records":{"id":1}}', '<html>']) {
        bench.ringCentral.next(endpoint, ok(body));
        await results();
      }
      bench.ringCentral.next(endpoint, { kind: 'cut' });
      await results();
    }
  });
});

describe('a message at the end of the checks', () => {
  const message = { to: PHONE, text: TEXT };
  const lastTwo = async () => (await results({}, message)).slice(-2);

  test('is sent once, and tracked until it is delivered', async () => {
    expect(await lastTwo()).toMatchObject([
      { step: 'Message', status: 'ok', message: expect.stringContaining('ending in 0123') },
      { step: 'Delivery', status: 'ok' },
    ]);
    expect(bench.ringCentral.messages).toMatchObject([message]);
    expect(bench.ringCentral.count('token')).toBe(1);
  });

  test('is reported if it did not arrive, with the reason', async () => {
    bench.ringCentral.progress = [{ failed: 'DeliveryFailed', errorCode: 'SMS-CAR-413' }];
    expect((await lastTwo())[1]).toMatchObject({
      status: 'wrong',
      message: expect.stringContaining('SMS-CAR-413'),
      fix: expect.stringContaining('STOP'),
    });
  });

  test('is not a fault if its delivery is unknown', async () => {
    bench.ringCentral.progress = ['Sent'];
    expect((await lastTwo())[1]).toMatchObject({
      step: 'Delivery',
      status: 'unknown',
      fix: 'Look at the phone.',
    });
  });

  test('is reported with its code if it is refused', async () => {
    bench.ringCentral.always('sms', refusal(403, 'MSG-242'));
    expect((await lastTwo())[1]).toMatchObject({
      step: 'Message',
      status: 'wrong',
      message: expect.stringContaining('403 MSG-242'),
    });
  });

  test('is reported as uncertain if it was perhaps sent', async () => {
    bench.ringCentral.always('sms', { kind: 'drop', when: 'after' });
    expect((await lastTwo())[1]).toMatchObject({
      step: 'Message',
      status: 'wrong',
      fix: expect.stringContaining('phone'),
    });
  });
});

describe('at the start', () => {
  async function warnings(changes: Partial<CheckOptions> = {}): Promise<object[]> {
    const warned: object[] = [];
    await warnAboutRingCentral(ringCentralClient(options(changes)), options(changes), (fault) =>
      warned.push(fault),
    );
    expectNoSecrets(warned, bench.ringCentral);
    return warned;
  }

  test('a correct login, number and feature cause no warning, and the login is kept for the messages', async () => {
    expect(await warnings()).toEqual([]);
    expect(['token', 'numbers', 'revoke'].map((name) => bench.ringCentral.count(name as 'token'))).toEqual([
      1, 1, 0,
    ]);
    expect(bench.ringCentral.count('configuration') + bench.ringCentral.count('messages')).toBe(0);
    expect(bench.ringCentral.sessions).toBe(1);
  });

  test.each<[string, Partial<CheckOptions>]>([
    ['Login', { jwt: 'wrong' }],
    ['Number', { fromNumber: '+12095550199' }],
    ['Countries', { smsCountries: ['GB'] }],
  ])('one line warns about a fault of the %s', async (_what, changes) => {
    const warned = await warnings(changes);
    const fix = expect.stringMatching(/.+ \(npm run doctor checks it all\.\)$/);
    expect(warned).toEqual([{ reason: expect.any(String), fix }]);
  });
});
