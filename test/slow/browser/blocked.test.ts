import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import {
  alerts,
  createAccount,
  EMAIL,
  PASSWORDS,
  signIn,
  signUp,
  story,
  whenReady,
} from '../../support/browser.ts';

/** Makes the page's scripts fail as in a browser that blocks cookies, and with them all storage. */
async function blockCookies(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const denied = () => {
      throw new DOMException('Access is denied for this document.', 'SecurityError');
    };
    Object.defineProperty(window, 'sessionStorage', { get: denied });
    Object.defineProperty(window, 'localStorage', { get: denied });
    Object.defineProperty(navigator, 'cookieEnabled', { get: () => false });
  });
}

story(
  'a user whose browser blocks cookies reads so, before and after the sign-in',
  {},
  async (page, program) => {
    await createAccount(page, program);
    await blockCookies(page);
    await page.goto(program.origin);
    await alerts(page).filter({ hasText: 'doesn’t keep cookies' }).waitFor();
    await page.getByRole('form', { name: 'Sign in' }).getByLabel('Email address').fill(EMAIL);
    await signIn(page, PASSWORDS.first);
    const inForm = page.getByRole('form', { name: 'Sign in' }).getByRole('alert');
    await inForm.filter({ hasText: 'doesn’t keep cookies' }).waitFor();
    expect(page.url()).toBe(`${program.origin}/`);
  },
);

story('a user whose browser drops the cookie of the sign-in reads so', {}, async (page, program) => {
  await createAccount(page, program);
  await page.route('**/login', async (route) => {
    const response = await route.fetch();
    await page.context().clearCookies();
    const { 'set-cookie': _, ...headers } = response.headers();
    await route.fulfill({ response, headers });
  });
  await signIn(page, PASSWORDS.first);
  await page.waitForURL(`${program.origin}/about`);
  await alerts(page).filter({ hasText: 'doesn’t keep cookies' }).waitFor();

  await page.reload();
  await page.getByRole('heading', { name: 'You are not signed in' }).waitFor();
  expect(await alerts(page).count()).toBe(0);
});

story('all screens work without storage', {}, async (page, program) => {
  await page.addInitScript(() => {
    Object.defineProperty(window, 'sessionStorage', {
      get: () => {
        throw new DOMException('Access is denied for this document.', 'SecurityError');
      },
    });
    Object.defineProperty(window, 'BroadcastChannel', {
      value: class {
        constructor() {
          throw new DOMException('Access is denied for this document.', 'SecurityError');
        }
      },
    });
  });
  await signUp(page, program);
  await signIn(page, PASSWORDS.wrong);
  await alerts(page).filter({ hasText: '2 tries left' }).waitFor();
  await signIn(page, PASSWORDS.first);
  await page.waitForURL(`${program.origin}/about`);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.waitForURL(`${program.origin}/`);
  await whenReady(page);
  expect(await alerts(page).count()).toBe(0);
});

story(
  'without JavaScript, only the pages that need it say so, and no page has a dead button',
  {},
  async (page, program) => {
    const sentence = page.locator('noscript p');
    for (const path of ['/', '/signup']) {
      await page.goto(program.origin + path);
      await sentence.waitFor();
      expect(await page.getByRole('button').count()).toBe(0);
    }
    for (const path of ['/about', '/dev/messages', '/no-such-page']) {
      await page.goto(program.origin + path);
      await page.getByRole('heading', { level: 1 }).waitFor();
      expect(await sentence.count()).toBe(0);
      expect(await page.getByRole('button').count()).toBe(0);
    }
  },
  { context: { javaScriptEnabled: false } },
);
