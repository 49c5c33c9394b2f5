import { expect, test } from 'vitest';
import { site } from '../support/site.ts';
import { passcodeIn } from '../support/sms.ts';
import { ANN, PASSWORD } from '../support/world.ts';

test('a user signs up, signs in, is locked out, unlocks, resets and signs in again', async () => {
  const { world, visitor } = site();
  const ann = visitor();
  expect((await ann.signUp()).status).toBe(201);
  expect((await ann.signUp()).body.status).toBe('taken');

  const stranger = visitor();
  expect((await stranger.signIn('wrong')).body).toMatchObject({ status: 'wrong', triesLeft: 2 });
  expect((await stranger.signIn('wrong')).status).toBe(401);
  const locked = await stranger.signIn('wrong');
  expect(locked.status).toBe(423);
  expect(locked.body).toMatchObject({ status: 'locked', phone: 'X-XXX-XXX-0123', resendIn: 60 });
  await world.settled();

  const passcode = passcodeIn(world.sms.sent[0]?.text);
  const unlocked = await ann.post('/verifypasscode', {
    username: ANN,
    flow: locked.body.flow,
    passcode: `${passcode.slice(0, 3)}-${passcode.slice(3)} `,
  });
  expect([unlocked.status, unlocked.body.status]).toEqual([200, 'ok']);
  expect((await ann.signIn(PASSWORD)).status).toBe(200);
  expect((await ann.agent.get('/about')).text).toContain('Ann');

  const asked = await ann.post('/resetpwd', { username: ANN });
  expect([asked.status, asked.body.status]).toEqual([200, 'code_sent']);
  await world.settled();
  const reset = await ann.setPassword(asked.body.flow, world.sms.lastPasscode(), 'a brand new password');
  expect([reset.status, reset.body.status]).toEqual([200, 'ok']);
  expect((await ann.agent.get('/about')).text).not.toContain(ANN);
  expect((await ann.signIn('a brand new password')).status).toBe(200);
  expect((await ann.post('/logout')).body.status).toBe('ok');
  expect((await ann.agent.get('/about')).text).not.toContain(ANN);
});

test('every answer of the API has its status, its word and a sentence', async () => {
  const { world, visitor } = site({ policy: { codeResendSeconds: 0 } });
  const ann = visitor();
  await ann.signUp();
  const seen: string[] = [];
  const note = (
    path: string,
    { status, body }: { status: number; body: { status: string; message: string } },
  ) => {
    expect(body.message).toMatch(/^[A-Z].*\.$/);
    seen.push(`${path} ${status} ${body.status}`);
  };
  note('signup', await ann.signUp('bob@example.com'));
  note('signup', await ann.signUp());
  note('getseed', await ann.post('/getseed', { username: ANN }));
  note('login', await ann.signIn('wrong'));
  note(
    'login',
    await ann.post('/login', {
      username: ANN,
      id: 'A'.repeat(22),
      nonce: 'n'.repeat(22),
      proof: 'A'.repeat(43),
    }),
  );
  await ann.signIn('wrong');
  const locked = await ann.signIn('wrong');
  note('login', locked);
  await world.settled();
  const passcode = world.sms.lastPasscode();
  const form = { username: ANN, flow: locked.body.flow, passcode };
  note('verifypasscode', await ann.post('/verifypasscode', { ...form, flow: 'A'.repeat(22) }));
  note('resendcode', await ann.post('/resendcode', { flow: locked.body.flow }));
  const second = await ann.signIn('wrong');
  note('verifypasscode', await ann.post('/verifypasscode', form));
  note('verifypasscode', await ann.post('/verifypasscode', form));
  note('verifypasscode', await ann.post('/verifypasscode', { ...form, flow: second.body.flow }));
  note('resendcode', await ann.post('/resendcode', { flow: second.body.flow }));
  note('resendcode', await ann.post('/resendcode', { flow: 'A'.repeat(22) }));
  const asked = await ann.post('/resetpwd', { username: ANN });
  note('resetpwd', asked);
  note('resetpwd', await ann.setPassword('A'.repeat(22), passcode, PASSWORD));
  await world.settled();
  const code = world.sms.lastPasscode();
  note('resetpwd', await ann.setPassword(asked.body.flow, code, PASSWORD));
  note('resetpwd', await ann.setPassword(asked.body.flow, code, PASSWORD));
  note('login', await ann.signIn(PASSWORD));
  note('logout', await ann.post('/logout'));
  expect(seen).toEqual([
    'signup 201 ok',
    'signup 409 taken',
    'getseed 200 ok',
    'login 401 wrong',
    'login 400 bad_seed',
    'login 423 locked',
    'verifypasscode 401 wrong_code',
    'resendcode 200 code_sent',
    'verifypasscode 200 ok',
    'verifypasscode 410 expired_code',
    'verifypasscode 409 not_locked',
    'resendcode 409 not_locked',
    'resendcode 410 expired_code',
    'resetpwd 200 code_sent',
    'resetpwd 401 wrong_code',
    'resetpwd 200 ok',
    'resetpwd 410 expired_code',
    'login 200 ok',
    'logout 200 ok',
  ]);
});

test('no log line contains a code, a token, a proof, an address or a whole phone number (attack 38)', async () => {
  const { world, visitor, logged } = site();
  const ann = visitor();
  await ann.signUp();
  const signedIn = await ann.signIn(PASSWORD);
  const stranger = visitor();
  const locked = await stranger.lockOut();
  await world.settled();
  await stranger.agent.get(`/?passcode=${world.sms.lastPasscode()}`);
  await stranger.agent.get(`/${ANN}`);
  const cookies = signedIn.headers['set-cookie'] as unknown as string[];
  const tokens = cookies.map((cookie) => cookie.split(/[=;]/)[1] as string);
  expect(logged()).toContain('"path":"/login"');
  for (const secret of [world.sms.lastPasscode(), ...tokens, locked.body.flow, ANN, '2025550123']) {
    expect(logged()).not.toContain(secret);
  }
});
