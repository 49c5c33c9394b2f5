import { expect, onTestFinished, test } from 'vitest';
import { openTarget } from '../../../tools/attack/target.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { newKeys } from '../../support/page.ts';
import { type Program, startProgram } from '../../support/program.ts';
import { account, RingCentralStandIn } from '../../support/ringcentral-standin.ts';
import { must } from '../../support/world.ts';

const [A, B] = [1, 2].map((byte) => Buffer.alloc(32, byte).toString('base64url')) as [string, string];

/** Starts programs on one database file at the same time, with RingCentral's stand-in. */
async function programs(count: number, env: Record<string, string> = {}) {
  const ringCentral = await RingCentralStandIn.start();
  onTestFinished(() => ringCentral.close());
  const folder = temporaryFolder();
  const settings = {
    APP_SECRET: A,
    RC_SERVER_URL: ringCentral.url,
    RC_APP_CLIENT_ID: account.clientId,
    RC_APP_CLIENT_SECRET: account.clientSecret,
    RC_USER_JWT: account.jwt,
    RC_FROM_NUMBER: account.fromNumber,
    ...env,
  };
  const started = await Promise.all(Array.from({ length: count }, () => startProgram(settings, folder)));
  return { ringCentral, started };
}

/** Signs up a user, and asks for a code to reset the password. */
async function askForCode({ origin }: Program, index: number): Promise<number> {
  const browser = (await openTarget(new URL(origin))).browser();
  const email = `user${index}@example.com`;
  const { salt = '', kdf = '' } = (await browser.post('/getseed', { username: email })).body;
  const user = { email, fname: 'Ann', lname: 'Lee', phoneno: `+12025550${100 + index}`, salt, kdf };
  expect((await browser.post('/signup', { ...user, ...newKeys(email, salt) })).status).toBe(201);
  return (await browser.post('/resetpwd', { username: email })).status;
}

test('two processes together start no more messages in a minute than the pace, under one login', async () => {
  const { ringCentral, started } = await programs(2, { RC_MESSAGES_PER_MINUTE: '4' });
  const asked = Array.from({ length: 8 }, (_, index) => askForCode(must(started[index % 2]), index));
  expect(await Promise.all(asked)).toEqual(Array(8).fill(200));
  await expect.poll(() => ringCentral.messages.length).toBe(4);
  // A stop sends what has started, and nothing that waits.
  for (const program of started) program.process.kill('SIGTERM');
  expect(await Promise.all(started.map((program) => program.ended()))).toEqual([0, 0]);
  expect(ringCentral.messages).toHaveLength(4);
  expect(ringCentral.count('token')).toBe(1);
});

test('five processes that start at once make one login, and each sends', async () => {
  const { ringCentral, started } = await programs(5);
  const asked = started.map((program, index) => askForCode(program, index));
  expect(await Promise.all(asked)).toEqual(Array(5).fill(200));
  await expect.poll(() => ringCentral.messages.length).toBe(5);
  expect(ringCentral.count('token')).toBe(1);
});

test('a start with another APP_SECRET says once that codes are void, and one with both secrets does not', async () => {
  const folder = temporaryFolder();
  const outputs: string[] = [];
  for (const APP_SECRET of [A, B, B, `${A},${B}`]) {
    const program = await startProgram({ APP_SECRET }, folder);
    program.process.kill('SIGTERM');
    await program.ended();
    outputs.push(program.output());
  }
  const note = 'APP_SECRET is not the one that this database was used with';
  expect(outputs.map((output) => output.includes(note))).toEqual([false, true, false, false]);
  for (const output of outputs) for (const secret of [A, B]) expect(output).not.toContain(secret);
});
