import { expect } from 'vitest';
import { story } from '../support/browser.ts';

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
