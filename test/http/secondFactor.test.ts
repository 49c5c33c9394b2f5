import { expect, test } from 'vitest';
import { cookiesOf, site } from '../support/site.ts';
import { ANN, PASSWORD } from '../support/world.ts';

const ASKS = { policy: { secondFactor: 'unknown_device' } } as const;

test('a login that needs a code is 200 code_required and sets no cookie', async () => {
  const here = site(ASKS);
  const ann = here.visitor();
  await ann.signUp();
  const answer = await ann.signIn(PASSWORD);
  expect(answer.status).toBe(200);
  expect(answer.body).toEqual({
    status: 'code_required',
    message: expect.stringContaining('X-XXX-XXX-0123'),
    signature: expect.stringMatching(/^[\w-]{43}$/),
    phone: 'X-XXX-XXX-0123',
    resendIn: 60,
    flow: expect.stringMatching(/^[\w-]{22}$/),
  });
  expect(cookiesOf(answer)).toEqual([]);
  expect((await ann.agent.get('/about')).text).toContain('You are not signed in');
});

test('the code signs in with both cookies, and the device needs no code from then on', async () => {
  const here = site(ASKS);
  const ann = here.visitor();
  await ann.signUp();
  const { flow } = (await ann.signIn(PASSWORD)).body;
  await here.world.settled();
  const passcode = here.world.sms.lastPasscode();
  const answer = await ann.post('/verifypasscode', { username: ANN, flow, passcode });
  expect(answer.status).toBe(200);
  expect(answer.body.status).toBe('ok');
  expect(cookiesOf(answer).map((cookie) => cookie.split('=')[0])).toEqual([
    'sid',
    expect.stringMatching(/^device-[0-9a-f]{8}$/),
  ]);
  expect((await ann.agent.get('/about')).text).toContain('Ann');
  await ann.post('/logout');
  expect((await ann.signIn(PASSWORD)).body.status).toBe('ok');
});

test('a wrong sign-in code is 401 wrong_code, and a second try 410 expired_code', async () => {
  const here = site(ASKS);
  const ann = here.visitor();
  await ann.signUp();
  const { flow } = (await ann.signIn(PASSWORD)).body;
  await here.world.settled();
  const passcode = here.world.sms.lastPasscode() === '000000' ? '111111' : '000000';
  const give = () => ann.post('/verifypasscode', { username: ANN, flow, passcode });
  expect(await give()).toMatchObject({ status: 401, body: { status: 'wrong_code' } });
  expect(await give()).toMatchObject({ status: 410, body: { status: 'expired_code' } });
});
