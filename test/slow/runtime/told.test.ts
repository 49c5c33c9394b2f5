import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../../support/folder.ts';
import { newKeys } from '../../support/page.ts';
import { type Program, startProgram } from '../../support/program.ts';
import { account, oauthRefusal, RingCentralStandIn } from '../../support/ringcentral-standin.ts';
import { ROOT } from '../../support/site.ts';

type Line = Record<string, unknown> & { provider?: Record<string, unknown> };

/** The JSON lines that a program has printed. */
const linesOf = (program: Program): Line[] =>
  program
    .output()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
const eventsOf = (program: Program, name: string) => linesOf(program).filter(({ event }) => event === name);

async function ringCentral(): Promise<[RingCentralStandIn, env: Record<string, string>]> {
  const standIn = await RingCentralStandIn.start();
  onTestFinished(() => standIn.close());
  const env = {
    RC_SERVER_URL: standIn.url,
    RC_APP_CLIENT_ID: account.clientId,
    RC_APP_CLIENT_SECRET: account.clientSecret,
    RC_USER_JWT: account.jwt,
    RC_FROM_NUMBER: account.fromNumber,
  };
  return [standIn, env];
}

async function post({ origin }: Program, path: string, fields: Record<string, string>) {
  return (await fetch(`${origin}${path}`, { method: 'POST', body: new URLSearchParams(fields) })).json();
}

async function signUp(program: Program, email: string, phoneno: string): Promise<void> {
  const { salt, kdf } = await post(program, '/getseed', { username: email });
  const person = { email, fname: 'Ada', lname: 'Lee', phoneno, salt, kdf };
  expect(await post(program, '/signup', { ...person, ...newKeys('a password', salt) })).toMatchObject({
    status: 'ok',
  });
}

const askForCode = (program: Program, username: string) => post(program, '/resetpwd', { username });

test('a revoked JWT is one outage in the log, with what to do about it', async () => {
  const [standIn, env] = await ringCentral();
  standIn.always('token', oauthRefusal(400, 'invalid_grant', 'OAU-125'));
  const program = await startProgram(env);
  for (const index of [0, 1, 2]) await signUp(program, `user${index}@example.com`, `+1202555100${index}`);
  for (const index of [0, 1, 2]) await askForCode(program, `user${index}@example.com`);
  await askForCode(program, 'nobody@example.com');
  await expect.poll(() => eventsOf(program, 'sms_refused')).toHaveLength(3);

  const fix = expect.stringContaining('RC_USER_JWT is revoked');
  expect(eventsOf(program, 'ringcentral_check_failed')).toMatchObject([{ level: 40, fix }]);
  const provider = { call: 'login', status: 400, errorCode: 'OAU-125' };
  expect(eventsOf(program, 'sms_outage_started')).toMatchObject([
    { level: 50, reason: 'misconfigured', provider, users: 1, fix },
  ]);
});

test("each message has a line with its request's id, whether it was sent, suppressed or refused", async () => {
  const [standIn, env] = await ringCentral();
  standIn.progress = ['Delivered'];
  const program = await startProgram(env);
  await signUp(program, 'ada@example.com', '+12025551234');
  await askForCode(program, 'ada@example.com');
  await askForCode(program, 'ada@example.com');
  await askForCode(program, 'nobody@example.com');
  await expect.poll(() => eventsOf(program, 'delivery_delivered')).toHaveLength(1);
  await expect.poll(() => eventsOf(program, 'sms_suppressed')).toHaveLength(1);

  const requests = linesOf(program).filter(({ path }) => path === '/resetpwd');
  const about = (id: unknown) =>
    linesOf(program)
      .filter((line) => line.id === id && line.msg === 'message')
      .map(({ event, reason, purpose, to }) => [event, reason, purpose, to]);
  expect(requests.map(({ id }) => about(id))).toEqual([
    [
      ['sms_sent', undefined, 'reset', '1234'],
      ['delivery_delivered', undefined, 'reset', '1234'],
    ],
    [['sms_refused', 'pause', 'reset', '1234']],
    [['sms_suppressed', 'no_account', 'reset', expect.stringMatching(/^\d{4}$/)]],
  ]);
  const [sent, delivered] = [...eventsOf(program, 'sms_sent'), ...eventsOf(program, 'delivery_delivered')];
  expect(delivered).toMatchObject({ account: sent?.account, messageId: sent?.messageId });
  expect(sent).toMatchObject({ provider: { status: 200, requestId: expect.any(String) } });
  for (const word of ['ada@', 'nobody@', '2025551234']) expect(program.output()).not.toContain(word);
});

test('docs/operations.md has a command that finds the lines of an address or a number', async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, '.env'), `APP_SECRET=${Buffer.alloc(32, 7).toString('base64url')}\n`);
  const program = await startProgram({}, folder);
  await signUp(program, 'Ada@Example.com', '+12025551234');
  await askForCode(program, 'ada@example.com');
  await expect.poll(() => eventsOf(program, 'sms_sent')).toHaveLength(1);
  const [line] = eventsOf(program, 'sms_sent');

  const document = readFileSync(join(ROOT, 'docs', 'operations.md'), 'utf8');
  const command = /```sh\n(node --env-file[^\n]+)\n```/.exec(document)?.[1] ?? '';
  const found = (text: string) =>
    execFileSync('sh', ['-c', command.replace('ada@example.com', text)], { cwd: folder })
      .toString()
      .trim();
  expect(found('ada@example.com')).toBe(line?.account);
  expect(found('+12025551234')).toBe(line?.number);
});
