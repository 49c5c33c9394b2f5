import { createAccount, EMAIL, PASSWORDS, readPasscode, signIn, story } from '../support/browser.ts';

story(
  'a user who forgot the password sets a new one with a code by text message',
  {},
  async (page, program) => {
    await createAccount(page, program);
    await page.getByRole('button', { name: 'Forgot password?' }).click();
    const form = page.getByRole('form', { name: 'Reset your password' });
    await form.getByLabel('Email address').fill(EMAIL);
    await form.getByLabel('Email address').press('Enter');

    await form.getByLabel('Six-digit code').waitFor();
    await page.getByText('X-XXX-XXX-0123').filter({ visible: true }).first().waitFor();
    await page.reload();
    await form.getByLabel('Six-digit code').fill(await readPasscode(page, program, 1));
    await form.getByRole('textbox', { name: 'New password' }).fill('password123');
    await form.getByRole('button', { name: 'Set new password' }).click();
    await form.getByRole('alert').filter({ hasText: 'common' }).waitFor();
    await form.getByRole('textbox', { name: 'New password' }).fill(PASSWORDS.second);
    await form.getByRole('button', { name: 'Set new password' }).click();

    await page.getByRole('status').filter({ hasText: 'password has been changed' }).waitFor();
    await signIn(page, PASSWORDS.first);
    await page.getByRole('alert').filter({ hasText: 'Wrong email address or password' }).waitFor();
    await signIn(page, PASSWORDS.second);
    await page.waitForURL(`${program.origin}/about`);
    await page.getByRole('heading', { name: 'Hello, Ann' }).waitFor();
  },
);
