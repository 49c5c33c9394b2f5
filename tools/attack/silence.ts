import { mannWhitneyZ, median } from '../statistics.ts';
import { NotTried } from './not-tried.ts';
import {
  askReset,
  atOnce,
  guessPassword,
  loginForm,
  must,
  NO_FLOW,
  type Person,
  type Scene,
  seedFor,
  setPassword,
  signUp,
} from './scene.ts';
import type { Answer, Browser } from './target.ts';
import { type Attack, judge, needsTheInside, type Verdict } from './verdict.ts';

/** Attacks that find out which addresses have accounts. */
export const silenceAttacks: readonly Attack[] = [
  { number: 13, name: 'find accounts by the lock', attempt: learnFromLock },
  {
    number: 14,
    name: 'find accounts by a sender that fails',
    attempt: needsTheInside('needs a provider that refuses, hangs or closes connections'),
  },
  { number: 15, name: 'find accounts by the pause', attempt: learnFromPause },
  { number: 16, name: 'find accounts by timing', attempt: learnFromTime },
  { number: 17, name: 'find accounts by salt and kdf', attempt: learnFromKdf },
  { number: 53, name: 'find accounts that were deleted', attempt: learnFromDeletion },
];

/** A step that a known and an unknown address take side by side. */
type Step = (browser: Browser, email: string, flows: string[]) => Promise<Answer>;

/** Takes the steps with both addresses, each pair at the same moment. Names the steps with different answers. */
async function walk(
  scene: Scene,
  steps: Record<string, Step>,
  given?: Person,
): Promise<{ told: string[]; count: number }> {
  const known = given ?? (await scene.signedUp());
  const sides = [known, scene.stranger()].map(({ email }) => ({
    email,
    browser: scene.elsewhere(),
    flows: [] as string[],
  }));
  const told: string[] = [];
  for (const [name, step] of Object.entries(steps)) {
    const answers = await Promise.all(
      sides.map(async ({ email, browser, flows }) => {
        const answer = await step(browser, email, flows);
        if (answer.body.flow !== undefined) flows.push(answer.body.flow);
        return answer;
      }),
    );
    const [one, other] = answers.map(seenOf) as [Record<string, string>, Record<string, string>];
    const parts = Object.keys({ ...one, ...other }).filter((part) => one[part] !== other[part]);
    const waits = answers.map(({ body }) => waitOf(body) ?? 0) as [number, number];
    if (Math.abs(waits[0] - waits[1]) > 1) parts.push('seconds to wait');
    if (parts.length > 0) told.push(`${name} (${parts.join(', ')})`);
  }
  return { told, count: Object.keys(steps).length };
}

/** Returns the seconds to wait of an answer. They can differ by one between two answers. */
function waitOf({ resendIn, retryAfter }: Answer['body']): number | undefined {
  return resendIn ?? retryAfter;
}

/** Returns the parts of an answer that must not depend on the account. Phone digits, tokens and seconds are masked. */
function seenOf({ status, headers, text, body }: Answer): Record<string, string> {
  const { date, 'retry-after': retryAfter, 'content-length': length, ...others } = headers;
  const { 'set-cookie': cookies = [], ...fixed } = others;
  const { flow = '', phone = '', id = '', seed = '', salt = '' } = body;
  const wait = waitOf(body);
  let shape = text;
  for (const token of [flow, id, seed, salt])
    if (token) shape = shape.replaceAll(token, 'x'.repeat(token.length));
  if (phone) shape = shape.replaceAll(phone, phone.replace(/\d/g, '0')).replaceAll(phone.slice(-4), '0000');
  if (wait !== undefined) shape = shape.replaceAll(new RegExp(`\\b${wait}\\b`, 'g'), 'N');
  const names = cookies.map((line) => line.replace(/=[^;]*/, '').replace(/device-[0-9a-f]{8}/, 'device-'));
  return {
    status: String(status),
    body: shape,
    headers: JSON.stringify(fixed),
    'header names': Object.keys(headers).join(),
    ...(wait === undefined && { length: String(length) }),
    cookies: names.join('\n'),
  };
}

const wrongCode = (flowAt: (flows: string[]) => string | undefined): Step => {
  return (browser, username, flows) =>
    browser.post('/verifypasscode', { username, flow: flowAt(flows) ?? NO_FLOW, passcode: '000001' });
};
const withFlow = (path: string, flowAt: (flows: string[]) => string | undefined): Step => {
  return (browser, _email, flows) => browser.post(path, { flow: flowAt(flows) ?? NO_FLOW });
};
const first = (flows: string[]) => flows[0];
const last = (flows: string[]) => flows.at(-1);

async function learnFromLock(scene: Scene): Promise<Verdict> {
  const failures = Object.fromEntries(
    Array.from({ length: 10 }, (_, index) => [`failure ${index + 1}`, guessPassword as Step]),
  );
  const { told, count } = await walk(scene, {
    'a seed': (browser, username) => browser.post('/getseed', { username }),
    ...failures,
    'what became of the message': withFlow('/codestatus', first),
    'a code without its flow': wrongCode(() => NO_FLOW),
    'a wrong code': wrongCode(first),
    'the same flow again': wrongCode(first),
    'asking again with it': withFlow('/resendcode', first),
    'asking again with no flow': withFlow('/resendcode', () => NO_FLOW),
    'a reset': askReset,
    'a second reset': askReset,
    'its wrong code': (browser, email, flows) =>
      setPassword(browser, email, last(flows) ?? NO_FLOW, '000001', 'an attacker chose this'),
    'that flow again': (browser, email, flows) =>
      setPassword(browser, email, last(flows) ?? NO_FLOW, '000001', 'an attacker chose this'),
    'a login that was made up': (browser, username) =>
      browser.post('/login', { username, id: 'A'.repeat(22), nonce: 'n'.repeat(22), proof: 'A'.repeat(43) }),
  });
  return judge(
    told.length === 0,
    told.length === 0
      ? `${count} steps, 10 failures among them: a known and an unknown address got equal bytes, headers and cookies`
      : `told apart by ${told.slice(0, 4).join('; ')}${told.length > 4 ? ` and ${told.length - 4} more` : ''}`,
  );
}

async function learnFromDeletion(scene: Scene): Promise<Verdict> {
  const { person, browser } = await scene.signedIn();
  await askReset(scene.elsewhere(), person.email);
  must(await browser.post('/deleteaccount'), 200);
  const { told, count } = await walk(
    scene,
    {
      'a seed': (stranger, username) => stranger.post('/getseed', { username }),
      'a first failure': guessPassword,
      'a second failure': guessPassword,
      'a third failure': guessPassword,
      'what became of the message': withFlow('/codestatus', first),
      'a wrong code': wrongCode(first),
      'a reset': askReset,
      'asking again with it': withFlow('/resendcode', last),
    },
    person,
  );
  return judge(
    told.length === 0,
    told.length > 0
      ? `a deleted and an unknown address differ in ${told.join('; ')}`
      : `${count} steps: a deleted and an unknown address got equal bytes, headers and cookies`,
  );
}

async function learnFromPause(scene: Scene): Promise<Verdict> {
  const { told, count } = await walk(scene, {
    'a reset': askReset,
    'a reset at once': askReset,
    'a third': askReset,
    'a fourth, without a flow': askReset,
    'asking again at once': withFlow('/resendcode', first),
    'asking once more': withFlow('/resendcode', first),
    'failure 1': guessPassword,
    'failure 2': guessPassword,
    'failure 3': guessPassword,
    'a login at once': guessPassword,
    'another at once': guessPassword,
    'asking again for the lock': withFlow('/resendcode', last),
    'what became of the message': withFlow('/codestatus', last),
  });
  return judge(
    told.length === 0,
    told.length === 0
      ? `${count} requests within one pause: a known and an unknown address got equal answers`
      : `told apart by ${told.join('; ')}`,
  );
}

async function learnFromKdf(scene: Scene): Promise<Verdict> {
  const browser = scene.browser();
  const people = Array.from({ length: 20 }, () => scene.stranger());
  const before = await atOnce(20, (index) => seedFor(browser, people[index]?.email ?? ''), 4);
  await atOnce(10, (index) => signUp(browser, people[index] as Person), 4);
  const after = await atOnce(20, (index) => seedFor(browser, people[index]?.email ?? ''), 4);
  const kdfs = new Set([...before, ...after].map(({ kdf }) => kdf));
  const changed = before.filter(({ salt }, index) => salt !== after[index]?.salt).length;
  const lengths = new Set(
    [...before, ...after].map(({ salt, seed, id }) => `${salt.length} ${seed.length} ${id.length}`),
  );
  return judge(
    kdfs.size === 1 && changed === 0 && lengths.size === 1,
    `20 addresses, 10 of them then signed up: ${kdfs.size} kdf (${[...kdfs].join(' and ')}), ${changed} salts changed, ${lengths.size} form of salt and seed`,
  );
}

const CLEAR_Z = 4;
const CLEAR_SHARE = 0.05;

/** The times of a request to known and to unknown addresses, in random turns. */
type Timed = { known: number[]; unknown: number[] };

async function learnFromTime(scene: Scene): Promise<Verdict> {
  const known = await atOnce(3, () => scene.signedUp());
  const unknown = Array.from({ length: 3 }, () => scene.stranger());
  for (const { email } of [...known, ...unknown]) {
    const browser = scene.elsewhere();
    for (let time = 0; time < 3; time += 1) await guessPassword(browser, email);
    await askReset(browser, email);
  }
  const pairs = known.map((person, index) => [person, unknown[index] as Person] as const);
  const locked = (rounds: number) => measure(scene, rounds, pairs, sendLogin);
  const requests: Record<string, () => Promise<Timed>> = {
    getseed: () => measure(scene, 300, pairs, (browser, username) => browser.post('/getseed', { username })),
    'a first failure': () => measureFirstFailures(scene, 120),
    'a locked login': () => locked(300),
    'a reset': () => measure(scene, 300, pairs, askReset),
  };
  const found: string[] = [];
  let isHeld = true;
  for (const [name, take] of Object.entries(requests)) {
    let { text, isClear } = compare(await take());
    // A second measurement decides, because other load on the machine can look the same.
    if (isClear) ({ text, isClear } = compare(await take()));
    if (isClear) isHeld = false;
    found.push(`${name} ${text}`);
  }
  return judge(isHeld, `medians, known against unknown: ${found.join('; ')}`);
}

/** Signs in with a wrong password. Only the login request is timed. */
async function sendLogin(browser: Browser, email: string): Promise<Answer> {
  return browser.post('/login', await loginForm(browser, email, 'a wrong guess'));
}

const REQUESTS_PER_CONNECTION = 50;

async function measure(
  scene: Scene,
  rounds: number,
  pairs: readonly (readonly [Person, Person])[],
  send: (browser: Browser, email: string) => Promise<Answer>,
): Promise<Timed> {
  const times: Timed = { known: [], unknown: [] };
  let browser = scene.elsewhere();
  for (let round = 0; round < rounds; round += 1) {
    if (round % (REQUESTS_PER_CONNECTION / 2) === 0) {
      browser.close();
      browser = scene.elsewhere();
      await browser.get('/dev/messages.json');
    }
    const [known, unknown] = pairs[round % pairs.length] as readonly [Person, Person];
    const turns = scene.target.random.shuffled(['known', 'unknown'] as const);
    const taken: Partial<Record<'known' | 'unknown', Answer>> = {};
    for (const side of turns)
      taken[side] = await send(browser, side === 'known' ? known.email : unknown.email);
    if (taken.known?.status === 429 || taken.unknown?.status === 429) continue;
    times.known.push(taken.known?.ms ?? 0);
    times.unknown.push(taken.unknown?.ms ?? 0);
  }
  browser.close();
  if (times.known.length < rounds / 2) throw new NotTried('the limits slowed down too many requests');
  return times;
}

/** Measures the first two failures of new addresses, because the third one locks. */
async function measureFirstFailures(scene: Scene, count: number): Promise<Timed> {
  const known = await atOnce(count, () => scene.signedUp(), 4);
  const pairs = known.map((person) => [person, scene.stranger()] as const);
  return measure(scene, 2 * count, pairs, sendLogin);
}

function compare({ known, unknown }: Timed): { text: string; isClear: boolean } {
  const [one, other] = [median(known), median(unknown)];
  const share = (one - other) / Math.min(one, other);
  const z = mannWhitneyZ(known, unknown);
  const text = `${one.toFixed(2)} / ${other.toFixed(2)} ms (z ${z.toFixed(1)}, ${known.length} pairs)`;
  return { text, isClear: Math.abs(share) > CLEAR_SHARE && Math.abs(z) > CLEAR_Z };
}
