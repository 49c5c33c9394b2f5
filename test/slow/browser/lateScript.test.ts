import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { createAccount, EMAIL, PASSWORDS, signIn, signUp, story, whenReady } from '../../support/browser.ts';

/** Holds the page's script back. Returns a function that delivers it, and waits until it has run. */
async function holdScript(page: Page): Promise<() => Promise<void>> {
  let deliver = () => {};
  const delivered = new Promise<void>((resolve) => {
    deliver = resolve;
  });
  await page.route('**/main-*.js', async (route) => {
    await delivered;
    await route.continue();
  });
  return async () => {
    deliver();
    await whenReady(page);
  };
}

const loginForm = (page: Page) => page.getByRole('form', { name: 'Sign in' });
const password = (page: Page) => loginForm(page).getByRole('textbox', { name: 'Password' });
const username = (page: Page) => loginForm(page).getByLabel('Email address');

/** Types the first half of a text into a field, delivers the script, and types the second half. */
async function typeMeanwhile(page: Page, text: string, deliver: () => Promise<void>): Promise<void> {
  await page.keyboard.type(text.slice(0, 5));
  await deliver();
  await page.keyboard.type(text.slice(5));
}

story('a script that comes late keeps the focus of a user who types', {}, async (page, program) => {
  const deliver = await holdScript(page);
  await page.goto(program.origin, { waitUntil: 'commit' });
  await password(page).click();
  await typeMeanwhile(page, PASSWORDS.first, deliver);
  expect(await password(page).inputValue()).toBe(PASSWORDS.first);
  expect(await username(page).inputValue()).toBe('');
  expect(await page.evaluate(() => JSON.stringify(sessionStorage))).not.toContain('submarine');
});

story('a script that comes late keeps the screen of a user who types', {}, async (page, program) => {
  await createAccount(page, program);
  for (let tries = 0; tries < 3; tries += 1) await signIn(page, PASSWORDS.wrong);
  await page.getByRole('form', { name: 'Unlock your account' }).waitFor();
  const deliver = await holdScript(page);
  await page.reload({ waitUntil: 'commit' });
  await password(page).click();
  await typeMeanwhile(page, PASSWORDS.first, deliver);
  expect(await password(page).inputValue()).toBe(PASSWORDS.first);

  await page.getByRole('button', { name: 'Enter my code' }).click();
  expect(await page.getByLabel('Six-digit code').filter({ visible: true }).inputValue()).toBe('');
});

story('a script that comes late keeps what the user has typed', {}, async (page, program) => {
  await signUp(page, program);
  expect(await username(page).inputValue()).toBe(EMAIL);
  const deliver = await holdScript(page);
  await page.goto(program.origin, { waitUntil: 'commit' });
  await username(page).click();
  await typeMeanwhile(page, 'bob@example.com', deliver);
  expect(await username(page).inputValue()).toBe('bob@example.com');
});

story('the note after a sign-up does not move the focus of a user who types', {}, async (page, program) => {
  const deliver = await holdScript(page);
  await page.addInitScript(() => {
    if (location.pathname === '/') sessionStorage.setItem('two-factor', '{"note":"Congratulations"}');
  });
  await page.goto(program.origin, { waitUntil: 'commit' });
  await password(page).click();
  await typeMeanwhile(page, PASSWORDS.first, deliver);
  await page.getByRole('status').filter({ hasText: 'Congratulations' }).waitFor();
  expect(await password(page).inputValue()).toBe(PASSWORDS.first);
});

story(
  'a script that comes late keeps what the user has typed into the sign-up form',
  {},
  async (page, program) => {
    const form = page.getByRole('form', { name: 'Create an account' });
    await page.goto(`${program.origin}/signup`);
    await whenReady(page);
    await form.getByLabel('Email address').fill(EMAIL);
    await form.getByLabel('First name').fill('Ann');
    const deliver = await holdScript(page);
    await page.reload({ waitUntil: 'commit' });
    await form.getByLabel('Email address').fill('bob@example.com');
    await form.getByLabel('First name').click();
    await deliver();
    await page.keyboard.type('Bob');
    expect(await form.getByLabel('Email address').inputValue()).toBe('bob@example.com');
    expect(await form.getByLabel('First name').inputValue()).toBe('Bob');
  },
);
