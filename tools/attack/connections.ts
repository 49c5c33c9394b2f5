import type { Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { NotTried } from './not-tried.ts';
import { atOnce, guessPassword, loginForm, type Scene, tally } from './scene.ts';
import type { Answer, Browser } from './target.ts';
import { type Attack, judge, type Verdict } from './verdict.ts';

/** Attacks on what the server holds: by what a client doesn't read, doesn't finish, or by how it hangs up. */
export const connectionAttacks: readonly Attack[] = [
  { number: 'S1', name: 'ask for hundreds of pages, read none', attempt: readNoPages },
  { number: 'S2', name: 'ask for hundreds of files, hang up', attempt: readNoFiles },
  { number: 'S3', name: 'never finish a form', attempt: finishNoForm },
  { number: 'S4', name: 'open thousands of connections', attempt: openThousands },
  { number: 'S5', name: 'reset the connection after a form', meetsLimits: true, attempt: resetAfterForm },
  { number: 'S6', name: 'flood with refused forms', meetsLimits: true, attempt: sendRefusedForms },
  { number: 'S7', name: 'send requests that no parser accepts', attempt: breakTheParser },
];

/** A page for another user must come in this time. */
const PATIENCE_MS = 2000;
const FORM_TYPE = 'Content-Type: application/x-www-form-urlencoded';

function requestText(scene: Scene, line: string, ...rest: string[]): string {
  const { host } = new URL(scene.target.origin);
  return [`${line} HTTP/1.1`, `Host: ${host}`, ...rest].join('\r\n').concat('\r\n\r\n');
}

/** Lets another user open pages on new connections, and judges by the slowest. */
async function judgeByAnother(scene: Scene, what: string): Promise<Verdict> {
  const pages: Answer[] = [];
  for (let count = 0; count < 10; count += 1) {
    const browser = scene.elsewhere();
    pages.push(await browser.get('/'));
    browser.close();
  }
  const slowest = Math.round(Math.max(...pages.map(({ ms }) => ms)));
  const came = pages.filter(({ status }) => status === 200).length;
  const evidence = `${what}; then ${came} of ${pages.length} pages came for another user, the slowest in ${slowest} ms`;
  return judge(came === pages.length && slowest < PATIENCE_MS, evidence);
}

function openSockets(scene: Scene, count: number, text: string): Socket[] {
  return Array.from({ length: count }, () => {
    const socket = scene.target.connect(scene.browser().address);
    if (text !== '') socket.write(text);
    return socket;
  });
}

function closeAll(sockets: readonly Socket[]): void {
  for (const socket of sockets) socket.destroy();
}

async function readNoPages(scene: Scene): Promise<Verdict> {
  const sockets = openSockets(scene, 10, requestText(scene, 'GET /').repeat(850));
  const verdict = await judgeByAnother(scene, '10 connections asked for 850 pages each and read none');
  closeAll(sockets);
  return verdict;
}

async function readNoFiles(scene: Scene): Promise<Verdict> {
  const page = await scene.browser().get('/');
  const path = /"(\/[^"]+\.js)"/.exec(page.text)?.[1] ?? '/';
  for (let round = 0; round < 5; round += 1) {
    const sockets = openSockets(scene, 10, requestText(scene, `GET ${path}`).repeat(850));
    await setTimeout(100);
    closeAll(sockets);
  }
  return judgeByAnother(scene, '50 connections asked for 850 files each and hung up unread');
}

/** The server's time for a request, and for noticing it, is well below this. */
const FORM_PATIENCE_MS = 60_000;

async function finishNoForm(scene: Scene): Promise<Verdict> {
  const sockets = openSockets(
    scene,
    300,
    `${requestText(scene, 'POST /getseed', FORM_TYPE, 'Content-Length: 100')}user`,
  );
  const closed = sockets.map((socket) => new Promise((resolve) => socket.resume().on('close', resolve)));
  const verdict = await judgeByAnother(scene, '300 forms were begun');
  await Promise.race([Promise.all(closed), setTimeout(FORM_PATIENCE_MS, undefined, { ref: false })]);
  const open = sockets.filter(({ closed }) => !closed).length;
  closeAll(sockets);
  const evidence = `${verdict.evidence}; within a minute all but ${open} of the connections were closed`;
  return judge(verdict.outcome === 'held' && open === 0, evidence);
}

async function openThousands(scene: Scene): Promise<Verdict> {
  const opened: Socket[] = [];
  await atOnce(
    5000,
    async () => {
      const [socket] = openSockets(scene, 1, '') as [Socket];
      opened.push(socket.resume());
      await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
    },
    100,
  );
  await setTimeout(500);
  const open = opened.filter(({ closed }) => !closed).length;
  const verdict = await judgeByAnother(scene, `5000 connections were opened, and ${open} stayed`);
  closeAll(opened);
  return verdict;
}

/** Requests of one network in a minute, and some more. */
const PAST_THE_LIMIT = 1050;

async function resetAfterForm(scene: Scene): Promise<Verdict> {
  const browser = scene.fromAfar();
  const victims = Array.from({ length: 20 }, () => scene.stranger().email);
  for (const email of victims) {
    const form = new URLSearchParams(await loginForm(browser, email, 'a wrong guess')).toString();
    const head = requestText(scene, 'POST /login', FORM_TYPE, `Content-Length: ${form.length}`);
    const socket = scene.target.connect(browser.address);
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.write(head + form, () => socket.resetAndDestroy());
    await closed;
  }
  const another = scene.fromAfar();
  const triesLeft = await atOnce(victims.length, async (index) => {
    return (await guessPassword(another, victims[index] as string)).body.triesLeft;
  });
  const checked = triesLeft.filter((tries) => tries !== 2).length;
  const counted =
    (await requestsUntilLimit(scene.fromAfar())) - (await requestsUntilLimit(browser)) - victims.length;
  return judge(
    counted >= checked,
    `of ${victims.length} guesses whose connections were reset, ${checked} were checked and ${counted} counted`,
  );
}

/** Sends forms until the limit of the network. Returns their number. */
async function requestsUntilLimit(browser: Browser): Promise<number> {
  for (let sent = 0; sent < PAST_THE_LIMIT; sent += 1)
    if ((await browser.post('/getseed', { username: 'unknown@example.com' })).status === 429) return sent;
  throw new NotTried(`${PAST_THE_LIMIT} requests met no limit`);
}

async function sendRefusedForms(scene: Scene): Promise<Verdict> {
  const browser = scene.browser();
  const refused = await atOnce(PAST_THE_LIMIT, () => browser.post('/getseed', {}), 20);
  const next = await browser.post('/getseed', { username: 'unknown@example.com' });
  const page = await browser.get('/');
  return judge(
    next.status === 429 && page.status === 429,
    `after ${tally(refused)} a well-formed one: ${tally([next])}, and a page: ${page.status}`,
  );
}

async function breakTheParser(scene: Scene): Promise<Verdict> {
  const texts = [
    'FOO\r\n\r\n',
    'GET / HTTP/1.1\r\nConnection: close\r\n\r\n',
    requestText(scene, 'GET /', 'Connection: close', 'Expect: something'),
    requestText(scene, 'GET /', `X: ${'a'.repeat(20_000)}`),
    requestText(scene, 'CONNECT example.com:80', 'Connection: close'),
  ];
  const answers = await Promise.all(
    texts.map(async (text) => {
      const [socket] = openSockets(scene, 1, text) as [Socket];
      return (
        await socket
          .setEncoding('latin1')
          .toArray()
          .catch(() => [])
      ).join('');
    }),
  );
  const isGuarded = (answer: string) =>
    ['content-security-policy', 'x-content-type-options', 'cache-control'].every((name) =>
      answer.toLowerCase().includes(`\r\n${name}: `),
    );
  const codes = answers.map((answer) => answer.slice(9, 12) || 'none').join(', ');
  const bare = answers.filter((answer) => !isGuarded(answer)).length;
  return judge(bare === 0, `${texts.length} broken requests: ${codes}; ${bare} lacked the security headers`);
}
