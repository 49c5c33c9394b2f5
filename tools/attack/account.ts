import { newKeys, proofFor } from '../../test/support/page.ts';
import { otherThan } from '../../test/support/sms.ts';
import {
  askReset,
  atOnce,
  countOf,
  flowOf,
  lockOut,
  must,
  NO_FLOW,
  type Person,
  type Scene,
  seedFor,
  setPassword,
  signIn,
  signUp,
  tally,
} from './scene.ts';
import type { Answer, Browser } from './target.ts';
import { type Attack, judge, needsTheInside, type Verdict } from './verdict.ts';

const NEEDS_SECOND_FACTOR = 'needs SECOND_FACTOR and a moving clock';

/** Attacks on the account page, on the phone and on the second factor. */
export const accountAttacks: readonly Attack[] = [
  { number: 21, name: 'pass an unconfirmed phone off as confirmed', attempt: passAsConfirmed },
  { number: 41, name: 'change the phone with a stolen session', attempt: changeByStolenSession },
  { number: 42, name: 'guess the password at an unlocked computer', attempt: guessAtUnlocked },
  { number: 43, name: "end another account's sessions and devices", attempt: endOthers },
  { number: 44, name: 'send requests of the account page from another site', attempt: sendFromElsewhere },
  { number: 45, name: 'redirect to another site after a sign-in', attempt: redirectElsewhere },
  { number: 46, name: 'use a code of the account page for something else', attempt: usePhoneCodeElsewhere },
  { number: 47, name: 'change the phone with a stolen password', attempt: changeByStolenPassword },
  { number: 48, name: 'use a code from before a change of phone', attempt: useAfterPhoneChange },
  { number: 49, name: 'guess sign-in codes for months', attempt: needsTheInside(NEEDS_SECOND_FACTOR) },
  {
    number: 50,
    name: 'hold an address with an unfinished sign-up',
    attempt: needsTheInside(NEEDS_SECOND_FACTOR),
  },
  { number: 51, name: 'use one phone code fifty times at once', attempt: spendPhoneCodeTwice },
  {
    number: 52,
    name: 'use up what an owner needs to sign in with a code',
    attempt: needsTheInside(NEEDS_SECOND_FACTOR),
  },
  { number: 54, name: 'bring a deleted account back', attempt: reviveAccount },
];

const NO_TOKEN = 'A'.repeat(22);
const OTHER_SITE = { headers: { 'Sec-Fetch-Site': 'cross-site', Origin: 'https://attacker.example' } };

interface Page {
  readonly phone: string;
  readonly phoneConfirmed?: boolean;
  readonly sessions?: readonly { id: string }[];
  readonly devices?: readonly { id: string }[];
}

async function pageOf(browser: Browser): Promise<Page> {
  return JSON.parse(must(await browser.get('/account.json'), 200).text) as Page;
}

async function prove(browser: Browser, { email }: Person, password: string): Promise<Answer> {
  const { id, nonce, proof } = proofFor(password, email, await seedFor(browser, email));
  return browser.post('/prove', { id, nonce, proof });
}

/** Creates a user with a confirmed phone, who is signed in. */
async function confirmed(scene: Scene): Promise<{ person: Person; browser: Browser }> {
  const { person, browser } = await scene.signedIn();
  const flow = flowOf(await lockOut(browser, person.email));
  const passcode = await scene.inbox.takeCode(person.phone);
  must(await browser.post('/verifypasscode', { username: person.email, flow, passcode }), 200);
  return { person, browser };
}

async function passAsConfirmed(scene: Scene): Promise<Verdict> {
  const { person, browser } = await scene.signedIn();
  const { email, phone } = person;
  const flow = flowOf(await askReset(browser, email));
  const passcode = await scene.inbox.takeCode(phone);
  await setPassword(browser, email, flow, otherThan(passcode), 'an attacker chose this');
  const elsewhere = scene.elsewhere();
  const again = await signIn(elsewhere, person);
  await elsewhere.post('/changephone', { phoneno: phone });
  await scene.inbox.takeCode(phone);
  const before = (await pageOf(browser)).phoneConfirmed;
  const unlock = flowOf(await lockOut(browser, email));
  const right = { username: email, flow: unlock, passcode: await scene.inbox.takeCode(phone) };
  must(await browser.post('/verifypasscode', right), 200);
  const after = (await pageOf(browser)).phoneConfirmed;
  return judge(
    before === false && after === true,
    `after a wrong code, an unused one and a sign-in (${tally([again])}): phoneConfirmed ${before}; after a right code: ${after}`,
  );
}

async function changeByStolenSession(scene: Scene): Promise<Verdict> {
  const { person, browser } = await confirmed(scene);
  const thief = scene.elsewhere();
  for (const [name, value] of browser.cookies) if (name.endsWith('sid')) thief.cookies.set(name, value);
  return changePhoneAs(scene, thief, person, browser);
}

async function changeByStolenPassword(scene: Scene): Promise<Verdict> {
  const { person, browser } = await confirmed(scene);
  const thief = scene.elsewhere();
  must(await signIn(thief, person), 200);
  return changePhoneAs(scene, thief, person, browser);
}

async function changePhoneAs(
  scene: Scene,
  thief: Browser,
  { phone }: Person,
  owner: Browser,
): Promise<Verdict> {
  const wanted = scene.stranger().phone;
  const flow = flowOf(await thief.post('/changephone', { phoneno: wanted }));
  const passcode = await scene.inbox.takeCode(phone);
  const tries = [
    await thief.post('/changephone', { flow, passcode: otherThan(passcode) }),
    await thief.post('/changephone', { flow, passcode }),
    await thief.post('/changephone', { flow: NO_FLOW, passcode }),
  ];
  await scene.inbox.settle();
  const sent = scene.inbox.messages(wanted).length;
  const isKept = (await pageOf(owner)).phone.endsWith(phone.slice(-4));
  return judge(
    isKept && sent === 0 && countOf(tries, 'ok', 'code_sent') === 0,
    `the code was sent to the owner, ${sent} to the attacker's phone; tries ${tally(tries)}; the number ${isKept ? 'stayed' : 'changed'}`,
  );
}

async function guessAtUnlocked(scene: Scene): Promise<Verdict> {
  const { person, browser } = await scene.signedIn();
  const guesses: Answer[] = [];
  for (let guess = 0; guess < 5; guess += 1) guesses.push(await prove(browser, person, `a guess ${guess}`));
  const right = await prove(browser, person, person.password);
  const login = await signIn(browser, person);
  return judge(
    countOf(guesses, 'wrong', 'locked') === 3 && right.status === 401 && login.status === 423,
    `5 guesses: ${tally(guesses)}; then the right password: ${tally([right])}, and on that device ${tally([login])}`,
  );
}

async function endOthers(scene: Scene): Promise<Verdict> {
  const { browser: owner } = await scene.signedIn();
  const { browser: attacker } = await scene.signedIn();
  const { sessions, devices } = await pageOf(owner);
  const answers: Answer[] = [];
  for (const [path, field, id] of [
    ['/endsession', 'session', sessions?.[0]?.id],
    ['/forgetdevice', 'device', devices?.[0]?.id],
  ] as const) {
    answers.push(await attacker.post(path, { [field]: id ?? NO_TOKEN }));
    answers.push(await attacker.post(path, { [field]: NO_TOKEN }));
  }
  const texts = answers.map(({ text }) => text);
  const isSame = texts[0] === texts[1] && texts[2] === texts[3];
  const { status } = await owner.get('/account.json');
  return judge(
    isSame && status === 200,
    `own and unknown ids: ${tally(answers)}, with ${isSame ? 'equal' : 'different'} bytes; the owner's page: ${status}`,
  );
}

async function sendFromElsewhere(scene: Scene): Promise<Verdict> {
  const { person, browser } = await scene.signedIn();
  const { id, nonce, proof } = proofFor(person.password, person.email, await seedFor(browser, person.email));
  const { salt, kdf } = await seedFor(browser, person.email);
  const requests: [path: string, fields: Record<string, string>][] = [
    ['/prove', { id, nonce, proof }],
    ['/changename', { fname: 'Mallory', lname: 'Attack' }],
    ['/changepwd', { salt, kdf, ...newKeys('an attacker chose this', salt) }],
    ['/changephone', { phoneno: scene.stranger().phone }],
    ['/endsession', { others: '1' }],
    ['/forgetdevice', { others: '1' }],
    ['/deleteaccount', {}],
  ];
  const answers: Answer[] = [];
  for (const [path, fields] of requests) answers.push(await browser.post(path, fields, OTHER_SITE));
  const { text, status } = await browser.get('/account.json');
  return judge(
    countOf(answers, 'cross_site') === requests.length && status === 200 && !text.includes('Mallory'),
    `${requests.length} foreign requests: ${tally(answers)}; the account page: ${status}, unchanged`,
  );
}

async function redirectElsewhere(scene: Scene): Promise<Verdict> {
  const { browser } = await scene.signedIn();
  const nexts = [
    'https://attacker.example/',
    '//attacker.example',
    '/\\attacker.example',
    '/\t/attacker.example',
    '/..//attacker.example',
    'javascript:alert(1)',
    '/about\r\nLocation: https://attacker.example',
  ];
  const places: string[] = [];
  for (const next of nexts) {
    const { headers } = await browser.get(`/?next=${encodeURIComponent(next)}`);
    places.push(String(headers.location));
  }
  const own = await browser.get('/?next=/account');
  return judge(
    places.every((place) => place === '/about') && own.headers.location === '/account',
    `${nexts.length} foreign places led to ${[...new Set(places)].join(', ')}; /account to ${own.headers.location}`,
  );
}

async function usePhoneCodeElsewhere(scene: Scene): Promise<Verdict> {
  const { person, browser } = await scene.signedIn();
  const { browser: other } = await scene.signedIn();
  const phone = scene.stranger().phone;
  const flow = flowOf(await browser.post('/changephone', { phoneno: phone }));
  const passcode = await scene.inbox.takeCode(phone);
  const stranger = scene.elsewhere();
  await lockOut(stranger, person.email);
  const answers = [
    await stranger.post('/verifypasscode', { username: person.email, flow, passcode }),
    await setPassword(stranger, person.email, flow, passcode, 'an attacker chose this'),
    await other.post('/changephone', { flow, passcode }),
  ];
  const own = await browser.post('/changephone', { flow, passcode });
  return judge(
    countOf(answers, 'wrong_code') === answers.length && own.body.status === 'ok',
    `to unlock, to reset and in another account: ${tally(answers)}; then at its own: ${tally([own])}`,
  );
}

async function useAfterPhoneChange(scene: Scene): Promise<Verdict> {
  const { person, browser } = await confirmed(scene);
  const { email } = person;
  const stranger = scene.elsewhere();
  const flow = flowOf(await askReset(stranger, email));
  const passcode = await scene.inbox.takeCode(person.phone);
  const phone = scene.stranger().phone;
  let next = flowOf(await browser.post('/changephone', { phoneno: phone }));
  const first = await scene.inbox.takeCode(person.phone);
  next = flowOf(await browser.post('/changephone', { flow: next, passcode: first }));
  const second = await scene.inbox.takeCode(phone);
  must(await browser.post('/changephone', { flow: next, passcode: second }), 200);
  const answers = [
    await setPassword(stranger, email, flow, passcode, 'an attacker chose this'),
    await stranger.post('/resendcode', { flow }),
  ];
  return judge(
    countOf(answers, 'expired_code') === answers.length,
    `after two right codes for a new phone, an older code and its flow: ${tally(answers)}`,
  );
}

async function spendPhoneCodeTwice(scene: Scene): Promise<Verdict> {
  const { browser } = await scene.signedIn();
  const phone = scene.stranger().phone;
  const flow = flowOf(await browser.post('/changephone', { phoneno: phone }));
  const passcode = await scene.inbox.takeCode(phone);
  const answers = await atOnce(50, () => browser.post('/changephone', { flow, passcode }));
  return judge(countOf(answers, 'ok') === 1, `50 right codes at once for a new phone: ${tally(answers)}`);
}

async function reviveAccount(scene: Scene): Promise<Verdict> {
  const { person, browser } = await confirmed(scene);
  const { email, phone } = person;
  const flow = flowOf(await askReset(browser, email));
  const passcode = await scene.inbox.takeCode(phone);
  const cookies = new Map(browser.cookies);
  must(await browser.post('/deleteaccount'), 200);
  const restore = () => {
    for (const [name, value] of cookies) browser.cookies.set(name, value);
  };
  const visit = async () => {
    restore();
    return browser.get('/account.json');
  };
  const before = [
    await visit(),
    await browser.post('/resendcode', { flow }),
    await setPassword(browser, email, flow, passcode, 'an attacker chose this'),
    await signIn(browser, person),
  ];
  const again = scene.elsewhere();
  must(await signUp(again, { ...person, password: 'the next one to have it' }), 201);
  await lockOut(again, email);
  const after = [
    await visit(),
    await setPassword(browser, email, flow, passcode, 'an attacker chose this'),
    await signIn(browser, { ...person, password: 'the next one to have it' }),
  ];
  return judge(
    countOf([...before, ...after], 'ok', 'code_sent') === 0 && countOf(after, 'locked') === 1,
    `old cookies, flow, code and password: ${tally(before)}; after another sign-up: ${tally(after)}`,
  );
}
