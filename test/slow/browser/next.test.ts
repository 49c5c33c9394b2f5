import { expect } from 'vitest';
import { createAccount, PASSWORDS, readPasscode, signIn, signOut, story } from '../../support/browser.ts';

story(
  'the page that the user asked for opens after a code, a lock, a reset and a reload',
  { SECOND_FACTOR: 'always', CODE_RESEND_SECONDS: '0' },
  async (page, program) => {
    await createAccount(page, program);
    await page.goto(`${program.origin}/account`);
    expect(page.url()).toBe(`${program.origin}/?next=/account`);

    for (let failure = 0; failure < 3; failure += 1) await signIn(page, PASSWORDS.wrong);
    const unlock = page.getByRole('form', { name: 'Unlock your account' });
    await unlock.getByLabel('Six-digit code').fill(await readPasscode(page, program, 1));
    await unlock.getByLabel('Six-digit code').press('Enter');

    await page.getByRole('button', { name: 'Forgot password?' }).click();
    await page.getByRole('button', { name: 'Text me a code' }).click();
    const reset = page.getByRole('form', { name: 'Reset your password' });
    await reset.getByLabel('Six-digit code').fill(await readPasscode(page, program, 2));
    await page.reload();
    await reset.getByLabel('Six-digit code').fill(await readPasscode(page, program, 2));
    await reset.getByRole('textbox', { name: 'New password' }).fill(PASSWORDS.second);
    await reset.getByRole('button', { name: 'Set new password' }).click();
    await page.getByRole('status').filter({ hasText: 'password has been changed' }).waitFor();

    await signIn(page, PASSWORDS.second);
    const code = page.getByRole('form', { name: 'Enter your code' }).getByLabel('Six-digit code');
    await code.waitFor();
    await page.reload();
    await code.fill(await readPasscode(page, program, 4));
    await code.press('Enter');
    await page.waitForURL(`${program.origin}/account`);
    await page.goto(`${program.origin}/?next=/dev/messages`);
    expect(page.url()).toBe(`${program.origin}/dev/messages`);
  },
);

story('a new user comes to the page by way of the sign-up', {}, async (page, program) => {
  await page.goto(`${program.origin}/?next=/account`);
  await page.getByRole('link', { name: 'Create an account' }).click();
  expect(page.url()).toBe(`${program.origin}/signup?next=/account`);
});

const ELSEWHERE = [
  '//evil.example',
  '/\\evil.example',
  'https://evil.example',
  '/\t/evil.example',
  '/..//evil.example',
];

story('a page of another site as the next page leads to the about page', {}, async (page, program) => {
  await createAccount(page, program);
  for (const next of ELSEWHERE) {
    await page.goto(`${program.origin}/?next=${encodeURIComponent(next)}`);
    await signIn(page, PASSWORDS.first);
    await page.waitForURL(`${program.origin}/about`);
    await page.goto(`${program.origin}/?next=${encodeURIComponent(next)}`);
    expect(page.url(), next).toBe(`${program.origin}/about`);
    await signOut(page);
  }
});
