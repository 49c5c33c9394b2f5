import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { createAccount, EMAIL, PASSWORDS, signIn, story, whenReady } from '../../support/browser.ts';

const HOUR_MS = 3_600_000;

async function lockOut(page: Page): Promise<void> {
  for (let tries = 0; tries < 3; tries += 1) await signIn(page, PASSWORDS.wrong);
  await page.getByRole('form', { name: 'Unlock your account' }).waitFor();
}

function moveClock(ms: number): void {
  const { now } = Date;
  Date.now = () => now() + ms;
}

story(
  'a clock that is set back does not hold the button for a new code',
  { CODE_RESEND_SECONDS: '2' },
  async (page, program) => {
    await createAccount(page, program);
    await lockOut(page);
    const resend = page.getByRole('button', { name: 'Send a new code' });
    await page.evaluate(moveClock, -HOUR_MS);
    await expect.poll(() => resend.isEnabled()).toBe(true);

    await resend.click();
    await page.getByRole('status').filter({ hasText: 'texting you a new code' }).waitFor();
    await page.addInitScript(moveClock, -HOUR_MS);
    await page.reload();
    await expect.poll(() => resend.isEnabled()).toBe(true);
  },
);

story(
  'a code that is valid for a day is kept over a reload after two hours',
  { CODE_LIFETIME_SECONDS: '86400' },
  async (page, program) => {
    await createAccount(page, program);
    await lockOut(page);
    await page.addInitScript(moveClock, 2 * HOUR_MS);
    await page.reload();
    await page.getByRole('form', { name: 'Unlock your account' }).waitFor();
  },
);

story('a server that asks for a rest gets one, in every form', {}, async (page, program) => {
  const slowDown = {
    status: 429,
    headers: { 'Retry-After': '60' },
    json: { status: 'slow_down', message: 'Too many requests. Try again in a minute.', retryAfter: 60 },
  };
  const rests = async (path: string, button: string) => {
    await page.getByText('You can try again in').filter({ visible: true }).waitFor();
    expect(await page.getByRole('button', { name: button }).isDisabled()).toBe(true);
    await page.unroute(path);
    await page.clock.fastForward(60_000);
    await page.getByRole('button', { name: button }).click();
  };
  await page.clock.install();
  await page.route('**/signup', (route) =>
    route.request().method() === 'POST' ? route.fulfill(slowDown) : route.continue(),
  );
  await page.goto(`${program.origin}/signup`);
  const form = page.getByRole('form', { name: 'Create an account' });
  await form.getByLabel('Email address').fill(EMAIL);
  await form.getByRole('textbox', { name: 'Password' }).fill(PASSWORDS.first);
  await form.getByLabel('Mobile phone').fill('(202) 555-0123');
  await form.getByLabel('First name').fill('Ann');
  await form.getByLabel('Last name').fill('Lee');
  await form.getByRole('button', { name: 'Create account' }).click();
  await rests('**/signup', 'Create account');
  await page.getByRole('form', { name: 'Sign in' }).waitFor();

  for (const path of ['**/getseed', '**/login']) {
    await whenReady(page);
    await page.route(path, (route) => route.fulfill(slowDown));
    await signIn(page, PASSWORDS.first);
    await rests(path, 'Sign in');
    await page.waitForURL(`${program.origin}/about`);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('form', { name: 'Sign in' }).waitFor();
  }
});
