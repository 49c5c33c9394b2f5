import { expect } from 'vitest';
import { PASSWORDS, story } from '../../support/browser.ts';

const env = { SMS_COUNTRIES: 'US,GB' };

story('a phone number is shown with its country code after the user goes on', env, async (page, program) => {
  await page.goto(`${program.origin}/signup`);
  const field = page.getByLabel('Mobile phone');
  const leave = async (number: string) => {
    await field.fill(number);
    await field.press('Shift+Tab');
    return expect.poll(() => field.inputValue());
  };
  await (await leave('2025550123')).toBe('+1 202 555 0123');
  await (await leave('(202) 555-0123')).toBe('+1 202 555 0123');
  await (await leave('0044 7400-123456')).toBe('+44 7400 123456');
});

story('a phone number that gets no texts stays as the user typed it', env, async (page, program) => {
  await page.goto(`${program.origin}/signup`);
  const field = page.getByLabel('Mobile phone');
  for (const number of ['(202) 555', '+49 1512 3456789', '07911 123456']) {
    await field.fill(number);
    await page.getByRole('button', { name: 'Create account' }).click();
    await page
      .getByRole('alert')
      .filter({ hasText: /mobile number|only text/ })
      .waitFor();
    expect(await field.inputValue()).toBe(number);
  }
});

story(
  'a phone number is grouped while the user types it, and not while the user edits it',
  {},
  async (page, program) => {
    await page.goto(`${program.origin}/signup`);
    expect(await page.getByLabel('Country of your number').count()).toBe(0);
    const field = page.getByLabel('Mobile phone');
    await field.focus();
    // The rules are loaded when the first digit is grouped.
    await field.pressSequentially('2025');
    await expect.poll(() => field.inputValue()).toBe('(202) 5');
    await field.pressSequentially('550123');
    await expect.poll(() => field.inputValue()).toBe('(202) 555-0123');
    await field.press('Backspace');
    expect(await field.inputValue()).toBe('(202) 555-012');
    for (let step = 0; step < 4; step += 1) await field.press('ArrowLeft');
    await field.pressSequentially('9');
    expect(await field.inputValue()).toBe('(202) 5559-012');
  },
);

story('a user chooses the country of a number without its code', env, async (page, program) => {
  await page.goto(`${program.origin}/signup`);
  const country = page.getByLabel('Country of your number');
  expect(await country.inputValue()).toBe('US');
  expect(await country.locator('option').allTextContents()).toEqual(['United Kingdom', 'United States']);
  await country.selectOption('GB');
  await page.reload();
  expect(await country.inputValue()).toBe('GB');
  await page.getByLabel('Email address').fill('ann@example.com');
  await page.getByRole('textbox', { name: 'Password' }).fill(PASSWORDS.first);
  await page.getByLabel('First name').fill('Ann');
  await page.getByLabel('Last name').fill('Lee');
  await page.getByLabel('Mobile phone').fill('07400 123456');
  const sent = page.waitForRequest('**/signup');
  await page.getByLabel('Mobile phone').press('Enter');
  expect(new URLSearchParams((await sent).postData() ?? '').get('phoneno')).toBe('+447400123456');
  await page.getByText('Codes will go to X-XXX-XXX-3456.').waitFor();
});

const territory = { SMS_COUNTRIES: 'DE,PR', DEFAULT_COUNTRY: 'US' };

story(
  'the first choice shares its calling code with the default country',
  territory,
  async (page, program) => {
    await page.goto(`${program.origin}/signup`);
    expect(await page.getByLabel('Country of your number').inputValue()).toBe('PR');
  },
);
