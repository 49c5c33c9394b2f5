import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { keysFor, saltedPassword } from '../../src/client/scram.ts';
import { launchChromium } from '../../tools/chromium.ts';
import { type Program, startProgram } from './program.ts';

interface StoryOptions {
  context?: BrowserContextOptions;
  /** More arguments of the browser. */
  args?: string[];
}

/** Without motion, no color is between two others. */
const STILL_PHONE = { viewport: { width: 390, height: 844 }, reducedMotion: 'reduce' } as const;

/** One browser for all stories of a file, except for those with their own arguments. */
let shared: Promise<Browser | undefined> | undefined;

async function closeShared(): Promise<void> {
  const browser = await shared;
  shared = undefined;
  await browser?.close();
}

/** Runs a user's story as a test, in one page of a real browser against the built program. */
export function story(
  name: string,
  env: Record<string, string>,
  tell: (page: Page, program: Program) => Promise<void>,
  options: StoryOptions = {},
): void {
  afterAll(closeShared);
  test(name, async ({ skip }) => {
    if (!options.args) shared ??= launchChromium();
    const browser = await (options.args ? launchChromium(options.args) : shared);
    if (browser === undefined) {
      if (process.env.CI) throw new Error('No browser was found, and CI must run this test.');
      return skip('no browser was found: install Chrome, Edge or Chromium');
    }
    const program = await startProgram(env);
    const context = await browser.newContext({ ...STILL_PHONE, ...options.context });
    onTestFinished(() => (options.args ? browser.close() : context.close()));
    const page = await context.newPage();
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(String(error)));
    page.on('console', (message) => {
      // Chrome logs an error for each 4xx answer.
      const isAnswer = message.text().startsWith('Failed to load resource');
      if (message.type() === 'error' && !isAnswer) faults.push(message.text());
    });
    const requests: string[] = [];
    page.on('request', (request) => requests.push(`${request.url()} ${request.postData() ?? ''}`));

    await tell(page, program);
    expect(faults).toEqual([]);
    expect(
      requests.filter((request) => !request.startsWith(program.origin) && !request.startsWith('data:')),
    ).toEqual([]);
    for (const password of Object.values(PASSWORDS)) {
      const spellings = [password, encodeURIComponent(password), password.replaceAll(' ', '+')];
      expect(requests.filter((request) => spellings.some((spelling) => request.includes(spelling)))).toEqual(
        [],
      );
    }
  });
}

/** All passwords that stories type. No request may contain one. */
export const PASSWORDS = {
  first: 'tangerine submarine 9',
  second: 'velvet locomotive 7',
  wrong: 'not the password',
};
export const EMAIL = 'ann@example.com';

export async function signUp(page: Page, { origin }: Program, email = EMAIL): Promise<void> {
  await page.goto(`${origin}/signup`);
  const form = page.getByRole('form', { name: 'Create an account' });
  await form.getByLabel('Email address').fill(email);
  await form.getByRole('textbox', { name: 'Password' }).fill(PASSWORDS.first);
  await form.getByLabel('Mobile phone').fill('(202) 555-0123');
  await form.getByLabel('First name').fill('Ann');
  await form.getByLabel('Last name').fill('Lee');
  await form.getByRole('button', { name: 'Create account' }).click();
  await signInForm(page);
}

/** Creates the account without the sign-up page, and opens the sign-in page with its address. */
export async function createAccount(page: Page, { origin }: Program): Promise<void> {
  const post = async (path: string, form: Record<string, string>) =>
    (await page.request.post(`${origin}${path}`, { form })).json();
  const { salt, kdf } = await post('/getseed', { username: EMAIL });
  const keys = await keysFor(await saltedPassword(PASSWORDS.first, salt, kdf));
  const person = { email: EMAIL, fname: 'Ann', lname: 'Lee', phoneno: '+12025550123' };
  expect(await post('/signup', { ...person, salt, kdf, ...keys })).toMatchObject({ status: 'ok' });
  await page.goto(origin);
  await (await signInForm(page)).getByLabel('Email address').fill(EMAIL);
}

/** Returns the sign-in form, once the page's script has bound it. */
async function signInForm(page: Page): Promise<Locator> {
  const form = page.getByRole('form', { name: 'Sign in' });
  await form.locator('button[type=submit]:enabled').waitFor();
  return form;
}

/** Fills in the sign-in form and presses Enter. Keeps the email address if the page filled it in. */
export async function signIn(page: Page, password: string): Promise<void> {
  const form = await signInForm(page);
  if ((await form.getByLabel('Email address').inputValue()) === '')
    await form.getByLabel('Email address').fill(EMAIL);
  await form.getByRole('textbox', { name: 'Password' }).fill(password);
  await form.getByRole('textbox', { name: 'Password' }).press('Enter');
  await form.and(page.locator('[aria-busy=true]')).waitFor({ state: 'detached' });
}

/** Signs out, and waits for the sign-in page. */
export async function signOut(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('status').filter({ hasText: 'signed out' }).waitFor();
}

/** Returns the messages that say what went wrong, in a form or above all. */
export function alerts(page: Page): Locator {
  return page.getByRole('alert').filter({ visible: true });
}

/** Waits until the page's script has bound the forms. */
export async function whenReady(page: Page): Promise<void> {
  await page.locator('form button[type=submit]:enabled').first().waitFor();
}

/** Returns the newest passcode, read in the inbox as a user reads it on the phone. */
export async function readPasscode(page: Page, { origin }: Program, messageCount: number): Promise<string> {
  const phone = await page.context().newPage();
  await phone.goto(`${origin}/dev/messages`);
  const messages = phone.getByRole('region', { name: /Text messages/ }).getByRole('listitem');
  await expect.poll(() => messages.count()).toBe(messageCount);
  const text = await messages.first().textContent();
  await phone.close();
  return /\b\d{6}\b/.exec(text ?? '')?.[0] ?? 'no passcode';
}
