import type { Response } from 'supertest';
import { describe, expect, test, vi } from 'vitest';
import { cleanUp } from '../../src/runtime/cleanup.ts';
import type { SmsOutcome } from '../../src/sms.ts';
import { type Site, site } from '../support/site.ts';
import { ANN } from '../support/world.ts';

/** Returns the parts of an answer that a stranger can compare, with random values and phone numbers masked. */
function seen({ status, headers, body }: Response) {
  const cookies = ((headers['set-cookie'] ?? []) as string[]).map((cookie) => cookie.replace(/=[^;]*/, '='));
  return {
    status,
    headers: { ...headers, date: '', 'set-cookie': cookies },
    body: {
      ...body,
      ...(body.phone && { phone: body.phone.replace(/\d/g, 'N') }),
      ...(body.flow && { flow: body.flow.length }),
      ...(body.id && { id: body.id.length, seed: body.seed.length, salt: body.salt.length }),
      message: body.message.replace(/\d{4}/, 'NNNN'),
    },
  };
}

/** Makes every request that a stranger can make for an address, until limits refuse it, and again after `laterDays`. */
async function walk({ visitor, world }: Site, laterDays: number, sent = world.settled) {
  const stranger = visitor();
  const answers: Response[] = [];
  const step = async (answer: Promise<Response>) => {
    const given = await answer;
    answers.push(given);
    return given.body;
  };
  const round = async () => {
    await step(stranger.post('/getseed', { username: ANN }));
    for (let failure = 0; failure < 4; failure += 1) await step(stranger.signIn('wrong'));
    const { flow = 'A'.repeat(22) } = await step(stranger.signIn('wrong'));
    await sent();
    await step(stranger.post('/codestatus', { flow }));
    await step(stranger.post('/resendcode', { flow }));
    await step(stranger.post('/verifypasscode', { username: ANN, flow, passcode: '000000' }));
    await step(stranger.post('/verifypasscode', { username: ANN, flow, passcode: '000000' }));
    await step(stranger.post('/verifypasscode', { username: ANN, flow: 'A'.repeat(22), passcode: '000000' }));
    const { flow: resetFlow = flow } = await step(stranger.post('/resetpwd', { username: ANN }));
    await step(stranger.post('/resetpwd', { username: ANN }));
    await step(stranger.setPassword(resetFlow, '000000', 'x'));
    await step(stranger.setPassword(resetFlow, '000000', 'x'));
    world.clock.advanceSeconds(61);
    await step(stranger.post('/codestatus', { flow: resetFlow }));
    for (const old of [flow, resetFlow]) await step(stranger.post('/resendcode', { flow: old }));
    await step(stranger.signIn('wrong'));
    return [flow, resetFlow];
  };

  const flows = [...(await round()), ...(await round()), ...(await round())];
  world.clock.advanceMinutes(laterDays * 24 * 60);
  await cleanUp(world.deps.store, world.deps.nowMs());
  for (const flow of flows) {
    await step(stranger.post('/codestatus', { flow }));
    await step(stranger.post('/resendcode', { flow }));
    await step(stranger.post('/verifypasscode', { username: ANN, flow, passcode: '000000' }));
  }
  await round();
  return answers.map(seen);
}

const always = (outcome: SmsOutcome) => (here: Site) => {
  here.world.sms.send = async () => outcome;
};
const SENDERS: Record<string, (here: Site) => void> = {
  sends: () => undefined,
  'refuses the number': always({ kind: 'refused', reason: 'bad_recipient' }),
  'is answered STOP': always({ kind: 'refused', reason: 'opted_out' }),
  'is not set up': always({ kind: 'refused', reason: 'misconfigured' }),
  'is refused by a carrier': always({ kind: 'refused', reason: 'busy', scope: 'message' }),
  'is busy': always({ kind: 'refused', reason: 'busy', retryAfterSeconds: 40 }),
  'has no certain result': always({ kind: 'unknown' }),
  throws: (here) => {
    here.world.sms.send = async () => {
      throw new Error('The sender is broken.');
    };
  },
  hangs: (here) => {
    here.world.sms.send = () => new Promise(() => undefined);
  },
  'has a full queue': (here) => {
    here.world.sms.availability = { kind: 'full', retryAfterSeconds: 30 };
  },
  'is in an outage': (here) => {
    here.world.sms.availability = { kind: 'failing', retryAfterSeconds: 30 };
  },
};

describe('a stranger gets the same answers, headers and cookies for a known and an unknown address', () => {
  test.each(Object.keys(SENDERS))('while the sender %s (attack 13, attack 14)', async (sender) => {
    const walked = [];
    for (const isKnown of [true, false]) {
      const hangs = sender === 'hangs';
      const here = site({ isIdle: !hangs });
      if (isKnown) await here.visitor().signUp();
      SENDERS[sender]?.(here);
      walked.push(await walk(here, 0, hangs ? async () => undefined : undefined));
    }
    // The error of a sender that throws is logged, and this test does not check it.
    if (sender === 'throws') vi.mocked(console.error).mockClear();
    expect(walked[0]).toEqual(walked[1]);
    const statuses = new Set(walked[0]?.map(({ body }) => body.status));
    expect(statuses).toContain('locked');
    expect(statuses).toContain('slow_down');
    if (sender !== 'has a full queue') expect(statuses).toContain('code_sent');
  });

  test.each([1, 29, 30, 31, 400])('after the cleanup %i days later (attack 13)', async (days) => {
    const known = site();
    await known.visitor().signUp();
    expect(await walk(known, days)).toEqual(await walk(site(), days));
  });
});
