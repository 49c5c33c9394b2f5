import { describe, expect, test } from 'vitest';
import { codeStatus, resendCode, resetPwd, verifyPasscode } from '../../src/engine.ts';
import { CONSTANTS, type Policy } from '../../src/policy.ts';
import { IS_POSTGRES } from '../support/postgres.ts';
import { otherThan } from '../support/sms.ts';
import {
  ANN,
  type Browser,
  confirmedDevice,
  must,
  NETWORK,
  PASSWORD,
  type World,
  world,
} from '../support/world.ts';

const OTHER_PHONE = '+12025550199';
const ASKS = { secondFactor: 'unknown_device' } as const;
const OK = { kind: 'ok', issued: { session: expect.any(String), device: expect.any(String) } };

/** A world in which Ann has signed up. */
async function withAnn(policy: Partial<Policy> = ASKS) {
  const here = world(policy);
  await here.signUp();
  return here;
}

/** Proves Ann's password and returns the answer, once its message is sent. */
async function prove(here: World, browser?: Browser) {
  const outcome = await here.signIn(PASSWORD, browser);
  if (outcome.kind !== 'code_required') throw new Error(outcome.kind);
  await here.settled();
  return outcome;
}

function give(here: World, flow: string, passcode: string, more: { device?: string } = {}) {
  return verifyPasscode(here.deps, { network: NETWORK, email: ANN, flow, passcode, ...more });
}

/** Signs Ann in with password and code. Returns the token of the known device. */
async function signInWithCode(here: World, browser?: Browser) {
  const { flow } = await prove(here, browser);
  const outcome = await give(here, must(flow), here.sms.lastPasscode(), browser);
  if (outcome.kind !== 'ok') throw new Error(outcome.kind);
  return outcome.issued.device;
}

const ask = (here: World, from: { network?: string; device?: string } = {}) =>
  resetPwd(here.deps, { email: ANN, network: NETWORK, ...from });

describe('SECOND_FACTOR', () => {
  test('never: the password alone signs in', async () => {
    const here = await withAnn({ secondFactor: 'never' });
    expect(await here.signIn(PASSWORD)).toMatchObject(OK);
    expect(here.sms.sent).toHaveLength(0);
  });

  test('unknown_device: the password alone signs in on a known device only', async () => {
    const here = await withAnn();
    const device = await signInWithCode(here);
    expect(await here.signIn(PASSWORD, { device })).toMatchObject(OK);
    expect(await here.signIn(PASSWORD)).toMatchObject({ kind: 'code_required' });
  });

  test('always: a known device needs a code too', async () => {
    const here = await withAnn({ secondFactor: 'always' });
    const device = await signInWithCode(here);
    expect(await here.signIn(PASSWORD, { device })).toMatchObject({ kind: 'code_required' });
  });
});

test('code_required has a signature and the fields of a code, and issues no tokens', async () => {
  const here = await withAnn();
  expect(await prove(here)).toEqual({
    kind: 'code_required',
    signature: expect.stringMatching(/^[\w-]{43}$/),
    phone: 'X-XXX-XXX-0123',
    resendIn: 60,
    flow: expect.stringMatching(/^[\w-]{22}$/),
  });
  expect(here.sms.sent.map(({ text }) => text)).toEqual([
    expect.stringContaining('is your code to sign in.'),
  ]);
});

test('a wrong password gets no code', async () => {
  const here = await withAnn();
  expect(await here.signIn('wrong')).toEqual({ kind: 'wrong', triesLeft: 2 });
  await here.settled();
  expect(here.sms.sent).toHaveLength(0);
});

test('the lock comes before the code', async () => {
  const here = await withAnn();
  await here.lockOut();
  expect(await here.signIn(PASSWORD)).toMatchObject({ kind: 'locked' });
});

test('a right password clears the failures, before its code is given', async () => {
  const here = await withAnn();
  await here.signIn('wrong');
  await here.signIn('wrong');
  await prove(here);
  expect(await here.signIn('wrong')).toEqual({ kind: 'wrong', triesLeft: 2 });
});

describe('a sign-in code', () => {
  test('signs in', async () => {
    const here = await withAnn();
    const { flow } = await prove(here);
    expect(await give(here, must(flow), here.sms.lastPasscode())).toEqual(OK);
  });

  test('works once: of fifty tries at once, one succeeds (attack 51)', async () => {
    const here = await withAnn();
    const { flow } = await prove(here);
    const tries = Array.from({ length: 50 }, () => give(here, must(flow), here.sms.lastPasscode()));
    const kinds = (await Promise.all(tries)).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'ok')).toHaveLength(1);
    expect(kinds.filter((kind) => kind === 'expired_code')).toHaveLength(49);
  });

  test('is void for its flow after a wrong guess', async () => {
    const here = await withAnn();
    const { flow } = await prove(here);
    const passcode = here.sms.lastPasscode();
    expect(await give(here, must(flow), otherThan(passcode))).toEqual({ kind: 'wrong_code' });
    expect(await give(here, must(flow), passcode)).toEqual({ kind: 'expired_code' });
  });

  test('expires', async () => {
    const here = await withAnn();
    const { flow } = await prove(here);
    here.clock.advanceMinutes(60);
    expect(await give(here, must(flow), here.sms.lastPasscode())).toEqual({ kind: 'expired_code' });
  });

  test('works during a lock that strangers caused, and does not lift it', async () => {
    const here = await withAnn();
    const { flow } = await prove(here);
    const passcode = here.sms.lastPasscode();
    await here.lockOut();
    expect(await give(here, must(flow), passcode)).toEqual(OK);
    expect(await here.signIn(PASSWORD)).toMatchObject({ kind: 'locked' });
  });

  test('is void after a reset', async () => {
    const here = await withAnn();
    const { flow } = await prove(here);
    const passcode = here.sms.lastPasscode();
    const asked = await ask(here);
    if (asked.kind !== 'code_sent') throw new Error(asked.kind);
    await here.settled();
    await here.setPassword(must(asked.flow), here.sms.lastPasscode(), 'another password');
    expect(await give(here, must(flow), passcode)).toEqual({ kind: 'expired_code' });
  });

  test('unlocks nothing and resets nothing, and the tries do not void it (attack 46)', async () => {
    const here = await withAnn();
    const { flow } = await prove(here);
    const passcode = here.sms.lastPasscode();
    expect(await here.setPassword(must(flow), passcode, 'another password')).toEqual({ kind: 'wrong_code' });
    expect(await give(here, must(flow), passcode)).toEqual(OK);
  });

  test('confirms the phone', async () => {
    const here = await withAnn();
    await signInWithCode(here);
    const user = await here.deps.store.transact((tx) => tx.userFor(ANN));
    expect(user?.isPhoneConfirmed).toBe(true);
  });

  test("is worthless for another account, and the other account's try does not void it (attack 46)", async () => {
    const here = await withAnn();
    await here.signUp('bob@example.com', PASSWORD, OTHER_PHONE);
    const { flow } = await prove(here);
    const passcode = here.sms.lastPasscode();
    const asBob = { network: NETWORK, email: 'bob@example.com', flow: must(flow), passcode };
    expect(await verifyPasscode(here.deps, asBob)).toEqual({ kind: 'wrong_code' });
    expect(await give(here, must(flow), passcode)).toEqual(OK);
  });
});

describe('the pause between sign-in codes', () => {
  test('gives a second sign-in a flow for the same code', async () => {
    const here = await withAnn();
    const first = await prove(here);
    const second = await prove(here);
    expect(here.sms.sent).toHaveLength(1);
    expect(second.flow).not.toBe(first.flow);
    expect(await give(here, must(second.flow), here.sms.lastPasscode())).toEqual(OK);
  });

  test("isn't started by a stranger who asks for other codes", async () => {
    const here = await withAnn();
    await ask(here);
    await here.lockOut();
    const unlock = here.sms.lastPasscode();
    expect(here.sms.sent).toHaveLength(2);
    const locked = await here.signIn('wrong');
    if (locked.kind !== 'locked') throw new Error(locked.kind);
    await give(here, must(locked.flow), unlock);
    await prove(here);
    expect(here.sms.sent).toHaveLength(3);
  });

  test('ends with the right code, so a second device gets a new one at once', async () => {
    const here = await withAnn();
    await signInWithCode(here);
    await prove(here);
    expect(here.sms.sent).toHaveLength(2);
  });

  test('shows in resendcode, which sends again after it', async () => {
    const here = await withAnn();
    const flow = must((await prove(here)).flow);
    here.clock.advanceSeconds(20);
    const early = await resendCode(here.deps, { network: NETWORK, flow });
    expect(early).toEqual({ kind: 'code_sent', phone: 'X-XXX-XXX-0123', resendIn: 40, flow });
    here.clock.advanceSeconds(40);
    await resendCode(here.deps, { network: NETWORK, flow });
    await here.settled();
    expect(here.sms.sent).toHaveLength(2);
    expect(await give(here, flow, here.sms.lastPasscode())).toEqual(OK);
  });
});

describe('a user who has proved the password', () => {
  test('sees what became of the message, on an unknown device too', async () => {
    const here = await withAnn();
    here.sms.answerNext({ kind: 'refused', reason: 'opted_out' });
    const flow = must((await prove(here)).flow);
    const status = await codeStatus(here.deps, { network: NETWORK, flow });
    expect(status).toEqual({ kind: 'ok', delivery: 'failed', reason: 'opted_out', resendIn: 0 });
  });

  test("has a part of the account's limit that strangers can't use up (attack 52)", async () => {
    const here = await withAnn({ ...ASKS, codeResendSeconds: 0 });
    while ((await ask(here)).kind === 'code_sent');
    for (let message = 0; message < 4; message += 1) expect((await prove(here)).flow).toBeDefined();
    const fifth = await prove(here);
    expect(fifth).toMatchObject({ resendIn: 3600 });
    expect(fifth.flow).toBeUndefined();
  });

  test('gets a code while wrong codes of others slow strangers down, and may try it (attack 52)', async () => {
    const here = await withAnn({ ...ASKS, failedCodesPerHour: 1 });
    const locked = await here.lockOut();
    await give(here, must(locked.flow), otherThan(here.sms.lastPasscode()));
    here.clock.advanceMinutes(2);
    const again = await here.signIn('wrong');
    if (again.kind !== 'locked') throw new Error(again.kind);
    await here.settled();
    const unlock = here.sms.lastPasscode();
    expect(await give(here, must(again.flow), unlock)).toEqual({ kind: 'ok', issued: expect.anything() });

    const flow = must((await prove(here)).flow);
    expect(await give(here, 'A'.repeat(22), '123456')).toMatchObject({ kind: 'slow_down' });
    expect(await give(here, flow, here.sms.lastPasscode())).toEqual(OK);
    expect(await give(here, flow, here.sms.lastPasscode())).toEqual({ kind: 'expired_code' });
  });

  test.skipIf(IS_POSTGRES)("is not kept out by a day's flood of strangers (attack 52)", async () => {
    const here = await withAnn({ ...ASKS, codeResendSeconds: 0, messagesPerDay: 100 });
    await signInWithCode(here);
    for (let hour = 0; hour < 24; hour += 1) {
      for (let stranger = 0; stranger < 8; stranger += 1) {
        const email = `user${hour}-${stranger}@example.com`;
        const network = `198.51.${hour}.${stranger}`;
        await here.signUp(email, PASSWORD, `+1202555${String(1000 + hour * 8 + stranger)}`);
        await resetPwd(here.deps, { email, network });
        await here.signIn(PASSWORD, { username: email, network });
        await ask(here, { network });
      }
      await here.settled();
      if (hour % 12 === 11) {
        const sent = here.sms.sent.length;
        const { flow } = await prove(here);
        expect(here.sms.sent).toHaveLength(sent + 1);
        expect(await give(here, must(flow), here.sms.lastPasscode())).toEqual(OK);
      }
      here.clock.advanceMinutes(60);
    }
    expect(here.alerts).toContainEqual({ event: 'messages_suppressed', limit: 'prefix' });
  });
});

describe('after a hundred wrong sign-in codes in a row', () => {
  async function guessedOften() {
    const here = await withAnn({ ...ASKS, codeResendSeconds: 0 });
    const device = await signInWithCode(here);
    await here.deps.store.transact(async (tx) => {
      for (let wrong = 0; wrong < CONSTANTS.maxFailedSignInCodes - 1; wrong += 1)
        await tx.addFailedSignInCode(ANN);
    });
    const { flow } = await prove(here);
    await give(here, must(flow), otherThan(here.sms.lastPasscode()));
    return { here, device, flow: must(flow) };
  }

  test('an unknown device gets none (attack 49)', async () => {
    const { here } = await guessedOften();
    const sent = here.sms.sent.length;
    expect((await prove(here)).flow).toBeUndefined();
    expect(here.sms.sent).toHaveLength(sent);
  });

  test('a known device signs in as before (attack 49)', async () => {
    const { here, device } = await guessedOften();
    expect(await here.signIn(PASSWORD, { device })).toMatchObject(OK);
  });

  test('a reset makes them possible again', async () => {
    const { here } = await guessedOften();
    const asked = await ask(here);
    if (asked.kind !== 'code_sent') throw new Error(asked.kind);
    await here.settled();
    await here.setPassword(must(asked.flow), here.sms.lastPasscode(), PASSWORD);
    expect((await prove(here)).flow).toBeDefined();
  });

  test('a flow that exists gets none by resendcode, tried or not (attack 49)', async () => {
    const here = await withAnn({ ...ASKS, codeResendSeconds: 0 });
    const untried = must((await prove(here)).flow);
    const tried = must((await prove(here)).flow);
    await here.deps.store.transact(async (tx) => {
      for (let wrong = 0; wrong < CONSTANTS.maxFailedSignInCodes - 1; wrong += 1)
        await tx.addFailedSignInCode(ANN);
    });
    await give(here, tried, otherThan(here.sms.lastPasscode()));
    const sent = here.sms.sent.length;
    for (const flow of [tried, untried]) {
      const answer = await resendCode(here.deps, { network: NETWORK, flow });
      expect(answer).toMatchObject({ kind: 'code_sent', flow, resendIn: CONSTANTS.guessedTooOftenSeconds });
    }
    await here.settled();
    expect(here.sms.sent).toHaveLength(sent);
  });

  test('another sign-up of an unfinished account begins the count anew', async () => {
    const here = await withAnn();
    await here.deps.store.transact(async (tx) => {
      for (let wrong = 0; wrong < CONSTANTS.maxFailedSignInCodes; wrong += 1)
        await tx.addFailedSignInCode(ANN);
    });
    await here.signUp(ANN, PASSWORD, OTHER_PHONE);
    expect((await prove(here)).flow).toBeDefined();
  });

  test('one right code begins the count anew', async () => {
    const here = await withAnn({ ...ASKS, codeResendSeconds: 0 });
    await here.deps.store.transact(async (tx) => {
      for (let wrong = 0; wrong < CONSTANTS.maxFailedSignInCodes - 1; wrong += 1)
        await tx.addFailedSignInCode(ANN);
    });
    await signInWithCode(here);
    const { flow } = await prove(here);
    await give(here, must(flow), otherThan(here.sms.lastPasscode()));
    expect((await prove(here)).flow).toBeDefined();
  });
});

describe('a sign-up that was never finished', () => {
  test('is replaced by another one, with its phone and password', async () => {
    const here = await withAnn();
    expect(await here.signUp(ANN, 'another password', OTHER_PHONE)).toEqual({ kind: 'ok' });
    expect(await here.signIn(PASSWORD)).toMatchObject({ kind: 'wrong' });
    expect(await here.signIn('another password')).toMatchObject({ phone: 'X-XXX-XXX-0199' });
    await here.settled();
    expect(here.sms.sent.at(-1)?.to).toBe(OTHER_PHONE);
  });

  test('loses its codes and flows (attack 50)', async () => {
    const here = await withAnn();
    const { flow } = await prove(here);
    const passcode = here.sms.lastPasscode();
    await here.signUp(ANN, PASSWORD, OTHER_PHONE);
    expect(await give(here, must(flow), passcode)).toEqual({ kind: 'wrong_code' });
  });

  test('keeps its message limit used, so repeated sign-ups send no more messages (attack 50)', async () => {
    const here = await withAnn();
    for (let message = 0; message < 4; message += 1) {
      await prove(here);
      await here.signUp(ANN, PASSWORD, `+1202555013${message}`);
    }
    expect((await prove(here)).flow).toBeUndefined();
    expect(here.sms.sent).toHaveLength(4);
  });

  test("loses its first maker's wrong codes, so they keep no owner out (attack 50)", async () => {
    const here = await withAnn();
    await here.deps.store.transact(async (tx) => {
      for (let wrong = 0; wrong < CONSTANTS.maxFailedSignInCodes; wrong += 1)
        await tx.addFailedSignInCode(ANN);
    });
    await here.signUp(ANN, 'another password', OTHER_PHONE);
    expect((await here.signIn('another password')) as object).toHaveProperty('flow');
  });

  test('is taken once the user has signed in', async () => {
    const here = await withAnn();
    await signInWithCode(here);
    expect(await here.signUp()).toEqual({ kind: 'taken' });
  });

  test('is taken once the user has given a code for a lock', async () => {
    const here = await withAnn();
    await confirmByUnlock(here);
    expect(await here.signUp()).toEqual({ kind: 'taken' });
  });

  test('is taken from the start if no sign-in needs a code', async () => {
    const here = await withAnn({ secondFactor: 'never' });
    expect(await here.signUp()).toEqual({ kind: 'taken' });
  });

  test('is taken if the user signed in before codes were asked for', async () => {
    const before = await withAnn({ secondFactor: 'never' });
    await confirmedDevice(before);
    const here = world(ASKS, before.deps.store);
    expect(await here.signUp()).toEqual({ kind: 'taken' });
  });
});

async function confirmByUnlock(here: World) {
  const locked = await here.lockOut();
  const outcome = await give(here, must(locked.flow), here.sms.lastPasscode());
  expect(outcome).toMatchObject({ kind: 'ok' });
}
