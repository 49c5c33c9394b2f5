import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { createAccount, EMAIL, PASSWORDS, signUp, story } from '../../support/browser.ts';
import type { Program } from '../../support/program.ts';

story('a sign-up shows all of its faults at once and sends nothing', {}, async (page, program) => {
  const form = await openForm(page, program);
  await form.getByLabel('Email address').fill('ann');
  await form.getByRole('textbox', { name: 'Password' }).fill('short');
  await form.getByLabel('Mobile phone').fill('(202) 555');
  await form.getByLabel('Last name').fill('Lee');
  const posts: string[] = [];
  page.on('request', (request) => request.method() === 'POST' && posts.push(request.url()));
  await form.getByRole('button', { name: 'Create account' }).click();
  const faults = form.getByRole('alert').filter({ visible: true });
  await faults.first().waitFor();
  expect(await faults.allInnerTexts()).toEqual([
    'Enter an email address like name@example.com.',
    'Use at least 8 characters. This password has 5.',
    'Enter your first name.',
    'Enter a full mobile number, such as +1 650 555 0100.',
  ]);
  expect(posts).toEqual([]);
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('signup-email');

  await form.getByLabel('Mobile phone').fill('+44 7911 123456');
  await form.getByRole('button', { name: 'Create account' }).click();
  await faults.filter({ hasText: 'We can only text numbers in the United States and Canada.' }).waitFor();
  expect(posts).toEqual([]);
});

story('a reset shows the faults of its code and of its password at once', {}, async (page, program) => {
  await createAccount(page, program);
  await page.getByRole('button', { name: 'Forgot password?' }).click();
  const form = page.getByRole('form', { name: 'Reset your password' });
  await form.getByRole('button', { name: 'Text me a code' }).click();
  await form.getByLabel('Six-digit code').fill('12');
  await form.getByRole('textbox', { name: 'New password' }).fill('short');
  await form.getByRole('button', { name: 'Set new password' }).click();
  const faults = form.getByRole('alert').filter({ visible: true });
  await faults.first().waitFor();
  expect(await faults.allInnerTexts()).toEqual([
    'Enter the six digits from the text message.',
    'Use at least 8 characters. This password has 5.',
  ]);
});

story('an address with an account gets links to sign in and to reset', {}, async (page, program) => {
  await signUp(page, program);
  await page.getByRole('status').filter({ hasText: 'Codes will go to X-XXX-XXX-0123.' }).waitFor();

  const form = await openForm(page, program);
  await fill(page);
  await form.getByRole('button', { name: 'Create account' }).click();
  const fault = form.getByRole('alert').filter({ hasText: 'already has an account' });
  await fault.waitFor();
  expect(await fault.getByRole('link').allInnerTexts()).toEqual(['Sign in', 'reset the password']);
  await fault.getByRole('link', { name: 'reset the password' }).click();
  const reset = page.getByRole('form', { name: 'Reset your password' });
  expect(await reset.getByLabel('Email address').inputValue()).toBe(EMAIL);
});

story('phone and consent are neighbours, and Enter is named on each key', {}, async (page, program) => {
  const form = await openForm(page, program);
  const inputs = form.locator('input');
  expect(await inputs.evaluateAll((all) => all.map((input) => (input as HTMLInputElement).name))).toEqual([
    'email',
    'password',
    'fname',
    'lname',
    'phoneno',
  ]);
  expect(
    await inputs.evaluateAll((all) => all.map((input) => (input as HTMLInputElement).enterKeyHint)),
  ).toEqual(['next', 'next', 'next', 'next', 'go']);
  const gap = await page.evaluate(() => {
    const phone = document.querySelector('#signup-phoneno')?.closest('.field');
    return phone?.nextElementSibling?.textContent;
  });
  expect(gap).toMatch(/you agree to get texts/);
});

story('a new password shows how hard it is to guess, and why', {}, async (page, program) => {
  const form = await openForm(page, program);
  const loaded = () =>
    page.evaluate(() => performance.getEntriesByType('resource').filter(({ name }) => /estimate/.test(name)));
  expect(await loaded()).toEqual([]);

  const field = form.getByRole('textbox', { name: 'Password' });
  const verdict = form.getByRole('status').filter({ visible: true });
  await field.fill('aaaaaaaaaaaa');
  await verdict.filter({ hasText: /weak\. Repeated characters are easy to guess/i }).waitFor();
  await field.fill('password1234');
  await verdict.filter({ hasText: /weak\. This/i }).waitFor();
  await field.fill(PASSWORDS.first);
  await verdict.filter({ hasText: 'Strong.' }).waitFor();
  expect(await loaded()).toHaveLength(1);
});

story('a password field says that Caps Lock is on', {}, async (page, program) => {
  const form = await openForm(page, program);
  const notice = form.getByRole('status').filter({ hasText: 'Caps Lock is on.' });
  const press = (isOn: boolean) =>
    form.getByRole('textbox', { name: 'Password' }).evaluate((field, modifierCapsLock) => {
      field.dispatchEvent(new KeyboardEvent('keydown', { key: 'A', bubbles: true, modifierCapsLock }));
    }, isOn);
  await press(true);
  await notice.waitFor();
  await press(false);
  await notice.waitFor({ state: 'detached' });
});

async function openForm(page: Page, { origin }: Program) {
  await page.goto(`${origin}/signup`);
  await page.getByRole('button', { name: 'Create account' }).and(page.locator(':enabled')).waitFor();
  return page.getByRole('form', { name: 'Create an account' });
}

async function fill(page: Page): Promise<void> {
  const form = page.getByRole('form', { name: 'Create an account' });
  await form.getByLabel('Email address').fill(EMAIL);
  await form.getByRole('textbox', { name: 'Password' }).fill(PASSWORDS.first);
  await form.getByLabel('Mobile phone').fill('(202) 555-0123');
  await form.getByLabel('First name').fill('Ann');
  await form.getByLabel('Last name').fill('Lee');
}
