import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ConfigError, readConfig } from '../src/config.ts';
import { STRICT, TUTORIAL } from '../src/policy.ts';

const RC = {
  RC_APP_CLIENT_ID: 'the-client-id',
  RC_APP_CLIENT_SECRET: 'the-client-secret',
  RC_USER_JWT: 'the-jwt',
  RC_FROM_NUMBER: '+12025550100',
};
const SECRET = 'r28-T5nAFi9_OmYGq8JtMg_1sFwz8VYWyqEGlZcpbTA';

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
    database: { kind: 'sqlite', path: resolve('data/users.db') },
    appSecrets: undefined,
    hasWeakSecret: false,
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
    NODE_ENV: 'Production',
    PORT: '65536',
    HOST: 'a b',
    PUBLIC_ORIGIN: 'example.com',
    DATABASE_URL: 'mysql://ann:pw@db/users',
    APP_SECRET: 'short',
    POLICY: 'lax',
    SECOND_FACTOR: 'sometimes',
    MAX_FAILURES: '0',
    CODE_LIFETIME_SECONDS: '1.5',
    CODE_RESEND_SECONDS: '-1',
    SMS_COUNTRIES: 'US,Canada',
    DEFAULT_COUNTRY: 'USA',
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
  [{ NODE_ENV: 'PRODUCTION' }, ['NODE_ENV']],
  [{ NODE_ENV: 'prod' }, ['NODE_ENV']],
  [{ NODE_ENV: 'staging' }, ['NODE_ENV']],
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

  test.each([
    ['\u200bhunter2', 'an invisible character (U+200B, place 1)'],
    ['hunter2\u202c', 'an invisible character (U+202C, place 8)'],
    ['\u201chunter2\u201d', 'a quotation mark (U+201C, place 1)'],
    ['"hunter2"', 'a quotation mark (U+0022, place 1)'],
    ['hunt\ner2', 'a line break (U+000A, place 5)'],
    ['hunter2 hunter3', 'a blank (U+0020, place 8)'],
    ['hunter\u00a02', 'a blank (U+00A0, place 7)'],
    ['hunt\u0435r2', 'a letter that is not ASCII (U+0435, place 5)'],
  ])('names the stray character in a credential (%j), and not the credential', (value, stray) => {
    for (const name of ['RC_APP_CLIENT_ID', 'RC_APP_CLIENT_SECRET', 'RC_USER_JWT']) {
      const env = { ...RC, [name]: value };
      const told = `${name} has ${stray}, which RingCentral never uses. Copy it again.`;
      expect(() => readConfig(env)).toThrow(told);
      expect(() => readConfig(env)).not.toThrow('type it again');
      expect(() => readConfig(env)).not.toThrow('hunt');
    }
  });

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

  test.each([
    [{}, 'never'],
    [{ POLICY: 'strict' }, 'unknown_device'],
    [{ POLICY: 'strict', SECOND_FACTOR: 'never' }, 'never'],
    [{ SECOND_FACTOR: 'unknown_device' }, 'unknown_device'],
    [{ SECOND_FACTOR: 'always' }, 'always'],
  ])('of the second factor with %j is %s', (env, secondFactor) => {
    expect(readConfig(env).policy.secondFactor).toBe(secondFactor);
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

test.each(['10.0.0.0/8', 'fc00::/7', 'fd00::/8', '2001:db8::/16', '::ffff:10.0.0.0/104', 'uniquelocal'])(
  'TRUST_PROXY=%s is accepted',
  (network) => {
    expect(readConfig({ TRUST_PROXY: network }).trustProxy).toEqual([network]);
  },
);

test.each([
  '0.0.0.0/1,128.0.0.0/1',
  '::/1,8000::/1',
  '0.0.0.0/2,64.0.0.0/2,128.0.0.0/2,192.0.0.0/2',
  '10.0.0.0/7',
  '2000::/3',
  '2600::/15',
  'f800::/5',
  '::ffff:0:0/96',
  '::ffff:10.0.0.0/103',
  '::/80',
  '::/16',
  '10.0.0.0/8,0.0.0.0/01',
])('TRUST_PROXY=%s is refused, because it would trust strangers', (networks) => {
  expect(faultsOf({ TRUST_PROXY: networks })).toEqual(['TRUST_PROXY']);
});

test.each(['1\u200b', '10.0.0.0/8,\u00a010.1.0.1\u200b', '\u202a10.0.0.1', '10.0.0.\u00ad1'])(
  'TRUST_PROXY=%j is refused, and the error names the invisible character',
  (TRUST_PROXY) => {
    expect(() => readConfig({ TRUST_PROXY })).toThrow(/TRUST_PROXY must be .*invisible character/);
  },
);

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
  ['file:data/users.db', resolve('data/users.db')],
  ['file:/var/lib/x.db', '/var/lib/x.db'],
  ['file:///var/lib/x.db', '/var/lib/x.db'],
])('DATABASE_URL=%s is the file %s', (url, path) => {
  expect(readConfig({ DATABASE_URL: url }).database).toEqual({ kind: 'sqlite', path });
});

test.each([
  'file: data/users.db',
  'file:\tusers.db',
  'file:~/users.db',
  'file:~ann/users.db',
  'file:$HOME/users.db',
  'file:data/',
  'file:data/..',
  'file:.',
])('DATABASE_URL=%s is refused, because it would be another file than it seems', (url) => {
  expect(() => readConfig({ DATABASE_URL: url })).toThrow(/DATABASE_URL must be file: and the path/);
});

test.each([
  'postgres://ann:p%40ss@db.example.com:5433/users?sslmode=verify-full',
  'postgresql://db/users',
  'postgres:///users?host=/run/postgresql',
])('DATABASE_URL=%s is a PostgreSQL, and needs an APP_SECRET', (url) => {
  expect(readConfig({ DATABASE_URL: url, APP_SECRET: SECRET }).database).toEqual({ kind: 'postgres', url });
  expect(faultsOf({ DATABASE_URL: url })).toEqual(['APP_SECRET']);
});

test.each([
  'data/users.db',
  'file:',
  'file://host/x.db',
  'file::memory:',
  'file:x.db?mode=ro',
  'mysql://x',
  'postgres://ann:pw@db',
  'postgres://ann:pw@db:port/users',
  'postgres://ann:50%@db/users',
  'postgres://db/users?sslmode=on',
])('DATABASE_URL=%s is refused', (url) => {
  expect(faultsOf({ DATABASE_URL: url })).toEqual(['DATABASE_URL']);
});

test('a relative DATABASE_URL starts at the given folder, and an absolute one does not', () => {
  const pathOf = (DATABASE_URL: string) =>
    readConfig({ DATABASE_URL }, { databaseFolder: '/srv/app' }).database;
  expect(pathOf('')).toMatchObject({ path: '/srv/app/data/users.db' });
  expect(pathOf('file:../x.db')).toMatchObject({ path: '/srv/x.db' });
  expect(pathOf('file:/var/lib/x.db')).toMatchObject({ path: '/var/lib/x.db' });
});

test('one error has the faults of .env, of the variables, and the typing errors', () => {
  const source = { faults: ['/srv/.env, line 3, must be NAME=value.'], notes: ['APP_SECERT is not read.'] };
  expect(() => readConfig({ PORT: 'x' }, source)).toThrow(
    /^The configuration is wrong:\n {2}\/srv\/\.env, line 3, .*\n {2}PORT must be .*\n {2}APP_SECERT is not read\.$/,
  );
  expect(() => readConfig({}, { ...source, notes: [] })).toThrow(/\.env, line 3/);
  expect(readConfig({}, { notes: source.notes })).toEqual(readConfig({}));
});

test.each([43, 86])('APP_SECRET of %i characters is long enough', (length) => {
  expect(
    readConfig({ APP_SECRET: SECRET.repeat(2).slice(0, length) }).appSecrets?.[0].length,
  ).toBeGreaterThanOrEqual(32);
});

test.each([SECRET.slice(0, 42), `${SECRET}xx`, `${SECRET}=`, `${SECRET.slice(0, 41)}+/`])(
  'APP_SECRET=%s is refused',
  (secret) => {
    expect(faultsOf({ APP_SECRET: secret })).toEqual(['APP_SECRET']);
  },
);

test.each([
  'x'.repeat(43),
  'A'.repeat(86),
  Buffer.alloc(32, 5).toString('base64url'),
  'abcdefgh'.repeat(6),
  'password-password-password-password-password',
])('APP_SECRET=%s is noted, and refused in production, because an attacker could guess it', (APP_SECRET) => {
  expect(readConfig({ APP_SECRET }).hasWeakSecret).toBe(true);
  const production = { APP_SECRET, NODE_ENV: 'production', SMS_SENDER: 'console' };
  expect(() => readConfig(production)).toThrow(/APP_SECRET must be .*randomBytes\(32\)/);
});

test.each(['0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0', `${SECRET}${SECRET}`])(
  'APP_SECRET=%s is accepted',
  (APP_SECRET) => {
    expect(readConfig({ APP_SECRET }).appSecrets?.[0].length).toBeGreaterThan(32);
    expect(readConfig({ APP_SECRET }).hasWeakSecret).toBe(false);
  },
);

test('APP_SECRET names up to three secrets, the newest first', () => {
  const others = [1, 2, 3].map(() => randomBytes(32).toString('base64url')) as [string, string, string];
  const { appSecrets, hasWeakSecret } = readConfig({ APP_SECRET: `${SECRET}, ${others[0]},${others[1]}` });
  const named = appSecrets?.map((secret) => Buffer.from(secret).toString('base64url'));
  expect([named, hasWeakSecret]).toEqual([[SECRET, others[0], others[1]], false]);
  expect(() => readConfig({ APP_SECRET: [SECRET, ...others].join() })).toThrow(/must name 3 secrets at most/);
});

test.each([`${SECRET},`, `,${SECRET}`, `${SECRET},short`, `${SECRET};${SECRET}`])(
  'APP_SECRET=%s is refused, because each secret has to be one',
  (APP_SECRET) => {
    expect(faultsOf({ APP_SECRET })).toEqual(['APP_SECRET']);
  },
);

test('APP_SECRET with a placeholder among its secrets is noted', () => {
  expect(readConfig({ APP_SECRET: `${SECRET},${'x'.repeat(43)}` }).hasWeakSecret).toBe(true);
});

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

test.each([
  ['us,ca', ['US', 'CA'], 'US'],
  [' Ca , us', ['CA', 'US'], 'US'],
  ['\u202ade\u202c', ['DE'], 'DE'],
  ['DE,FR', ['DE', 'FR'], 'DE'],
])(
  'with SMS_COUNTRIES=%s a number without a plus is of a country that gets messages',
  (typed, countries, country) => {
    const { smsCountries, defaultCountry } = readConfig({ SMS_COUNTRIES: typed });
    expect([smsCountries, defaultCountry]).toEqual([countries, country]);
  },
);

test('DEFAULT_COUNTRY is kept as it is set, in either case', () => {
  expect(readConfig({ SMS_COUNTRIES: 'DE,GB', DEFAULT_COUNTRY: 'gb' }).defaultCountry).toBe('GB');
});

test.each([
  ['DE', 'US'],
  ['US,CA', 'GB'],
  ['', 'DE'],
])('with SMS_COUNTRIES=%s, DEFAULT_COUNTRY=%s is refused by its name', (SMS_COUNTRIES, DEFAULT_COUNTRY) => {
  expect(faultsOf({ SMS_COUNTRIES, DEFAULT_COUNTRY })).toEqual(['DEFAULT_COUNTRY']);
});

test('DEFAULT_COUNTRY may be another country with the same calling code', () => {
  expect(readConfig({ SMS_COUNTRIES: 'PR', DEFAULT_COUNTRY: 'US' }).defaultCountry).toBe('US');
});

test.each(['+1 202 555 0100', '\u202a+1 (202) 555-0100\u202c', 'tel:+12025550100'])(
  'the pasted sender %o is read as E.164',
  (RC_FROM_NUMBER) => {
    expect(readConfig({ ...RC, RC_FROM_NUMBER }).sms).toMatchObject({ fromNumber: '+12025550100' });
  },
);
