import { expect, test } from 'vitest';
import { site } from '../support/site.ts';
import { otherThan } from '../support/sms.ts';
import { ANN } from '../support/world.ts';

test('during the pause, the answer to a request for another code does not say that one is on its way', async () => {
  const here = site();
  const ann = here.visitor();
  await ann.signUp();
  const { flow } = (await ann.post('/resetpwd', { username: ANN })).body;
  await here.world.settled();
  await ann.setPassword(flow, otherThan(here.world.sms.lastPasscode()), 'the new one');
  expect((await ann.post('/resendcode', { flow })).body).toEqual({
    status: 'code_sent',
    message: 'We texted a code to X-XXX-XXX-0123. You can ask for another in 60 seconds.',
    phone: 'X-XXX-XXX-0123',
    resendIn: 60,
    flow,
  });
});

test('without a pause, the answer does not say how long to wait', async () => {
  const here = site({ policy: { codeResendSeconds: 0 } });
  const ann = here.visitor();
  await ann.signUp();
  const { flow } = (await ann.post('/resetpwd', { username: ANN })).body;
  const { message } = (await ann.post('/resendcode', { flow })).body;
  expect(message).toBe('We texted a code to X-XXX-XXX-0123.');
});

test('a wrong code and an unknown flow have one answer, which says nothing about other flows', async () => {
  const here = site();
  const ann = here.visitor();
  await ann.signUp();
  const { flow } = (await ann.lockOut()).body;
  await here.world.settled();
  const passcode = otherThan(here.world.sms.lastPasscode());
  const answers = [];
  for (const one of ['A'.repeat(22), flow])
    answers.push((await ann.post('/verifypasscode', { username: ANN, flow: one, passcode })).body);
  const expected = {
    status: 'wrong_code',
    message: 'That code is wrong. Ask for a new one.',
  };
  expect(answers).toEqual([expected, expected]);
});
