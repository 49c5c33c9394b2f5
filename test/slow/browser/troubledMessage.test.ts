import { onTestFinished } from 'vitest';
import { createAccount, EMAIL, PASSWORDS, signIn, signOut, story } from '../../support/browser.ts';
import { account, RingCentralStandIn, refusal } from '../../support/ringcentral-standin.ts';
import { passcodeIn } from '../../support/sms.ts';

/** Returns the variables that make the program send through the stand-in. */
function through(ringCentral: RingCentralStandIn): Record<string, string> {
  return {
    RC_SERVER_URL: ringCentral.url,
    RC_APP_CLIENT_ID: account.clientId,
    RC_APP_CLIENT_SECRET: account.clientSecret,
    RC_USER_JWT: account.jwt,
    RC_FROM_NUMBER: account.fromNumber,
  };
}

const ringCentral = await RingCentralStandIn.start();
// The first question about a message gets its end.
ringCentral.progress = ['Delivered'];

story(
  'the page shows that RingCentral refused a message, and the user can ask for another one at once',
  through(ringCentral),
  async (page, program) => {
    onTestFinished(() => ringCentral.close());
    await createAccount(page, program);
    await signIn(page, PASSWORDS.first);
    await signOut(page);

    ringCentral.next('sms', refusal(400, 'SMS-RC-413'));
    await page.getByRole('button', { name: 'Forgot password?' }).click();
    const form = page.getByRole('form', { name: 'Reset your password' });
    await form.getByLabel('Email address').fill(EMAIL);
    await form.getByRole('button', { name: 'Text me a code' }).click();
    const error = page.locator('#reset .form-error').filter({ visible: true });
    await error.filter({ hasText: 'Reply START to one of our texts' }).waitFor();

    ringCentral.next('sms', refusal(400, 'SMS-RC-410'));
    await form.getByRole('button', { name: 'Send a new code' }).click();
    await error.filter({ hasText: 'Ask the people who run this site to change your number' }).waitFor();

    await form.getByRole('button', { name: 'Send a new code' }).click();
    await page.getByText('Delivered').filter({ visible: true }).waitFor({ timeout: 60_000 });
    await form.getByLabel('Six-digit code').fill(passcodeIn(ringCentral.messages.at(-1)?.text));
    await form.getByRole('textbox', { name: 'New password' }).fill(PASSWORDS.second);
    await form.getByRole('button', { name: 'Set new password' }).click();
    await signIn(page, PASSWORDS.second);
    await page.waitForURL(`${program.origin}/about`);
  },
);
