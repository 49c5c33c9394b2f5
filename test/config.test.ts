import { describe, expect, test } from 'vitest';
import { ConfigError, readConfig } from '../src/config.ts';
import { STRICT, TUTORIAL } from '../src/policy.ts';

const RC = {
  RC_APP_CLIENT_ID: 'the-client-id',
  RC_APP_CLIENT_SECRET: 'the-client-secret',
  RC_USER_JWT: 'the-jwt',
  RC_FROM_NUMBER: '+12025550100',
};
const SECRET = Buffer.alloc(32, 5).toString('base64url');

/** Returns the names of the bad variables in the order of the error message. */
function faultsOf(env: Record<string, string>): string[] {
  try {
    readConfig(env);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(' ')[0] as string);
  }
}

test('without any variable, the tutorial runs on this machine and prints its messages', () => {
  expect(readConfig({})).toEqual({
    isProduction: false,
    port: 5000,
    host: 'localhost',
    publicOrigin: 'http://localhost:5000',
    serviceName: 'Two-Factor Demo',
    databasePath: 'data/users.db',
    appSecret: undefined,
    sms: { sender: 'console' },
    policy: TUTORIAL,
    smsCountries: ['US', 'CA'],
    defaultCountry: 'US',
    trustProxy: false,
    hasRateLimits: true,
  });
});

test('an empty variable counts as unset', () => {
  expect(readConfig({ PORT: '', RC_USER_JWT: ' ', APP_SECRET: '' })).toEqual(readConfig({}));
});

test.each([
  ['8080', 'http://localhost:8080'],
  ['80', 'http://localhost'],
])('PORT=%s makes the public origin %s', (PORT, publicOrigin) => {
  expect(readConfig({ PORT }).publicOrigin).toBe(publicOrigin);
});

test('one error names all faults', () => {
  const env = {
    PORT: '65536',
    HOST: 'a b',
    PUBLIC_ORIGIN: 'example.com',
    DATABASE_URL: 'postgres://ann:pw@db/users',
    APP_SECRET: 'short',
    POLICY: 'lax',
    MAX_FAILURES: '0',
    CODE_LIFETIME_SECONDS: '1.5',
    CODE_RESEND_SECONDS: '-1',
    SMS_COUNTRIES: 'US,Canada',
    DEFAULT_COUNTRY: 'us',
    TRUST_PROXY: 'true',
    RATE_LIMITS: 'false',
    SMS_SENDER: 'pigeon',
  };
  expect(faultsOf(env).sort()).toEqual(Object.keys(env).sort());
  expect(() => readConfig(env)).toThrow(/^The configuration is wrong:(\n {2}[A-Z_]+ must be [^\n]+\.)+$/);
});

test('a bad variable does not hide a missing one', () => {
  const env = { PORT: 'x', RC_FROM_NUMBER: 'x', RC_USER_JWT: 'y' };
  expect(faultsOf(env)).toEqual(['PORT', 'RC_APP_CLIENT_ID', 'RC_APP_CLIENT_SECRET', 'RC_FROM_NUMBER']);
  expect(faultsOf({ PORT: 'x', HOST: '0.0.0.0' })).toEqual(['PORT', 'SMS_SENDER']);
});

test.each([
  [{ PORT: 'x' }, ['PORT']],
  [{ HOST: 'bad host' }, ['HOST']],
  [{ HOST: '[::1]' }, ['HOST']],
  [{ POLICY: 'constructor' }, ['POLICY']],
  [{ POLICY: 'toString', MAX_FAILURES: '3' }, ['POLICY']],
  [
    { SMS_SENDER: 'pigeon', RC_FROM_NUMBER: 'x', RC_SERVER_URL: 'y' },
    ['RC_FROM_NUMBER', 'RC_SERVER_URL', 'SMS_SENDER'],
  ],
  [{ SMS_SENDER: 'console', RC_FROM_NUMBER: '+199' }, ['RC_FROM_NUMBER']],
  [{ RC_SERVER_URL: 'nope' }, ['RC_SERVER_URL']],
  [{ RC_MESSAGES_PER_MINUTE: '0' }, ['RC_MESSAGES_PER_MINUTE']],
])('%o is refused, and only its faults are named', (env, names) => {
  expect(faultsOf(env as Record<string, string>).sort()).toEqual(names);
});

test('an error never contains a secret', () => {
  const env = {
    APP_SECRET: 'hunter2',
    DATABASE_URL: 'postgres://ann:hunter3@db',
    ...RC,
    RC_FROM_NUMBER: 'hunter4',
    PORT: 'x',
  };
  const message = (() => {
    try {
      return JSON.stringify(readConfig(env));
    } catch (error) {
      return String((error as Error).stack);
    }
  })();
  expect(message).toContain('APP_SECRET');
  expect(message).not.toMatch(/hunter|the-client-secret|the-jwt/);
});

describe('the sender', () => {
  test('is RingCentral if all its variables are set', () => {
    expect(readConfig(RC).sms).toEqual({
      sender: 'ringcentral',
      serverUrl: 'https://platform.ringcentral.com',
      clientId: 'the-client-id',
      clientSecret: 'the-client-secret',
      jwt: 'the-jwt',
      fromNumber: '+12025550100',
      api: 'standard',
      messagesPerMinute: 36,
    });
  });

  test.each(Object.keys(RC))('without %s fails with an error that names only this variable', (name) => {
    expect(faultsOf({ ...RC, [name]: '' })).toEqual([name]);
    expect(faultsOf({ ...RC, [name]: '', SMS_SENDER: 'ringcentral' })).toEqual([name]);
    expect(readConfig({ ...RC, [name]: '', SMS_SENDER: 'console' }).sms).toEqual({ sender: 'console' });
  });

  test.each([
    { NODE_ENV: 'production' },
    { PUBLIC_ORIGIN: 'https://example.com' },
    { HOST: '0.0.0.0' },
    { HOST: 'example.com' },
    { HOST: '::' },
  ])('must be set to console explicitly with %o', (env) => {
    expect(faultsOf(env as Record<string, string>)).toEqual(['SMS_SENDER']);
    expect(readConfig({ ...env, SMS_SENDER: 'console' }).sms).toEqual({ sender: 'console' });
  });

  test.each(['localhost', '127.0.0.1', '::1', '127.9.9.9'])('is the console by default on %s', (HOST) => {
    expect(readConfig({ HOST }).sms).toEqual({ sender: 'console' });
  });

  test.each(['http://platform.example.com', 'platform.example.com', 'https://x.example.com/path'])(
    'does not connect to %s',
    (url) => {
      expect(faultsOf({ ...RC, RC_SERVER_URL: url })).toEqual(['RC_SERVER_URL']);
    },
  );

  test('uses the API that RC_SMS_API names', () => {
    expect(readConfig({ ...RC, RC_SMS_API: 'a2p' }).sms).toMatchObject({ api: 'a2p' });
    expect(faultsOf({ ...RC, RC_SMS_API: 'mms' })).toEqual(['RC_SMS_API']);
  });

  test('connects to a stand-in on this machine', () => {
    expect(readConfig({ ...RC, RC_SERVER_URL: 'http://127.0.0.1:4000/' }).sms).toMatchObject({
      serverUrl: 'http://127.0.0.1:4000',
    });
  });
});

describe('the policy', () => {
  test('is strict with POLICY=strict, and each number can be set', () => {
    expect(readConfig({ POLICY: 'strict' }).policy).toEqual(STRICT);
    expect(STRICT).toMatchObject({ codeLifetimeSeconds: 600, passwordMinLength: 15 });
    expect(
      readConfig({
        POLICY: 'strict',
        MAX_FAILURES: '5',
        CODE_LIFETIME_SECONDS: '300',
        CODE_RESEND_SECONDS: '0',
      }).policy,
    ).toMatchObject({
      maxFailures: 5,
      codeLifetimeSeconds: 300,
      codeResendSeconds: 0,
      passwordMinLength: 15,
    });
  });

  test('has no limit of seeds with RATE_LIMITS=off', () => {
    expect(readConfig({ RATE_LIMITS: 'off' }).policy.maxSeedsPerNetwork).toBeGreaterThan(1_000_000);
  });
});

test.each([
  ['1', 1],
  ['0', false],
  ['loopback, 10.0.0.0/8', ['loopback', '10.0.0.0/8']],
  ['2001:db8::/32,::1', ['2001:db8::/32', '::1']],
])('TRUST_PROXY=%s is %o', (text, value) => {
  expect(readConfig({ TRUST_PROXY: text }).trustProxy).toEqual(value);
});

test.each([
  'true',
  'all',
  '10.0.0.0/33',
  '10.0.0/8',
  '33',
  ',',
  '10.0.0.1/',
  '0.0.0.0/0',
  '::/0',
  'fe80::1%eth0',
])('TRUST_PROXY=%s is refused', (text) => {
  expect(faultsOf({ TRUST_PROXY: text })).toEqual(['TRUST_PROXY']);
});

test.each([
  ['file:data/users.db', 'data/users.db'],
  ['file:/var/lib/x.db', '/var/lib/x.db'],
  ['file:///var/lib/x.db', '/var/lib/x.db'],
])('DATABASE_URL=%s is the file %s', (url, path) => {
  expect(readConfig({ DATABASE_URL: url }).databasePath).toBe(path);
});

test.each(['data/users.db', 'file:', 'file://host/x.db', 'file::memory:', 'file:x.db?mode=ro', 'mysql://x'])(
  'DATABASE_URL=%s is refused',
  (url) => {
    expect(faultsOf({ DATABASE_URL: url })).toEqual(['DATABASE_URL']);
  },
);

test.each([43, 86])('APP_SECRET of %i characters is long enough', (length) => {
  expect(
    readConfig({ APP_SECRET: SECRET.repeat(2).slice(0, length) }).appSecret?.length,
  ).toBeGreaterThanOrEqual(32);
});

test.each([SECRET.slice(0, 42), `${SECRET}xx`, `${SECRET}=`, `${SECRET.slice(0, 41)}+/`])(
  'APP_SECRET=%s is refused',
  (secret) => {
    expect(faultsOf({ APP_SECRET: secret })).toEqual(['APP_SECRET']);
  },
);

test.each(['日本', 'x'.repeat(100)])(
  'SERVICE_NAME=%s is refused, because it does not fit into a message',
  (name) => {
    expect(faultsOf({ SERVICE_NAME: name })).toEqual(['SERVICE_NAME']);
  },
);

test('SERVICE_NAME is refused if the host of PUBLIC_ORIGIN is too long for a message', () => {
  const PUBLIC_ORIGIN = `https://${'a'.repeat(60)}.example.com`;
  expect(faultsOf({ PUBLIC_ORIGIN, SMS_SENDER: 'console' })).toEqual(['SERVICE_NAME']);
});
