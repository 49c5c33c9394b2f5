import { expect } from 'vitest';
import { createAccount, EMAIL, PASSWORDS, readPasscode, signIn, signOut, story } from '../support/browser.ts';
import { otherThan } from '../support/sms.ts';

const UNKNOWN_DEVICE = { SECOND_FACTOR: 'unknown_device', CODE_RESEND_SECONDS: '1' };

story(
  'a new device needs a code besides the password, and a known one does not',
  UNKNOWN_DEVICE,
  async (page, program) => {
    await createAccount(page, program);
    await signIn(page, PASSWORDS.first);
    const form = page.getByRole('form', { name: 'Enter your code' });
    await form.waitFor();
    const lead = await page.locator('#signin-lead').textContent();
    expect(lead).toMatch(/Your password is right\. .* X-XXX-XXX-0123\. You have one try\./);
    expect(await page.title()).toMatch(/^Enter your code/);
    const first = await readPasscode(page, program, 1);

    await page.reload();
    await form.getByLabel('Six-digit code').fill(otherThan(first));
    await form.getByRole('button', { name: 'Sign in' }).click();
    await form.getByRole('alert').filter({ hasText: 'That code is wrong' }).waitFor();
    await page.reload();
    await form.getByRole('alert').filter({ hasText: 'That code is wrong' }).waitFor();

    const resend = form.getByRole('button', { name: 'Send a new code' });
    await expect.poll(() => resend.isEnabled()).toBe(true);
    await resend.click();
    await form.getByRole('status').filter({ hasText: 'texting you a new code' }).waitFor();
    await page.goBack();
    await page.getByRole('button', { name: 'Enter my code' }).click();
    await form.getByLabel('Six-digit code').fill(await readPasscode(page, program, 2));
    await form.getByLabel('Six-digit code').press('Enter');
    await page.waitForURL(`${program.origin}/about`);
    await page.getByRole('heading', { name: 'Hello, Ann' }).waitFor();

    await signOut(page);
    await page.getByRole('form', { name: 'Sign in' }).getByLabel('Email address').fill(EMAIL);
    await signIn(page, PASSWORDS.first);
    await page.waitForURL(`${program.origin}/about`);
  },
);
