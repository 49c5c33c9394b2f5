import { expect, test } from 'vitest';
import { cookiesOf, site } from '../support/site.ts';
import { ANN, PASSWORD } from '../support/world.ts';

const BOB = 'bob@example.com';

/** A browser in which Ann signed in, and Bob after her. An old tab still shows Ann. */
async function bobAfterAnn() {
  const here = site();
  const browser = here.visitor();
  for (const email of [ANN, BOB]) {
    await browser.signUp(email);
    await browser.signIn(PASSWORD, email);
  }
  return browser;
}

test('a sign-out in a tab that shows another user does not end the session', async () => {
  const browser = await bobAfterAnn();
  const answer = await browser.post('/logout', { shown: ANN });
  expect([answer.status, answer.body]).toEqual([
    200,
    {
      status: 'ok',
      message: 'You were signed out before. Another user is signed in here now.',
      isOtherSignedIn: true,
    },
  ]);
  expect(cookiesOf(answer)).toEqual([]);
  expect((await browser.agent.get('/about')).text).toContain(BOB);
});

test.each([
  ['in a tab that shows the user', { shown: BOB }],
  ['that does not say who is shown', {}],
  ['with other fields', { username: ANN, email: ANN }],
])('a sign-out %s ends the session', async (_, fields) => {
  const browser = await bobAfterAnn();
  const answer = await browser.post('/logout', fields);
  expect([answer.status, answer.body]).toEqual([200, { status: 'ok', message: 'You are signed out.' }]);
  expect(cookiesOf(answer)).toEqual([expect.stringContaining('sid=; Path=/; Expires=Thu, 01 Jan 1970')]);
  expect((await browser.agent.get('/about')).text).not.toContain(BOB);
});

test('a sign-out without a session is ok', async () => {
  const answer = await site().visitor().post('/logout', { shown: ANN });
  expect([answer.status, answer.body]).toEqual([200, { status: 'ok', message: 'You are signed out.' }]);
});
