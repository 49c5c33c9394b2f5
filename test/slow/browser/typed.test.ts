import { expect } from 'vitest';
import { EMAIL, PASSWORDS, signIn, story } from '../../support/browser.ts';

story(
  'a user pastes address, number, name and code as they come, and signs in by typing',
  { SERVICE_NAME: 'Shop 424242' },
  async (page, program) => {
    await page.goto(`${program.origin}/signup`);
    const form = page.getByRole('form', { name: 'Create an account' });
    const create = form.getByRole('button', { name: 'Create account' });
    await form.getByLabel('Email address').fill('an\u200bn@example.com');
    await form.getByRole('textbox', { name: 'Password' }).fill(PASSWORDS.first);
    await form.getByLabel('Mobile phone').fill('\u202a(+1) 202-555-0123\u202c');
    await form.getByLabel('First name').evaluate((field: HTMLInputElement) => {
      field.value = '\u202aAnn\ud83d';
    });
    await form.getByLabel('Last name').fill('Lee\u200b');
    await create.click();
    await form.getByRole('alert').filter({ hasText: 'invisible character' }).waitFor();

    await form.getByLabel('Email address').fill(`\u202a${EMAIL}\u202c`);
    await create.click();
    const login = page.getByRole('form', { name: 'Sign in' });
    await login.waitFor();
    expect(await login.getByLabel('Email address').inputValue()).toBe(EMAIL);

    for (let failure = 0; failure < 3; failure += 1) await signIn(page, PASSWORDS.wrong);
    const phone = await page.context().newPage();
    await phone.goto(`${program.origin}/dev/messages`);
    const marked = phone.getByRole('button', { name: /Copy code/ });
    await expect.poll(() => marked.count()).toBe(1);
    const passcode = await marked.textContent();
    await phone.close();
    const unlock = page.getByRole('form', { name: 'Unlock your account' });
    await unlock
      .getByLabel('Six-digit code')
      .fill(`Shop 424242: ${passcode} is your code.\n@localhost #${passcode}`);
    await unlock.getByRole('button', { name: 'Unlock' }).click();
    await login.waitFor();

    await login.getByLabel('Email address').fill(`mailto:${EMAIL}`);
    await signIn(page, PASSWORDS.first);
    await page.waitForURL(`${program.origin}/about`);
    await page.getByRole('heading', { name: 'Hello, Ann' }).waitFor();
  },
);
