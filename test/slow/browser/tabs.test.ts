import { expect } from 'vitest';
import {
  alerts,
  createAccount,
  EMAIL,
  PASSWORDS,
  readPasscode,
  signIn,
  story,
  whenReady,
} from '../../support/browser.ts';

story('a tab shows that the user signed in or out in another one', {}, async (page, program) => {
  await createAccount(page, program);
  const other = await page.context().newPage();
  await other.goto(`${program.origin}/about`);
  await other.getByRole('heading', { name: 'You are not signed in' }).waitFor();

  await signIn(page, PASSWORDS.first);
  await page.waitForURL(`${program.origin}/about`);
  await other.getByRole('heading', { name: 'Hello, Ann' }).waitFor();

  await other.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'You are not signed in' }).waitFor();
});

story('a code that is given in one tab is done in the other one', {}, async (page, program) => {
  await createAccount(page, program);
  const other = await page.context().newPage();
  for (let tries = 0; tries < 3; tries += 1) await signIn(page, PASSWORDS.wrong);
  await other.goto(program.origin);
  await other.getByRole('form', { name: 'Sign in' }).getByLabel('Email address').fill(EMAIL);
  await signIn(other, PASSWORDS.wrong);
  for (const tab of [page, other]) await tab.getByRole('form', { name: 'Unlock your account' }).waitFor();

  const form = other.getByRole('form', { name: 'Unlock your account' });
  await form.getByLabel('Six-digit code').fill(await readPasscode(page, program, 1));
  await form.getByLabel('Six-digit code').press('Enter');
  for (const tab of [other, page]) await tab.getByRole('status').filter({ hasText: 'unlocked' }).waitFor();
});

story('a password that the user types stays when another tab signs in', {}, async (page, program) => {
  await createAccount(page, program);
  const other = await page.context().newPage();
  await other.goto(program.origin);
  const password = other.getByRole('form', { name: 'Sign in' }).getByRole('textbox', { name: 'Password' });
  await password.fill('velvet');
  await signIn(page, PASSWORDS.first);
  await page.waitForURL(`${program.origin}/about`);
  const third = await page.context().newPage();
  await third.goto(`${program.origin}/about`);
  await third.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'You are not signed in' }).waitFor();
  expect(await password.inputValue()).toBe('velvet');
});

story('a slow double click and a held Enter key submit a form once', {}, async (page, program) => {
  await createAccount(page, program);
  const form = page.getByRole('form', { name: 'Sign in' });
  await form.getByRole('textbox', { name: 'Password' }).fill(PASSWORDS.wrong);
  const box = await form.getByRole('button', { name: 'Sign in' }).boundingBox();
  if (box === null) throw new Error('The form has no button.');
  let posts = 0;
  page.on('request', (request) => {
    if (request.method() === 'POST') posts += 1;
  });

  await page.mouse.click(box.x + 9, box.y + 9);
  await alerts(page).filter({ hasText: '2 tries left' }).waitFor();
  const button = await form.getByRole('button', { name: 'Sign in' }).boundingBox();
  await page.mouse.move((button?.x ?? 0) + 9, (button?.y ?? 0) + 9);
  await page.mouse.down({ clickCount: 2 });
  await page.mouse.up({ clickCount: 2 });

  await form.getByRole('textbox', { name: 'Password' }).focus();
  await page.keyboard.down('Enter');
  await alerts(page).filter({ hasText: '1 try left' }).waitFor();
  await page.keyboard.down('Enter');
  await page.keyboard.up('Enter');
  await signIn(page, PASSWORDS.first);
  await page.waitForURL(`${program.origin}/about`);
  // Each sign-in is a request for a seed and one with the proof.
  expect(posts).toBe(6);
});

story(
  'Back after a sign-in shows the about page, and the sign-in form after a sign-out',
  {},
  async (page, program) => {
    await createAccount(page, program);
    await signIn(page, PASSWORDS.first);
    await page.waitForURL(`${program.origin}/about`);
    await page.goBack();
    await page.waitForURL(`${program.origin}/about`);
    await page.getByRole('button', { name: 'Sign out' }).click();
    const form = page.getByRole('form', { name: 'Sign in' });
    await form.waitFor();
    await whenReady(page);
    expect(await form.getByRole('textbox', { name: 'Password' }).inputValue()).toBe('');
    await signIn(page, PASSWORDS.first);
    await page.waitForURL(`${program.origin}/about`);
  },
);

story('a page from the back/forward cache starts anew', {}, async (page, program) => {
  await page.goto(program.origin);
  await whenReady(page);
  const password = page.getByRole('form', { name: 'Sign in' }).getByRole('textbox', { name: 'Password' });
  await password.fill(PASSWORDS.first);
  const loaded = page.waitForEvent('load');
  await page.evaluate(() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })));
  await loaded;
  expect(await password.inputValue()).toBe('');
});

for (const name of ['[24]', 'null']) {
  story(`the title shows a service named ${name}`, { SERVICE_NAME: name }, async (page, program) => {
    await page.goto(program.origin);
    await whenReady(page);
    expect(await page.title()).toBe(`Sign in · ${name}`);
  });
}
