import { createHash, createHmac } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { keysOf } from '../../test/support/page.ts';
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

/** Attacks on passwords, locks, sessions and devices. */
export const passwordAttacks: readonly Attack[] = [
  { number: 4, name: 'lock the owner out', attempt: lockOwnerOut },
  { number: 5, name: 'renew a lock with more failures', attempt: renewLock },
  { number: 12, name: 'guess fifty passwords at once', attempt: guessAtOnce },
  { number: 22, name: 'avoid the lock', attempt: getAroundLock },
  { number: 23, name: 'plant a session, or keep one through a reset', attempt: keepSession },
  { number: 30, name: 'flood with sign-ins', attempt: floodWithSignIns },
  { number: 32, name: 'clear the count with a success on an own account', attempt: clearCount },
  { number: 33, name: 'replay a login, or hoard seeds', attempt: replayLogin },
  { number: 34, name: 'sign in with what the database stores', attempt: signInWithStored },
  {
    number: 40,
    name: 'profit from a clock that is set back',
    attempt: needsTheInside("needs to set the server's clock"),
  },
];

/** Returns true if the browser is signed in, because then the page greets the user. */
async function isSignedIn(browser: Browser, { fname }: Person): Promise<boolean> {
  return (await browser.get('/about')).text.includes(fname);
}

async function lockOwnerOut(scene: Scene): Promise<Verdict> {
  const { person, browser } = await scene.signedIn();
  const attacks: Answer[] = [];
  for (let time = 0; time < 10; time += 1) attacks.push(await guessPassword(scene.elsewhere(), person.email));
  if (scene.target.hasInbox) await scene.inbox.settle();
  const before = scene.target.hasInbox ? scene.inbox.messages(person.phone).length : 0;
  const owner = await signIn(browser, person);
  if (scene.target.hasInbox) await scene.inbox.settle();
  const sent = scene.target.hasInbox ? scene.inbox.messages(person.phone).length - before : 0;
  return judge(
    owner.status === 200 && sent === 0,
    `10 wrong passwords by strangers: ${tally(attacks)}; then the owner on a known device: ${owner.body.status}, ${sent} messages needed`,
  );
}

async function renewLock(scene: Scene): Promise<Verdict> {
  const { email, phone } = await scene.signedUp();
  const browser = scene.elsewhere();
  const locked = await lockOut(browser, email);
  const flow = flowOf(locked);
  const passcode = await scene.inbox.takeCode(phone);
  const waits = [locked.body.resendIn ?? 0];
  const startedAt = performance.now();
  while (performance.now() - startedAt < 2500) {
    await guessPassword(scene.elsewhere(), email);
    const { resendIn = 0 } = (await guessPassword(browser, email)).body;
    waits.push(resendIn);
    await pause(100);
  }
  const isFalling = waits.every((wait, index) => wait <= (waits[index - 1] ?? wait));
  const last = waits.at(-1) ?? 0;
  const unlocked = await browser.post('/verifypasscode', { username: email, flow, passcode });
  return judge(
    isFalling && last < (waits[0] ?? 0) && unlocked.status === 200,
    `${2 * (waits.length - 1)} further failures in 2.5 s: the wait went from ${waits[0]} to ${last} s, and the first code: ${unlocked.body.status} (a whole day needs a moving clock)`,
  );
}

async function guessAtOnce(scene: Scene): Promise<Verdict> {
  const { email, phone } = await scene.signedUp();
  const browsers = Array.from({ length: 5 }, () => scene.elsewhere());
  const at = (index: number) => browsers[index % browsers.length] as Browser;
  const forms = await atOnce(50, (index) => loginForm(at(index), email, 'a wrong guess'), 5);
  const answers = await atOnce(50, (index) => at(index).post('/login', { ...forms[index] }));
  const left = answers.map(({ body }) => body.triesLeft).filter((tries) => tries !== undefined);
  if (scene.target.hasInbox) await scene.inbox.settle();
  const sent = scene.target.hasInbox ? scene.inbox.messages(phone).length : undefined;
  const isCounted = left.sort().join() === '1,2' && countOf(answers, 'locked') === 48;
  if (isCounted && sent === 0) throw new NotTried("no message came: this hour's limits may be used up");
  return judge(
    isCounted && (sent ?? 1) === 1,
    `${tally(answers)}; ${sent ?? 'an unknown number of'} message`,
  );
}

async function getAroundLock(scene: Scene): Promise<Verdict> {
  const { person, browser: otherOwner } = await scene.signedIn();
  const victim = await scene.signedUp();
  await lockOut(scene.elsewhere(), victim.email);
  const device = [...otherOwner.cookies].find(([name]) => name.includes('device-'));
  const ownName = `device-${createHash('sha256').update(victim.email).digest('hex').slice(0, 8)}`;
  const spellings = [victim.email.toUpperCase(), ` ${victim.email}\u00a0`, victim.email.normalize('NFD')];
  const answers: Answer[] = [];
  for (const email of [victim.email, ...spellings])
    answers.push(await signIn(scene.elsewhere(), { ...victim, email }));
  for (const [name, value] of [device, [ownName, device?.[1]], [ownName, 'A'.repeat(43)]].flatMap((pair) =>
    pair === undefined ? [] : [pair as [string, string]],
  )) {
    const browser = scene.elsewhere();
    browser.cookies.set(name, value);
    answers.push(await signIn(browser, victim));
  }
  answers.push(await signIn(otherOwner, victim));
  answers.push(await signUp(scene.elsewhere(), victim));
  const browser = scene.elsewhere();
  const asked = await askReset(browser, victim.email);
  answers.push(await setPassword(browser, victim.email, asked.body.flow ?? '', '000001', victim.password));
  const opened = answers.filter(({ status }) => status < 400).length;
  return judge(
    opened === 0 && !(await isSignedIn(browser, victim)) && person.email !== victim.email,
    `${answers.length} ways with the right password to a locked account: ${tally(answers)}`,
  );
}

async function keepSession(scene: Scene): Promise<Verdict> {
  const person = await scene.signedUp();
  const first = scene.elsewhere();
  const planted = 'P'.repeat(43);
  const isSecure = scene.target.origin.startsWith('https:');
  const sid = isSecure ? '__Host-sid' : 'sid';
  first.cookies.set(sid, planted);
  must(await signIn(first, person), 200);
  const thief = scene.elsewhere();
  thief.cookies.set(sid, planted);
  const isFixed = first.cookies.get(sid) === planted || (await isSignedIn(thief, person));

  const second = scene.elsewhere();
  must(await signIn(second, person), 200);
  const wasIn = await isSignedIn(second, person);
  const flow = flowOf(await askReset(first, person.email));
  const passcode = await scene.inbox.takeCode(person.phone);
  const changed = { ...person, password: 'a new password' };
  must(await setPassword(first, person.email, flow, passcode, changed.password), 200);
  const isStillIn = (await isSignedIn(second, person)) || (await isSignedIn(first, person));

  await lockOut(scene.elsewhere(), person.email);
  const remembered = await signIn(second, changed);
  return judge(
    !isFixed && wasIn && !isStillIn && remembered.status !== 200,
    `the planted session ${isFixed ? 'was kept' : 'was replaced'}; after a reset the other browser was ${isStillIn ? 'still signed in' : 'signed out'}, and its device ${remembered.status === 200 ? 'still' : 'no longer'} known`,
  );
}

async function floodWithSignIns(scene: Scene): Promise<Verdict> {
  const browsers = Array.from({ length: 10 }, () => scene.elsewhere());
  const watcher = scene.elsewhere();
  await watcher.get('/');
  const people = Array.from({ length: 200 }, () => scene.stranger());
  const flooding = atOnce(200, async (index) => {
    const browser = browsers[index % browsers.length] as Browser;
    return guessPassword(browser, people[index]?.email ?? '');
  });
  const pages: Answer[] = [];
  let isOver = false;
  const end = () => {
    isOver = true;
  };
  flooding.then(end, end);
  while (!isOver) pages.push(await watcher.get('/'));
  const answers = await flooding;
  const slowest = Math.round(Math.max(...pages.map(({ ms }) => ms)));
  const served = pages.filter(({ status }) => status === 200).length;
  return judge(
    slowest < 5000 &&
      served === pages.length &&
      answers.every(({ status }) => status < 500 || status === 503),
    `200 sign-ins at once: ${tally(answers)}; during that ${served} of ${pages.length} pages came, the slowest in ${slowest} ms (memory is not visible over the network)`,
  );
}

async function clearCount(scene: Scene): Promise<Verdict> {
  const victim = await scene.signedUp();
  const { person: own, browser } = await scene.signedIn();
  const guesses: Answer[] = [];
  const successes: Answer[] = [];
  for (let time = 0; time < 6; time += 1) {
    guesses.push(await guessPassword(browser, victim.email));
    successes.push(await signIn(browser, own));
  }
  return judge(
    countOf(guesses, 'wrong') === 2 && countOf(guesses, 'locked') === 4,
    `6 guesses at another account, with an own sign-in after each (${countOf(successes, 'ok')} ok): ${tally(guesses)}`,
  );
}

const HOARD = 300;

async function replayLogin(scene: Scene): Promise<Verdict> {
  const person = await scene.signedUp();
  const browser = scene.elsewhere();
  const captured = await loginForm(browser, person.email, person.password);
  const original = await browser.post('/login', captured);
  const replays = [await browser.post('/login', captured), await scene.elsewhere().post('/login', captured)];
  const foreign = await loginForm(browser, (await scene.signedUp()).email, person.password);
  replays.push(await browser.post('/login', { ...foreign, username: person.email }));

  const hoarder = scene.elsewhere();
  const neighbour = scene.elsewhere();
  const neighboursForm = await loginForm(neighbour, person.email, person.password);
  const oldest = await loginForm(hoarder, person.email, person.password);
  await atOnce(HOARD, () => hoarder.post('/getseed', { username: person.email }), 8);
  const newest = await loginForm(hoarder, person.email, person.password);
  const hoarded = [await hoarder.post('/login', oldest), await hoarder.post('/login', newest)];
  const spared = await neighbour.post('/login', neighboursForm);
  const canTellAddresses = scene.target.hasAddresses;
  return judge(
    original.status === 200 &&
      countOf(replays, 'bad_seed') === 3 &&
      hoarded[0]?.status !== 200 &&
      hoarded[1]?.status === 200 &&
      (!canTellAddresses || spared.status === 200),
    `a login sent again or for another: ${tally(replays)}; after ${HOARD} seeds for one address its oldest: ${hoarded[0]?.body.status}, its newest: ${hoarded[1]?.body.status}, a neighbour's: ${spared.body.status}`,
  );
}

async function signInWithStored(scene: Scene): Promise<Verdict> {
  const answers: Answer[] = [];
  const tryProofs = async (makers: ((stored: Buffer, server: Buffer, mask: Buffer) => Buffer)[]) => {
    const person = await scene.signedUp();
    const browser = scene.elsewhere();
    for (const make of makers) {
      const seed = await seedFor(browser, person.email);
      const { storedKey, serverKey } = keysOf(person.password, seed.salt);
      const form = { username: person.email, id: seed.id, nonce: 'n'.repeat(22) };
      const mask = maskFor(storedKey, [seed.id, seed.seed, seed.salt, seed.kdf, form.nonce, person.email]);
      const proof = make(storedKey, serverKey, mask).toString('base64url');
      answers.push(await browser.post('/login', { ...form, proof }));
    }
  };
  const xor = (left: Buffer, right: Buffer) =>
    Buffer.from(left.map((byte, index) => byte ^ (right[index] ?? 0)));
  await tryProofs([(stored) => stored, (stored, _server, mask) => xor(stored, mask)]);
  await tryProofs([(_stored, server) => server, (_stored, server, mask) => xor(server, mask)]);
  await tryProofs([(_stored, _server, mask) => mask, () => Buffer.alloc(32)]);
  return judge(
    countOf(answers, 'ok') === 0 && answers.every(({ status }) => status !== 200),
    `6 proofs made from storedKey and serverKey alone: ${tally(answers)}`,
  );
}

function maskFor(storedKey: Buffer, parts: string[]): Buffer {
  return createHmac('sha256', storedKey).update(parts.join('\n')).digest();
}
