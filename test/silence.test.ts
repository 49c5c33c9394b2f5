import { expect, onTestFinished, test } from 'vitest';
import { newKeys } from './support/page.ts';
import { type Program, startProgram } from './support/program.ts';
import { expectNoSecrets } from './support/ringcentral.ts';
import {
  account,
  oauthRefusal,
  page,
  RingCentralStandIn,
  refusal,
  type Trouble,
  tooMany,
} from './support/ringcentral-standin.ts';
import { passcodeIn } from './support/sms.ts';

/** Returns a pattern for a log line about an event. */
const event = (name: string, reason?: string, call?: string) =>
  new RegExp(
    `"event":"${name}".*${reason === undefined ? '' : `"reason":"${reason}".*`}${call === undefined ? '' : `"call":"${call}"`}`,
    'g',
  );

/** Troubles with a message, and the fields of the log line that they cause. The last one stops all messages. */
const SMS_TROUBLES: [Trouble, line: RegExp][] = [
  [refusal(400, 'MSG-243'), event('sms_refused', 'bad_recipient')],
  [refusal(400, 'SMS-RC-413'), event('sms_refused', 'opted_out')],
  [
    { kind: 'answer', status: 500, body: (sent) => ({ errorCode: sent, message: sent }) },
    event('sms_unknown'),
  ],
  [refusal(400, 'CMN-101', 'to'), event('sms_refused', 'bad_recipient')],
  [{ kind: 'drop', when: 'after' }, event('sms_unknown')],
  [refusal(403, 'MSG-240'), event('sms_refused', 'bad_recipient')],
  [{ kind: 'cut' }, event('sms_unknown')],
  [page(200), event('sms_unknown')],
  [tooMany('30'), event('sms_refused', 'busy')],
];

const LOGIN_TROUBLES: [Trouble, line: RegExp][] = [
  [oauthRefusal(400, 'invalid_grant', 'OAU-125'), event('sms_refused', 'misconfigured', 'login')],
  [
    { kind: 'answer', status: 401, body: (sent) => ({ error: sent, error_description: sent }) },
    event('sms_refused', 'misconfigured', 'login'),
  ],
  [{ kind: 'drop', when: 'after' }, event('sms_refused', 'busy', 'login')],
  [{ kind: 'answer', status: 200, body: (sent) => sent }, event('sms_refused', 'misconfigured', 'login')],
];

async function appOn(ringCentral: RingCentralStandIn): Promise<Program> {
  onTestFinished(() => ringCentral.close());
  return startProgram({
    RATE_LIMITS: 'off',
    RC_SERVER_URL: ringCentral.url,
    RC_APP_CLIENT_ID: account.clientId,
    RC_APP_CLIENT_SECRET: account.clientSecret,
    RC_USER_JWT: account.jwt,
    RC_FROM_NUMBER: account.fromNumber,
  });
}

/** Signs a user up with a number of their own, and asks for a code. */
async function askForCode({ origin }: Program, index: number): Promise<string> {
  const post = async (path: string, fields: Record<string, string>) =>
    (await fetch(`${origin}${path}`, { method: 'POST', body: new URLSearchParams(fields) })).json();
  const email = `person${index}@example.com`;
  const phoneno = `+1202555${1000 + index}`;
  const { salt, kdf } = await post('/getseed', { username: email });
  const person = { email, fname: 'Ann', lname: 'Lee', phoneno };
  expect(await post('/signup', { ...person, salt, kdf, ...newKeys('a password', salt) })).toMatchObject({
    status: 'ok',
  });
  expect(await post('/resetpwd', { username: email })).toMatchObject({ status: 'code_sent' });
  return phoneno;
}

const countIn = (text: string, pattern: RegExp) => text.match(pattern)?.length ?? 0;

test('in every trouble with a message, the program prints no code, no secret, and only four digits of a number', async () => {
  const ringCentral = await RingCentralStandIn.start();
  ringCentral.progress = [{ failed: 'DeliveryFailed', errorCode: 'SMS-CAR-413' }];
  const program = await appOn(ringCentral);
  const phones = [await askForCode(program, 0)];
  await expect.poll(program.output).toMatch(event('sms_sent'));

  for (const [index, [trouble, line]] of SMS_TROUBLES.entries()) {
    const before = countIn(program.output(), line);
    ringCentral.next('sms', trouble);
    phones.push(await askForCode(program, index + 1));
    await expect.poll(() => countIn(program.output(), line), { message: String(line) }).toBe(before + 1);
  }

  const output = program.output();
  expectNoSecrets(output, ringCentral);
  for (const phone of phones) expect(output).not.toContain(phone.slice(1));
  expect(ringCentral.messages.length).toBeGreaterThan(2);
  expect(output).not.toMatch(/#\d{6}/);
  for (const { text } of ringCentral.messages) {
    expect(output).not.toMatch(new RegExp(`\\b${passcodeIn(text)}\\b`));
  }
});

test.each(LOGIN_TROUBLES)('a failed login (%#) prints no secret either', async (trouble, line) => {
  const ringCentral = await RingCentralStandIn.start();
  ringCentral.always('token', trouble);
  const program = await appOn(ringCentral);
  const phone = await askForCode(program, 0);
  await expect.poll(program.output).toMatch(line);
  expectNoSecrets(program.output(), ringCentral);
  expect(program.output()).not.toContain(phone.slice(1));
});
