import { expect } from 'vitest';
import { createAccount, EMAIL, PASSWORDS, readPasscode, signIn, story } from '../support/browser.ts';
import { otherThan } from '../support/sms.ts';

const SHORT_COOLDOWN = { CODE_RESEND_SECONDS: '1' };

story(
  'three wrong passwords lock the account, and a code by text message unlocks it',
  SHORT_COOLDOWN,
  async (page, program) => {
    await createAccount(page, program);
    const signInForm = page.getByRole('form', { name: 'Sign in' });
    await signIn(page, PASSWORDS.wrong);
    await signInForm.getByRole('alert').filter({ hasText: '2 tries left' }).waitFor();
    await signIn(page, PASSWORDS.wrong);
    await signInForm.getByRole('alert').filter({ hasText: '1 try left' }).waitFor();
    await signIn(page, PASSWORDS.wrong);

    const unlockForm = page.getByRole('form', { name: 'Unlock your account' });
    await unlockForm.waitFor();
    await page.getByText('X-XXX-XXX-0123').filter({ visible: true }).first().waitFor();
    const first = await readPasscode(page, program, 1);

    await page.reload();
    await unlockForm.getByLabel('Six-digit code').fill(otherThan(first));
    await unlockForm.getByRole('button', { name: 'Unlock' }).click();
    await unlockForm.getByRole('alert').filter({ hasText: 'That code is wrong' }).waitFor();

    const resend = unlockForm.getByRole('button', { name: 'Send a new code' });
    await expect.poll(() => resend.isEnabled()).toBe(true);
    await resend.click();
    await unlockForm.getByRole('status').filter({ hasText: 'texting you a new code' }).waitFor();
    const second = await readPasscode(page, program, 2);
    await unlockForm.getByLabel('Six-digit code').fill(`${second.slice(0, 3)} ${second.slice(3)}`);
    await unlockForm.getByLabel('Six-digit code').press('Enter');

    await signInForm.waitFor();
    expect(await signInForm.getByLabel('Email address').inputValue()).toBe(EMAIL);
    await signIn(page, PASSWORDS.first);
    await page.waitForURL(`${program.origin}/about`);
  },
);
