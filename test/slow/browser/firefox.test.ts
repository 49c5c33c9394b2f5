import { expect, test } from 'vitest';
import { EMAIL, PASSWORDS } from '../../support/browser.ts';
import { ENTER, type Firefox, installedFirefox, startFirefox } from '../../support/firefox.ts';
import { startProgram } from '../../support/program.ts';

test('in Firefox, a user signs up, locks and unlocks the account, signs in and out, and resets the password', async ({
  skip,
}) => {
  const path = installedFirefox();
  if (path === undefined) return skip('no Firefox is in PATH: install Firefox');
  const { origin } = await startProgram();
  const firefox = await startFirefox(path);
  await firefox.open(`${origin}/signup`);
  await signUp(firefox);
  await firefox.waitFor('Your account is ready.');

  const readCode = await openInbox(firefox, origin);
  for (const said of ['2 tries left', '1 try left', 'Unlock your account']) {
    await firefox.type('#login-password', PASSWORDS.wrong + ENTER);
    await firefox.waitFor(said);
  }
  await firefox.type('#unlock-passcode', (await readCode('to unlock your account')) + ENTER);
  await firefox.waitFor('Your account is unlocked.');

  await firefox.type('#login-password', PASSWORDS.first + ENTER);
  await firefox.waitFor('Hello, Ann');
  expect(await firefox.url()).toBe(`${origin}/about`);
  await firefox.click('#logout button');
  await firefox.waitFor('You are signed out.');

  await firefox.click('#login .to-reset');
  await firefox.type('#reset-username', EMAIL + ENTER);
  await firefox.waitFor('Set new password');
  await firefox.type('#reset-passcode', await readCode('to set a new password'));
  await firefox.type('#reset-password', PASSWORDS.second + ENTER);
  await firefox.waitFor('Your password has been changed.');
  await firefox.type('#login-password', PASSWORDS.second + ENTER);
  await firefox.waitFor('Hello, Ann');
});

async function signUp(firefox: Firefox): Promise<void> {
  await firefox.type('#signup-email', EMAIL);
  await firefox.type('#signup-password', PASSWORDS.first);
  await firefox.type('#signup-fname', 'Ann');
  await firefox.type('#signup-lname', 'Lee');
  await firefox.type('#signup-phoneno', `(202) 555-0123${ENTER}`);
}

/** Opens the inbox in a tab of its own. Returns a function that reads the newest code there, once its text has come. */
async function openInbox(firefox: Firefox, origin: string): Promise<(purpose: string) => Promise<string>> {
  const page = await firefox.tab();
  const inbox = await firefox.newTab();
  await firefox.open(`${origin}/dev/messages`);
  await firefox.show(page);
  return async (purpose) => {
    await firefox.show(inbox);
    await firefox.waitFor(purpose);
    const code = /\b\d{6}\b/.exec(await firefox.text())?.[0] ?? 'no code';
    await firefox.show(page);
    return code;
  };
}
