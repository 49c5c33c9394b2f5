import { expect, test } from 'vitest';
import { resetPwd } from '../../src/engine.ts';
import { createSmsPort } from '../../src/sms/sms-port.ts';
import { fakeClock } from '../support/clock.ts';
import { memoryStore } from '../support/memory-store.ts';
import { fakeSms } from '../support/sms.ts';
import { ANN, NETWORK, ownersDevice, PASSWORD, world } from '../support/world.ts';

const EMAIL = (index: number) => `user${index}@example.com`;

/** A world whose sender starts ten messages a minute. Five messages of each trust level can wait. */
function queuedWorld() {
  const minutes = fakeClock();
  const sender = fakeSms();
  const queue = createSmsPort(sender, { perMinute: 10, maxWaiting: 5 }, minutes);
  const here = world({ codeResendSeconds: 0 }, memoryStore(), queue);
  /** Asks for a code, and runs all work that does not wait in the queue. */
  const ask = async (email: string, from: { network: string; device?: string }) => {
    const outcome = await resetPwd(here.deps, { email, ...from });
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    return outcome;
  };
  return { here, ask, minutes, sent: sender.sent };
}

test('strangers who fill the queue do not delay an owner on a known device (attack 3)', async () => {
  const { here, ask, minutes, sent } = queuedWorld();
  await here.signUp();
  const device = await ownersDevice(here);
  const kinds = [];
  for (let index = 0; index < 30; index += 1) {
    kinds.push((await ask(EMAIL(index), { network: `198.51.100.${index}` })).kind);
  }
  expect(kinds.filter((kind) => kind === 'code_sent')).toHaveLength(15);
  expect(await ask(ANN, { network: NETWORK })).toEqual({ kind: 'slow_down', retryAfter: 60 });
  expect(here.alerts).toContainEqual({ event: 'queue_full' });

  expect(await ask(ANN, { network: NETWORK, device })).toMatchObject({ kind: 'code_sent' });
  expect(sent).toEqual([]);
  minutes.advanceSeconds(60);
  await here.settled();
  expect(sent).toHaveLength(1);
});

test('a full queue does not reveal which addresses have accounts (attack 14)', async () => {
  const answers = async (hasAccount: boolean) => {
    const { here, ask, minutes } = queuedWorld();
    const asked = [];
    for (let index = 0; index < 13; index += 1) {
      await here.signUp(EMAIL(index), PASSWORD, `+1202${201 + index}1000`);
      asked.push((await ask(EMAIL(index), { network: `198.51.100.${index}` })).kind);
    }
    if (hasAccount) await here.signUp(ANN);
    for (let count = 0; count < 4; count += 1) asked.push((await ask(ANN, { network: NETWORK })).kind);
    minutes.advanceSeconds(60);
    await here.settled();
    asked.push((await ask(ANN, { network: NETWORK })).kind);
    return asked;
  };
  const seen = await answers(true);
  expect(seen).toEqual(await answers(false));
  expect(seen.slice(-5)).toEqual(['code_sent', 'code_sent', 'slow_down', 'slow_down', 'code_sent']);
});
