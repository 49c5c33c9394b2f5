import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { createAccount, PASSWORDS, readPasscode, signIn, story } from '../../support/browser.ts';
import type { Program } from '../../support/program.ts';
import { otherThan } from '../../support/sms.ts';

story('before the first key, a user reads why and that there is one try', {}, async (page, program) => {
  let isMeasured = () => {};
  const measured = new Promise<void>((resolve) => {
    isMeasured = resolve;
  });
  await page.route('**/codestatus', async (route) => {
    await measured;
    await route.continue();
  });
  const form = await lockOut(page, program);
  const text = await page.locator('#unlock').textContent();
  expect(text).toMatch(/Too many wrong passwords/);
  expect(text).toMatch(/You have one try\./);
  expect(await descriptionOf(page, 'unlock-passcode')).toMatch(/You have one try\./);

  const delivery = page.locator('#unlock').getByRole('status').first();
  await delivery.filter({ hasText: 'Sending' }).waitFor();
  const lead = await boxOf(page, '#unlock-lead');
  const line = await delivery.boundingBox();
  const field = await form.getByLabel('Six-digit code').boundingBox();
  expect(line?.y).toBeGreaterThanOrEqual(lead.y + lead.height);
  expect(line?.y).toBeLessThan(field?.y ?? 0);

  isMeasured();
  await delivery.filter({ hasText: 'Sent.' }).waitFor();
  expect(await form.getByLabel('Six-digit code').boundingBox()).toEqual(field);
});

story('after a wrong code, the only button is the new code with its countdown', {}, async (page, program) => {
  const form = await lockOut(page, program);
  const code = await readPasscode(page, program, 1);
  await form.getByLabel('Six-digit code').fill(otherThan(code));
  await form.getByLabel('Six-digit code').press('Enter');
  await form.getByRole('alert').filter({ hasText: 'That code is wrong' }).waitFor();
  expect(await form.getByRole('button').allInnerTexts()).toEqual(['Send a new code']);
  await form.getByText(/You can get a new one in 0:\d\d/).waitFor();
  expect(await page.locator('#unlock').getByRole('status').allTextContents()).not.toContainEqual(
    expect.stringMatching(/Sending|Sent/),
  );
});

story('a pasted message leaves its six digits in the field', {}, async (page, program) => {
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  const form = await lockOut(page, program);
  const code = await readPasscode(page, program, 1);
  await page.evaluate(
    (text) => navigator.clipboard.writeText(text),
    `Two-Factor Demo: ${code} is your code to unlock your account.`,
  );
  await form.getByLabel('Six-digit code').focus();
  await page.keyboard.press('Control+V');
  expect(await form.getByLabel('Six-digit code').inputValue()).toBe(code);
});

story(
  'the announcement that a new code can be sent stays',
  { CODE_RESEND_SECONDS: '2' },
  async (page, program) => {
    const form = await lockOut(page, program);
    const announcement = form.getByRole('status').filter({ hasText: 'You can ask for a new code now.' });
    await announcement.waitFor();
    await page.waitForResponse((response) => response.url().endsWith('/codestatus'));
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve))));
    expect(await announcement.count()).toBe(1);
  },
);

story('a browser that reads text messages fills in the code', {}, async (page, program) => {
  await page.addInitScript(() => {
    Object.assign(window, { OTPCredential: class {} });
    navigator.credentials.get = (options) =>
      new Promise((resolve, reject) => {
        Object.assign(window, { asked: options, arrive: (code: string) => resolve({ code } as never) });
        options?.signal?.addEventListener('abort', () => reject(options.signal?.reason));
      });
  });
  const form = await lockOut(page, program);
  await page.waitForFunction(() => 'arrive' in window);
  expect(await page.evaluate('asked.otp')).toEqual({ transport: ['sms'] });
  const code = await readPasscode(page, program, 1);
  await page.evaluate(`arrive('${code}')`);
  await expect.poll(() => form.getByLabel('Six-digit code').inputValue()).toBe(code);

  await page.getByRole('button', { name: 'Back to sign in' }).click();
  expect(await page.evaluate('asked.signal.aborted')).toBe(true);
});

story('at 400 % zoom, the heading of a screen stays in view', {}, async (page, program) => {
  await page.setViewportSize({ width: 320, height: 256 });
  await lockOut(page, program);
  const heading = await boxOf(page, '#unlock-heading');
  expect(heading.y).toBeGreaterThanOrEqual(0);
  expect(heading.y + heading.height).toBeLessThanOrEqual(256);
});

/** Creates the account and locks it. Returns the form for the code. */
async function lockOut(page: Page, program: Program) {
  await createAccount(page, program);
  for (let failure = 0; failure < 3; failure += 1) await signIn(page, PASSWORDS.wrong);
  const form = page.getByRole('form', { name: 'Unlock your account' });
  await form.waitFor();
  return form;
}

async function boxOf(page: Page, selector: string) {
  const box = await page.locator(selector).boundingBox();
  if (!box) throw new Error(`${selector} is not visible`);
  return box;
}

/** Returns the text that describes a field for a screen reader. */
function descriptionOf(page: Page, id: string): Promise<string> {
  return page.evaluate((field) => {
    const ids = document.getElementById(field)?.getAttribute('aria-describedby')?.split(' ') ?? [];
    return ids.map((part) => document.getElementById(part)?.textContent).join(' ');
  }, id);
}
