import { describe, expect, test } from 'vitest';
import { newKeys, proofFor } from '../support/page.ts';
import { cookiesOf, site, type Visitor } from '../support/site.ts';
import { ANN, PASSWORD, PHONE } from '../support/world.ts';

const FIREFOX = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0';
const NEW_PHONE = '+12025550177';
const NAMES = { fname: 'Anna', lname: 'Ree' };
const STARRED = ['/changepwd', '/changephone', '/deleteaccount'];

async function annSignedIn(options: Parameters<typeof site>[0] = {}) {
  const here = site({ ...options, policy: { codeResendSeconds: 0, ...options.policy } });
  const ann = here.visitor();
  await ann.signUp();
  await ann.agent.set('User-Agent', FIREFOX);
  await ann.signIn(PASSWORD);
  return { here, ann };
}

/** Valid fields of each request. */
async function fieldsFor(ann: Visitor): Promise<Record<string, Record<string, string>>> {
  const { body } = await ann.post('/getseed', { username: ANN });
  const { id, nonce, proof } = proofFor(PASSWORD, ANN, body);
  const keys = { salt: body.salt, kdf: body.kdf, ...newKeys('another password', body.salt) };
  return {
    '/prove': { id, nonce, proof },
    '/changename': NAMES,
    '/changepwd': keys,
    '/changephone': { phoneno: NEW_PHONE },
    '/endsession': { others: '1' },
    '/forgetdevice': { others: '1' },
    '/deleteaccount': {},
  };
}

async function prove(ann: Visitor, password = PASSWORD) {
  const { body } = await ann.post('/getseed', { username: ANN });
  const { id, nonce, proof } = proofFor(password, ANN, body);
  return ann.post('/prove', { id, nonce, proof });
}

function page(ann: Visitor) {
  return ann.agent.get('/account.json');
}

test('a signed-in browser is sent on to the next page, if it is on this site (attack 45)', async () => {
  const { ann } = await annSignedIn();
  for (const [path, location] of [
    ['/?next=/account', '/account'],
    ['/signup?next=%2Faccount', '/account'],
    ['/?next=//evil.example', '/about'],
    ['/?next=/%5Cevil.example', '/about'],
    ['/?next=https://evil.example', '/about'],
    ['/?next=/%09/evil.example', '/about'],
    ['/?next=/..//evil.example', '/about'],
    ['/?next=/a%0d%0aSet-Cookie:%20a=b', '/about'],
    ['/', '/about'],
  ]) {
    const answer = await ann.agent.get(path as string);
    expect([path, answer.status, answer.headers.location]).toEqual([path, 303, location]);
  }
  expect((await ann.agent.get('/?reset')).status).toBe(200);
});

test('the account page has a script of its own, and the other pages do not load it', async () => {
  const { ann } = await annSignedIn();
  const scripts = async (path: string) =>
    [...(await ann.agent.get(path)).text.matchAll(/<script[^>]* src="\/assets\/(\w+)-/g)].map(
      ([, name]) => name,
    );
  expect(await scripts('/account')).toEqual(['account']);
  expect(await scripts('/about')).toEqual(['main']);
});

describe('without a session', () => {
  test('GET /account leads to the sign-in page, and back', async () => {
    const answer = await site().visitor().agent.get('/account');
    expect([answer.status, answer.headers.location]).toEqual([303, '/?next=/account']);
  });

  test.each(['/account.json', '/account/data'])('GET %s is 401 signed_out', async (path) => {
    const answer = await site().visitor().agent.get(path);
    expect([answer.status, answer.body.status]).toEqual([401, 'signed_out']);
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  test('every request is 401 signed_out', async () => {
    const here = site();
    const ann = here.visitor();
    await ann.signUp();
    for (const [path, fields] of Object.entries(await fieldsFor(ann))) {
      const answer = await ann.post(path, fields);
      expect([path, answer.status, answer.body.status]).toEqual([path, 401, 'signed_out']);
    }
  });

  test('a wrong form is invalid first', async () => {
    const answer = await site().visitor().post('/changename', { fname: 'Anna' });
    expect(answer.body).toMatchObject({ status: 'invalid', field: 'lname' });
  });
});

test('requests are judged in order: cross_site, invalid, slow_down, signed_out, prove_again', async () => {
  const { here, ann } = await annSignedIn({ policy: { requestsPerMinute: 6 } });
  const stranger = here.visitor();
  here.world.clock.advanceMinutes(5);
  expect((await ann.post('/changephone', { phoneno: NEW_PHONE })).body.status).toBe('prove_again');
  const kinds = [];
  while (kinds.at(-1) !== 'slow_down' && kinds.length < 10)
    kinds.push((await stranger.post('/changephone', { phoneno: NEW_PHONE })).body.status);
  expect(kinds.slice(0, -1).every((kind) => kind === 'signed_out')).toBe(true);
  for (const path of ['/account.json', '/account/data'])
    expect((await stranger.agent.get(path)).body.status).toBe('slow_down');
  expect((await stranger.post('/changephone', { passcode: '123456' })).body).toMatchObject({
    status: 'invalid',
    field: 'flow',
  });
  const foreign = ann.agent.post('/changephone').type('form').set('Sec-Fetch-Site', 'cross-site');
  expect((await foreign.send({})).body.status).toBe('cross_site');
});

test('a request from another site is cross_site, and changes nothing (attack 44)', async () => {
  const { ann } = await annSignedIn();
  for (const [path, fields] of Object.entries(await fieldsFor(ann))) {
    const answer = await ann.agent.post(path).type('form').set('Sec-Fetch-Site', 'cross-site').send(fields);
    expect([path, answer.status, answer.body.status]).toEqual([path, 403, 'cross_site']);
  }
  expect((await page(ann)).body).toMatchObject({ status: 'ok', fname: 'Ann' });
});

test('the page shows what the account is, with the label of the browser and no token', async () => {
  const { ann } = await annSignedIn();
  const answer = await page(ann);
  const row = {
    id: expect.any(String),
    current: true,
    createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    seenAt: expect.any(String),
    network: '127.0.0.1',
    browser: 'Firefox on Windows',
  };
  expect(answer.status).toBe(200);
  expect(answer.body).toEqual({
    status: 'ok',
    message: expect.any(String),
    email: ANN,
    fname: 'Ann',
    lname: 'Lee',
    phone: 'X-XXX-XXX-0123',
    phoneConfirmed: false,
    sessions: [row],
    devices: [row],
  });
  expect(answer.text).not.toContain(PHONE);
});

test('after five minutes, changes need the password again, and then work (attack 41)', async () => {
  const { here, ann } = await annSignedIn();
  here.world.clock.advanceMinutes(5);
  const fields = await fieldsFor(ann);
  for (const path of STARRED) {
    const answer = await ann.post(path, fields[path]);
    expect([path, answer.status, answer.body.status]).toEqual([path, 403, 'prove_again']);
  }
  expect((await ann.agent.get('/account/data')).body.status).toBe('prove_again');
  expect((await prove(ann)).body).toEqual({
    status: 'ok',
    message: expect.any(String),
    signature: expect.any(String),
  });
  expect((await ann.agent.get('/account/data')).body).toMatchObject({ status: 'ok', phoneno: PHONE });
  expect((await ann.post('/changepwd', fields['/changepwd'])).body.status).toBe('ok');
});

test('three wrong passwords lock, end the session and drop its cookie (attack 42)', async () => {
  const { ann } = await annSignedIn();
  expect((await prove(ann, 'wrong')).body).toMatchObject({ status: 'wrong', triesLeft: 2 });
  await prove(ann, 'wrong');
  const answer = await prove(ann, 'wrong');
  expect(answer.status).toBe(423);
  expect(Object.keys(answer.body)).toEqual(['status', 'message', 'phone', 'resendIn', 'flow']);
  expect(cookiesOf(answer)).toEqual([expect.stringMatching(/^sid=;.*Expires=Thu, 01 Jan 1970/)]);
  expect((await page(ann)).status).toBe(401);
});

test('a changed password sets fresh cookies and ends other sessions', async () => {
  const { here, ann } = await annSignedIn();
  const other = here.visitor();
  await other.signIn(PASSWORD);
  const answer = await ann.post('/changepwd', (await fieldsFor(ann))['/changepwd']);
  expect(answer.body).toEqual({ status: 'ok', message: expect.any(String) });
  expect(cookiesOf(answer).map((cookie) => cookie.split('=')[0])).toEqual([
    'sid',
    expect.stringMatching(/^device-[0-9a-f]{8}$/),
  ]);
  expect((await page(ann)).status).toBe(200);
  expect((await page(other)).status).toBe(401);
});

test('a phone is changed in two requests', async () => {
  const { here, ann } = await annSignedIn();
  const asked = await ann.post('/changephone', { phoneno: '(202) 555-0177' });
  expect(asked.body).toMatchObject({ status: 'code_sent', phone: 'X-XXX-XXX-0177' });
  await here.world.settled();
  const { flow } = asked.body;
  const passcode = here.world.sms.lastPasscode();
  expect((await ann.post('/changephone', { flow })).body).toMatchObject({
    status: 'invalid',
    field: 'passcode',
  });
  expect((await ann.post('/changephone', { flow, passcode })).body.status).toBe('ok');
  expect((await page(ann)).body).toMatchObject({ phone: 'X-XXX-XXX-0177', phoneConfirmed: true });
});

describe.each([
  ['/endsession', 'session', 'sessions'],
  ['/forgetdevice', 'device', 'devices'],
])('%s', (path, field, list) => {
  test('needs an id or others', async () => {
    const { ann } = await annSignedIn();
    expect((await ann.post(path)).body).toMatchObject({ status: 'invalid', field });
    expect((await ann.post(path, { others: '2' })).body).toMatchObject({
      status: 'invalid',
      field: 'others',
    });
    const id = (await page(ann)).body[list][0].id;
    expect((await ann.post(path, { [field]: id, others: '2' })).body).toMatchObject({
      status: 'invalid',
      field: 'others',
    });
    expect((await page(ann)).status).toBe(200);
  });

  test('answers an unknown id, and one of another account, with the same bytes (attack 43)', async () => {
    const { here, ann } = await annSignedIn();
    const bob = here.visitor();
    await bob.signUp('bob@example.com');
    await bob.signIn(PASSWORD, 'bob@example.com');
    const id = (await page(bob)).body[list][0].id;
    const answers = [await ann.post(path, { [field]: 'unknown' }), await ann.post(path, { [field]: id })];
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(answers[0]?.text).toBe(answers[1]?.text);
    expect((await page(bob)).status).toBe(200);
  });

  test('ends the others', async () => {
    const { here, ann } = await annSignedIn();
    const other = here.visitor();
    await other.signIn(PASSWORD);
    expect((await page(ann)).body[list]).toHaveLength(2);
    await ann.post(path, { others: '1' });
    expect((await page(ann)).body[list]).toHaveLength(1);
    expect((await page(other)).status).toBe(401);
  });

  test('of its own drops the cookies', async () => {
    const { ann } = await annSignedIn();
    const id = (await page(ann)).body[list][0].id;
    const answer = await ann.post(path, { [field]: id });
    const names = cookiesOf(answer).map((cookie) => cookie.split('=')[0]);
    expect(names[0]).toBe('sid');
    expect(names).toHaveLength(field === 'device' ? 2 : 1);
    expect((await page(ann)).status).toBe(401);
  });
});

test('a deleted account drops its cookies and can be signed up again', async () => {
  const { ann } = await annSignedIn();
  const answer = await ann.post('/deleteaccount');
  expect(answer.body).toEqual({ status: 'ok', message: expect.any(String) });
  expect(cookiesOf(answer)).toHaveLength(2);
  expect((await page(ann)).status).toBe(401);
  expect((await ann.signUp()).status).toBe(201);
});

test('no table but the seeds has the address after a deletion', async () => {
  const { here, ann } = await annSignedIn();
  await here.visitor().lockOut();
  await here.world.settled();
  await ann.post('/deleteaccount');
  await here.world.settled();
  const tables = Object.entries(await here.tables());
  const withAddress = tables.filter(([, rows]) => JSON.stringify(rows).includes(ANN));
  expect(withAddress.map(([name]) => name)).toEqual(['seeds']);
});
