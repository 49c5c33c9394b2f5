import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { expect, onTestFinished, test } from 'vitest';
import { freePort } from '../../../tools/free-port.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { runCommand, startProgram } from '../../support/program.ts';
import { expectNoSecrets, PHONE } from '../../support/ringcentral.ts';
import {
  account,
  page,
  RingCentralStandIn,
  refusal,
  type Trouble,
  tooMany,
} from '../../support/ringcentral-standin.ts';
import { ROOT } from '../../support/site.ts';

async function standIn(): Promise<RingCentralStandIn> {
  const ringCentral = await RingCentralStandIn.start();
  onTestFinished(() => ringCentral.close());
  return ringCentral;
}

const variablesFor = (ringCentral: RingCentralStandIn) => ({
  RC_SERVER_URL: ringCentral.url,
  RC_APP_CLIENT_ID: account.clientId,
  RC_APP_CLIENT_SECRET: account.clientSecret,
  RC_USER_JWT: account.jwt,
  RC_FROM_NUMBER: account.fromNumber,
});

/** Runs the built doctor in a folder of its own until it ends. */
async function doctor(env: Record<string, string>, args: string[] = [], cwd?: string) {
  const { code, output } = await runCommand('commands/doctor', args, env, cwd);
  expect(output).not.toContain('    at ');
  return { code, output };
}

test('the doctor finds no fault and exits with 0', async () => {
  const ringCentral = await standIn();
  const { code, output } = await doctor(variablesFor(ringCentral));
  expect(output).not.toContain('WRONG');
  expect(output.trim().split('\n')).toHaveLength(9);
  expect(code).toBe(0);
  expect(ringCentral.messages).toEqual([]);
});

test('the doctor names the missing variables, even if the sender is the console', async () => {
  const { code, output } = await doctor({ SMS_SENDER: 'console', RC_USER_JWT: account.jwt });
  expect(code).toBe(1);
  for (const name of ['RC_APP_CLIENT_ID', 'RC_APP_CLIENT_SECRET', 'RC_FROM_NUMBER']) {
    expect(output).toContain(`${name} is missing`);
  }
  expect(output).toContain('docs/ringcentral.md');
  expect(output).not.toContain(account.jwt);
});

test('the doctor names a credential with a stray character, and asks RingCentral nothing', async () => {
  const ringCentral = await standIn();
  const { code, output } = await doctor({
    ...variablesFor(ringCentral),
    RC_USER_JWT: `${account.jwt}\u201d`,
  });
  expect(code).toBe(1);
  expect(output).toContain('RC_USER_JWT has a quotation mark (U+201D');
  expect(output).not.toContain(account.jwt);
  expect(ringCentral.count('token')).toBe(0);
});

test('the doctor reads .env and says that the sender is still the console', async () => {
  const folder = temporaryFolder();
  const lines = Object.entries(variablesFor(await standIn())).map(([name, value]) => `${name}=${value}`);
  writeFileSync(join(folder, '.env'), [...lines, 'SMS_SENDER=console'].join('\n'));
  const { code, output } = await doctor({}, [], folder);
  expect(output).toContain('SMS_SENDER=console');
  expect(code).toBe(0);
});

test('the doctor sends one message to the given number and follows its delivery', async () => {
  const ringCentral = await standIn();
  ringCentral.progress = ['Delivered'];
  const { code, output } = await doctor(variablesFor(ringCentral), ['--send', PHONE]);
  expect(ringCentral.messages).toMatchObject([
    { to: PHONE, text: expect.stringContaining('Two-Factor Demo') },
  ]);
  expect(output).toContain('ending in 0123');
  expect(output).toContain('It was delivered');
  expect(code).toBe(0);
  expectNoSecrets(output, ringCentral);
});

test.each([[['--send']], [['--send', '12']], [['--send', '+447911123456']], [['--help']]])(
  'the doctor only prints its usage for %o',
  async (args) => {
    const ringCentral = await standIn();
    const { code, output } = await doctor(variablesFor(ringCentral), args);
    expect(output).toContain('npm run doctor -- --send +12025550123');
    expect(code).toBe(1);
    expect(ringCentral.count('token')).toBe(0);
  },
);

test('the doctor says what to do after each failure, exits with 1 and prints no secret', async () => {
  const echo = (body: string) => `refused: ${body}`;
  const troubles: [Parameters<RingCentralStandIn['next']>[0], Trouble][] = [
    ['token', refusal(400, 'OAU-125')],
    ['token', refusal(401, 'OAU-146')],
    ['token', tooMany('60')],
    ['token', page(503)],
    ['token', { kind: 'drop', when: 'after' }],
    ['numbers', refusal(403, 'CMN-401')],
    ['messages', { kind: 'answer', status: 403, body: () => ({ errorCode: 'CMN-408' }) }],
    ['sms', refusal(400, 'MSG-245')],
    ['sms', { kind: 'answer', status: 500, body: echo }],
    ['sms', { kind: 'cut' }],
  ];
  const runs = troubles.map(async ([endpoint, trouble]) => {
    const ringCentral = await standIn();
    ringCentral.always(endpoint, trouble);
    const args = endpoint === 'sms' ? ['--send', PHONE] : [];
    const { code, output } = await doctor(variablesFor(ringCentral), args);
    expect(output, endpoint).toMatch(/^WRONG .*\n +-> .{10,}$/m);
    expect(code, endpoint).toBe(1);
    expectNoSecrets(output, ringCentral);
  });
  await Promise.all(runs);
});

test('the app starts despite a fault of the RingCentral account, and warns in one line', async () => {
  const ringCentral = await standIn();
  ringCentral.numbers[0]?.features.splice(0, 9);
  const program = await startProgram(variablesFor(ringCentral));
  await expect.poll(program.output).toContain('npm run doctor');
  expect(
    program.output().match(/"event":"ringcentral_check_failed".*lacks the feature SmsSender/g),
  ).toHaveLength(1);
  expect((await fetch(program.origin)).status).toBe(200);
  expectNoSecrets(program.output(), ringCentral);
});

test('npm run dev:ringcentral runs the app with a stand-in, prints its messages, and stops both at Ctrl-C', async () => {
  const folder = temporaryFolder();
  const script = join(folder, 'dev.js');
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  expect(scripts['predev:ringcentral']).toContain('bundle -- tools/dev-ringcentral.ts');
  expect(scripts.bundle).toContain('esbuild --bundle --platform=node --format=esm --packages=external');
  buildSync({
    entryPoints: [join(ROOT, 'tools/dev-ringcentral.ts')],
    outfile: script,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
  });
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  const port = await freePort();
  const child = spawn(process.execPath, [script], {
    cwd: ROOT,
    detached: true,
    env: {
      PATH: process.env.PATH,
      PORT: String(port),
      HOST: 'localhost',
      PUBLIC_ORIGIN: `http://localhost:${port}`,
      DATABASE_URL: `file:${join(folder, 'users.db')}`,
    },
  });
  const ended = once(child, 'close');
  const interrupt = () => process.kill(-(child.pid as number), 'SIGINT');
  onTestFinished(async () => {
    if (child.exitCode === null) interrupt();
    await ended;
  });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  await expect.poll(() => output).toContain(' is at ');

  const username = 'ann@example.com';
  const post = async (path: string, fields: Record<string, string>) =>
    (
      await fetch(`http://localhost:${port}${path}`, { method: 'POST', body: new URLSearchParams(fields) })
    ).json();
  const { newKeys } = await import('../../support/page.ts');
  const { salt, kdf } = await post('/getseed', { username });
  const person = { email: username, fname: 'Ann', lname: 'Lee', phoneno: PHONE };
  await post('/signup', { ...person, salt, kdf, ...newKeys('a password', salt) });
  await post('/resetpwd', { username });
  await expect.poll(() => output).toMatch(new RegExp(`Text message to \\${PHONE}[^]*\\b\\d{6}\\b`));

  interrupt();
  const [code] = await ended;
  expect(output).toContain('Stopped.');
  expect(code).toBe(0);
});
