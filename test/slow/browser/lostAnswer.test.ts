import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { EMAIL, PASSWORDS, readPasscode, signIn, signOut, signUp, story } from '../../support/browser.ts';

/** Loses the next answer to a form, after the server has sent it. */
async function loseNextAnswer(page: Page, path: string): Promise<void> {
  let isLost = false;
  await page.route(`**${path}`, async (route) => {
    if (isLost || route.request().method() !== 'POST') return route.fallback();
    isLost = true;
    await route.fetch();
    return route.abort('connectionreset');
  });
}

story('a user whose answers are lost learns what the server may have done', {}, async (page, program) => {
  const notice = (text: string) => page.getByRole('status').filter({ hasText: text }).waitFor();
  const unreachable = () => page.getByRole('alert').filter({ hasText: 'can’t reach the server' }).waitFor();
  const signInForm = page.getByRole('form', { name: 'Sign in' });

  await loseNextAnswer(page, '/signup');
  const signedUp = signUp(page, program);
  await unreachable();
  await page.getByRole('button', { name: 'Create account' }).click();
  await signedUp;
  await notice('Your account may be ready');
  expect(await signInForm.getByLabel('Email address').inputValue()).toBe(EMAIL);

  for (let time = 0; time < 3; time += 1) await signIn(page, PASSWORDS.wrong);
  const unlockForm = page.getByRole('form', { name: 'Unlock your account' });
  await unlockForm.getByLabel('Six-digit code').fill(await readPasscode(page, program, 1));
  await loseNextAnswer(page, '/verifypasscode');
  await unlockForm.getByRole('button', { name: 'Unlock' }).click();
  await unreachable();
  await unlockForm.getByRole('button', { name: 'Unlock' }).click();
  await notice('If the code was right, your account is unlocked');
  await signIn(page, PASSWORDS.first);
  await page.waitForURL(`${program.origin}/about`);

  await signOut(page);
  await page.getByRole('button', { name: 'Forgot password?' }).click();
  const resetForm = page.getByRole('form', { name: 'Reset your password' });
  await resetForm.getByLabel('Email address').fill(EMAIL);
  await resetForm.getByRole('button', { name: 'Text me a code' }).click();
  const passcode = await readPasscode(page, program, 2);
  const setPassword = async () => {
    await resetForm.getByLabel('Six-digit code').fill(passcode);
    await resetForm.getByRole('textbox', { name: 'New password' }).fill(PASSWORDS.second);
    await resetForm.getByRole('button', { name: 'Set new password' }).click();
  };
  await loseNextAnswer(page, '/resetpwd');
  await setPassword();
  await unreachable();
  await page.reload();
  await setPassword();
  await notice('If the code was right, your new password is set');
  await signIn(page, PASSWORDS.second);
  await page.waitForURL(`${program.origin}/about`);
});
