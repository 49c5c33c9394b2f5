import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { CONSTANTS } from '../../src/policy.ts';
import { cookiesOf, type Site, site, type Visitor } from '../support/site.ts';
import { ANN, PASSWORD } from '../support/world.ts';

const BOB = 'bob@example.com';
const nameFor = (email: string) => `device-${createHash('sha256').update(email).digest('hex').slice(0, 8)}`;

/** Ann, who has signed in on her own device. `token` is the value of its cookie. */
async function annAtHome(options: Parameters<typeof site>[0] = {}) {
  const here = site(options);
  const ann = here.visitor();
  await ann.signUp();
  const token = deviceIn(cookiesOf(await ann.signIn(PASSWORD)));
  return { ...here, ann, token };
}

function deviceIn(cookies: string[]): string {
  const found = cookies.map((cookie) => /^device-[0-9a-f]{8}=([\w-]+)/.exec(cookie)?.[1]).find(Boolean);
  if (found === undefined) throw new Error(`No device in ${cookies}`);
  return found;
}

/** Signs in from a browser that sends exactly this Cookie header. */
async function signInWith(here: Site, cookie: string, password: string, username = ANN) {
  const visitor = here.visitor();
  visitor.agent.set('Cookie', cookie);
  return visitor.signIn(password, username);
}

async function strangersLock(here: Pick<Site, 'visitor'>, username = ANN) {
  expect((await here.visitor().lockOut(username)).body.status).toBe('locked');
}

describe('three failures by strangers (attack 4)', () => {
  test('do not lock out the owner on a device that has signed in', async () => {
    const here = await annAtHome();
    await strangersLock(here);
    expect((await here.ann.signIn(PASSWORD)).body.status).toBe('ok');
  });

  test('do not lock out the owner on a device that gave an unlock code and never signed in', async () => {
    const here = site();
    const ann = here.visitor();
    await ann.signUp();
    const { flow } = (await ann.lockOut()).body;
    await here.world.settled();
    const passcode = here.world.sms.lastPasscode();
    expect((await ann.post('/verifypasscode', { username: ANN, flow, passcode })).body.status).toBe('ok');
    await strangersLock(here);
    expect((await ann.signIn(PASSWORD)).body.status).toBe('ok');
  });

  test('do not lock out the owner on a device that gave a reset code', async () => {
    const here = site();
    const ann = here.visitor();
    await ann.signUp();
    const { flow } = (await ann.post('/resetpwd', { username: ANN })).body;
    await here.world.settled();
    expect((await ann.setPassword(flow, here.world.sms.lastPasscode(), 'the new one')).body.status).toBe(
      'ok',
    );
    await strangersLock(here);
    expect((await ann.signIn('the new one')).body.status).toBe('ok');
  });

  test("do not use up the known device's resend pause or SMS limit", async () => {
    const here = await annAtHome({ policy: { codeResendSeconds: 0 } });
    for (let count = 0; count < 12; count += 1) await here.visitor().post('/resetpwd', { username: ANN });
    await strangersLock(here);
    await here.world.settled();
    here.world.sms.sent.length = 0;
    expect((await here.ann.lockOut()).body).toMatchObject({ status: 'locked', flow: expect.any(String) });
    await here.world.settled();
    expect(here.world.sms.sent).toHaveLength(1);
  });
});

describe('a device cookie (attack 4)', () => {
  test('that is forged, cut or a hash from the database counts as an unknown device', async () => {
    const here = await annAtHome();
    await strangersLock(here);
    const hash = createHash('sha256').update(here.token).digest('base64url');
    for (const forged of [
      'A'.repeat(43),
      here.token.slice(0, 42),
      `${here.token}A`,
      hash,
      '',
      '%00',
      '"x"',
    ]) {
      const answer = await signInWith(here, `${nameFor(ANN)}=${forged}`, PASSWORD);
      expect([forged, answer.body.status]).toEqual([forged, 'locked']);
    }
  });

  test("of one account is unknown to another account, under either account's cookie name", async () => {
    const here = await annAtHome();
    const bob = here.visitor();
    await bob.signUp(BOB);
    const bobs = deviceIn(cookiesOf(await bob.signIn(PASSWORD, BOB)));
    await strangersLock(here);
    for (const name of [nameFor(ANN), nameFor(BOB)]) {
      expect((await signInWith(here, `${name}=${bobs}`, PASSWORD)).body.status).toBe('locked');
    }
  });

  test('that an attacker planted stays unknown, and a sign-in sets a fresh one', async () => {
    const here = site();
    const ann = here.visitor();
    await ann.signUp();
    const planted = 'P'.repeat(43);
    const answer = await signInWith(here, `${nameFor(ANN)}=${planted}`, PASSWORD);
    expect(deviceIn(cookiesOf(answer))).not.toBe(planted);
    await strangersLock(here);
    expect((await signInWith(here, `${nameFor(ANN)}=${planted}`, PASSWORD)).body.status).toBe('locked');
  });

  test('that was copied is unknown after the owner signs in again, and the owner stays known', async () => {
    const here = await annAtHome();
    await here.ann.signIn(PASSWORD);
    // After a sign-in, the page opens About.
    await here.ann.agent.get('/about');
    await strangersLock(here);
    expect((await signInWith(here, `${nameFor(ANN)}=${here.token}`, PASSWORD)).body.status).toBe('locked');
    expect((await here.ann.signIn(PASSWORD)).body.status).toBe('ok');
  });

  test('that was stolen does not sign in, and its failures lock only that device', async () => {
    const here = await annAtHome();
    const thief = here.visitor();
    thief.agent.set('Cookie', `${nameFor(ANN)}=${here.token}`);
    const kinds = [];
    for (let count = 0; count < 4; count += 1) kinds.push((await thief.signIn(`guess ${count}`)).body.status);
    expect(kinds).toEqual(['wrong', 'wrong', 'locked', 'locked']);
    expect((await thief.agent.get('/about')).text).not.toContain('Ann');
    // The thief locked only the stolen device, so the owner can sign in on any other device.
    expect((await here.visitor().signIn(PASSWORD)).body.status).toBe('ok');
  });

  test('is found among other cookies', async () => {
    const here = await annAtHome();
    await strangersLock(here);
    const own = `${nameFor(ANN)}=${here.token}`;
    const other = `${nameFor(BOB)}=${'B'.repeat(43)}`;
    expect((await signInWith(here, `a=b; ${other}; ${own}`, PASSWORD)).body.status).toBe('ok');
  });
});

describe('if the answer with a new device cookie is lost on its way (attack 4)', () => {
  /** Sends a request of Ann's browser, which never gets the answer and so keeps its cookies. */
  const loseAnswer = async (here: Site & { token: string }, send: (browser: Visitor) => Promise<unknown>) => {
    const browser = here.visitor();
    browser.agent.set('Cookie', `${nameFor(ANN)}=${here.token}`);
    await send(browser);
  };
  const signInAtHome = (here: Site & { token: string }, password: string) =>
    signInWith(here, `${nameFor(ANN)}=${here.token}`, password);

  test('after a sign-in, the device stays known, however often', async () => {
    const here = await annAtHome();
    for (let time = 0; time < 3; time += 1) await loseAnswer(here, (browser) => browser.signIn(PASSWORD));
    await strangersLock(here);
    expect((await signInAtHome(here, PASSWORD)).body.status).toBe('ok');
  });

  test('after an unlock code, the device stays known', async () => {
    const here = await annAtHome();
    const { flow } = (await here.ann.lockOut()).body;
    await here.world.settled();
    const passcode = here.world.sms.lastPasscode();
    await loseAnswer(here, async (browser) => {
      const answer = await browser.post('/verifypasscode', { username: ANN, flow, passcode });
      expect(answer.body.status).toBe('ok');
    });
    await strangersLock(here);
    expect((await signInAtHome(here, PASSWORD)).body.status).toBe('ok');
  });

  test('after a reset, the device stays known', async () => {
    const here = await annAtHome();
    const { flow } = (await here.ann.post('/resetpwd', { username: ANN })).body;
    await here.world.settled();
    await loseAnswer(here, async (browser) => {
      const answer = await browser.setPassword(flow, here.world.sms.lastPasscode(), 'the new one');
      expect(answer.body.status).toBe('ok');
    });
    await strangersLock(here);
    expect((await signInAtHome(here, 'the new one')).body.status).toBe('ok');
  });

  for (const [use, request] of [
    ['visits a page while signed in', (ann: Visitor) => ann.agent.get('/')],
    ['tries a password', (ann: Visitor) => ann.signIn('wrong')],
    ['asks for a reset', (ann: Visitor) => ann.post('/resetpwd', { username: ANN })],
  ] as const) {
    test(`the old cookie stays valid only until the browser with the new one ${use}`, async () => {
      const here = await annAtHome();
      await loseAnswer(here, (browser) => browser.signIn(PASSWORD));
      await here.ann.signIn(PASSWORD);
      await request(here.ann);
      await strangersLock(here);
      expect((await signInAtHome(here, PASSWORD)).body.status).toBe('locked');
      expect((await here.ann.signIn(PASSWORD)).body.status).toBe('ok');
    });
  }
});

describe('the known devices of an account', () => {
  const rowsOf = async (here: Site) => (await here.tables()).devices?.length;

  test('are the newest ones, and a device in use is not the oldest', async () => {
    const here = await annAtHome();
    const desk = here.visitor();
    await desk.signIn(PASSWORD);
    for (let time = 0; time < CONSTANTS.maxDevicesPerAccount; time += 1) {
      await here.visitor().signIn(PASSWORD);
      if (time % 20 === 0) await here.ann.signIn(PASSWORD);
    }
    expect(await rowsOf(here)).toBe(CONSTANTS.maxDevicesPerAccount);
    await strangersLock(here);
    expect((await desk.signIn(PASSWORD)).body.status).toBe('locked');
    expect((await here.ann.signIn(PASSWORD)).body.status).toBe('ok');
  });

  test('are deleted by a reset, except for the one that gave the code', async () => {
    const here = await annAtHome();
    for (let time = 0; time < 5; time += 1) await here.visitor().signIn(PASSWORD);
    const other = here.visitor();
    const { flow } = (await other.post('/resetpwd', { username: ANN })).body;
    await here.world.settled();
    await other.setPassword(flow, here.world.sms.lastPasscode(), 'the new one');
    expect(await rowsOf(here)).toBe(1);
  });
});

describe('several accounts in one browser (attack 4)', () => {
  const both = async (here: Site): Promise<Visitor> => {
    const browser = here.visitor();
    for (const email of [ANN, BOB]) {
      await browser.signUp(email);
      await browser.signIn(PASSWORD, email);
    }
    return browser;
  };

  test('have a device cookie each', async () => {
    const here = site();
    const browser = await both(here);
    await strangersLock(here);
    await strangersLock(here, BOB);
    expect((await browser.signIn(PASSWORD)).body.status).toBe('ok');
    expect((await browser.signIn(PASSWORD, BOB)).body.status).toBe('ok');
  });

  test('share no failures and no lock', async () => {
    const here = site();
    const browser = await both(here);
    expect((await browser.lockOut()).body.status).toBe('locked');
    expect((await browser.signIn('wrong', BOB)).body).toMatchObject({ status: 'wrong', triesLeft: 2 });
    expect((await browser.signIn(PASSWORD, BOB)).body.status).toBe('ok');
  });
});

describe('many accounts in one browser', () => {
  const tokenOf = (madeAtMs: number) => madeAtMs.toString(16).padStart(12, '0') + 'T'.repeat(43);
  const jar = (count: number, prefix = '') =>
    Array.from({ length: count }, (_, index) => [
      `${prefix}device-${index.toString(16).padStart(8, '0')}`,
      tokenOf(1_700_000_000_000 + index),
    ]);
  const headerOf = (cookies: string[][]) => cookies.map((pair) => pair.join('=')).join('; ');
  const droppedBy = (lines: string[]) =>
    lines.filter((line) => line.includes('Expires=Thu, 01 Jan 1970')).map((line) => line.split('=')[0]);

  test('keep the cookies of the newest devices, so that requests stay small', async () => {
    const here = site();
    await here.visitor().signUp();
    const oldest = jar(CONSTANTS.maxDeviceCookies - 1);
    const answer = await signInWith(here, headerOf(oldest), PASSWORD);
    expect(droppedBy(cookiesOf(answer))).toEqual([]);

    const newest = jar(CONSTANTS.maxDeviceCookies).reverse();
    const next = await signInWith(here, headerOf(newest), PASSWORD);
    expect(droppedBy(cookiesOf(next))).toEqual(['device-00000000']);
    expect(deviceIn(cookiesOf(next))).toBeDefined();
  });

  test("do not count the account's own cookie, and cookies without a time are the oldest", async () => {
    const here = site();
    await here.visitor().signUp();
    const others = jar(CONSTANTS.maxDeviceCookies - 1);
    const own = [nameFor(ANN), tokenOf(0)];
    const answer = await signInWith(here, headerOf([...others, own]), PASSWORD);
    expect(droppedBy(cookiesOf(answer))).toEqual([]);

    const untimed = ['device-ffffffff', 'T'.repeat(43)];
    const next = await signInWith(here, headerOf([...others, untimed]), PASSWORD);
    expect(droppedBy(cookiesOf(next))).toEqual(['device-ffffffff']);
  });

  test('lose a few cookies with each answer, so that the answer stays small', async () => {
    const here = site();
    await here.visitor().signUp();
    const answer = await signInWith(here, headerOf(jar(150)), PASSWORD);
    expect(droppedBy(cookiesOf(answer))).toEqual(jar(CONSTANTS.maxDroppedCookies).map(([name]) => name));
  });

  test('leave cookies of other names alone', async () => {
    const here = site();
    await here.visitor().signUp();
    const others = ['device-', 'device-00000000x', 'device-"(', 'xdevice-00000000', '__Host-device-00000000'];
    const cookies = [...jar(CONSTANTS.maxDeviceCookies - 1), ...others.map((name) => [name, 'x'])];
    const answer = await signInWith(here, headerOf(cookies), PASSWORD);
    expect(answer.body.status).toBe('ok');
    expect(droppedBy(cookiesOf(answer))).toEqual([]);
  });

  test('are dropped with the attributes that they were set with, under https too', async () => {
    const here = site({ publicOrigin: 'https://2fa.example.com' });
    await here.visitor().signUp();
    const cookies = headerOf(jar(CONSTANTS.maxDeviceCookies, '__Host-'));
    const dropped = cookiesOf(await signInWith(here, cookies, PASSWORD)).filter((line) =>
      line.startsWith('__Host-device-00000000'),
    );
    expect(dropped).toEqual([
      '__Host-device-00000000=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=Strict',
    ]);
  });
});

test("a reset makes a thief's device unknown and ends its sessions (attack 23)", async () => {
  const here = await annAtHome();
  const desk = here.visitor();
  await desk.signIn(PASSWORD);
  const { flow } = (await here.ann.post('/resetpwd', { username: ANN })).body;
  await here.world.settled();
  await here.ann.setPassword(flow, here.world.sms.lastPasscode(), 'the new one');
  expect((await desk.agent.get('/about')).text).not.toContain('Hello, Ann');

  await strangersLock(here);
  expect((await desk.signIn('the new one')).body.status).toBe('locked');
  expect((await here.ann.signIn('the new one')).body.status).toBe('ok');
});
