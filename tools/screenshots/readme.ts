import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { EMAIL, lockOut, NEW_PASSWORD, openReset, PASSWORD, signIn, signUp, WRONG } from './states.ts';

/** The pictures are for screens with two pixels for each CSS pixel. */
const SCALE = 2;
const PHONE = { width: 360, height: 600 };
const DESK = { width: 972, height: 812 };
const FONT = ':root { --sans: Inter, system-ui, sans-serif }';
const FRAME = `
  body { display: inline-flex; align-items: center; gap: 1rem; margin: 0; padding: 26px; background: #e2e7eb }
  img { display: block; border-radius: 18px; box-shadow: 0 0 0 1px #c9d2d9, 0 14px 34px -12px #14233066 }
  img.round { border-radius: 42px }
  span { color: #7b8b99; font: 26px system-ui }`;

/** Takes the four pictures of the README and writes them to `out`. */
export async function takeReadmePictures(browser: Browser, origin: string, out: string): Promise<void> {
  const page = await openPage(browser, PHONE);
  await signUp(page, origin);
  await page.getByRole('form', { name: 'Sign in' }).waitFor();

  await signIn(page, EMAIL, WRONG);
  const wrong = await shoot(page);
  await lockOut(page, origin, EMAIL);
  const unlock = await shoot(page);
  const inbox = await openInbox(browser, origin);
  const sms = await shootPhone(inbox);
  const code = await readCode(inbox);
  await page.getByLabel('Six-digit code').and(page.locator(':visible')).fill(code);
  await page.setViewportSize(DESK);
  const hero = await shoot(page);
  await page.setViewportSize(PHONE);
  await page.getByRole('button', { name: 'Unlock' }).click();
  await page.getByRole('status').filter({ hasText: 'unlocked' }).waitFor();
  await signIn(page, EMAIL, PASSWORD);
  await page.getByRole('heading', { name: 'Hello, Ann' }).waitFor();
  const about = await shoot(page, false);
  await page.goto(`${origin}/account`);
  await page.getByRole('heading', { name: 'Your account', exact: true }).waitFor();
  const account = await shoot(page, false);
  await page.setViewportSize(DESK);
  const accountAtDesk = await shoot(page, false);
  await page.setViewportSize(PHONE);
  await page.goto(`${origin}/about`);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('status').filter({ hasText: 'signed out' }).waitFor();

  await openReset(page, origin);
  const form = page.getByRole('form', { name: 'Reset your password' });
  await form.getByLabel('Email address').fill(EMAIL);
  const ask = await shoot(page);
  await form.getByRole('button', { name: 'Text me a code' }).click();
  await form.getByLabel('Six-digit code').waitFor();
  await inbox.getByText('to set a new password').waitFor();
  await form.getByLabel('Six-digit code').fill(await readCode(inbox));
  await form.getByRole('textbox', { name: 'New password' }).fill(NEW_PASSWORD);
  await form.getByText('Strong.').waitFor();
  const choose = await shoot(page);
  await form.getByRole('button', { name: 'Set new password' }).click();
  await page.getByRole('status').filter({ hasText: 'has been changed' }).waitFor();
  const done = await shoot(page);

  await compose(browser, join(out, 'hero.png'), [hero, sms], sms);
  await compose(browser, join(out, 'unlock-story.png'), [wrong, unlock, sms, about], sms);
  await compose(browser, join(out, 'account.png'), [accountAtDesk, account]);
  await compose(browser, join(out, 'reset-story.png'), [ask, choose, done]);
}

async function openPage(browser: Browser, viewport: { width: number; height: number }): Promise<Page> {
  const context = await browser.newContext({ viewport, deviceScaleFactor: SCALE, bypassCSP: true });
  const page = await context.newPage();
  page.on('load', () => void page.addStyleTag({ content: FONT }).catch(() => {}));
  return page;
}

async function openInbox(browser: Browser, origin: string): Promise<Page> {
  const inbox = await openPage(browser, { width: 390, height: PHONE.height });
  await inbox.goto(`${origin}/dev/messages`);
  await inbox.getByRole('button', { name: /Copy code/ }).waitFor();
  return inbox;
}

async function readCode(inbox: Page): Promise<string> {
  return (
    (await inbox
      .getByRole('button', { name: /Copy code/ })
      .first()
      .textContent()) ?? ''
  );
}

async function shoot(page: Page, fullPage = true): Promise<Buffer> {
  await page.addStyleTag({ content: FONT });
  return page.screenshot({ fullPage, animations: 'disabled' });
}

async function shootPhone(inbox: Page): Promise<Buffer> {
  await inbox.addStyleTag({ content: `${FONT} body { background: #e2e7eb }` });
  return inbox.locator('.phone-frame').screenshot({ animations: 'disabled' });
}

/** Puts pictures side by side, with arrows between the steps of a story. `round`: the picture of the phone. */
async function compose(browser: Browser, path: string, pictures: Buffer[], round?: Buffer): Promise<void> {
  const page = await browser.newPage({ deviceScaleFactor: SCALE, viewport: { width: 2000, height: 1400 } });
  const images = pictures.map(
    (picture) =>
      `<img src="data:image/png;base64,${picture.toString('base64')}" alt="" class="${picture === round ? 'round' : ''}">`,
  );
  await page.setContent(`<style>${FRAME}</style>${images.join(pictures.length > 2 ? '<span>→</span>' : '')}`);
  await page.locator('img').evaluateAll((all, scale) => {
    for (const image of all as HTMLImageElement[]) image.width = image.naturalWidth / scale;
  }, SCALE);
  writeFileSync(path, await page.locator('body').screenshot());
  await page.close();
}
