import { expect } from 'vitest';
import { EMAIL, PASSWORDS, signIn, signOut, signUp, story } from '../support/browser.ts';

story('a user signs up, signs in, sees the about page, and signs out', {}, async (page, program) => {
  await page.goto(`${program.origin}/signup`);
  const form = page.getByRole('form', { name: 'Create an account' });
  await form.getByLabel('Email address').fill(EMAIL);
  await form.getByLabel('Mobile phone').fill('(202) 555-0123');
  await form.getByLabel('First name').fill('Ann');
  await form.getByLabel('Last name').fill('Lee');
  for (const [password, complaint] of [
    ['short', /at least 8 characters/],
    ['password1', /common/],
  ] as const) {
    await form.getByRole('textbox', { name: 'Password' }).fill(password);
    await form.getByRole('button', { name: 'Create account' }).click();
    await form.getByRole('alert').filter({ hasText: complaint }).waitFor();
  }

  await signUp(page, program);
  await page.getByRole('status').filter({ hasText: 'Your account is ready' }).waitFor();
  expect(await page.getByRole('form', { name: 'Sign in' }).getByLabel('Email address').inputValue()).toBe(
    EMAIL,
  );

  await signIn(page, PASSWORDS.first);
  await page.waitForURL(`${program.origin}/about`);
  await page.getByRole('heading', { name: 'Hello, Ann' }).waitFor();

  await signOut(page);
  await page.goto(`${program.origin}/about`);
  await page.getByRole('heading', { name: 'You are not signed in' }).waitFor();
});
