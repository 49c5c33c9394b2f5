import { expect } from 'vitest';
import { createAccount, EMAIL, PASSWORDS, readPasscode, signIn, story } from '../../support/browser.ts';

const UNKNOWN_DEVICE = { SECOND_FACTOR: 'unknown_device' };

story(
  'a user who mistyped the number signs up again with the right one',
  UNKNOWN_DEVICE,
  async (page, program) => {
    await createAccount(page, program);
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
    await createAccount(page, program);
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
  await createAccount(page, program);
  await page.route('**/login', async (route) => {
    const response = await route.fetch();
    const { flow: _, ...json } = await response.json();
    await route.fulfill({ response, json });
  });
  await signIn(page, PASSWORDS.first);
  await page.getByRole('form', { name: 'Please wait before asking for another code' }).waitFor();
});

story('after a lost answer to the code, the user signs in again', UNKNOWN_DEVICE, async (page, program) => {
  await createAccount(page, program);
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
