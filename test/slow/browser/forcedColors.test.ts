import { expect } from 'vitest';
import { createAccount, PASSWORDS, signIn, story } from '../../support/browser.ts';

story(
  'forced colors show one main button after a failed text, and a disabled one',
  {},
  async (page, program) => {
    await page.emulateMedia({ forcedColors: 'active' });
    await page.route('**/codestatus', (route) =>
      route.fulfill({ json: { status: 'ok', message: 'Not delivered.', delivery: 'failed', resendIn: 0 } }),
    );
    await createAccount(page, program);
    const look = (name: string) =>
      page
        .getByRole('button', { name, exact: true })
        .evaluate((button) => getComputedStyle(button).backgroundColor);
    await page.locator('#login button.primary:enabled').waitFor();
    const main = await look('Sign in');
    for (let failure = 0; failure < 3; failure += 1) await signIn(page, PASSWORDS.wrong);
    await page.getByText('Not delivered.').waitFor();
    await page.locator('.has-failed .again:enabled').waitFor();
    expect(await look('Send a new code')).toBe(main);
    expect(await look('Unlock')).not.toBe(main);

    await page.getByRole('button', { name: 'Back to sign in' }).click();
    const button = page.getByRole('button', { name: 'Sign in', exact: true });
    await button.evaluate((element: HTMLButtonElement) => {
      element.disabled = true;
    });
    const disabled = await look('Sign in');
    expect(disabled).not.toBe(main);
    await button.hover();
    expect(await look('Sign in')).toBe(disabled);
  },
);
