import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { alerts, createAccount, EMAIL, PASSWORDS, signIn, story } from '../../support/browser.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { type Program, startProgram } from '../../support/program.ts';

async function askForCode({ origin }: Program): Promise<void> {
  await fetch(`${origin}/resetpwd`, { method: 'POST', body: new URLSearchParams({ username: EMAIL }) });
}

story('the inbox shows each new message without a reload', {}, async (page, program) => {
  await createAccount(page, program);
  await page.goto(`${program.origin}/dev/messages`);
  const messages = page.getByRole('listitem');
  await page.getByText('No texts yet').waitFor();
  await page.evaluate(() => Object.assign(window, { isSamePage: true }));
  await askForCode(program);
  await messages.filter({ hasText: 'to set a new password' }).waitFor();
  expect(await page.evaluate('isSamePage')).toBe(true);
});

story(
  'the inbox stays readable while the server is away, and shows the messages of the next one',
  {},
  async (page, program) => {
    const env = { PORT: String(program.port) };
    program.process.kill('SIGTERM');
    await program.ended();
    const folder = temporaryFolder();
    const first = await startProgram(env, folder);
    await createAccount(page, first);
    await askForCode(first);
    await page.goto(`${first.origin}/dev/messages`);
    const messages = page.getByRole('listitem');
    const old = (await messages.textContent()) ?? '';
    expect(old).toMatch(/\d{6}/);

    first.process.kill('SIGTERM');
    await first.ended();
    await alerts(page).filter({ hasText: 'The server does not answer.' }).waitFor();
    expect(await messages.textContent()).toBe(old);

    const second = await startProgram(env, folder);
    const window = await page.context().newPage();
    await window.goto(second.origin);
    for (let failure = 0; failure < 3; failure += 1) await signIn(window, PASSWORDS.wrong);
    await messages.filter({ hasText: 'to unlock your account' }).waitFor();
    expect(await messages.count()).toBe(1);
    await alerts(page).waitFor({ state: 'detached' });
    await messages.getByRole('button', { name: /Copy code/ }).waitFor();
  },
);

story(
  'a hidden inbox holds no stream, and shows the new messages once it is visible',
  {},
  async (page, program) => {
    await createAccount(page, program);
    const broken: string[] = [];
    page.on('requestfailed', (request) => broken.push(request.url()));
    await page.goto(`${program.origin}/dev/messages`);
    await setVisibility(page, 'hidden');
    await expect.poll(() => broken).toContain(`${program.origin}/dev/messages/events`);
    await askForCode(program);
    await setVisibility(page, 'visible');
    await page.getByRole('listitem').waitFor();
  },
);

/** Tells the page that its window was hidden or shown, because a browser without a window never does. */
async function setVisibility(page: Page, state: DocumentVisibilityState): Promise<void> {
  await page.evaluate((value) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => value === 'hidden' });
    document.dispatchEvent(new Event('visibilitychange'));
  }, state);
}
