import { expect } from 'vitest';
import { EMAIL, PASSWORDS, readPasscode, signIn, signUp, story } from '../support/browser.ts';
import { otherThan } from '../support/sms.ts';

const UNKNOWN_DEVICE = { SECOND_FACTOR: 'unknown_device', CODE_RESEND_SECONDS: '2' };

story(
  'a new device needs a code besides the password, and a known one does not',
  UNKNOWN_DEVICE,
  async (page, program) => {
    await signUp(page, program);
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

    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('status').filter({ hasText: 'signed out' }).waitFor();
    await page.getByRole('form', { name: 'Sign in' }).getByLabel('Email address').fill(EMAIL);
    await signIn(page, PASSWORDS.first);
    await page.waitForURL(`${program.origin}/about`);
  },
);

story(
  'a user who mistyped the number signs up again with the right one',
  UNKNOWN_DEVICE,
  async (page, program) => {
    await signUp(page, program);
    await signIn(page, PASSWORDS.first);
    await page.getByRole('form', { name: 'Enter your code' }).waitFor();
    await readPasscode(page, program, 1);

    await page.getByRole('link', { name: 'Sign up again' }).click();
    const form = page.getByRole('form', { name: 'Create an account' });
    await expect.poll(() => form.getByLabel('Email address').inputValue()).toBe(EMAIL);
    await form.getByRole('textbox', { name: 'Password' }).fill(PASSWORDS.second);
    await form.getByLabel('Mobile phone').fill('(202) 555-0177');
    await form.getByLabel('First name').fill('Ann');
    await form.getByLabel('Last name').fill('Lee');
    await form.getByRole('button', { name: 'Create account' }).click();
    await page.getByRole('status').filter({ hasText: 'X-XXX-XXX-0177' }).waitFor();
    expect(await page.getByRole('button', { name: 'Enter my code' }).count()).toBe(0);

    await signIn(page, PASSWORDS.second);
    const code = page.getByRole('form', { name: 'Enter your code' }).getByLabel('Six-digit code');
    await code.fill(await readPasscode(page, program, 2));
    await code.press('Enter');
    await page.waitForURL(`${program.origin}/about`);
  },
);

story(
  'a server that does not know the account gets no code',
  { ...UNKNOWN_DEVICE, SECOND_FACTOR: 'always' },
  async (page, program) => {
    await signUp(page, program);
    await page.route('**/login', async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, json: { ...(await response.json()), signature: 'A'.repeat(43) } });
    });
    await signIn(page, PASSWORDS.first);
    await page.getByRole('alert').filter({ hasText: 'This may not be the real site' }).waitFor();
    expect(await page.getByLabel('Six-digit code').and(page.locator(':visible')).count()).toBe(0);
  },
);

story('a sign-in without a code to send has to wait', UNKNOWN_DEVICE, async (page, program) => {
  await signUp(page, program);
  await page.route('**/login', async (route) => {
    const response = await route.fetch();
    const { flow: _, ...json } = await response.json();
    await route.fulfill({ response, json });
  });
  await signIn(page, PASSWORDS.first);
  await page.getByRole('form', { name: 'Please wait before asking for another code' }).waitFor();
});

story('after a lost answer to the code, the user signs in again', UNKNOWN_DEVICE, async (page, program) => {
  await signUp(page, program);
  await signIn(page, PASSWORDS.first);
  const field = page.getByRole('form', { name: 'Enter your code' }).getByLabel('Six-digit code');
  await field.fill(await readPasscode(page, program, 1));
  await page.route('**/verifypasscode', async (route) => {
    await route.fetch();
    await route.abort();
  });
  await field.press('Enter');
  await page.getByRole('alert').filter({ hasText: 'can’t reach' }).waitFor();
  await page.unroute('**/verifypasscode');
  await field.press('Enter');
  await page.getByRole('status').filter({ hasText: 'Sign in again to continue.' }).waitFor();
});
