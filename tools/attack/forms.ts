import { NotTried } from './not-tried.ts';
import {
  askReset,
  atOnce,
  countOf,
  guessPassword,
  NO_FLOW,
  type Person,
  type Scene,
  setPassword,
  signIn,
  signUp,
  tally,
} from './scene.ts';
import type { Answer } from './target.ts';
import { type Attack, judge, needsTheInside, type Verdict } from './verdict.ts';

/** Attacks on how requests are read: their form, spelling and length, and the source that they claim. */
export const formAttacks: readonly Attack[] = [
  { number: 24, name: 'send lists and maps in place of text', attempt: sendLists },
  { number: 25, name: 'pollute prototypes', attempt: pollutePrototypes },
  { number: 26, name: 'pass for another user with a look-alike address', attempt: passByTwin },
  { number: 27, name: 'avoid a count with another spelling', attempt: dodgeBySpelling },
  { number: 28, name: 'send NUL and control characters', attempt: sendControls },
  { number: 29, name: 'send long bodies and long passwords', attempt: sendLong },
  { number: 31, name: 'forge the source address', meetsLimits: true, attempt: forgeAddress },
  {
    number: 38,
    name: 'read codes and numbers in logs',
    attempt: needsTheInside("needs the program's log"),
  },
];

const BYTES_16 = 'A'.repeat(22);
const BYTES_32 = 'A'.repeat(43);
const KDF = 'argon2id$m=19456,t=2,p=1';

/** Each request of the API with a well-formed value in each field. */
const REQUESTS: Record<string, Record<string, string>> = {
  '/getseed': { username: 'unknown@example.com' },
  '/signup': {
    email: 'unknown@example.com',
    fname: 'Sam',
    lname: 'Attack',
    phoneno: '+12025550123',
    salt: BYTES_16,
    kdf: KDF,
    storedKey: BYTES_32,
    serverKey: BYTES_32,
  },
  '/login': { username: 'unknown@example.com', id: BYTES_16, nonce: BYTES_16, proof: BYTES_32 },
  '/verifypasscode': { username: 'unknown@example.com', flow: NO_FLOW, passcode: '000001' },
  '/resetpwd': {
    username: 'unknown@example.com',
    flow: NO_FLOW,
    passcode: '000001',
    salt: BYTES_16,
    kdf: KDF,
    storedKey: BYTES_32,
    serverKey: BYTES_32,
  },
  '/resendcode': { flow: NO_FLOW },
  '/codestatus': { flow: NO_FLOW },
};

const each = Object.entries(REQUESTS).flatMap(([path, fields]) =>
  Object.keys(fields).map((field) => ({ path, fields, field })),
);

const encode = (fields: Record<string, string>) => new URLSearchParams(fields).toString();

async function sendLists(scene: Scene): Promise<Verdict> {
  const browser = scene.browser();
  const answers: Answer[] = [];
  for (const { path, fields, field } of each) {
    const { [field]: value = '', ...others } = fields;
    const rest = encode(others);
    for (const twist of [
      `${field}[]=${encodeURIComponent(value)}`,
      `${field}[a]=${encodeURIComponent(value)}`,
      `${encode({ [field]: value })}&${encode({ [field]: value })}`,
      `${encode({ [field]: value })}&${field}[]=x`,
    ])
      answers.push(await browser.post(path, `${rest}&${twist}`));
  }
  for (const path of [...Object.keys(REQUESTS), '/logout']) {
    answers.push(await browser.post(path, `a${'[a]'.repeat(1500)}=1`));
    answers.push(
      await browser.post(path, Array.from({ length: 1000 }, (_, index) => `a[${index}]`).join('&')),
    );
    answers.push(
      await browser.post(path, JSON.stringify({ ...REQUESTS[path], username: { $gt: '' } }), {
        contentType: 'application/json',
      }),
    );
    answers.push(await browser.post(path, `${'%'}&${encode(REQUESTS[path] ?? {})}`));
  }
  const wrong = answers.filter(({ status }) => status !== 400).length;
  return judge(
    wrong === 0,
    `${answers.length} twisted bodies: ${tally(answers)}; ${wrong} were not answered 400`,
  );
}

async function pollutePrototypes(scene: Scene): Promise<Verdict> {
  const browser = scene.browser();
  const usual = await browser.post('/getseed', { username: 'unknown@example.com' });
  const answers: Answer[] = [];
  for (const [path, fields] of Object.entries(REQUESTS)) {
    const form = encode(fields);
    for (const name of [
      '__proto__',
      'constructor',
      'prototype',
      '__proto__.username',
      'constructor.prototype.username',
    ])
      answers.push(await browser.post(path, `${form}&${encode({ [name]: 'polluted' })}`));
    answers.push(
      await browser.post(path, `__proto__[username]=polluted&constructor[prototype][username]=polluted`),
    );
    for (const contentType of ['application/json', 'application/x-www-form-urlencoded'])
      answers.push(
        await browser.post(
          path,
          '{"__proto__":{"username":"polluted"},"constructor":{"prototype":{"flow":"x"}}}',
          {
            contentType,
          },
        ),
      );
  }
  const after = await browser.post('/getseed', { username: 'unknown@example.com' });
  const empty = await browser.post('/getseed');
  const isSame =
    Object.keys(usual.body).join() === Object.keys(after.body).join() && usual.body.salt === after.body.salt;
  const faults = answers.filter(({ status }) => status >= 500).length;
  return judge(
    faults === 0 && isSame && empty.status === 400,
    `${answers.length} requests with such names: ${tally(answers)}; after them an empty form is still ${empty.body.status}, and a usual answer ${isSame ? 'as before' : 'changed'}`,
  );
}

async function passByTwin(scene: Scene): Promise<Verdict> {
  const email = scene.stranger().email.replace('attack', 'attack-kissing-café').normalize('NFC');
  const victim = await scene.signedUp({ email });
  const twins = [
    email.replace('i', '\u0131'),
    email.replace('i', '\u0130'),
    email.replace('k', '\u212a'),
    email.replace('s', '\u017f'),
    email.replace('k', '\uff4b'),
    email.replace('a', '\u0430'),
    email.replace('@', '\u200b@'),
    email.normalize('NFD'),
    email.toUpperCase(),
  ];
  const attacker = scene.stranger();
  const answers: Answer[] = [];
  const own: Person[] = [];
  for (const twin of twins) {
    const person = { ...attacker, email: twin, password: 'an attacker chose this' };
    const answer = await signUp(scene.elsewhere(), person);
    answers.push(answer);
    if (answer.status === 201) own.push(person);
  }
  // A look-alike address that is an account of its own gets only that account's messages.
  const asked = [
    victim.email.toUpperCase(),
    victim.email.normalize('NFD'),
    ...own.slice(0, 2).map((each) => each.email),
  ];
  for (const spelling of asked) await askReset(scene.elsewhere(), spelling);
  await scene.inbox.settle();
  const toVictim = scene.inbox.messages(victim.phone).length;
  const toAttacker = scene.inbox.messages(attacker.phone).length;

  const stolen: Answer[] = [];
  const [twin] = own;
  if (twin !== undefined && toAttacker > 0) {
    const thief = scene.elsewhere();
    const { flow = NO_FLOW } = (await askReset(thief, twin.email)).body;
    const passcode = await scene.inbox.takeCode(attacker.phone);
    stolen.push(await setPassword(thief, victim.email, flow, passcode, 'an attacker chose this'));
  }
  const owner = await signIn(scene.elsewhere(), victim);
  if (toVictim + toAttacker === 0) throw new NotTried("no message came: this hour's limits may be used up");
  return judge(
    toVictim === 1 &&
      toAttacker <= Math.min(2, own.length) &&
      countOf(stolen, 'ok') === 0 &&
      owner.status === 200,
    `${twins.length} look-alikes signed up: ${tally(answers)}; ${asked.length} resets sent ${toVictim} message to the stored phone and ${toAttacker} to their own phones; a look-alike's code for the victim: ${tally(stolen) || 'none'}`,
  );
}

async function dodgeBySpelling(scene: Scene): Promise<Verdict> {
  const email = scene.stranger().email.replace('attack', 'attack-é').normalize('NFC');
  const { phone } = await scene.signedUp({ email });
  const spellings = [
    email,
    email.toUpperCase(),
    ` ${email} `,
    email.normalize('NFD'),
    `\u00a0${email}`,
    email.replace('a', 'A'),
  ];
  const failures: Answer[] = [];
  for (const spelling of spellings) failures.push(await guessPassword(scene.elsewhere(), spelling));
  for (const spelling of spellings) await askReset(scene.elsewhere(), spelling);
  const sent = scene.target.hasInbox
    ? await scene.inbox.settle().then(() => scene.inbox.messages(phone).length)
    : undefined;
  return judge(
    countOf(failures, 'wrong') === 2 && countOf(failures, 'locked') === 4 && (sent ?? 0) <= 2,
    `a failure under each of ${spellings.length} spellings: ${tally(failures)}; with as many resets ${sent ?? 'an unknown number of'} messages, one for each purpose`,
  );
}

async function sendControls(scene: Scene): Promise<Verdict> {
  const browser = scene.browser();
  const controls = ['\0', '\u001b', '\r\n', '\u0085', '\u2028'];
  const answers: Answer[] = [];
  for (const { path, fields, field } of each)
    for (const control of controls)
      answers.push(
        await browser.post(path, {
          ...fields,
          [field]: `${fields[field]?.slice(0, 3)}${control}${fields[field]?.slice(3)}`,
        }),
      );
  const wrong = answers.filter(({ status }) => status !== 400).length;
  const still = await browser.get('/');
  return judge(
    wrong === 0 && still.status === 200,
    `${each.length} fields with each of ${controls.length} control characters: ${tally(answers)}; the page still answers ${still.status}`,
  );
}

async function sendLong(scene: Scene): Promise<Verdict> {
  const browser = scene.browser();
  const refusals: string[] = [];
  let slowest = 0;
  for (const path of Object.keys(REQUESTS)) {
    for (const size of [9 * 1024, 1024 * 1024]) {
      const startedAt = performance.now();
      // The server may answer or close the connection before it has read the whole body.
      const status = await browser.post(path, `username=${'x'.repeat(size)}`).then(
        (answer) => String(answer.status),
        (error: NodeJS.ErrnoException) =>
          ['EPIPE', 'ECONNRESET'].includes(error.code ?? '') ? 'cut' : String(error),
      );
      slowest = Math.max(slowest, performance.now() - startedAt);
      refusals.push(status);
    }
  }
  const long = 'a'.repeat(72);
  const person = await scene.signedUp({ password: `${long}b` });
  const other = await signIn(scene.elsewhere(), { ...person, password: `${long}c` });
  const right = await signIn(scene.elsewhere(), person);
  const wrong = refusals.filter((refusal) => refusal !== '413' && refusal !== 'cut').length;
  return judge(
    wrong === 0 && slowest < 2000 && other.status === 401 && right.status === 200,
    `${refusals.length} bodies of 9 KiB and 1 MiB: ${refusals.length - wrong} refused, the slowest in ${Math.round(slowest)} ms; another 73rd character in a password: ${other.body.status}`,
  );
}

const TOO_MANY_REQUESTS = 2000;

async function forgeAddress(scene: Scene): Promise<Verdict> {
  const browser = scene.fromAfar();
  const askAs = (forged: string) =>
    browser.post(
      '/codestatus',
      { flow: NO_FLOW },
      { headers: { 'X-Forwarded-For': forged, 'X-Real-IP': forged, Forwarded: `for=${forged}` } },
    );
  const answers: Answer[] = [];
  while (answers.length < TOO_MANY_REQUESTS && countOf(answers, 'slow_down') === 0)
    answers.push(...(await atOnce(50, (index) => askAs(`203.0.${answers.length >> 8}.${index}`), 8)));
  const slowed = await atOnce(20, (index) => askAs(`198.51.100.${index}`), 4);
  const isTold = slowed.every(({ status, headers }) => status === 429 && Number(headers['retry-after']) > 0);
  const named = await scene
    .fromAfar()
    .post('/codestatus', { flow: NO_FLOW }, { headers: { 'X-Forwarded-For': browser.address ?? '' } });
  return judge(
    isTold && named.status === 200,
    `requests from one address, each under a forged one: ${tally(answers)}, then ${tally(slowed)}; from another address that names the first: ${named.body.status} (loopback has no mapped or IPv6 addresses)`,
  );
}
