import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { Page } from 'playwright-core';
import { afterAll, expect, onTestFinished } from 'vitest';
import {
  createAccount,
  EMAIL,
  PASSWORDS,
  readPasscode,
  signIn,
  signUp,
  story,
} from '../../support/browser.ts';
import type { Program } from '../../support/program.ts';

const NO_PAUSE = { CODE_RESEND_SECONDS: '0' };
const folder = mkdtempSync(join(tmpdir(), 'account-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Settings with a database of the name, and a function that makes the proof of all its sessions old. */
function database(name: string): { env: Record<string, string>; makeProofsOld: () => void } {
  const path = join(folder, `${name}.db`);
  const makeProofsOld = () => {
    const db = new Database(path);
    db.exec('UPDATE sessions SET proved_at_ms = proved_at_ms - 300001');
    db.close();
  };
  return { env: { ...NO_PAUSE, DATABASE_URL: `file:${path}` }, makeProofsOld };
}

async function openAccount(page: Page, program: Program): Promise<void> {
  await createAccount(page, program);
  await signIn(page, PASSWORDS.first);
  await page.waitForURL(`${program.origin}/about`);
  await followToAccount(page);
}

/** Follows the link of the about page, and waits for the script of the account page. */
async function followToAccount(page: Page): Promise<void> {
  await page.getByRole('link', { name: 'Your account' }).click();
  await page.getByRole('button', { name: 'Save name' }).and(page.locator(':enabled')).waitFor();
}

/** Signs in in a new browser, and returns its page. */
async function signInElsewhere(page: Page, { origin }: Program): Promise<Page> {
  const context = await page.context().browser()?.newContext();
  if (!context) throw new Error('There is no browser.');
  onTestFinished(() => context.close());
  const other = await context.newPage();
  await other.goto(origin);
  await signIn(other, PASSWORDS.first);
  await other.waitForURL(`${origin}/about`);
  return other;
}

const note = (page: Page, text: string) => page.getByRole('status').filter({ hasText: text });
const code = (page: Page) => page.getByLabel('Six-digit code').and(page.locator(':visible'));

story('a user changes the name, and the header shows it', {}, async (page, program) => {
  await openAccount(page, program);
  await page.getByText(EMAIL, { exact: true }).waitFor();
  const form = page.getByRole('form', { name: 'Name', exact: true });
  expect(await form.getByLabel('Last name').inputValue()).toBe('Lee');
  await form.getByLabel('First name').fill('');
  await form.getByRole('button', { name: 'Save name' }).click();
  await form.getByRole('alert').filter({ hasText: 'Enter your first name.' }).waitFor();
  await form.getByLabel('First name').fill('Anna <b>');
  await form.getByLabel('First name').press('Enter');
  await note(page, 'Your name has been changed.').waitFor();
  await page.getByRole('link', { name: 'Account, signed in as Anna <b>' }).waitFor();
});

story(
  'a user with a confirmed number changes it with two codes',
  { ...NO_PAUSE, SECOND_FACTOR: 'always' },
  async (page, program) => {
    await createAccount(page, program);
    await signIn(page, PASSWORDS.first);
    await code(page).fill(await readPasscode(page, program, 1));
    await code(page).press('Enter');
    await followToAccount(page);
    const ask = page.getByRole('form', { name: 'Mobile phone' });
    await ask.getByLabel('New mobile phone').fill('(202) 555-0177');
    await ask.getByLabel('New mobile phone').press('Enter');
    await page.getByRole('heading', { name: 'Step 1 of 2: your present number' }).waitFor();
    expect(await page.locator('#oldphone-lead').textContent()).toContain('X-XXX-XXX-0123');
    await page.getByRole('button', { name: 'Use a different number' }).click();
    await ask.getByLabel('New mobile phone').fill('(202) 555-0188');
    await ask.getByLabel('New mobile phone').press('Enter');
    await code(page).fill(await readPasscode(page, program, 3));
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByRole('heading', { name: 'Confirm your new number' }).waitFor();
    expect(await page.locator('#newphone-lead').textContent()).toContain('X-XXX-XXX-0188');
    await code(page).fill(await readPasscode(page, program, 4));
    await page.getByRole('button', { name: 'Change number' }).click();
    await note(page, 'Your phone number has been changed.').waitFor();
    await page.getByText('X-XXX-XXX-0188').filter({ visible: true }).waitFor();
  },
);

story('a new password has the rules of sign-up, and ends the other sessions', {}, async (page, program) => {
  await openAccount(page, program);
  const other = await signInElsewhere(page, program);
  await page.reload();
  const form = page.getByRole('form', { name: 'Password' });
  const field = form.getByRole('textbox', { name: 'New password' });
  await field.fill('password123');
  await form.getByRole('status').filter({ hasText: /weak/i }).waitFor();
  await form.getByRole('button', { name: 'Change password' }).click();
  await form.getByRole('alert').filter({ hasText: 'common' }).waitFor();
  await field.fill(EMAIL);
  await field.press('Enter');
  await form.getByRole('alert').filter({ hasText: 'Your email address is easy to guess.' }).waitFor();
  await field.fill(PASSWORDS.second);
  await field.press('Enter');
  await note(page, 'Your password has been changed.').waitFor();
  expect(await field.inputValue()).toBe('');
  await other.goto(`${program.origin}/account`);
  expect(other.url()).toBe(`${program.origin}/?next=/account`);
  await signIn(other, PASSWORDS.second);
  await other.waitForURL(`${program.origin}/account`);
});

story('a user ends a session, forgets a device, and then all others', {}, async (page, program) => {
  await openAccount(page, program);
  const others = [await signInElsewhere(page, program), await signInElsewhere(page, program)];
  await page.reload();
  const sessions = page.getByRole('form', { name: 'Where you are signed in' });
  const devices = page.getByRole('form', { name: 'Known devices' });
  const rows = (list: typeof sessions) => list.getByRole('listitem');
  await expect.poll(() => rows(sessions).count()).toBe(3);
  expect(await rows(sessions).filter({ hasText: 'This browser' }).count()).toBe(1);
  expect(await rows(sessions).first().textContent()).toMatch(/Chrome on \w+.*(127\.0\.0\.1|::)/s);

  await sessions
    .getByRole('button', { name: /^End (?!all|this)/ })
    .first()
    .click();
  await note(page, 'Ended sessions are signed out.').waitFor();
  expect(await rows(sessions).count()).toBe(2);
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('sessions-heading');
  await devices
    .getByRole('button', { name: /^Forget (?!all|this)/ })
    .first()
    .click();
  await note(page, 'Forgotten devices are signed out.').waitFor();
  expect(await rows(devices).count()).toBe(2);
  await devices.getByRole('button', { name: 'Forget all other devices' }).click();
  await expect.poll(() => rows(devices).count()).toBe(1);
  await expect.poll(() => rows(sessions).count()).toBe(1);
  expect(await page.getByRole('button', { name: /all other/ }).count()).toBe(0);
  for (const other of others) {
    await other.goto(`${program.origin}/account`);
    expect(other.url()).toBe(`${program.origin}/?next=/account`);
  }

  await devices.getByRole('button', { name: /^Forget this device/ }).click();
  await note(page, 'You are signed out.').waitFor();
  expect(page.url()).toBe(`${program.origin}/`);
});

const proof = database('proof');
story('after a while a change asks for the password, and then goes on', proof.env, async (page, program) => {
  await openAccount(page, program);
  proof.makeProofsOld();
  const button = page.getByRole('button', { name: 'Save my data' });
  const dialog = page.getByRole('dialog', { name: 'Enter your password' });
  await button.click();
  await dialog.waitFor();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
  await expect.poll(() => button.evaluate((element) => element === document.activeElement)).toBe(true);
  await expect.poll(() => button.getAttribute('aria-disabled')).toBe('false');

  await button.press('Enter');
  const password = dialog.getByRole('textbox', { name: 'Password' });
  await expect.poll(() => password.evaluate((element) => element === document.activeElement)).toBe(true);
  await password.fill(PASSWORDS.wrong);
  await password.press('Enter');
  await dialog.getByRole('alert').filter({ hasText: 'Wrong password. 2 tries left' }).waitFor();
  await password.fill(PASSWORDS.first);
  const download = page.waitForEvent('download');
  await password.press('Enter');
  const file = await download;
  expect(file.suggestedFilename()).toBe('account.json');
  expect(JSON.parse(readFileSync(await file.path(), 'utf8'))).toMatchObject({
    email: EMAIL,
    phoneno: '+12025550123',
  });
  await note(page, 'saved as account.json').waitFor();
  expect(await button.evaluate((element) => element === document.activeElement)).toBe(true);
});

const phone = database('phone');
story('the step of a code goes on after the password', phone.env, async (page, program) => {
  await openAccount(page, program);
  await page.getByLabel('New mobile phone').fill('(202) 555-0177');
  await page.getByLabel('New mobile phone').press('Enter');
  await code(page).fill(await readPasscode(page, program, 1));
  phone.makeProofsOld();
  await code(page).press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Enter your password' });
  await dialog.getByRole('textbox', { name: 'Password' }).fill(PASSWORDS.first);
  await dialog.getByRole('button', { name: 'Continue' }).click();
  await note(page, 'Your phone number has been changed.').waitFor();
});

const guesses = database('guesses');
story(
  'three wrong passwords end the session, and lead to the unlock code',
  guesses.env,
  async (page, program) => {
    await openAccount(page, program);
    guesses.makeProofsOld();
    await page.getByRole('button', { name: 'Save my data' }).click();
    const dialog = page.getByRole('dialog', { name: 'Enter your password' });
    const password = dialog.getByRole('textbox', { name: 'Password' });
    for (const left of ['2 tries', '1 try']) {
      await password.fill(PASSWORDS.wrong);
      await password.press('Enter');
      await dialog.getByRole('alert').filter({ hasText: left }).waitFor();
    }
    await password.fill(PASSWORDS.wrong);
    await password.press('Enter');
    await page.getByRole('form', { name: 'Unlock your account' }).waitFor();
    await code(page).fill(await readPasscode(page, program, 1));
    await code(page).press('Enter');
    await note(page, 'unlocked').waitFor();
    await signIn(page, PASSWORDS.first);
    await page.waitForURL(`${program.origin}/account`);
  },
);

const impostor = database('impostor');
story('a server that does not know the password gets no change', impostor.env, async (page, program) => {
  await openAccount(page, program);
  impostor.makeProofsOld();
  await page.route('**/prove', (route) =>
    route.fulfill({ json: { status: 'ok', message: 'Confirmed.', signature: 'A'.repeat(43) } }),
  );
  await page.getByRole('button', { name: 'Save my data' }).click();
  const dialog = page.getByRole('dialog', { name: 'Enter your password' });
  await dialog.getByRole('textbox', { name: 'Password' }).fill(PASSWORDS.first);
  await dialog.getByRole('button', { name: 'Continue' }).click();
  await dialog.getByRole('alert').filter({ hasText: 'This may not be the real site' }).waitFor();
});

story('a session that ended elsewhere leads to the sign-in and back', {}, async (page, program) => {
  await openAccount(page, program);
  const other = await signInElsewhere(page, program);
  await other.goto(`${program.origin}/account`);
  await other.getByRole('button', { name: 'End all other sessions' }).click();
  await note(other, 'Ended sessions are signed out.').waitFor();
  await page.getByRole('button', { name: 'Save name' }).click();
  await note(page, 'You are signed out. Sign in to continue.').waitFor();
  await signIn(page, PASSWORDS.first);
  await page.waitForURL(`${program.origin}/account`);
});

story('a user deletes the account, and signs up again', {}, async (page, program) => {
  await openAccount(page, program);
  const form = page.getByRole('form', { name: 'Delete your account' });
  await form.getByLabel('Your email address').fill('bob@example.com');
  await form.getByRole('button', { name: 'Delete my account' }).click();
  await form
    .getByRole('alert')
    .filter({ hasText: `Type ${EMAIL} to delete` })
    .waitFor();
  await form.getByLabel('Your email address').fill(` ${EMAIL.toUpperCase()}`);
  await form.getByLabel('Your email address').press('Enter');
  await note(page, 'Your account has been deleted.').waitFor();
  await signUp(page, program);
  await note(page, 'Your account is ready.').waitFor();
});

story('a page of another user deletes nothing', {}, async (page, program) => {
  // A browser without this doesn't tell the other tab.
  await page.context().addInitScript(() => Reflect.deleteProperty(window, 'BroadcastChannel'));
  await openAccount(page, program);
  const other = await page.context().newPage();
  await other.goto(`${program.origin}/about`);
  await other.getByRole('button', { name: 'Sign out' }).and(other.locator(':enabled')).click();
  await note(other, 'You are signed out.').waitFor();
  await signUp(other, program, 'bob@example.com');
  await signIn(other, PASSWORDS.first);
  await other.waitForURL(`${program.origin}/about`);

  const form = page.getByRole('form', { name: 'Delete your account' });
  await form.getByLabel('Your email address').fill(EMAIL);
  await form.getByRole('button', { name: 'Delete my account' }).click();
  await page.getByText('bob@example.com', { exact: true }).waitFor();
  await other.reload();
  await other.getByRole('heading', { name: 'Hello, Ann' }).waitFor();
});

story('the account page fits 320 pixels', {}, async (page, program) => {
  await openAccount(page, program);
  await signInElsewhere(page, program);
  await page.setViewportSize({ width: 320, height: 700 });
  await page.reload();
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
});
