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

const UNREACHABLE = /can’t reach the server/;
const NOT_LOADED = /hasn’t loaded/;

declare global {
  interface Window {
    workersStarted: number;
  }
}

/** Makes all requests for a file fail. Returns a function that ends this. */
async function block(page: Page, file: string): Promise<() => Promise<void>> {
  await page.route(file, (route) => route.abort());
  return () => page.unroute(file);
}

story('if the hash functions fail to load, the next try loads them', {}, async (page, program) => {
  await createAccount(page, program);
  await page.reload();
  const unblock = await block(page, '**/hash-worker-*.js*');
  await signIn(page, PASSWORDS.first);
  await alerts(page).filter({ hasText: UNREACHABLE }).waitFor();
  await signIn(page, PASSWORDS.first);
  await alerts(page).filter({ hasText: UNREACHABLE }).waitFor();
  await unblock();
  await signIn(page, PASSWORDS.first);
  await page.waitForURL(`${program.origin}/about`);
});

story('if the list of common passwords fails to load, the next try loads it', {}, async (page, program) => {
  const unblock = await block(page, '**/passwords-*.js*');
  await page.goto(`${program.origin}/signup`);
  const form = page.getByRole('form', { name: 'Create an account' });
  await form.getByLabel('Email address').fill(EMAIL);
  await form.getByRole('textbox', { name: 'Password' }).fill(PASSWORDS.first);
  await form.getByLabel('Mobile phone').fill('(202) 555-0123');
  await form.getByLabel('First name').fill('Ann');
  await form.getByLabel('Last name').fill('Lee');
  await form.getByRole('button', { name: 'Create account' }).click();
  await alerts(page).filter({ hasText: UNREACHABLE }).waitFor();
  await unblock();
  await form.getByRole('button', { name: 'Create account' }).click();
  await page.getByRole('form', { name: 'Sign in' }).waitFor();
});

story(
  'an offline user reads that the page can’t reach the server, in each form',
  {},
  async (page, program) => {
    for (const path of ['/', '/signup']) {
      await page.goto(program.origin + path);
      await whenReady(page);
      await page.context().setOffline(true);
      const form = page.getByRole('form').filter({ visible: true });
      for (const field of await form.locator('input:visible').all())
        await field.fill('ann.lee@example.com 9');
      await form.getByLabel('Email address').fill(EMAIL);
      await form.getByLabel('Email address').press('Enter');
      await alerts(page).filter({ hasText: UNREACHABLE }).waitFor();
      await page.context().setOffline(false);
    }
  },
);

story('a reload keeps what the user typed, but never the password', {}, async (page, program) => {
  const values = () =>
    page
      .locator('input:visible')
      .evaluateAll((fields) => fields.map((field) => (field as HTMLInputElement).value));
  const stored = () => page.evaluate(() => JSON.stringify(sessionStorage));

  await page.goto(`${program.origin}/signup`);
  const form = page.getByRole('form', { name: 'Create an account' });
  await form.getByLabel('Email address').fill(EMAIL);
  await form.getByLabel('Mobile phone').fill('(202) 555-0123');
  await form.getByLabel('First name').fill('Ann');
  await form.getByRole('textbox', { name: 'Password' }).fill(PASSWORDS.first);
  await form.getByRole('button', { name: 'Show password' }).click();
  await form.getByRole('textbox', { name: 'Password' }).press('a');
  expect(await stored()).not.toContain(PASSWORDS.first);

  await page.reload();
  await expect.poll(values).toEqual(expect.arrayContaining([EMAIL, '(202) 555-0123', 'Ann']));
  expect(await form.getByRole('textbox', { name: 'Password' }).inputValue()).toBe('');

  await signUp(page, program);
  expect(await stored()).not.toContain('555-0123');
});

/** Makes the styles' delay of seconds pass at once. */
async function hurry(page: Page): Promise<void> {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Animation.enable');
  await devtools.send('Animation.setPlaybackRate', { playbackRate: 100 });
}

for (const [what, answer] of [
  ['is blocked', undefined],
  ['is not found', { status: 404 }],
] as const) {
  story(`the page says so if its script ${what}`, {}, async (page, program) => {
    const script = '**/main-*.js';
    await hurry(page);
    await page.route(script, (route) => (answer ? route.fulfill(answer) : route.abort()));
    await page.goto(`${program.origin}/about`);
    expect(await page.getByText(NOT_LOADED).count()).toBe(0);
    await page.goto(`${program.origin}/signup`);
    await page.getByText(NOT_LOADED).filter({ visible: true }).waitFor();

    await page.unroute(script);
    await page.goto(program.origin);
    await whenReady(page);
    expect(await page.getByText(NOT_LOADED).count()).toBe(0);
  });
}

story('the page says so if the browser is too old for module scripts', {}, async (page, program) => {
  await hurry(page);
  await page.route(program.origin, async (route) => {
    const response = await route.fetch();
    const body = (await response.text()).replace('type="module"', 'type="unknown"');
    await route.fulfill({ response, body });
  });
  await page.goto(program.origin);
  await page.getByText(NOT_LOADED).filter({ visible: true }).waitFor();
});

/** The longest time that the page waits for a worker, and less than ten seconds. */
const LONGEST_WAIT_MS = 7500;
const TICK_MS = 2;
// The page starts its wait after some real work, so a slow machine needs a later turn.
const TURNS = [20, 60, 180];

/** Runs the page's clock in ticks, and for `LONGEST_WAIT_MS` in three of them, until `hasCome` returns true. */
async function runClock(page: Page, hasCome: () => boolean | Promise<boolean>): Promise<void> {
  let turn = 0;
  await expect
    .poll(async () => {
      turn += 1;
      await page.clock.runFor(TURNS.includes(turn) ? LONGEST_WAIT_MS / TURNS.length : TICK_MS);
      return hasCome();
    })
    .toBe(true);
}

/** Replaces the workers by some that start or don't, and never answer. */
async function breakWorkers(page: Page, doStart: boolean): Promise<void> {
  await page.addInitScript((start) => {
    window.workersStarted = 0;
    window.Worker = class extends EventTarget {
      constructor() {
        super();
        window.workersStarted += 1;
        if (start) queueMicrotask(() => this.dispatchEvent(new MessageEvent('message')));
      }
      postMessage() {}
      terminate() {}
    } as unknown as typeof Worker;
  }, doStart);
}

for (const [what, doStart] of [
  ['starts', false],
  ['answers', true],
] as const) {
  story(`if the worker never ${what}, sign-in takes some seconds more`, {}, async (page, program) => {
    await createAccount(page, program);
    await breakWorkers(page, doStart);
    await page.clock.install();
    await page.reload();
    await whenReady(page);
    await page.clock.pauseAt(Date.now() + 60_000);
    const form = page.getByRole('form', { name: 'Sign in' });
    await form.getByRole('textbox', { name: 'Password' }).fill(PASSWORDS.first);
    await expect.poll(() => page.evaluate(() => window.workersStarted)).toBe(1);
    await form.getByRole('textbox', { name: 'Password' }).press('Enter');
    await runClock(page, () => page.url().endsWith('/about'));
  });
}

story('a browser without WebAssembly is told so at once', {}, async (page, program) => {
  await page.addInitScript(() => Reflect.deleteProperty(window, 'WebAssembly'));
  for (const path of ['/', '/signup']) {
    await page.goto(program.origin + path);
    await alerts(page).filter({ hasText: 'WebAssembly' }).filter({ hasText: 'Lockdown Mode' }).waitFor();
  }
  await page.goto(`${program.origin}/about`);
  expect(await alerts(page).count()).toBe(0);
});

story('a browser that refuses to compile WebAssembly is told so at once', {}, async (page, program) => {
  await page.addInitScript(() => {
    WebAssembly.Module = new Proxy(WebAssembly.Module, {
      construct() {
        throw new WebAssembly.CompileError('refused');
      },
    });
  });
  await page.goto(program.origin);
  await alerts(page).filter({ hasText: 'WebAssembly' }).waitFor();
  const form = page.getByRole('form', { name: 'Sign in' });
  await form.getByLabel('Email address').fill(EMAIL);
  await signIn(page, PASSWORDS.first);
  await form.getByRole('alert').filter({ hasText: 'WebAssembly' }).waitFor();
});

story(
  'a user whose device has too little memory reads what helps',
  {},
  async (page, program) => {
    await page.goto(program.origin);
    await page.getByRole('form', { name: 'Sign in' }).getByLabel('Email address').fill(EMAIL);
    await signIn(page, PASSWORDS.first);
    await alerts(page).filter({ hasText: 'memory' }).filter({ hasText: 'Close other' }).waitFor();
  },
  // In pages of 64 KiB. Argon2id needs 304.
  { args: ['--js-flags=--wasm-max-mem-pages=200'] },
);
