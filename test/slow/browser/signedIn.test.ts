import { expect } from 'vitest';
import { createAccount, PASSWORDS, signIn, signOut, story } from '../../support/browser.ts';

story('every page shows who is signed in, and signs out', {}, async (page, program) => {
  await createAccount(page, program);
  await signIn(page, PASSWORDS.first);
  await page.waitForURL(`${program.origin}/about`);

  for (const path of ['/dev/messages', '/nope', '/about']) {
    await page.goto(`${program.origin}${path}`);
    const header = page.getByRole('navigation', { name: 'Pages' });
    expect(await header.textContent()).toMatch(/^\s*Account, signed in as Ann\s+About\s+Sign out/);
  }
  await page.goto(`${program.origin}/nope`);
  await signOut(page);
  await page.getByRole('link', { name: 'Sign up', exact: true }).waitFor();
});

story('a signed-in user is sent on from the sign-in and sign-up pages', {}, async (page, program) => {
  await createAccount(page, program);
  await signIn(page, PASSWORDS.first);
  await page.waitForURL(`${program.origin}/about`);
  for (const path of ['/', '/signup']) {
    await page.goto(`${program.origin}${path}`);
    expect(page.url()).toBe(`${program.origin}/about`);
  }
  await page.getByRole('link', { name: 'Change password' }).click();
  await page.getByRole('form', { name: 'Reset your password' }).waitFor();
});
