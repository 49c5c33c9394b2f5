import { describe, expect, test } from 'vitest';
import {
  accountData,
  accountPage,
  changeName,
  changePhone,
  changePwd,
  deleteAccount,
  endSession,
  forgetDevice,
  prove,
} from '../../src/account-page.ts';
import {
  codeStatus,
  getSeed,
  login,
  logout,
  resendCode,
  resetPwd,
  verifyPasscode,
  whoIsSignedIn,
} from '../../src/engine.ts';
import { hashOf } from '../../src/token.ts';
import { newKeys, proofFor } from '../support/page.ts';
import { otherThan } from '../support/sms.ts';
import { ANN, must, NETWORK, PASSWORD, PHONE, type World, world } from '../support/world.ts';

const NEW_PHONE = '+12025550177';
const BOB = 'bob@example.com';
const SIGNED_OUT = { kind: 'signed_out' };
const PROVE_AGAIN = { kind: 'prove_again' };

/** Signs in on a new browser and returns its cookies as a form has them. */
async function browser(here: World, username = ANN, password = PASSWORD) {
  const outcome = await here.signIn(password, { username });
  if (outcome.kind !== 'ok') throw new Error(outcome.kind);
  const { session, device } = outcome.issued;
  return { network: NETWORK, session: must(session), device };
}

/** Ann, who has signed in on one browser. */
async function annSignedIn(policy = {}) {
  const here = world({ codeResendSeconds: 0, ...policy });
  await here.signUp();
  return { here, ann: await browser(here) };
}

type Cookies = Awaited<ReturnType<typeof browser>>;

/** Ann, who has confirmed her phone by an unlock code. */
async function annConfirmed() {
  const { here, ann } = await annSignedIn();
  const locked = await here.lockOut();
  const form = { network: NETWORK, email: ANN, flow: must(locked.flow), passcode: here.sms.lastPasscode() };
  await verifyPasscode(here.deps, form);
  here.sms.sent.length = 0;
  return { here, ann };
}

async function keysFor(here: World, password: string, email = ANN) {
  const { salt, kdf } = await getSeed(here.deps, { email, network: NETWORK });
  return { salt, kdf, ...newKeys(password, salt) };
}

async function proveAgain(here: World, cookies: Cookies, password = PASSWORD, username = ANN) {
  const { id, nonce, proof } = proofFor(
    password,
    username,
    await getSeed(here.deps, { email: username, network: NETWORK }),
  );
  return prove(here.deps, { ...cookies, id, nonce, proof });
}

async function askForPhone(here: World, cookies: Cookies, phoneno = NEW_PHONE) {
  const outcome = await changePhone(here.deps, { ...cookies, phoneno });
  await here.settled();
  if (outcome.kind !== 'code_sent') throw new Error(outcome.kind);
  return must(outcome.flow);
}

async function giveForPhone(here: World, cookies: Cookies, flow: string, passcode = here.sms.lastPasscode()) {
  const outcome = await changePhone(here.deps, { ...cookies, flow, passcode });
  await here.settled();
  return outcome;
}

/** Starts a session of Ann as earlier versions stored it: it belongs to no device. */
async function sessionOfBefore(here: World, session: string): Promise<Cookies> {
  const nowMs = here.deps.nowMs();
  const times = { createdAtMs: nowMs, seenAtMs: nowMs, provedAtMs: nowMs };
  const old = { id: session, email: ANN, device: '', network: NETWORK, browser: '', ...times };
  await here.deps.store.transact((tx) => tx.addSession(hashOf(session), old, 50));
  return { network: NETWORK, session, device: '' };
}

async function userOf(here: World, email = ANN) {
  return here.deps.store.transact((tx) => tx.userFor(email));
}

describe('without a session', () => {
  test.each<[string, (here: World) => Promise<unknown>]>([
    ['accountPage', (here) => accountPage(here.deps, { network: NETWORK })],
    ['accountData', (here) => accountData(here.deps, { network: NETWORK })],
    ['prove', (here) => prove(here.deps, { network: NETWORK, id: 'x', nonce: 'x', proof: 'x' })],
    ['changeName', (here) => changeName(here.deps, { network: NETWORK, fname: 'A', lname: 'B' })],
    [
      'changePwd',
      async (here) => changePwd(here.deps, { network: NETWORK, ...(await keysFor(here, 'another one')) }),
    ],
    ['changePhone', (here) => changePhone(here.deps, { network: NETWORK, phoneno: NEW_PHONE })],
    [
      'changePhone with a flow',
      (here) => changePhone(here.deps, { network: NETWORK, flow: 'x', passcode: '1' }),
    ],
    ['endSession', (here) => endSession(here.deps, { network: NETWORK, others: true })],
    ['forgetDevice', (here) => forgetDevice(here.deps, { network: NETWORK, others: true })],
    ['deleteAccount', (here) => deleteAccount(here.deps, { network: NETWORK })],
  ])('%s is signed_out', async (_, ask) => {
    const { here } = await annSignedIn();
    expect(await ask(here)).toEqual(SIGNED_OUT);
  });

  test('an idle session is signed_out', async () => {
    const { here, ann } = await annSignedIn();
    here.clock.advanceMinutes(12 * 60);
    expect(await accountPage(here.deps, ann)).toEqual(SIGNED_OUT);
  });
});

describe('a password that was proved over five minutes ago', () => {
  test.each<[string, (here: World, ann: Cookies) => Promise<unknown>]>([
    ['accountData', (here, ann) => accountData(here.deps, ann)],
    [
      'changePwd',
      async (here, ann) => changePwd(here.deps, { ...ann, ...(await keysFor(here, 'another one')) }),
    ],
    ['changePhone', (here, ann) => changePhone(here.deps, { ...ann, phoneno: NEW_PHONE })],
    ['changePhone with a flow', (here, ann) => changePhone(here.deps, { ...ann, flow: 'x', passcode: '1' })],
    ['deleteAccount', (here, ann) => deleteAccount(here.deps, ann)],
  ])('%s asks for it again, and works once it is proved', async (_, ask) => {
    const { here, ann } = await annSignedIn();
    here.clock.advanceMinutes(5);
    expect(await ask(here, ann)).toEqual(PROVE_AGAIN);
    expect(await proveAgain(here, ann)).toEqual({ kind: 'ok', signature: expect.any(String) });
    expect(await ask(here, ann)).not.toEqual(PROVE_AGAIN);
  });

  test.each<[string, (here: World, ann: Cookies) => Promise<unknown>]>([
    ['accountPage', (here, ann) => accountPage(here.deps, ann)],
    ['changeName', (here, ann) => changeName(here.deps, { ...ann, fname: 'A', lname: 'B' })],
    ['endSession', (here, ann) => endSession(here.deps, { ...ann, others: true })],
    ['forgetDevice', (here, ann) => forgetDevice(here.deps, { ...ann, others: true })],
  ])('%s does not ask for it', async (_, ask) => {
    const { here, ann } = await annSignedIn();
    here.clock.advanceMinutes(5);
    expect(await ask(here, ann)).toMatchObject({ kind: 'ok' });
  });

  test('a clock that was set back asks for it too', async () => {
    const { here, ann } = await annSignedIn();
    here.clock.setBackMinutes(1);
    expect(await deleteAccount(here.deps, ann)).toEqual(PROVE_AGAIN);
  });

  test('one session does not prove it for another', async () => {
    const { here, ann } = await annSignedIn();
    here.clock.advanceMinutes(5);
    await browser(here);
    expect(await deleteAccount(here.deps, ann)).toEqual(PROVE_AGAIN);
  });
});

describe('prove', () => {
  test('counts failures on the device of the session, whatever device cookie came (attack 42)', async () => {
    const { here, ann } = await annSignedIn();
    const { device: _, ...withoutDevice } = ann;
    const asStranger = { ...withoutDevice, device: 'forged' };
    expect(await proveAgain(here, asStranger, 'wrong')).toEqual({ kind: 'wrong', triesLeft: 2 });
    expect(await here.signIn('wrong')).toEqual({ kind: 'wrong', triesLeft: 2 });
    expect(await here.signIn('wrong', { device: ann.device })).toEqual({ kind: 'wrong', triesLeft: 1 });
  });

  test('locks at the third failure, sends a code and ends the session (attack 42)', async () => {
    const { here, ann } = await annSignedIn();
    await proveAgain(here, ann, 'wrong');
    await proveAgain(here, ann, 'wrong');
    expect(await proveAgain(here, ann, 'wrong')).toMatchObject({
      kind: 'locked',
      phone: 'X-XXX-XXX-0123',
      flow: expect.any(String),
      dropped: { session: true },
    });
    await here.settled();
    expect(here.sms.sent).toHaveLength(1);
    expect(await accountPage(here.deps, ann)).toEqual(SIGNED_OUT);
    expect(await here.signIn(PASSWORD, { device: ann.device })).toMatchObject({ kind: 'locked' });
  });

  test('is locked and ends the session if the device is locked already', async () => {
    const { here, ann } = await annSignedIn();
    await here.lockOut({ device: ann.device });
    expect(await proveAgain(here, ann)).toMatchObject({ kind: 'locked' });
    expect(await accountPage(here.deps, ann)).toEqual(SIGNED_OUT);
  });

  test('clears the failures of the device', async () => {
    const { here, ann } = await annSignedIn();
    await proveAgain(here, ann, 'wrong');
    await proveAgain(here, ann);
    expect(await proveAgain(here, ann, 'wrong')).toEqual({ kind: 'wrong', triesLeft: 2 });
  });

  test('takes a seed once, and only one of its own address', async () => {
    const { here, ann } = await annSignedIn();
    const seed = await getSeed(here.deps, { email: ANN, network: NETWORK });
    const form = { ...ann, ...proofFor(PASSWORD, ANN, seed) };
    expect(await prove(here.deps, form)).toMatchObject({ kind: 'ok' });
    expect(await prove(here.deps, form)).toEqual({ kind: 'bad_seed' });
    const other = await getSeed(here.deps, { email: BOB, network: NETWORK });
    expect(await prove(here.deps, { ...ann, ...proofFor(PASSWORD, ANN, other) })).toEqual({
      kind: 'bad_seed',
    });
  });
});

test('the account page shows the user, sessions and devices, with the present ones marked', async () => {
  const here = world();
  await here.signUp();
  const first = await here.signIn(PASSWORD, { network: '198.51.100.1' });
  here.clock.advanceSeconds(90);
  const ann = await browser(here);
  if (first.kind !== 'ok') throw new Error(first.kind);
  const row = { id: expect.stringMatching(/^[\w-]{22}$/), browser: '' };
  const now = new Date(here.clock.nowMs()).toISOString();
  const before = new Date(here.clock.nowMs() - 90_000).toISOString();
  const rows = [
    { ...row, current: true, createdAt: now, seenAt: now, network: NETWORK },
    { ...row, current: false, createdAt: before, seenAt: before, network: '198.51.100.1' },
  ];
  expect(await accountPage(here.deps, ann)).toEqual({
    kind: 'ok',
    email: ANN,
    fname: 'Ann',
    lname: 'Lee',
    phone: 'X-XXX-XXX-0123',
    phoneConfirmed: false,
    sessions: rows,
    devices: rows,
  });
});

test('the account page shows the present session and device as seen now', async () => {
  const { here, ann } = await annSignedIn();
  here.clock.advanceSeconds(30);
  const seenAt = new Date(here.clock.nowMs()).toISOString();
  expect(await accountPage(here.deps, ann)).toMatchObject({ sessions: [{ seenAt }], devices: [{ seenAt }] });
});

test('a device keeps the time of its last use when its session ends', async () => {
  const { here, ann } = await annSignedIn();
  here.clock.advanceMinutes(90);
  await whoIsSignedIn(here.deps, ann);
  await here.settled();
  const seenAt = new Date(here.clock.nowMs()).toISOString();
  await logout(here.deps, ann);
  const other = await browser(here);
  const page = await accountPage(here.deps, other);
  if (page.kind !== 'ok') throw new Error(page.kind);
  expect(page.devices.filter(({ current }) => !current)).toMatchObject([{ seenAt }]);
});

test('the account page shows networks in their short form', async () => {
  const here = world();
  await here.signUp();
  const outcome = await here.signIn(PASSWORD, { network: '0:0:0:0::/64' });
  if (outcome.kind !== 'ok') throw new Error(outcome.kind);
  const ann = { network: NETWORK, session: must(outcome.issued.session) };
  const network = '::1';
  expect(await accountPage(here.deps, ann)).toMatchObject({
    sessions: [{ network }],
    devices: [{ network }],
  });
});

test('the account data has the whole number, and no key or token', async () => {
  const { here, ann } = await annConfirmed();
  const data = await accountData(here.deps, ann);
  expect(data).toMatchObject({ kind: 'ok', email: ANN, fname: 'Ann', phoneno: PHONE });
  if (data.kind !== 'ok') throw new Error(data.kind);
  expect(data.codes).toMatchObject([{ purpose: 'unlock', used: true }]);
  const at = new Date(here.deps.nowMs()).toISOString();
  expect(data.messages).toEqual([{ countedFor: 'stranger', at }]);
  expect(data.devicesKnownSince).toBe(at);
  const user = must(await userOf(here));
  const text = JSON.stringify(data);
  for (const secret of [ann.session, ann.device, Buffer.from(user.storedKey).toString('base64url')])
    expect(text).not.toContain(secret);
});

test('the name can be changed', async () => {
  const { here, ann } = await annSignedIn();
  expect(await changeName(here.deps, { ...ann, fname: 'Anna', lname: 'Ree' })).toEqual({ kind: 'ok' });
  expect(await accountPage(here.deps, ann)).toMatchObject({ fname: 'Anna', lname: 'Ree' });
});

describe('a changed password', () => {
  async function changed() {
    const { here, ann } = await annConfirmed();
    const other = await browser(here);
    const asked = await resetPwd(here.deps, { ...other, email: ANN });
    if (asked.kind !== 'code_sent') throw new Error(asked.kind);
    await here.settled();
    const resetPasscode = here.sms.lastPasscode();
    const outcome = await changePwd(here.deps, { ...ann, ...(await keysFor(here, 'another one')) });
    if (outcome.kind !== 'ok') throw new Error(outcome.kind);
    await here.settled();
    const { session, device } = outcome.issued;
    const now = { network: NETWORK, session: must(session), device };
    return { here, ann, other, now, resetPasscode, resetFlow: must(asked.flow) };
  }

  test('signs in, and the old one does not', async () => {
    const { here } = await changed();
    expect(await here.signIn(PASSWORD)).toMatchObject({ kind: 'wrong' });
    expect(await here.signIn('another one')).toMatchObject({ kind: 'ok' });
  });

  test('ends all other sessions, and gives this one a fresh token', async () => {
    const { here, ann, other, now } = await changed();
    expect(await accountPage(here.deps, ann)).toEqual(SIGNED_OUT);
    expect(await accountPage(here.deps, other)).toEqual(SIGNED_OUT);
    expect(await accountPage(here.deps, now)).toMatchObject({ kind: 'ok' });
  });

  test('forgets all other devices, and keeps this one known', async () => {
    const { here, other, now } = await changed();
    await here.lockOut();
    expect(await here.signIn('another one', { device: other.device })).toMatchObject({ kind: 'locked' });
    expect(await here.signIn('another one', { device: now.device })).toMatchObject({ kind: 'ok' });
  });

  test('does not make a device known whose cookie an attacker planted', async () => {
    const { here, ann } = await annSignedIn();
    const form = { ...ann, ...(await keysFor(here, 'another one')), deviceOf: () => 'planted' };
    expect(await changePwd(here.deps, form)).toMatchObject({ kind: 'ok' });
    await here.lockOut();
    expect(await here.signIn('another one', { device: 'planted' })).toMatchObject({ kind: 'locked' });
  });

  test('keeps the device known if its answer is lost', async () => {
    const { here, ann } = await annSignedIn();
    const form = { ...ann, ...(await keysFor(here, 'another one')), deviceOf: () => ann.device };
    expect(await changePwd(here.deps, form)).toMatchObject({ kind: 'ok' });
    await here.lockOut();
    expect(await here.signIn('another one', { device: ann.device })).toMatchObject({ kind: 'ok' });
  });

  test('voids all codes', async () => {
    const { here, resetFlow, resetPasscode } = await changed();
    expect(await here.setPassword(resetFlow, resetPasscode, 'a third one')).toEqual({ kind: 'expired_code' });
  });

  test('is reported to the phone', async () => {
    const { here } = await changed();
    expect(here.sms.sent.at(-1)).toEqual({
      to: PHONE,
      text: expect.stringContaining('your password was changed'),
    });
  });

  test('that is the one from before is said, and everything else happens as for another one', async () => {
    const { here, ann } = await annSignedIn();
    const other = await browser(here);
    const outcome = await changePwd(here.deps, { ...ann, ...(await keysFor(here, PASSWORD)) });
    expect(outcome).toMatchObject({ kind: 'ok', isSamePassword: true });
    expect(await accountPage(here.deps, other)).toEqual(SIGNED_OUT);
    expect(await here.signIn(PASSWORD)).toMatchObject({ kind: 'ok' });
  });

  test('needs the salt and the kdf of the address', async () => {
    const { here, ann } = await annSignedIn();
    const keys = await keysFor(here, 'another one', BOB);
    expect(await changePwd(here.deps, { ...ann, ...keys })).toEqual({ kind: 'invalid', field: 'salt' });
    expect(await here.signIn(PASSWORD)).toMatchObject({ kind: 'ok' });
  });
});

describe('a phone that is not confirmed', () => {
  test('is changed with one code, which is sent to the new number', async () => {
    const { here, ann } = await annSignedIn();
    const flow = await askForPhone(here, ann);
    expect(here.sms.sent).toEqual([{ to: NEW_PHONE, text: expect.stringContaining('confirm your phone') }]);
    expect(await giveForPhone(here, ann, flow)).toEqual({ kind: 'ok' });
    expect(await userOf(here)).toMatchObject({ phoneno: NEW_PHONE, isPhoneConfirmed: true });
  });

  test('stays unconfirmed until then (attack 21)', async () => {
    const { here, ann } = await annSignedIn();
    const flow = await askForPhone(here, ann);
    expect(await giveForPhone(here, ann, flow, otherThan(here.sms.lastPasscode()))).toEqual({
      kind: 'wrong_code',
    });
    expect(await userOf(here)).toMatchObject({ phoneno: PHONE, isPhoneConfirmed: false });
    expect(await giveForPhone(here, ann, flow)).toEqual({ kind: 'expired_code' });
  });
});

describe('a confirmed phone', () => {
  test('is changed with a code to it, and then a code to the new number', async () => {
    const { here, ann } = await annConfirmed();
    const first = await changePhone(here.deps, { ...ann, phoneno: NEW_PHONE });
    await here.settled();
    expect(first).toMatchObject({ kind: 'code_sent', phone: 'X-XXX-XXX-0123' });
    if (first.kind !== 'code_sent') throw new Error(first.kind);
    const second = await giveForPhone(here, ann, must(first.flow));
    expect(second).toMatchObject({ kind: 'code_sent', phone: 'X-XXX-XXX-0177' });
    if (second.kind !== 'code_sent') throw new Error(second.kind);
    expect(await userOf(here)).toMatchObject({ phoneno: PHONE });
    expect(await giveForPhone(here, ann, must(second.flow))).toEqual({ kind: 'ok' });
    expect(await userOf(here)).toMatchObject({ phoneno: NEW_PHONE, isPhoneConfirmed: true });
    expect(here.sms.sent.map(({ to }) => to)).toEqual([PHONE, NEW_PHONE, PHONE]);
    expect(here.sms.sent.at(-1)?.text).toContain('your phone number was changed');
  });

  test('stays if an attacker with the password can read the new phone only (attack 47)', async () => {
    const { here, ann } = await annConfirmed();
    const flow = await askForPhone(here, ann);
    expect(here.sms.sent.map(({ to }) => to)).toEqual([PHONE]);
    expect(await giveForPhone(here, ann, flow, otherThan(here.sms.lastPasscode()))).toEqual({
      kind: 'wrong_code',
    });
    expect(await userOf(here)).toMatchObject({ phoneno: PHONE });
  });

  test('voids codes that were asked for before, also those on their way to the old number (attack 48)', async () => {
    const { here, ann } = await annConfirmed();
    const asked = await resetPwd(here.deps, { ...ann, email: ANN });
    if (asked.kind !== 'code_sent') throw new Error(asked.kind);
    await here.settled();
    const passcode = here.sms.lastPasscode();
    await changeFully(here, ann);
    expect(await here.setPassword(must(asked.flow), passcode, 'another one')).toEqual({
      kind: 'expired_code',
    });
  });
});

async function changeFully(here: World, cookies: Cookies, phoneno = NEW_PHONE) {
  const first = await askForPhone(here, cookies, phoneno);
  const second = await giveForPhone(here, cookies, first);
  if (second.kind !== 'code_sent') throw new Error(second.kind);
  return giveForPhone(here, cookies, must(second.flow));
}

test('a code to a new number that was asked for before the phone was confirmed is void (attack 47)', async () => {
  const { here, ann } = await annSignedIn();
  const flow = await askForPhone(here, ann);
  const passcode = here.sms.lastPasscode();
  const locked = await here.lockOut();
  const unlock = { network: NETWORK, email: ANN, flow: must(locked.flow), passcode: here.sms.lastPasscode() };
  expect(await verifyPasscode(here.deps, unlock)).toMatchObject({ kind: 'ok' });
  expect(await giveForPhone(here, ann, flow, passcode)).toEqual({ kind: 'expired_code' });
  expect(await resendCode(here.deps, { network: NETWORK, flow })).toEqual({ kind: 'expired_code' });
  expect(await userOf(here)).toMatchObject({ phoneno: PHONE, isPhoneConfirmed: true });
});

test('a confirmed present number is no change, so no notice reports one', async () => {
  const { here, ann } = await annSignedIn();
  const flow = await askForPhone(here, ann, PHONE);
  expect(await giveForPhone(here, ann, flow)).toEqual({ kind: 'ok' });
  expect(here.sms.sent).toHaveLength(1);
});

test('a changed password does not prove the password again', async () => {
  const { here, ann } = await annSignedIn();
  here.clock.advanceMinutes(4);
  const outcome = await changePwd(here.deps, { ...ann, ...(await keysFor(here, 'another one')) });
  if (outcome.kind !== 'ok') throw new Error(outcome.kind);
  here.clock.advanceMinutes(4);
  const session = must(outcome.issued.session);
  expect(await deleteAccount(here.deps, { network: NETWORK, session })).toEqual(PROVE_AGAIN);
});

test('an account keeps its fifty newest sessions', async () => {
  const { here, ann } = await annSignedIn();
  for (let count = 0; count < 50; count += 1) {
    here.clock.advanceSeconds(1);
    await browser(here);
  }
  expect(await accountPage(here.deps, ann)).toEqual(SIGNED_OUT);
  expect(await accountPage(here.deps, await browser(here))).toMatchObject({ kind: 'ok' });
});

describe('a sign-in code', () => {
  /** Ann on a known device, and a sign-in code that an unknown device has asked for. */
  async function asked() {
    const { here, ann } = await annSignedIn();
    const { flow } = await askToSignIn(here);
    return { here, ann, flow, passcode: here.sms.lastPasscode() };
  }

  /** Signs in on an unknown device of a site that asks for codes, with the same database. */
  async function askToSignIn(here: World) {
    const asking = { ...here.deps, policy: { ...here.deps.policy, secondFactor: 'always' as const } };
    const seed = await getSeed(here.deps, { email: ANN, network: NETWORK });
    const form = { username: ANN, email: ANN, network: NETWORK, ...proofFor(PASSWORD, ANN, seed) };
    const outcome = await login(asking, form);
    if (outcome.kind !== 'code_required') throw new Error(outcome.kind);
    await here.settled();
    return { flow: must(outcome.flow) };
  }

  test('is void after a change of password', async () => {
    const { here, ann, flow, passcode } = await asked();
    await changePwd(here.deps, { ...ann, ...(await keysFor(here, 'another one')) });
    const form = { network: NETWORK, email: ANN, flow, passcode };
    expect(await verifyPasscode(here.deps, form)).toEqual({ kind: 'expired_code' });
  });

  test('is void after a change of phone (attack 48)', async () => {
    const { here, ann, flow, passcode } = await asked();
    expect(await giveForPhone(here, ann, await askForPhone(here, ann))).toEqual({ kind: 'ok' });
    const form = { network: NETWORK, email: ANN, flow, passcode };
    expect(await verifyPasscode(here.deps, form)).toEqual({ kind: 'expired_code' });
    expect(await resendCode(here.deps, { network: NETWORK, flow })).toEqual({ kind: 'expired_code' });
  });

  test('proves the password for five minutes from the code on', async () => {
    const { here, flow, passcode } = await asked();
    here.clock.advanceMinutes(4);
    const signedIn = await verifyPasscode(here.deps, { network: NETWORK, email: ANN, flow, passcode });
    if (signedIn.kind !== 'ok') throw new Error(signedIn.kind);
    const { session, device } = signedIn.issued;
    here.clock.advanceMinutes(4);
    const cookies = { network: NETWORK, session: must(session), device };
    expect(await accountData(here.deps, cookies)).toMatchObject({ kind: 'ok' });
    here.clock.advanceMinutes(1);
    expect(await accountData(here.deps, cookies)).toEqual(PROVE_AGAIN);
  });

  test('of a deleted account is worthless, and tells nothing (attack 54)', async () => {
    const { here, ann, flow, passcode } = await asked();
    await deleteAccount(here.deps, ann);
    const form = { network: NETWORK, email: ANN, flow, passcode };
    expect(await verifyPasscode(here.deps, form)).toEqual({ kind: 'wrong_code' });
    expect(await resendCode(here.deps, { network: NETWORK, flow })).toEqual({ kind: 'expired_code' });
    expect(await codeStatus(here.deps, { network: NETWORK, flow })).toEqual({
      kind: 'ok',
      delivery: 'sending',
    });
  });
});

describe('notices', () => {
  test('of a changed phone, of a changed password and of a deletion have counts of their own', async () => {
    const { here, ann } = await annSignedIn();
    const notices = () => here.sms.sent.filter(({ text }) => !/\d{6}/.test(text)).map(({ text }) => text);
    let now = ann;
    for (let change = 0; change < 3; change += 1) {
      const outcome = await changePwd(here.deps, { ...now, ...(await keysFor(here, `password ${change}`)) });
      if (outcome.kind !== 'ok') throw new Error(outcome.kind);
      const { session, device } = outcome.issued;
      now = { network: NETWORK, session: must(session), device };
    }
    await here.settled();
    expect(notices()).toHaveLength(2);
    await giveForPhone(here, now, await askForPhone(here, now));
    expect(notices()).toHaveLength(3);
    await deleteAccount(here.deps, now);
    await here.settled();
    expect(notices()).toHaveLength(4);
  });

  test('of deletions are counted for the number, because a deleted account has no counts', async () => {
    const { here, ann } = await annSignedIn();
    await deleteAccount(here.deps, ann);
    await here.signUp();
    await deleteAccount(here.deps, await browser(here));
    await here.settled();
    expect(here.sms.sent).toHaveLength(1);
  });

  test('of a deletion reach a confirmed number after deletions of other accounts with it', async () => {
    const { here, ann } = await annConfirmed();
    await here.signUp(BOB);
    await deleteAccount(here.deps, await browser(here, BOB));
    await deleteAccount(here.deps, ann);
    await here.settled();
    expect(here.sms.sent).toHaveLength(2);
  });

  test('to an unconfirmed number come out of the unconfirmed part of its limit', async () => {
    const { here, ann } = await annSignedIn();
    await here.deps.store.transact(async (tx) => {
      for (let message = 0; message < 8; message += 1)
        await tx.countEvent([`message phone known ${PHONE}`], here.deps.nowMs());
    });
    await deleteAccount(here.deps, ann);
    await here.settled();
    expect(here.sms.sent).toHaveLength(0);
  });
});

test('of two changes of the password at once, one ends the session of the other', async () => {
  const { here, ann } = await annSignedIn();
  const other = await browser(here);
  const [first, second] = [await keysFor(here, 'the first'), await keysFor(here, 'the second')];
  const outcomes = await Promise.all([
    changePwd(here.deps, { ...ann, ...first }),
    changePwd(here.deps, { ...other, ...second }),
  ]);
  const kinds = outcomes.map(({ kind }) => kind);
  expect(kinds.toSorted()).toEqual(['ok', 'signed_out']);
  // PostgreSQL decides which of them is first.
  const winner = kinds[0] === 'ok' ? 'the first' : 'the second';
  expect(await here.signIn(winner)).toMatchObject({ kind: 'ok' });
});

describe('the codes of a changed phone', () => {
  test('have a pause for each number', async () => {
    const { here, ann } = await annSignedIn({ codeResendSeconds: 60 });
    await askForPhone(here, ann);
    await askForPhone(here, ann);
    expect(here.sms.sent).toHaveLength(1);
    await askForPhone(here, ann, '+12025550188');
    expect(here.sms.sent.map(({ to }) => to)).toEqual([NEW_PHONE, '+12025550188']);
  });

  test('set the number that they were asked for, not the one of a later request', async () => {
    const { here, ann } = await annSignedIn();
    const flow = await askForPhone(here, ann);
    const passcode = here.sms.lastPasscode();
    await askForPhone(here, ann, '+12025550188');
    expect(await giveForPhone(here, ann, flow, passcode)).toEqual({ kind: 'ok' });
    expect(await userOf(here)).toMatchObject({ phoneno: NEW_PHONE });
  });

  test('are sent again to their number, and their delivery is shown', async () => {
    const { here, ann } = await annSignedIn();
    const flow = await askForPhone(here, ann);
    const form = { network: NETWORK, flow, deviceOf: () => ann.device };
    expect(await resendCode(here.deps, form)).toMatchObject({ kind: 'code_sent', phone: 'X-XXX-XXX-0177' });
    await here.settled();
    expect(here.sms.sent.map(({ to }) => to)).toEqual([NEW_PHONE, NEW_PHONE]);
    expect(await codeStatus(here.deps, form)).toMatchObject({ delivery: 'delivered' });
  });

  test('take no turn of strangers while there are many wrong codes', async () => {
    const { here } = await annSignedIn({ failedCodesPerHour: 1 });
    const ofBefore = await sessionOfBefore(here, 'old');
    const flow = await askForPhone(here, ofBefore);
    const wrong = otherThan(here.sms.lastPasscode());
    expect(await giveForPhone(here, ofBefore, flow, wrong)).toEqual({ kind: 'wrong_code' });
    const locked = await here.lockOut();
    const unlock = {
      network: NETWORK,
      email: ANN,
      flow: must(locked.flow),
      passcode: here.sms.lastPasscode(),
    };
    expect(await verifyPasscode(here.deps, unlock)).toMatchObject({ kind: 'ok' });
  });

  test("are worthless for another account's session (attack 46)", async () => {
    const { here, ann } = await annSignedIn();
    await here.signUp(BOB);
    const bob = await browser(here, BOB);
    const flow = await askForPhone(here, ann);
    expect(await giveForPhone(here, bob, flow)).toEqual({ kind: 'wrong_code' });
    expect(await giveForPhone(here, ann, flow)).toEqual({ kind: 'ok' });
  });

  test('unlock nothing and sign no user in (attack 46)', async () => {
    const { here, ann } = await annSignedIn();
    const flow = await askForPhone(here, ann);
    const form = { network: NETWORK, email: ANN, flow, passcode: here.sms.lastPasscode() };
    expect(await verifyPasscode(here.deps, form)).toEqual({ kind: 'wrong_code' });
    expect(await here.setPassword(flow, form.passcode, 'another one')).toEqual({ kind: 'wrong_code' });
  });

  test('are not sent to a country that is not served', async () => {
    const { here, ann } = await annSignedIn();
    expect(await changePhone(here.deps, { ...ann, phoneno: '+4915112345678' })).toMatchObject({
      kind: 'invalid',
      field: 'phoneno',
    });
  });

  test('are limited: the fifth in an hour is slow_down', async () => {
    const { here, ann } = await annSignedIn();
    for (let count = 0; count < 4; count += 1) await askForPhone(here, ann, `+1202555017${count}`);
    expect(await changePhone(here.deps, { ...ann, phoneno: NEW_PHONE })).toMatchObject({ kind: 'slow_down' });
  });

  test("to the present number are not tried if the next code can't be sent", async () => {
    const { here, ann } = await annConfirmed();
    for (let count = 0; count < 3; count += 1) await askForPhone(here, ann, `+1202555017${count}`);
    const flow = await askForPhone(here, ann);
    const passcode = here.sms.lastPasscode();
    expect(await giveForPhone(here, ann, flow, passcode)).toMatchObject({ kind: 'slow_down' });
    const found = await here.deps.store.transact((tx) => tx.flowFor(hashOf(flow)));
    expect(found?.isTried).toBe(false);
  });

  test('of fifty at once, one changes the number (attack 51)', async () => {
    const { here, ann } = await annSignedIn();
    const flow = await askForPhone(here, ann);
    const passcode = here.sms.lastPasscode();
    const tries = Array.from({ length: 50 }, () => changePhone(here.deps, { ...ann, flow, passcode }));
    const kinds = (await Promise.all(tries)).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'ok')).toHaveLength(1);
    expect(kinds.filter((kind) => kind === 'expired_code')).toHaveLength(49);
  });
});

describe('sessions', () => {
  async function two() {
    const { here, ann } = await annSignedIn();
    const other = await browser(here);
    const page = await accountPage(here.deps, ann);
    if (page.kind !== 'ok') throw new Error(page.kind);
    const otherId = must(page.sessions.find(({ current }) => !current)).id;
    const ownId = must(page.sessions.find(({ current }) => current)).id;
    return { here, ann, other, otherId, ownId };
  }

  test('end one by one', async () => {
    const { here, ann, other, otherId } = await two();
    expect(await endSession(here.deps, { ...ann, id: otherId })).toEqual({ kind: 'ok' });
    expect(await whoIsSignedIn(here.deps, other)).toBeUndefined();
    expect(await whoIsSignedIn(here.deps, ann)).toMatchObject({ email: ANN });
  });

  test('end all but the present one', async () => {
    const { here, ann, other } = await two();
    expect(await endSession(here.deps, { ...ann, others: true })).toEqual({ kind: 'ok' });
    expect(await whoIsSignedIn(here.deps, other)).toBeUndefined();
    expect(await whoIsSignedIn(here.deps, ann)).toMatchObject({ email: ANN });
  });

  test('that end themselves drop the cookie', async () => {
    const { here, ann, ownId } = await two();
    expect(await endSession(here.deps, { ...ann, id: ownId })).toEqual({
      kind: 'ok',
      dropped: { session: true },
    });
    expect(await whoIsSignedIn(here.deps, ann)).toBeUndefined();
  });

  test("of another account can't be ended (attack 43)", async () => {
    const { here, otherId, other } = await two();
    await here.signUp(BOB);
    const bob = await browser(here, BOB);
    expect(await endSession(here.deps, { ...bob, id: otherId })).toEqual({ kind: 'ok' });
    expect(await endSession(here.deps, { ...bob, id: 'unknown' })).toEqual({ kind: 'ok' });
    expect(await whoIsSignedIn(here.deps, other)).toMatchObject({ email: ANN });
  });
});

describe('devices', () => {
  async function two() {
    const { here, ann } = await annSignedIn();
    const other = await browser(here);
    const page = await accountPage(here.deps, ann);
    if (page.kind !== 'ok') throw new Error(page.kind);
    const otherId = must(page.devices.find(({ current }) => !current)).id;
    const ownId = must(page.devices.find(({ current }) => current)).id;
    return { here, ann, other, otherId, ownId };
  }

  test('that are forgotten are unknown, and their sessions end', async () => {
    const { here, ann, other, otherId } = await two();
    expect(await forgetDevice(here.deps, { ...ann, id: otherId })).toEqual({ kind: 'ok' });
    expect(await whoIsSignedIn(here.deps, other)).toBeUndefined();
    await here.lockOut();
    expect(await here.signIn(PASSWORD, { device: other.device })).toMatchObject({ kind: 'locked' });
    expect(await here.signIn(PASSWORD, { device: ann.device })).toMatchObject({ kind: 'ok' });
  });

  test('can be forgotten all but the present one', async () => {
    const { here, ann, other } = await two();
    expect(await forgetDevice(here.deps, { ...ann, others: true })).toEqual({ kind: 'ok' });
    expect(await whoIsSignedIn(here.deps, other)).toBeUndefined();
    expect(await whoIsSignedIn(here.deps, ann)).toMatchObject({ email: ANN });
  });

  test('all but the present one end the sessions of before too, also for a session of before', async () => {
    const { here, ann } = await two();
    for (const token of ['old-1', 'old-2', 'old-3']) await sessionOfBefore(here, token);
    const isOver = async (session: string) =>
      (await whoIsSignedIn(here.deps, { session })) === undefined ? `${session} is over` : session;
    await forgetDevice(here.deps, { network: NETWORK, session: 'old-1', others: true });
    expect([await isOver('old-1'), await isOver('old-2')]).toEqual(['old-1', 'old-2 is over']);
    expect(await whoIsSignedIn(here.deps, ann)).toBeUndefined();
    const again = await browser(here);
    await forgetDevice(here.deps, { ...again, others: true });
    expect(await isOver('old-1')).toBe('old-1 is over');
  });

  test('that forget themselves drop both cookies', async () => {
    const { here, ann, ownId } = await two();
    expect(await forgetDevice(here.deps, { ...ann, id: ownId })).toEqual({
      kind: 'ok',
      dropped: { session: true, deviceOf: ANN },
    });
    expect(await whoIsSignedIn(here.deps, ann)).toBeUndefined();
  });

  test("of another account can't be forgotten (attack 43)", async () => {
    const { here, otherId, other } = await two();
    await here.signUp(BOB);
    const bob = await browser(here, BOB);
    expect(await forgetDevice(here.deps, { ...bob, id: otherId })).toEqual({ kind: 'ok' });
    expect(await whoIsSignedIn(here.deps, other)).toMatchObject({ email: ANN });
  });
});

describe('a deleted account', () => {
  async function deleted() {
    const { here, ann } = await annConfirmed();
    const asked = await resetPwd(here.deps, { ...ann, email: ANN });
    if (asked.kind !== 'code_sent') throw new Error(asked.kind);
    await here.settled();
    const passcode = here.sms.lastPasscode();
    expect(await deleteAccount(here.deps, ann)).toEqual({
      kind: 'ok',
      dropped: { session: true, deviceOf: ANN },
    });
    await here.settled();
    return { here, ann, flow: must(asked.flow), passcode };
  }

  test('is gone: session, password and code are worthless (attack 54)', async () => {
    const { here, ann, flow, passcode } = await deleted();
    expect(await accountPage(here.deps, ann)).toEqual(SIGNED_OUT);
    expect(await here.setPassword(flow, passcode, 'another one')).toEqual({ kind: 'wrong_code' });
    expect(await here.signIn(PASSWORD, { device: ann.device })).toEqual({ kind: 'wrong', triesLeft: 2 });
  });

  test('is reported to the phone', async () => {
    const { here } = await deleted();
    expect(here.sms.sent.at(-1)).toEqual({
      to: PHONE,
      text: 'Two-Factor Demo: your account at localhost was deleted.',
    });
  });

  test('can be signed up again, and old cookies do not come back to life (attack 54)', async () => {
    const { here, ann } = await deleted();
    expect(await here.signUp()).toEqual({ kind: 'ok' });
    expect(await accountPage(here.deps, ann)).toEqual(SIGNED_OUT);
    await here.lockOut();
    expect(await here.signIn(PASSWORD, { device: ann.device })).toMatchObject({ kind: 'locked' });
  });

  test('keeps the limits of its number used', async () => {
    const { here, ann } = await annSignedIn();
    let cookies = ann;
    for (let round = 0; round < 12; round += 1) {
      const changed = await changePwd(here.deps, { ...cookies, ...(await keysFor(here, PASSWORD)) });
      if (changed.kind !== 'ok') throw new Error(changed.kind);
      await deleteAccount(here.deps, { network: NETWORK, session: must(changed.issued.session) });
      await here.settled();
      await here.signUp();
      cookies = await browser(here);
    }
    expect(here.sms.sent).toHaveLength(8);
  });
});
