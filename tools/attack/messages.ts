import { codeIn } from './inbox.ts';
import { NotTried } from './not-tried.ts';
import {
  askReset,
  atOnce,
  countOf,
  flowOf,
  guessPassword,
  lockOut,
  loginForm,
  must,
  numberInArea,
  type Scene,
  setPassword,
  signIn,
  signUp,
  signUpForm,
  tally,
} from './scene.ts';
import type { Answer } from './target.ts';
import { type Attack, judge, type Verdict } from './verdict.ts';

/** Attacks that send text messages or change their text. */
export const messageAttacks: readonly Attack[] = [
  {
    number: 1,
    name: 'pump messages to one prefix from hundreds of addresses',
    meetsLimits: true,
    attempt: pumpMessages,
  },
  { number: 2, name: 'bomb one phone by every route', meetsLimits: true, attempt: bombOnePhone },
  { number: 3, name: 'use up the limits so that users get no code', meetsLimits: true, attempt: spendBudget },
  { number: 18, name: 'forge the host that a message names', attempt: forgeHost },
  { number: 36, name: "send messages from another site's page", attempt: sendFromAnotherSite },
  { number: 37, name: 'click twice', attempt: clickTwice },
];

// An account gets fewer than twelve messages in an hour. Strangers and known devices have shares of their own of a number.
// A prefix gets about a hundred, and all numbers about 250. The rest is for limits that reset during the attack.
const TOO_MANY_FOR_ONE_ACCOUNT = 12;
const TOO_MANY_FOR_ONE_NUMBER = 20;
const TOO_MANY_FOR_ONE_PREFIX = 116;
const TOO_MANY_IN_ALL = 281;

/** Returns how many messages are sent while `work` runs, to a number or in all. */
async function messagesDuring(
  { inbox }: Scene,
  work: () => Promise<unknown>,
  phone?: string,
): Promise<number> {
  await inbox.settle();
  const before = inbox.messages(phone).length;
  await work();
  await inbox.settle();
  return inbox.messages(phone).length - before;
}

/** Lets new accounts ask for a code, each from its own address. Returns how many messages are sent. */
function flood(
  scene: Scene,
  count: number,
  { isKnownDevice, numberOf }: { isKnownDevice: boolean; numberOf?: (index: number) => string },
): Promise<number> {
  const askAsOneMore = async (index: number) => {
    const browser = scene.fromAfar();
    const person = scene.stranger(numberOf && { phone: numberOf(index) });
    must(await signUp(browser, person), 201);
    if (isKnownDevice) must(await signIn(browser, person), 200);
    await askReset(browser, person.email);
    browser.close();
    if (index % 20 === 19) await scene.inbox.read();
  };
  return messagesDuring(scene, () => atOnce(count, askAsOneMore, 6));
}

/** The number of messages of a flood, and of the users who asked for a code during it. */
interface Flooded {
  readonly toSignUps: number;
  readonly toPrefix: number;
  readonly toMany: number;
  readonly inAll: number;
  readonly afterSignUps: { readonly known: number; readonly confirmed: number };
  readonly afterAll: {
    readonly known: number;
    readonly confirmed: number;
    readonly confirmedElsewhere: number;
  };
}

/**
 * Floods with 160 sign-ups that ask for a message each, then with 360 accounts that have signed in once. Half of those have
 * one prefix. After each flood, users ask for their codes: on a known device, and with a confirmed phone.
 */
function floodEverything(scene: Scene): Promise<Flooded> {
  return scene.target.once('the flood', async () => {
    const known = await scene.signedIn();
    const [confirmed, away] = [await signedInWithCode(scene), await signedInWithCode(scene)];
    const { email, phone } = confirmed.person;

    const toSignUps = await flood(scene, 160, { isKnownDevice: false });
    const afterSignUps = {
      known: await messagesDuring(
        scene,
        () => lockOut(known.browser, known.person.email),
        known.person.phone,
      ),
      confirmed: await messagesDuring(scene, () => lockOut(scene.elsewhere(), email), phone),
    };
    // An account that has signed in once has a known device, which may get more messages.
    const toPrefix = await flood(scene, 180, {
      isKnownDevice: true,
      numberOf: (index) => `+1${scene.ownArea}${numberInArea(index)}`,
    });
    const toMany = await flood(scene, 180, { isKnownDevice: true });
    const inAll = scene.inbox.messages().length;
    const afterAll = {
      known: await messagesDuring(
        scene,
        () => askReset(known.browser, known.person.email),
        known.person.phone,
      ),
      confirmed: await messagesDuring(scene, () => lockOut(confirmed.browser, email), phone),
      confirmedElsewhere: await messagesDuring(
        scene,
        () => askReset(scene.elsewhere(), away.person.email),
        away.person.phone,
      ),
    };
    return { toSignUps, toPrefix, toMany, inAll, afterSignUps, afterAll };
  });
}

/** Creates a user with a known device and a confirmed phone. */
async function signedInWithCode(scene: Scene) {
  const user = await scene.signedIn();
  const { email, phone, password } = user.person;
  const flow = flowOf(await askReset(user.browser, email));
  const passcode = await scene.inbox.takeCode(phone);
  must(await setPassword(user.browser, email, flow, passcode, password), 200);
  return user;
}

async function pumpMessages(scene: Scene): Promise<Verdict> {
  const { toSignUps, toPrefix, toMany, inAll } = await floodEverything(scene);
  return judge(
    toPrefix < TOO_MANY_FOR_ONE_PREFIX && inAll < TOO_MANY_IN_ALL,
    `${toSignUps} of 160 sent for new sign-ups, then for accounts that have signed in ${toPrefix} of 180 to one prefix and ${toMany} of 180 to many; ${inAll} in the whole run`,
  );
}

async function bombOnePhone(scene: Scene): Promise<Verdict> {
  const victim = await scene.signedUp();
  const { phone } = victim;
  const locked = await lockOut(scene.elsewhere(), victim.email);
  const flow = flowOf(locked);
  await scene.inbox.settle();
  const parallel = await messagesDuring(
    scene,
    () =>
      atOnce(99, async (index) => {
        const browser = scene.elsewhere();
        if (index % 3 === 0) await askReset(browser, victim.email);
        else if (index % 3 === 1) await browser.post('/resendcode', { flow });
        else await guessPassword(browser, victim.email);
        browser.close();
      }),
    phone,
  );

  // The attacker knows the number, so more accounts have it, and some have more known devices.
  const others = await atOnce(20, () => scene.signedUp({ phone }), 4);
  const answers = await atOnce(20, (index) => askReset(scene.elsewhere(), others[index]?.email ?? ''), 4);
  const toOneAccount = await messagesDuring(scene, () => lockOutDevices(scene, phone, 13), phone);
  await lockOutDevices(scene, phone, 8);
  await scene.inbox.settle();
  const inAll = scene.inbox.messages(phone).length;
  const told = answers.length - countOf(answers, 'code_sent');
  return judge(
    parallel <= 1 && toOneAccount < TOO_MANY_FOR_ONE_ACCOUNT && inAll < TOO_MANY_FOR_ONE_NUMBER && told === 0,
    `${parallel} sent for 99 requests at once to a locked account, ${toOneAccount} for 13 known devices of another, and ${inAll} to their number in all, with 22 accounts; ${told} answers named a limit`,
  );
}

/** Creates an account with the number, signs in on each device and locks it there. */
async function lockOutDevices(scene: Scene, phone: string, count: number): Promise<void> {
  const { person } = await scene.signedIn({ phone });
  const lockOutOne = async () => {
    const browser = scene.elsewhere();
    if ((await signIn(browser, person)).status === 200) await lockOut(browser, person.email);
    browser.close();
  };
  await atOnce(count, lockOutOne, 3);
}

async function spendBudget(scene: Scene): Promise<Verdict> {
  const { toSignUps, afterSignUps, afterAll } = await floodEverything(scene);
  return judge(
    afterSignUps.known === 1 &&
      afterSignUps.confirmed === 1 &&
      afterAll.confirmed === 1 &&
      afterAll.confirmedElsewhere === 1,
    `after 160 sign-ups that got ${toSignUps}, ${afterSignUps.known} of 1 came on a known device and ${afterSignUps.confirmed} of 1 to a confirmed phone; after 360 sign-ins more ${afterAll.confirmed} of 1 to the confirmed phone by a known device, ${afterAll.confirmedElsewhere} of 1 by an unknown one, ${afterAll.known} of 1 on the known device of an unconfirmed one`,
  );
}

async function forgeHost(scene: Scene): Promise<Verdict> {
  const forgeries: Record<string, string>[] = [
    {},
    { Host: 'evil.example' },
    { 'X-Forwarded-Host': 'evil.example', 'X-Forwarded-Proto': 'https', 'X-Forwarded-Port': '443' },
    {
      Forwarded: 'host=evil.example;proto=https',
      'X-Host': 'evil.example',
      'X-Original-Host': 'evil.example',
    },
  ];
  const texts: string[] = [];
  for (const headers of forgeries) {
    const { email, phone } = await scene.signedUp();
    const asked = await scene.elsewhere().post('/resetpwd', { username: email }, { headers });
    if (headers.Host !== undefined && asked.status >= 400) continue;
    flowOf(asked);
    const passcode = await scene.inbox.takeCode(phone);
    const text = scene.inbox.messages(phone).find((message) => codeIn(message) === passcode)?.text ?? '';
    texts.push(text.replaceAll(passcode, 'CODE'));
  }
  const [usual = '', ...lines] = texts.map((text) => text.split('\n').at(-1) ?? '');
  const isForged =
    texts.some((text) => text.includes('evil.example')) || lines.some((line) => line !== usual);
  return judge(
    /^@\S+ #CODE$/.test(usual) && !isForged,
    `the last line of a message is "${usual}", and with forged hosts "${lines.join('", "')}"`,
  );
}

async function sendFromAnotherSite(scene: Scene): Promise<Verdict> {
  const { person, browser } = await scene.signedIn();
  const origins: Record<string, string>[] = [
    { Origin: 'https://evil.example' },
    { Origin: 'null' },
    { Origin: `${scene.target.origin}.evil.example` },
    { Origin: 'http://localhost.evil.example' },
    { 'Sec-Fetch-Site': 'cross-site' },
    { 'Sec-Fetch-Site': 'same-site' },
    { 'Sec-Fetch-Site': 'cross-site', Origin: scene.target.origin },
  ];
  const answers: Answer[] = [];
  const post = async (path: string, fields: Record<string, string>, headers: Record<string, string>) =>
    answers.push(await browser.post(path, fields, { headers }));
  const sent = await messagesDuring(
    scene,
    async () => {
      for (const headers of origins) {
        await post('/resetpwd', { username: person.email }, headers);
        await post('/login', await loginForm(browser, person.email, 'a wrong guess'), headers);
        await post('/logout', {}, headers);
      }
    },
    person.phone,
  );
  const refused = answers.filter(({ status }) => status === 403).length;
  const still = await guessPassword(browser, person.email);
  return judge(
    refused === answers.length && sent === 0 && still.body.triesLeft === 2,
    `${refused} of ${answers.length} foreign requests were refused, ${sent} messages sent, ${answers.length / 3} foreign wrong passwords counted for ${2 - (still.body.triesLeft ?? 0)}`,
  );
}

async function clickTwice(scene: Scene): Promise<Verdict> {
  const browser = scene.browser();
  const person = scene.stranger();
  const form = await signUpForm(browser, person);
  const signUps = await atOnce(2, () => browser.post('/signup', form));
  const resets = await messagesDuring(
    scene,
    () => atOnce(2, () => askReset(browser, person.email)),
    person.phone,
  );
  await guessPassword(browser, person.email);
  await guessPassword(browser, person.email);
  const forms = await atOnce(2, () => loginForm(browser, person.email, 'a wrong guess'));
  let locks: Answer[] = [];
  const unlocks = await messagesDuring(
    scene,
    async () => {
      locks = await atOnce(2, (index) => browser.post('/login', { ...forms[index] }));
    },
    person.phone,
  );
  const flow = flowOf(locks.find(({ body }) => body.flow !== undefined) ?? (locks[0] as Answer));
  const resends = await messagesDuring(
    scene,
    () => atOnce(2, () => browser.post('/resendcode', { flow })),
    person.phone,
  );
  if (resets + unlocks === 0) throw new NotTried("no message came: this hour's limits may be used up");
  return judge(
    countOf(signUps, 'ok') === 1 &&
      resets <= 1 &&
      unlocks <= 1 &&
      resends === 0 &&
      countOf(locks, 'locked') === 2,
    `two at once of each: sign-ups ${tally(signUps)}; ${resets} message for the resets, ${unlocks} for the third failures, ${resends} for asking again during the pause`,
  );
}
