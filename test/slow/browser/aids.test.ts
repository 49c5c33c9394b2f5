import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { createAccount, EMAIL, PASSWORDS, readPasscode, signIn, story } from '../../support/browser.ts';

story('a wrong password describes its field, and the title says it', {}, async (page, program) => {
  await createAccount(page, program);
  await signIn(page, PASSWORDS.wrong);
  const field = nodesOf(page).then((nodes) =>
    nodes.find(({ role, name }) => role === 'textbox' && name === 'Password'),
  );
  expect((await field)?.description).toMatch(/^Wrong email address or password\. 2 tries left/);
  expect(await page.title()).toMatch(/^Error: Sign in/);
  await page.getByRole('button', { name: 'Forgot password?' }).click();
  expect(await page.title()).toMatch(/^Reset your password/);
});

story('a note is set after its block is shown, so it is heard', {}, async (page, program) => {
  await createAccount(page, program);
  for (let failure = 0; failure < 3; failure += 1) await signIn(page, PASSWORDS.wrong);
  const code = await readPasscode(page, program, 1);
  await page.evaluate(() => {
    const batches: string[][] = [];
    Object.assign(window, { batches });
    const observer = new MutationObserver((records) => {
      const changes = records.map(({ type, target }) => {
        const { classList, id } = target as Element;
        return type === 'attributes' ? `shows ${id}` : classList.contains('note') ? 'sets a note' : '';
      });
      batches.push(changes);
    });
    const login = document.querySelector('#login') as Element;
    observer.observe(login, { attributeFilter: ['hidden'] });
    observer.observe(login.querySelector('.note') as Element, { childList: true });
  });
  const form = page.getByRole('form', { name: 'Unlock your account' });
  await form.getByLabel('Six-digit code').fill(code);
  await form.getByLabel('Six-digit code').press('Enter');
  await page.getByRole('status').filter({ hasText: 'unlocked' }).waitFor();
  const batches = await page.evaluate('batches');
  expect(batches).toContainEqual(['sets a note']);
  expect((batches as string[][])[0]).toContain('shows login');
});

story('a screen reader hears no icon and no name twice', {}, async (page, program) => {
  await page.goto(program.origin);
  await page.getByRole('button', { name: 'Sign in' }).and(page.locator(':enabled')).click();
  await page.getByRole('alert').filter({ hasText: 'Enter your password.' }).waitFor();
  const nodes = await nodesOf(page);
  expect(nodes.filter(({ name }) => name.trim() === '!')).toEqual([]);
  const landmarks = nodes.filter(({ role }) => role === 'form' || role === 'region');
  expect(landmarks.map(({ role, name }) => `${role} ${name}`)).toEqual(['form Sign in']);
});

story('forced colors tell an error and the main button apart', {}, async (page, program) => {
  await page.emulateMedia({ forcedColors: 'active' });
  await page.goto(`${program.origin}/about`);
  const look = (selector: string) =>
    page.locator(selector).evaluate((element) => {
      const { borderStyle, borderWidth, backgroundColor } = getComputedStyle(element);
      return { borderStyle, borderWidth, backgroundColor };
    });
  expect((await look('.button.primary')).backgroundColor).not.toBe(
    (await look('.button.secondary')).backgroundColor,
  );

  await page.goto(program.origin);
  await page.locator('#login-username').fill(EMAIL);
  await page.getByRole('button', { name: 'Sign in' }).and(page.locator(':enabled')).click();
  await page.getByRole('alert').filter({ hasText: 'Enter your password.' }).waitFor();
  await page.locator('h1').first().focus();
  expect(await look('#login-password')).not.toEqual(await look('#login-username'));
});

story('a link says that it opens a new tab, and a code in the inbox is copied', {}, async (page, program) => {
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await createAccount(page, program);
  for (const name of await page.locator('a[target=_blank]').allTextContents())
    expect(name).toMatch(/opens a new tab/);
  for (let failure = 0; failure < 3; failure += 1) await signIn(page, PASSWORDS.wrong);
  const code = await readPasscode(page, program, 1);
  await page.goto(`${program.origin}/dev/messages`);
  await page.getByRole('button', { name: `Copy code ${code}` }).click();
  await page
    .getByRole('status')
    .filter({ hasText: `Copied ${code}.` })
    .waitFor();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(code);
});

interface AxNode {
  role: string;
  name: string;
  description: string;
}

/** Returns the page as assistive technology gets it. */
async function nodesOf(page: Page): Promise<AxNode[]> {
  const devtools = await page.context().newCDPSession(page);
  const { nodes } = await devtools.send('Accessibility.getFullAXTree');
  await devtools.detach();
  return nodes
    .filter(({ ignored }) => !ignored)
    .map(({ role, name, description }) => ({
      role: String(role?.value ?? ''),
      name: String(name?.value ?? ''),
      description: String(description?.value ?? ''),
    }));
}
