import { describe, expect, test } from 'vitest';
import { formerEmail } from '../../src/email.ts';
import { getSeed, signup } from '../../src/engine.ts';
import { newKeys } from '../support/page.ts';
import { type Site, site, type Visitor } from '../support/site.ts';
import { ANN, PASSWORD } from '../support/world.ts';
import { checkTypedAddresses, checkTypedCodes, checkTypedPhones } from './typed.ts';

const PASTED = [
  '\u202aann@example.com\u202c',
  '\u200bann@example.com\ufeff',
  '\u00a0\u200eAnn@Example.com\u2060',
  'mailto:ann@example.com',
  '<ann@example.com>',
  'Ann Lee <ann@example.com>',
];

/** Adds an account as the program did before it cleaned addresses. */
async function addFormerAccount({ world: { deps } }: Site, typed: string, password: string) {
  const email = formerEmail(typed);
  const { salt, kdf } = await getSeed(deps, { email, network: '203.0.113.9' });
  const user = { email, fname: 'Ann', lname: 'Lee', phoneno: '+12025550123' };
  return signup(deps, { ...user, salt, kdf, ...newKeys(password, salt) });
}

describe('an address', () => {
  test.each(PASTED)(
    'pasted as %o at the sign-up is signed in by the typed one, and the reverse',
    async (pasted) => {
      const { visitor } = site();
      expect((await visitor().signUp(pasted)).status).toBe(201);
      expect((await visitor().signIn(PASSWORD, ANN)).body.status).toBe('ok');
      expect((await visitor().signIn(PASSWORD, pasted)).body.status).toBe('ok');
      expect((await visitor().signUp(ANN)).body.status).toBe('taken');
    },
  );

  test.each(PASTED)('pasted as %o gets a code at a reset', async (pasted) => {
    const { visitor, world } = site();
    const ann = visitor();
    await ann.signUp();
    const { flow } = (await ann.post('/resetpwd', { username: pasted })).body;
    await world.settled();
    const changed = await ann.setPassword(flow, world.sms.lastPasscode(), 'another long password', ANN);
    expect(changed.body.status).toBe('ok');
  });

  test.each([
    ['capitals with a sigma', 'ΟΔΟΣ.ΜΑΡΙΑ@example.com', 'οδος.μαρια@example.com'],
    ['a domain in punycode', 'ann@xn--bcher-kva.example', 'ann@bücher.example'],
  ])('with %s is one account with its usual spelling', async (_, typed, usual) => {
    for (const [first, second] of [
      [typed, usual],
      [usual, typed],
    ] as const) {
      const { visitor } = site();
      expect((await visitor().signUp(first)).status).toBe(201);
      expect((await visitor().signUp(second)).body.status).toBe('taken');
      expect((await visitor().signIn(PASSWORD, second)).body.status).toBe('ok');
      expect((await visitor().signIn(PASSWORD, first)).body.status).toBe('ok');
    }
  });

  test.each(['an\u200bn@example.com', 'ann@exam\u00adple.com', 'a\u202enn@example.com'])(
    'with an invisible character inside (%o) is refused by its name',
    async (email) => {
      const { status, body } = await site().visitor().signUp(email);
      expect([status, body]).toEqual([
        400,
        { status: 'invalid', message: expect.stringContaining('invisible character'), field: 'email' },
      ]);
    },
  );

  test.each(['ann@b..co', 'ann@home@example.com', 'ann lee@example.com', 'ann@example.com.'])(
    '%s is refused at the sign-up, and can be asked for at a sign-in',
    async (email) => {
      const visitor = site().visitor();
      expect((await visitor.signUp(email)).body).toMatchObject({ status: 'invalid', field: 'email' });
      expect((await visitor.signIn(PASSWORD, email)).body.status).toBe('wrong');
    },
  );
});

describe('an account from before', () => {
  test.each([
    ...PASTED.slice(0, 2),
    'mailto:ann@example.com',
    '<ann@example.com>',
    'ann@b..co',
    'ΟΔΟΣ.ΜΑΡΙΑ@example.com',
    'ann@xn--bcher-kva.example',
    'an\u200bn@example.com',
  ])('stored as %o signs in, locks, unlocks and resets by the same spelling', async (typed) => {
    const here = site();
    await addFormerAccount(here, typed, PASSWORD);
    const ann = here.visitor();
    expect((await ann.signIn(PASSWORD, typed)).body.status).toBe('ok');

    const { flow } = (await ann.lockOut(typed)).body;
    await here.world.settled();
    const passcode = here.world.sms.lastPasscode();
    expect((await ann.post('/verifypasscode', { username: typed, flow, passcode })).body.status).toBe('ok');

    const reset = (await ann.post('/resetpwd', { username: typed })).body;
    await here.world.settled();
    const changed = await ann.setPassword(reset.flow, here.world.sms.lastPasscode(), 'a new long one', typed);
    expect(changed.body.status).toBe('ok');
    expect((await ann.signIn('a new long one', typed)).body.status).toBe('ok');
  });

  test.each([
    ['\u202aann@example.com\u202c', ANN],
    ['ΟΔΟΣ.ΜΑΡΙΑ@example.com', 'οδος.μαρια@example.com'],
    ['ann@xn--bcher-kva.example', 'ann@bücher.example'],
  ])('stored as %o stays apart from the one of %o', async (former, usual) => {
    const here = site();
    await addFormerAccount(here, former, 'the password of one');
    await addFormerAccount(here, usual, 'the password of two');
    const tries: [string, string, string][] = [
      [former, 'the password of one', 'ok'],
      [usual, 'the password of two', 'ok'],
      [former, 'the password of two', 'wrong'],
      [usual, 'the password of one', 'wrong'],
    ];
    for (const [username, password, status] of tries) {
      expect((await here.visitor().signIn(password, username)).body.status).toBe(status);
    }
    for (const email of [former, usual]) {
      expect((await here.visitor().signUp(email)).body.status).toBe('taken');
    }
  });
});

test('another spelling has no count of its own (attack 27)', async () => {
  const { visitor } = site();
  await visitor().signUp();
  const answers: string[] = [];
  for (const username of ['mailto:ann@example.com', '\u202aann@example.com', '<ann@example.com>']) {
    answers.push((await visitor().signIn('wrong', username)).body.status);
  }
  expect(answers).toEqual(['wrong', 'wrong', 'locked']);
});

test('with and without an account, another spelling gets equal answers', async () => {
  const statuses = async (isKnown: boolean) => {
    const { visitor } = site();
    if (isKnown) await visitor().signUp();
    const stranger = visitor();
    const [own, other] = [ANN, PASTED[0] as string];
    const seeds = [];
    for (const username of [own, other]) seeds.push((await stranger.post('/getseed', { username })).body);
    expect(seeds[0].salt).toBe(seeds[1].salt);
    const locked = (await stranger.lockOut(other)).body;
    const message = locked.message.replace(/\d{4}/, 'NNNN');
    return [Object.keys(seeds[1]), { ...locked, message, flow: '', phone: '' }];
  };
  expect(await statuses(true)).toEqual(await statuses(false));
});

describe('a phone number', () => {
  const signUp = async (visitor: Visitor, phoneno: string) => {
    const { salt, kdf } = (await visitor.post('/getseed', { username: ANN })).body;
    const user = { email: ANN, fname: 'Ann', lname: 'Lee', phoneno };
    return visitor.post('/signup', { ...user, salt, kdf, ...newKeys(PASSWORD, salt) });
  };

  test.each([
    '\u202a+1 202 555 0123\u202c',
    ' +1 202 555 0123',
    '\t+1\u00a0202 555 0123',
    '(+1) 202-555-0123',
    'tel:+1-202-555-0123',
    '٢٠٢٥٥٥٠١٢٣',
  ])('pasted as %o gets the codes of its account', async (phoneno) => {
    const { visitor, world } = site();
    const ann = visitor();
    expect((await signUp(ann, phoneno)).status).toBe(201);
    await ann.lockOut();
    await world.settled();
    expect(world.sms.sent.at(-1)?.to).toBe('+12025550123');
  });

  test('of a new area code gets the codes of its account', async () => {
    const { visitor, world } = site();
    const ann = visitor();
    expect((await signUp(ann, '(861) 202-5550')).status).toBe(201);
    await ann.lockOut();
    await world.settled();
    expect(world.sms.sent.at(-1)?.to).toBe('+18612025550');
  });

  test('is refused with a sentence for each reason', async () => {
    const visitor = site().visitor();
    const messages = new Set<string>();
    for (const phoneno of ['555-0123', '+44 7911 123456', '+1 800 555 0199']) {
      const { status, body } = await signUp(visitor, phoneno);
      expect([status, body]).toEqual([
        400,
        { status: 'invalid', message: expect.any(String), field: 'phoneno' },
      ]);
      messages.add(body.message);
    }
    expect(messages.size).toBe(3);
  });
});

test.each([
  '٠١٢٣٤٥',
  '۰۱۲۳۴۵',
  '０１２３４５',
  '012 345',
  '012-345',
  '012.345',
  '012_345',
  '\u202a012345\u202c',
])('the right code is accepted in the form of %o', async (form) => {
  const { visitor, world } = site();
  const ann = visitor();
  await ann.signUp();
  const { flow } = (await ann.lockOut()).body;
  await world.settled();
  const zero = form.replace(/[^\p{Nd}]/gu, '').codePointAt(0) as number;
  const digits = [...world.sms.lastPasscode()].map((digit) => String.fromCodePoint(zero + Number(digit)));
  const passcode = form.replace(/\p{Nd}/gu, () => digits.shift() as string);
  expect((await ann.post('/verifypasscode', { username: ANN, flow, passcode })).body.status).toBe('ok');
});

describe('a name', () => {
  const signUp = async (visitor: Visitor, fname: string) => {
    const { salt, kdf } = (await visitor.post('/getseed', { username: ANN })).body;
    const user = { email: ANN, fname, lname: 'Lee', phoneno: '+12025550123' };
    return visitor.post('/signup', { ...user, salt, kdf, ...newKeys(PASSWORD, salt) });
  };

  test('is stored without invisible characters at its ends', async () => {
    const { visitor, world } = site();
    expect((await signUp(visitor(), '\u202aAnn\u202c')).status).toBe(201);
    expect(await world.deps.store.transact((tx) => tx.userFor(ANN))).toMatchObject({ fname: 'Ann' });
  });

  test('with an invisible character inside is refused by its name', async () => {
    const { body } = await signUp(site().visitor(), 'An\u200bn');
    expect(body).toMatchObject({ status: 'invalid', field: 'fname' });
    expect(body.message).toContain('invisible character');
  });
});

test('whatever surrounds an address, the plain one signs in, or the sign-up is refused', async () => {
  await checkTypedAddresses(150);
});

test('whatever surrounds a phone number, it is that number, or it is refused', () => {
  checkTypedPhones(1000);
});

test('whatever separates the digits of a code, it is that code, or it is refused', () => {
  checkTypedCodes(1000);
});
