import { expect, onTestFinished, test, vi } from 'vitest';
import { getSeedForm, readForm } from '../../src/http/forms.ts';
import { site, type Visitor } from '../support/site.ts';
import { ANN } from '../support/world.ts';

const BYTES_16 = 'A'.repeat(22);
const BYTES_32 = 'A'.repeat(43);
const KEYS = { salt: BYTES_16, kdf: 'argon2id$m=19456,t=2,p=1', storedKey: BYTES_32, serverKey: BYTES_32 };

/** A valid form for each request. */
const FORMS: Record<string, Record<string, string>> = {
  '/getseed': { username: ANN },
  '/signup': { email: ANN, fname: 'Ann', lname: 'Lee', phoneno: '+12025550123', ...KEYS },
  '/login': { username: ANN, id: BYTES_16, nonce: 'n'.repeat(22), proof: BYTES_32 },
  '/verifypasscode': { username: ANN, flow: BYTES_16, passcode: '123456' },
  '/resetpwd': { username: ANN, flow: BYTES_16, passcode: '123456', ...KEYS },
  '/resendcode': { flow: BYTES_16 },
};

const FIELDS = Object.entries(FORMS).flatMap(([path, form]) =>
  Object.keys(form).map((field) => [path, field] as const),
);

async function expectInvalid(
  visitor: Visitor,
  path: string,
  fields: Record<string, string> | string,
  field: string,
) {
  const { status, body, headers } = await visitor.agent.post(path).type('form').send(fields);
  expect([status, body]).toEqual([400, { status: 'invalid', message: expect.stringMatching(/\.$/), field }]);
  expect(headers['cache-control']).toBe('no-store');
}

test.each(FIELDS)('%s without %s names that field', async (path, field) => {
  const { [field]: _, ...rest } = FORMS[path] as Record<string, string>;
  await expectInvalid(site().visitor(), path, rest, field);
});

test.each(FIELDS)('%s with %s empty names that field', async (path, field) => {
  await expectInvalid(site().visitor(), path, { ...FORMS[path], [field]: '' }, field);
});

test.each(FIELDS)(
  '%s with a NUL or another control character in %s names that field (attack 28)',
  async (path, field) => {
    const form = FORMS[path] as Record<string, string>;
    const visitor = site().visitor();
    for (const character of ['\0', '\n', '\u001b', '\u0085', '\u2028']) {
      await expectInvalid(visitor, path, { ...form, [field]: `${form[field]}${character}` }, field);
    }
  },
);

test.each(FIELDS)(
  '%s with a long %s is refused before any text of its length is normalized',
  async (path, field) => {
    const normalize = vi.spyOn(String.prototype, 'normalize');
    onTestFinished(() => normalize.mockRestore());
    const marks = '\u0345\u0334'.repeat(500);
    await expectInvalid(site().visitor(), path, { ...FORMS[path], [field]: marks }, field);
    const lengths = normalize.mock.contexts.map((text) => String(text).length);
    expect(Math.max(0, ...lengths)).toBeLessThanOrEqual(512);
  },
);

test('a field of invisible characters takes about as long as one of letters', () => {
  const milliseconds = (username: string) => {
    const fields = new Map([['username', username]]);
    const start = performance.now();
    for (let run = 0; run < 100; run += 1) readForm(getSeedForm, fields);
    return performance.now() - start;
  };
  const fastest = (username: string) => Math.min(...Array.from({ length: 5 }, () => milliseconds(username)));
  const letters = fastest(`${'é'.repeat(200)}@${'é'.repeat(50)}`);
  for (const character of [' ', '\u200b', '\u0345', '\u0345\u0334', 'σ', '<', '>']) {
    const text = `a${character.repeat(510 / character.length)}a`;
    expect(fastest(text) / letters).toBeLessThan(40);
  }
});

test.each(FIELDS)('%s with %s twice names that field (attack 24)', async (path, field) => {
  const twice = new URLSearchParams(FORMS[path]);
  twice.append(field, twice.get(field) as string);
  await expectInvalid(site().visitor(), path, twice.toString(), field);
});

test.each(FIELDS)('%s with %s as a list or a map is not a form (attack 24)', async (path, field) => {
  const visitor = site().visitor();
  for (const bracket of ['[]', '[a]', '[0]', '[__proto__]']) {
    await expectInvalid(visitor, path, { ...FORMS[path], [`${field}${bracket}`]: 'x' }, 'body');
  }
});

test.each([
  ['a percent sign alone', 'username=100%'],
  ['half a percent code', 'username=%4'],
  ['an invalid percent code', 'username=%zz'],
  ['bytes in another encoding than UTF-8', 'username=%ff%fe'],
  ['half a surrogate', 'username=%ed%a0%80'],
  ['a broken name', '%zz=1&username=ann'],
])('a body with %s is not a form', async (_, body) => {
  await expectInvalid(site().visitor(), '/getseed', body, 'body');
});

test('a body of raw bytes in another encoding than UTF-8 is not a form', async () => {
  const { status, body } = await site()
    .visitor()
    .agent.post('/getseed')
    .type('form')
    .serialize((bytes) => bytes)
    .send(Buffer.from([0x75, 0x3d, 0xff, 0xfe]) as never);
  expect([status, body.status]).toEqual([400, 'invalid']);
});

test('a form has at most a hundred pairs (attack 24)', async () => {
  const extra = (count: number) => Array.from({ length: count }, (_, index) => `x${index}=1`).join('&');
  const { visitor } = site();
  expect((await visitor().post('/getseed', `username=ann&${extra(99)}` as never)).status).toBe(200);
  await expectInvalid(visitor(), '/getseed', `username=ann&${extra(100)}`, 'body');
});

test.each([
  'application/json',
  'text/plain',
  'multipart/form-data; boundary=x',
  'application/x-www-form-urlencoded; charset=iso-8859-1',
  'application/x-www-form-urlencoded-not',
])('a body of type %s is not a form', async (type) => {
  const { status, body } = await site()
    .visitor()
    .agent.post('/getseed')
    .set('Content-Type', type)
    .send('username=ann');
  expect([status, body.status, body.field]).toEqual([400, 'invalid', 'body']);
});

test.each([
  'application/x-www-form-urlencoded; charset=UTF-8',
  'Application/X-WWW-Form-Urlencoded;charset="utf-8"',
])('a body of type %s is a form', async (type) => {
  const { status } = await site()
    .visitor()
    .agent.post('/getseed')
    .set('Content-Type', type)
    .send('username=ann');
  expect(status).toBe(200);
});

test('a compressed body is not a form', async () => {
  const { status, body } = await site()
    .visitor()
    .agent.post('/getseed')
    .type('form')
    .set('Content-Encoding', 'gzip')
    .send('username=ann');
  expect([status, body.status]).toEqual([400, 'invalid']);
});

test('a body of 8 KiB is accepted, and one more byte is too large (attack 29)', async () => {
  const { agent } = site().visitor();
  const padded = (length: number) => `username=ann&x=${'a'.repeat(length - 'username=ann&x='.length)}`;
  expect((await agent.post('/getseed').type('form').send(padded(8192))).status).toBe(200);
  const { status, body } = await agent.post('/getseed').type('form').send(padded(8193));
  expect([status, body.status]).toEqual([413, 'too_large']);
});

test('extra fields are ignored, even __proto__ and constructor (attack 25)', async () => {
  const body = 'username=ann&__proto__=x&constructor=x&prototype=x&isAdmin=1';
  const { status } = await site().visitor().agent.post('/getseed').type('form').send(body);
  expect(status).toBe(200);
  expect(({} as Record<string, unknown>).isAdmin).toBeUndefined();
});

test.each(['e', '__proto__', 'constructor', 'toString'])(
  'a body with an extra field %s twice is not a form',
  async (name) => {
    await expectInvalid(site().visitor(), '/getseed', `username=ann&${name}=1&${name}=2`, 'body');
  },
);

test('a request without a body is an empty form', async () => {
  const { agent } = site().visitor();
  expect((await agent.post('/logout')).status).toBe(200);
  expect((await agent.post('/getseed')).body.field).toBe('username');
});

test.each([
  ['only spaces', '   '],
  ['255 characters', `${'a'.repeat(243)}@example.com`],
])('an address of %s is invalid', async (_, address) => {
  const visitor = site().visitor();
  await expectInvalid(visitor, '/getseed', { username: address }, 'username');
  await expectInvalid(visitor, '/signup', { ...FORMS['/signup'], email: address }, 'email');
});

test('an address of 254 characters is valid', async () => {
  const { status } = await site()
    .visitor()
    .post('/getseed', { username: `${'a'.repeat(242)}@example.com` });
  expect(status).toBe(200);
});

test.each(['ann', '@example.com', 'ann@', 'ann@@example.com', 'ann lee@example.com'])(
  'a sign-up with the address %s is invalid',
  async (email) => {
    await expectInvalid(site().visitor(), '/signup', { ...FORMS['/signup'], email }, 'email');
  },
);

test.each(['fname', 'lname'])('a %s of only spaces or over 100 characters is invalid', async (field) => {
  const visitor = site().visitor();
  await expectInvalid(visitor, '/signup', { ...FORMS['/signup'], [field]: ' \u00a0 ' }, field);
  await expectInvalid(visitor, '/signup', { ...FORMS['/signup'], [field]: 'x'.repeat(101) }, field);
});

test.each([
  '12345',
  'call me',
  '+44 7911 123456',
  '+1 800 555 0199',
  '+1 900 555 0123',
  '+12025550123x9',
  '9'.repeat(80),
])('a sign-up with the phone number %s is invalid', async (phoneno) => {
  await expectInvalid(site().visitor(), '/signup', { ...FORMS['/signup'], phoneno }, 'phoneno');
});

test.each(['12345', '1234567', '12345a', '１２３４５', '', '------'])(
  '%s is not a passcode',
  async (passcode) => {
    await expectInvalid(
      site().visitor(),
      '/verifypasscode',
      { ...FORMS['/verifypasscode'], passcode },
      'passcode',
    );
  },
);

test.each([
  ['too short', 'A'.repeat(21)],
  ['too long', 'A'.repeat(23)],
  ['padded', `${BYTES_16}==`],
  ['in the wrong alphabet', `${'A'.repeat(20)}+/`],
  ['in a second spelling of the same bytes', `${'A'.repeat(21)}B`],
])('a flow that is %s is invalid', async (_, flow) => {
  await expectInvalid(site().visitor(), '/resendcode', { flow }, 'flow');
});

test.each(['n'.repeat(21), 'n'.repeat(65), `${'n'.repeat(21)}+`])(
  'the nonce %s is invalid',
  async (nonce) => {
    await expectInvalid(site().visitor(), '/login', { ...FORMS['/login'], nonce }, 'nonce');
  },
);

test.each(['argon2id$m=8,t=1,p=1', 'argon2id$m=65536,t=4,p=1', 'pbkdf2', 'argon2id$m=19456,t=2,p=1 '])(
  'a sign-up with the kdf %s is invalid',
  async (kdf) => {
    const visitor = site().visitor();
    const { salt } = (await visitor.post('/getseed', { username: ANN })).body;
    await expectInvalid(visitor, '/signup', { ...FORMS['/signup'], salt, kdf }, 'kdf');
  },
);

test('a sign-up with a salt of another address is invalid', async () => {
  await expectInvalid(site().visitor(), '/signup', FORMS['/signup'] as Record<string, string>, 'salt');
});

test.each(Object.keys(FORMS['/resetpwd'] as object).filter((field) => field !== 'username'))(
  'a reset with only %s needs the other fields of its second step',
  async (field) => {
    const { status, body } = await site()
      .visitor()
      .post('/resetpwd', { username: ANN, [field]: FORMS['/resetpwd']?.[field] ?? '' });
    expect([status, body.status]).toEqual([400, 'invalid']);
  },
);

test('an invalid request spends no code and does not count as a try', async () => {
  const { world, visitor } = site();
  const ann = visitor();
  await ann.signUp();
  const locked = await ann.lockOut();
  await world.settled();
  const form = { username: ANN, flow: locked.body.flow, passcode: world.sms.lastPasscode() };
  await ann.post('/verifypasscode', { ...form, passcode: '12345' });
  await ann.post('/verifypasscode', { ...form, 'x[]': '1' });
  expect((await ann.post('/verifypasscode', form)).body.status).toBe('ok');
});
