import { basename } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { type Loading, loadingOf, type Submission, submissionOf, watchPage } from './watch.ts';
import type { Wire } from './wire.ts';

/** The figures of one visit. `load` is of the sign-in page with an empty cache. Bytes are those that the server sent. */
export interface Visit {
  load: Loading;
  /** The first and the second visit on a phone's network. */
  mobile: [Loading, Loading];
  signIn: Submission;
  /** The same sign-in without a worker. */
  signInWithoutWorker: Submission;
  signUp: Submission;
  firstBytes: number;
  touchedBytes: number;
  secondBytes: number;
}

const SLOWED = 4;
/** Lighthouse's slow 4G, in bytes per second and milliseconds. */
const SLOW_4G = {
  offline: false,
  latency: 562.5,
  downloadThroughput: (1474.56 * 1024) / 8,
  uploadThroughput: (675 * 1024) / 8,
};
const PASSWORD = 'tangerine submarine 9';
const EMAIL = 'ann@example.com';

let people = 0;

/** Creates the account of all visits. */
export async function signUp(browser: Browser, origin: string): Promise<void> {
  const page = await browser.newPage();
  await page.goto(`${origin}/signup`);
  await fillSignUp(page, EMAIL);
  await page.getByRole('form', { name: 'Sign in' }).waitFor();
  await page.context().close();
}

/** Returns the files of the page by their names without a hash. */
export async function filesOf(browser: Browser, origin: string): Promise<Map<string, Buffer>> {
  const page = await browser.newPage();
  const files = new Map<string, Buffer>();
  page.on('response', async (response) => {
    const { pathname } = new URL(response.url());
    const isFile = response.ok() && /\.(js|css|svg)$/.test(pathname);
    const name = basename(pathname).replace(/-[A-Z0-9]{8}\./, '.');
    if (isFile) files.set(name, await response.body().catch(() => Buffer.alloc(0)));
  });
  await page.goto(`${origin}/signup`);
  await page.getByRole('textbox', { name: 'Password' }).pressSequentially('a');
  await page.waitForTimeout(2000);
  await page.context().close();
  return files;
}

/** Makes a visit with a new profile: loads the page, signs in, and loads the page again. */
export async function visit(browser: Browser, wire: Wire): Promise<Visit> {
  const page = await slowPage(browser);
  wire.bytes();
  await page.goto(`${wire.origin}/`);
  const load = await loadingOf(page);
  const firstBytes = wire.bytes();

  await typePassword(page);
  const touchedBytes = wire.bytes();
  const signIn = await signInOn(page, wire.origin);

  // A signed-in browser would get the about page.
  await page.context().clearCookies({ name: 'sid' });
  wire.bytes();
  await page.goto(`${wire.origin}/`);
  await loadingOf(page);
  const secondBytes = wire.bytes();
  await page.context().close();

  return {
    load,
    mobile: await visitOnMobile(browser, wire.origin),
    signIn,
    signInWithoutWorker: await visitWithoutWorker(browser, wire.origin),
    signUp: await visitToSignUp(browser, wire.origin),
    firstBytes,
    touchedBytes,
    secondBytes,
  };
}

async function visitOnMobile(browser: Browser, origin: string): Promise<[Loading, Loading]> {
  const page = await slowPage(browser);
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Network.enable');
  await devtools.send('Network.emulateNetworkConditions', SLOW_4G);
  await page.goto(`${origin}/`);
  const first = await loadingOf(page);
  await page.goto(`${origin}/`);
  const second = await loadingOf(page);
  await page.context().close();
  return [first, second];
}

async function visitWithoutWorker(browser: Browser, origin: string): Promise<Submission> {
  const page = await slowPage(browser);
  await page.addInitScript(() => Reflect.deleteProperty(window, 'Worker'));
  await page.goto(`${origin}/`);
  await typePassword(page);
  const submission = await signInOn(page, origin);
  await page.context().close();
  return submission;
}

async function visitToSignUp(browser: Browser, origin: string): Promise<Submission> {
  const page = await slowPage(browser);
  await page.goto(`${origin}/signup`);
  people += 1;
  await fillSignUp(page, `person${people}-${Date.now()}@example.com`);
  await page.waitForURL(`${origin}/`);
  const submission = await submissionOf(page);
  await page.context().close();
  return submission;
}

async function slowPage(browser: Browser): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 } });
  const page = await context.newPage();
  const devtools = await context.newCDPSession(page);
  await devtools.send('Emulation.setCPUThrottlingRate', { rate: SLOWED });
  await watchPage(page);
  return page;
}

async function typePassword(page: Page): Promise<void> {
  const form = page.getByRole('form', { name: 'Sign in' });
  await form.getByLabel('Email address').pressSequentially(EMAIL, { delay: 20 });
  await form.getByRole('textbox', { name: 'Password' }).pressSequentially(PASSWORD, { delay: 20 });
  await page.waitForTimeout(500);
}

async function signInOn(page: Page, origin: string): Promise<Submission> {
  await page.getByRole('textbox', { name: 'Password' }).press('Enter');
  await page.waitForURL(`${origin}/about`);
  return submissionOf(page);
}

async function fillSignUp(page: Page, email: string): Promise<void> {
  const form = page.getByRole('form', { name: 'Create an account' });
  await form.getByLabel('Email address').fill(email);
  await form.getByRole('textbox', { name: 'Password' }).fill(PASSWORD);
  await form.getByLabel('Mobile phone').fill('(202) 555-0123');
  await form.getByLabel('First name').fill('Ann');
  await form.getByLabel('Last name').fill('Lee');
  await form.getByRole('button', { name: 'Create account' }).click();
}
