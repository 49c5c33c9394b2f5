import { setTimeout } from 'node:timers/promises';
import { otherThan } from '../../test/support/sms.ts';
import { NotTried } from './not-tried.ts';
import {
  askReset,
  atOnce,
  countOf,
  flowOf,
  guessPassword,
  lockOut,
  NO_FLOW,
  type Scene,
  setPassword,
  signIn,
  tally,
} from './scene.ts';
import type { Answer, Browser } from './target.ts';
import { type Attack, judge, needsTheInside, type Verdict } from './verdict.ts';

/** Attacks on codes: guess them, use them twice or for something else, and void those of other users. */
export const codeAttacks: readonly Attack[] = [
  { number: 6, name: 'guess a code a thousand times', meetsLimits: true, attempt: guessThousandTimes },
  { number: 7, name: 'find a limit on sending that checking does not have', attempt: findHalfLimit },
  { number: 8, name: 'renew the tries by asking again', attempt: renewTries },
  { number: 9, name: 'guess from hundreds of addresses', meetsLimits: true, attempt: guessFromEverywhere },
  { number: 10, name: 'spray guesses over many accounts', meetsLimits: true, attempt: sprayGuesses },
  { number: 11, name: 'use one code fifty times at once', attempt: spendTwice },
  { number: 19, name: 'use a code for another purpose', attempt: usePurposeElsewhere },
  { number: 20, name: 'use a code after the password has changed', attempt: useAfterReset },
  { number: 35, name: "burn somebody else's code", attempt: burnCode },
  {
    number: 39,
    name: 'steal live codes with a copy of the database',
    attempt: needsTheInside('needs a copy of the database'),
  },
];

const verify = (browser: Browser, username: string, flow: string, passcode: string) =>
  browser.post('/verifypasscode', { username, flow, passcode });

/** Asks again and again for a code. Returns the flows that it gets. */
async function gatherFlows(count: number, ask: () => Promise<Answer>): Promise<string[]> {
  const flows = new Set<string>();
  for (let time = 0; time < count; time += 1) {
    const { flow } = (await ask()).body;
    if (flow !== undefined) flows.add(flow);
  }
  return [...flows];
}

/** The answers for a code that was checked. */
const judged = (answers: readonly Answer[]) => countOf(answers, 'ok', 'wrong_code');

const FLOWS_PER_CODE = 3;

async function guessThousandTimes(scene: Scene): Promise<Verdict> {
  const { email, phone } = await scene.signedUp();
  const first = flowOf(await lockOut(scene.browser(), email));
  const passcode = await scene.inbox.takeCode(phone);
  const more = await gatherFlows(12, () => guessPassword(scene.elsewhere(), email));
  const flows = [...new Set([first, ...more])];
  const browsers = Array.from({ length: 20 }, () => scene.elsewhere());
  const guesses = await atOnce(
    1000,
    (index) => {
      const guess = String(index).padStart(6, '0');
      const flow = flows[index % flows.length] ?? NO_FLOW;
      return verify(browsers[index % 20] as Browser, email, flow, guess === passcode ? '999999' : guess);
    },
    8,
  );
  const right = await atOnce(flows.length, (index) =>
    verify(scene.elsewhere(), email, flows[index] ?? NO_FLOW, passcode),
  );
  return judge(
    judged(guesses) <= FLOWS_PER_CODE && countOf([...guesses, ...right], 'ok') === 0,
    `${flows.length} flows; 1000 guesses: ${tally(guesses)}; then the right code: ${tally(right)}`,
  );
}

async function findHalfLimit(scene: Scene): Promise<Verdict> {
  const purposes: [
    name: string,
    start: (browser: Browser, email: string) => Promise<Answer>,
    ask: (browser: Browser, email: string) => Promise<Answer>,
    check: (browser: Browser, email: string, flow: string, passcode: string) => Promise<Answer>,
  ][] = [
    ['unlock', lockOut, guessPassword, verify],
    [
      'reset',
      askReset,
      askReset,
      (browser, email, flow, passcode) =>
        setPassword(browser, email, flow, passcode, 'an attacker chose this'),
    ],
  ];
  let isHeld = true;
  const found: string[] = [];
  for (const [name, start, ask, check] of purposes) {
    const { email, phone } = await scene.signedUp();
    const first = flowOf(await start(scene.elsewhere(), email));
    const passcode = await scene.inbox.takeCode(phone);
    const flows = new Set([first, ...(await gatherFlows(9, () => ask(scene.elsewhere(), email)))]);
    await scene.inbox.settle();
    const sent = scene.inbox.messages(phone).length;
    const wrong: Answer[] = [];
    const right: Answer[] = [];
    for (const flow of flows) {
      wrong.push(await check(scene.elsewhere(), email, flow, otherThan(passcode)));
      right.push(await check(scene.elsewhere(), email, flow, passcode));
    }
    isHeld &&= sent === 1 && judged([...wrong, ...right]) <= FLOWS_PER_CODE && countOf(right, 'ok') === 0;
    found.push(`${name}: 10 asked, ${sent} sent, ${flows.size} flows, tries ${tally([...wrong, ...right])}`);
  }
  return judge(isHeld, found.join('; '));
}

async function renewTries(scene: Scene): Promise<Verdict> {
  const person = await scene.signedUp();
  const { email, phone } = person;
  const browser = scene.browser();
  let flow = flowOf(await lockOut(browser, email));
  const passcode = await scene.inbox.takeCode(phone);
  const guesses: Answer[] = [];
  for (let round = 0; round < 20; round += 1) {
    guesses.push(await verify(browser, email, flow, otherThan(passcode)));
    const again = await (round % 2 === 0
      ? browser.post('/resendcode', { flow })
      : guessPassword(browser, email));
    flow = again.body.flow ?? flow;
  }
  const right = await verify(browser, email, flow, passcode);
  const password = await signIn(browser, person);
  await scene.inbox.settle();
  const sent = scene.inbox.messages(phone).length;
  return judge(
    judged(guesses) <= FLOWS_PER_CODE && right.status !== 200 && sent === 1 && password.status !== 200,
    `20 rounds of asking and guessing within one pause: ${tally(guesses)}, ${sent} message; then the right code: ${right.body.status}`,
  );
}

async function guessFromEverywhere(scene: Scene): Promise<Verdict> {
  const { email, phone } = await scene.signedUp();
  scene.fromAfar().close();
  const passwords: Answer[] = [];
  const guesses: Answer[] = [];
  await atOnce(
    300,
    async () => {
      const browser = scene.fromAfar();
      const asked = await guessPassword(browser, email);
      passwords.push(asked);
      if (asked.body.flow !== undefined)
        guesses.push(await verify(browser, email, asked.body.flow, '000001'));
      browser.close();
    },
    6,
  );
  await scene.inbox.settle();
  const sent = scene.inbox.messages(phone).length;
  const tried = countOf(passwords, 'wrong');
  return judge(
    tried <= 2 && judged(guesses) <= FLOWS_PER_CODE && sent <= 1 && countOf(guesses, 'ok') === 0,
    `300 addresses: ${tally(passwords)} for passwords, ${tally(guesses) || 'no flow'} for codes, ${sent} message`,
  );
}

const MOST_FAILED_CODES = 110;

async function sprayGuesses(scene: Scene): Promise<Verdict> {
  const owner = await scene.signedIn();
  const ownersFlow = flowOf(await lockOut(owner.browser, owner.person.email));
  const ownersCode = await scene.inbox.takeCode(owner.person.phone);
  const lateFlow = flowOf(await askReset(scene.elsewhere(), owner.person.email));
  const guesses: Answer[] = [];
  await atOnce(
    42,
    async () => {
      const { email: username } = await scene.signedUp();
      const browser = scene.elsewhere();
      for (const flow of await gatherFlows(FLOWS_PER_CODE, () => askReset(browser, username)))
        guesses.push(await setPassword(browser, username, flow, '000001', 'an attacker chose this'));
      browser.close();
    },
    3,
  );
  const { email } = owner.person;
  const guessReset = (flow: string) =>
    setPassword(scene.elsewhere(), email, flow, '000001', 'an attacker chose this');
  // A guess takes the turn of a second. In that second, all guesses on unknown devices are slowed down.
  for (let time = 0; time < 3; time += 1) {
    if ((await guessReset(lateFlow)).body.status !== 'slow_down') break;
    await setTimeout(1000);
  }
  const [unlocks, resets] = await Promise.all([
    atOnce(2, () => verify(scene.elsewhere(), email, NO_FLOW, '000001')),
    atOnce(2, () => guessReset(NO_FLOW)),
  ]);
  const unlocked = await verify(owner.browser, email, ownersFlow, ownersCode);
  const judgedInAll = judged(guesses);
  if (guesses.length < MOST_FAILED_CODES && countOf(guesses, 'slow_down') === 0)
    throw new NotTried(`only ${guesses.length} flows came: this hour's limits may be used up`);
  return judge(
    judgedInAll <= MOST_FAILED_CODES &&
      countOf(unlocks, 'slow_down') > 0 &&
      countOf(resets, 'slow_down') > 0 &&
      unlocked.status === 200,
    `${guesses.length} guesses over 42 accounts: ${tally(guesses)}; then on unknown devices: ${tally([...unlocks, ...resets])}; on a known one the right code: ${unlocked.body.status}`,
  );
}

async function spendTwice(scene: Scene): Promise<Verdict> {
  const { email, phone } = await scene.signedUp();
  const browser = scene.elsewhere();
  const unlockFlow = flowOf(await lockOut(browser, email));
  const flows = [unlockFlow, ...(await gatherFlows(2, () => guessPassword(browser, email)))];
  const passcode = await scene.inbox.takeCode(phone);
  const unlocks = await atOnce(50, (index) =>
    verify(browser, email, flows[index % flows.length] ?? NO_FLOW, passcode),
  );

  const other = await scene.signedUp();
  const resetFlow = flowOf(await askReset(browser, other.email));
  const resetCode = await scene.inbox.takeCode(other.phone);
  const resets = await atOnce(50, (index) =>
    setPassword(browser, other.email, resetFlow, resetCode, `another password ${index}`),
  );
  return judge(
    countOf(unlocks, 'ok') === 1 && countOf(resets, 'ok') === 1,
    `50 right codes at once over ${flows.length} flows to unlock: ${tally(unlocks)}; 50 to reset: ${tally(resets)}`,
  );
}

async function usePurposeElsewhere(scene: Scene): Promise<Verdict> {
  const { email, phone } = await scene.signedUp();
  const browser = scene.elsewhere();
  const unlockFlow = flowOf(await lockOut(browser, email));
  const unlockCode = await scene.inbox.takeCode(phone);
  const resetFlow = flowOf(await askReset(browser, email));
  const resetCode = await scene.inbox.takeCode(phone);
  const password = 'an attacker chose this';
  const crossed = [
    await verify(browser, email, resetFlow, resetCode),
    await setPassword(browser, email, unlockFlow, unlockCode, password),
  ];
  const straight = [
    await verify(browser, email, unlockFlow, unlockCode),
    await setPassword(browser, email, resetFlow, resetCode, 'a new password'),
  ];
  return judge(
    countOf(crossed, 'ok') === 0 && countOf(straight, 'ok') === 2,
    `each code at the other's request: ${tally(crossed)}; after that, each at its own: ${tally(straight)}`,
  );
}

async function useAfterReset(scene: Scene): Promise<Verdict> {
  const { email, phone } = await scene.signedUp();
  const thief = scene.elsewhere();
  const unlockFlow = flowOf(await lockOut(thief, email));
  const unlockCode = await scene.inbox.takeCode(phone);
  const thiefsFlow = flowOf(await askReset(thief, email));
  const resetCode = await scene.inbox.takeCode(phone);
  const owner = scene.browser();
  const ownersFlow = flowOf(await askReset(owner, email));
  const changed = await setPassword(owner, email, ownersFlow, resetCode, 'a new password');
  const late = [
    await verify(thief, email, unlockFlow, unlockCode),
    await setPassword(thief, email, thiefsFlow, resetCode, 'an attacker chose this'),
    await setPassword(thief, email, ownersFlow, resetCode, 'an attacker chose this'),
  ];
  return judge(
    changed.status === 200 && countOf(late, 'ok') === 0,
    `after the reset (${changed.body.status}) the unlock's code and the reset's by two flows: ${tally(late)}`,
  );
}

async function burnCode(scene: Scene): Promise<Verdict> {
  const { email, phone } = await scene.signedUp();
  const owner = scene.browser();
  const flow = flowOf(await lockOut(owner, email));
  const passcode = await scene.inbox.takeCode(phone);

  const stranger = scene.elsewhere();
  const own = await scene.signedUp();
  const ownFlow = flowOf(await askReset(stranger, own.email));
  const guesses: Answer[] = [
    await stranger.post('/verifypasscode', { username: email, passcode: '000001' }),
    await stranger.post('/verifypasscode', { username: email, flow: '', passcode: '000001' }),
  ];
  for (let time = 0; time < 5; time += 1) {
    guesses.push(await verify(stranger, email, NO_FLOW, '000001'));
    guesses.push(await verify(stranger, email, ownFlow, '000001'));
    guesses.push(await verify(stranger, own.email, flow, '000001'));
  }
  const unlocked = await verify(owner, email, flow, passcode);
  return judge(
    unlocked.status === 200 && countOf(guesses, 'ok') === 0,
    `${guesses.length} guesses with no flow, a stranger's or another account's: ${tally(guesses)}; then the owner's code: ${unlocked.body.status}`,
  );
}
