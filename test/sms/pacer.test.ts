import { expect, test } from 'vitest';
import { systemClock } from '../../src/sms/clock.ts';
import { createPacer } from '../../src/sms/pacer.ts';
import { settle, testPort } from '../support/sms-port.ts';

test('at most `perMinute` messages start in any minute, and the others wait in order', async () => {
  const { clock, sms, send } = testPort();
  const all = [send(), send(), send(), send()];
  await settle();
  expect(sms.sent).toHaveLength(2);
  clock.advanceSeconds(59);
  await settle();
  expect(sms.sent).toHaveLength(2);
  clock.advanceSeconds(1);
  expect((await Promise.all(all)).map(({ kind }) => kind)).toEqual(['sent', 'sent', 'sent', 'sent']);
});

test('a message without a free place is refused at once, and the availability tells when to ask again', async () => {
  const { clock, sms, send, availability } = testPort();
  const fitting = [send(), send(), send(), send()];
  await settle();
  clock.advanceSeconds(20);
  expect(availability('stranger')).toEqual({ kind: 'full', retryAfterSeconds: 40 });
  expect(await send()).toEqual({ kind: 'refused', reason: 'busy', retryAfterSeconds: 40 });
  clock.advanceSeconds(40);
  await Promise.all(fitting);
  expect(availability('stranger')).toEqual({ kind: 'clear' });
  expect(sms.sent).toHaveLength(4);
});

test('closing refuses the waiting messages and all later ones', async () => {
  const { sms, send, close } = testPort();
  const all = [send(), send(), send()];
  await settle();
  close();
  expect((await Promise.all(all)).map(({ kind }) => kind)).toEqual(['sent', 'sent', 'refused']);
  expect(await send()).toMatchObject({ kind: 'refused' });
  expect(sms.sent).toHaveLength(2);
});

test('a decoy takes a place and a turn like any message, and never reaches the sender', async () => {
  const { clock, sms, sendDecoy, send, availability } = testPort();
  const all = [send(), sendDecoy(), sendDecoy(), send()];
  await settle();
  expect(sms.sent).toHaveLength(1);
  expect(availability('stranger')).toEqual({ kind: 'full', retryAfterSeconds: 60 });
  expect(await sendDecoy()).toEqual(await send());
  expect(await sendDecoy()).toMatchObject({ kind: 'refused', reason: 'busy' });
  clock.advanceSeconds(60);
  expect((await Promise.all(all)).map(({ kind }) => kind)).toEqual(['sent', 'sent', 'sent', 'sent']);
  expect(sms.sent).toHaveLength(2);
});

test('each trust level has places of its own, and they take turns', async () => {
  const { clock, sms, send, availability } = testPort({ perMinute: 1 });
  const trustLevels = ['stranger', 'stranger', 'stranger', 'known', 'trusted', 'known'] as const;
  const all = trustLevels.map((trust, index) => send(trust, `+1202555000${index}`));
  await settle();
  expect(availability('stranger')).toMatchObject({ kind: 'full' });
  expect(availability('known')).toMatchObject({ kind: 'full' });
  expect(availability('trusted')).toEqual({ kind: 'clear' });
  for (let minute = 0; minute < 5; minute += 1) {
    clock.advanceSeconds(60);
    await settle();
  }
  await Promise.all(all);
  expect(sms.sent.map(({ to }) => Number(to.at(-1)))).toEqual([0, 3, 4, 1, 5, 2]);
});

test('a message starts at once on the real clock', async () => {
  const pacer = createPacer({ perMinute: 2 }, systemClock);
  expect(await Promise.all([pacer.turn('stranger'), pacer.turn('known')])).toEqual([true, true]);
});
