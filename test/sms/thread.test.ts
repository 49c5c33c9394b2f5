import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { threadedSms } from '../../src/sms/thread.ts';
import { account, RingCentralStandIn } from '../support/ringcentral-standin.ts';
import { ROOT } from '../support/site.ts';

const PHONE = '+16505550123';
const TEXT = 'Two-Factor Demo: 271828 is your code.';
const WORKER = pathToFileURL(join(ROOT, 'dist/sms/ringcentral/worker.js'));

/** The built thread, against a stand-in of the test's own. */
async function thread(options: object = {}, url = WORKER) {
  const ringCentral = await RingCentralStandIn.start();
  const faults: Error[] = [];
  const given = { serverUrl: ringCentral.url, ...account, smsCountries: ['US'], ...options };
  const sms = threadedSms(url, given, (error) => faults.push(error));
  onTestFinished(async () => {
    await sms.end();
    await ringCentral.close();
  });
  return { ringCentral, sms, faults };
}

test('sends from its thread, under one login, and follows what it sent', async () => {
  const { ringCentral, sms } = await thread();
  const outcomes = await Promise.all([sms.send(PHONE, TEXT), sms.send(PHONE, TEXT)]);
  expect(outcomes.map(({ kind }) => kind)).toEqual(['sent', 'sent']);
  expect(ringCentral.messages.map(({ to, text }) => [to, text])).toEqual([
    [PHONE, TEXT],
    [PHONE, TEXT],
  ]);
});

test('skips a message that must not leave, and calls it sent', async () => {
  const { ringCentral, sms } = await thread();
  expect(await sms.sendDecoy(PHONE, TEXT)).toEqual({ kind: 'sent', messageId: '' });
  expect(ringCentral.messages).toEqual([]);
});

test('tells in one line what is wrong with the configuration, and nothing where all is right', async () => {
  expect(await (await thread()).sms.check()).toBeUndefined();
  expect(await (await thread({ clientSecret: 'wrong' })).sms.check()).toContain('RingCentral: ');
});

test('a thread that ends leaves what it was asked unknown, and the next message starts another', async () => {
  const { ringCentral, sms } = await thread();
  await sms.send(PHONE, TEXT);
  const asked = sms.sendDecoy(PHONE, TEXT);
  await sms.end();
  expect(await asked).toEqual({ kind: 'unknown' });
  expect(await sms.send(PHONE, TEXT)).toMatchObject({ kind: 'sent' });
  expect(ringCentral.messages).toHaveLength(2);
});

test('a thread that fails is told of, and its messages are of unknown fate', async () => {
  const broken = new URL('data:text/javascript,throw new Error("broken")');
  const { sms, faults } = await thread({}, broken);
  expect(await sms.send(PHONE, TEXT)).toEqual({ kind: 'unknown' });
  expect(faults.map(({ message }) => message)).toEqual(['broken']);
});
