import { expect, onTestFinished, test } from 'vitest';
import { createCircuitBreaker } from '../../src/sms/circuit-breaker.ts';
import { ringCentralSms } from '../../src/sms/ringcentral/sender.ts';
import type { SmsOutcome } from '../../src/sms.ts';
import { fakeClock } from '../support/clock.ts';
import { account, oauthRefusal, RingCentralStandIn } from '../support/ringcentral-standin.ts';
import { settle, testPort } from '../support/sms-port.ts';

const MISCONFIGURED: SmsOutcome = {
  kind: 'refused',
  reason: 'misconfigured',
  facts: { call: 'login', status: 400, errorCode: 'OAU-125' },
};
const BUSY: SmsOutcome = { kind: 'refused', reason: 'busy' };
const UNKNOWN: SmsOutcome = { kind: 'unknown', facts: { errorCode: 'TimeoutError' } };
const numbers = ['+12025550101', '+12025550102', '+12025550103'];

test('an outage has a line at its start, every ten minutes, and at its end, with the users who asked', async () => {
  const { clock, lines, send, sendDecoy, answered } = testPort({ perMinute: 20 });
  const cause = { reason: 'misconfigured', provider: MISCONFIGURED.facts };
  await answered(MISCONFIGURED);
  expect(lines).toEqual([{ event: 'sms_outage_started', ...cause, seconds: 0, users: 1 }]);

  for (const number of [...numbers, ...numbers]) await send('stranger', number);
  await sendDecoy();
  clock.advanceSeconds(599);
  await settle();
  expect(lines).toHaveLength(1);
  clock.advanceSeconds(1);
  await settle();
  expect(lines[1]).toEqual({ event: 'sms_outage_continues', ...cause, seconds: 600, users: 4 });
  clock.advanceSeconds(600);
  await settle();
  expect(lines[2]).toEqual({ event: 'sms_outage_continues', ...cause, seconds: 1200, users: 4 });

  await send('stranger', '+12025550104');
  expect(lines[3]).toEqual({ event: 'sms_outage_ended', ...cause, seconds: 1200, users: 5 });
  clock.advanceSeconds(3600);
  await settle();
  expect(lines).toHaveLength(4);
});

test('a reminder has the newest reason', async () => {
  const { clock, lines, answered } = testPort({ perMinute: 20 });
  await answered(BUSY);
  clock.advanceSeconds(30);
  await answered(MISCONFIGURED);
  clock.advanceSeconds(570);
  await settle();
  expect(lines.map(({ event, reason }) => [event, reason])).toEqual([
    ['sms_outage_started', 'busy'],
    ['sms_outage_continues', 'misconfigured'],
  ]);
});

test('an outage by unknown outcomes counts the users who met them', async () => {
  const { lines, send, sms } = testPort({ perMinute: 20 });
  for (const number of numbers) {
    sms.answerNext(UNKNOWN);
    await send('stranger', number);
  }
  expect(lines).toEqual([
    { event: 'sms_outage_started', reason: 'unknown', provider: UNKNOWN.facts, seconds: 0, users: 3 },
  ]);
});

test('a port that is closed reminds no more', async () => {
  const { clock, lines, answered, close } = testPort();
  await answered(MISCONFIGURED);
  close();
  clock.advanceSeconds(3600);
  await settle();
  expect(lines).toHaveLength(1);
});

test('with RingCentral, a revoked JWT starts an outage, and a new one ends it without a message', async () => {
  const ringCentral = await RingCentralStandIn.start();
  onTestFinished(() => ringCentral.close());
  const { clock, lines, send, close } = testPort(
    { perMinute: 20 },
    ringCentralSms({ serverUrl: ringCentral.url, ...account, nowMs: () => clock.nowMs() }),
  );
  onTestFinished(close);
  ringCentral.always('token', oauthRefusal(400, 'invalid_grant', 'OAU-125'));
  for (const number of numbers) await send('stranger', number);
  const provider = { call: 'login', status: 400, errorCode: 'OAU-125' };
  expect(lines).toMatchObject([{ event: 'sms_outage_started', reason: 'misconfigured', provider }]);

  const logins = () => ringCentral.count('token');
  clock.advanceSeconds(90);
  await expect.poll(logins).toBe(2);
  ringCentral.always('token', undefined);
  // The clock moves while the sender waits, until the login is no longer paused.
  const events = () => {
    clock.advanceSeconds(30);
    return lines.map(({ event }) => event);
  };
  await expect.poll(events).toContain('sms_outage_ended');
  expect(lines.at(-1)).toMatchObject({ event: 'sms_outage_ended', users: 3 });
  expect(ringCentral.messages).toEqual([]);
});

test('users whose messages were under way when the outage began are counted', async () => {
  const lines: { event: string; users: number }[] = [];
  const pending: ((outcome: SmsOutcome) => void)[] = [];
  const send = () => new Promise<SmsOutcome>((resolve) => void pending.push(resolve));
  const clock = fakeClock();
  const breaker = createCircuitBreaker({ send }, { log: (line) => lines.push(line) }, clock);
  const sent = numbers.map((number) => breaker.send(number, 'text'));
  for (const answer of pending.splice(0)) answer(MISCONFIGURED);
  await Promise.all(sent);

  clock.advanceSeconds(30);
  const probe = breaker.send('+12025550104', 'text');
  pending[0]?.({ kind: 'sent', messageId: '1' });
  await probe;
  expect(lines.map(({ event, users }) => [event, users])).toEqual([
    ['sms_outage_started', 1],
    ['sms_outage_ended', 4],
  ]);
});
