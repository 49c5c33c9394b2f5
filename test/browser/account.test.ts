import { alerts, createAccount, PASSWORDS, readPasscode, signIn, story } from '../support/browser.ts';
import { otherThan } from '../support/sms.ts';

story(
  'a user with an unconfirmed number changes it with one code',
  { CODE_RESEND_SECONDS: '0' },
  async (page, program) => {
    await createAccount(page, program);
    await signIn(page, PASSWORDS.first);
    await page.waitForURL(`${program.origin}/about`);
    await page.getByRole('link', { name: 'Your account' }).click();
    await page.getByText('You haven’t confirmed this number yet.').waitFor();
    const ask = page.getByRole('form', { name: 'Mobile phone' });
    await ask.getByLabel('New mobile phone').fill('(202) 555');
    await ask.getByRole('button', { name: 'Text me a code' }).click();
    await alerts(page).filter({ hasText: 'Enter a full mobile number' }).waitFor();
    await ask.getByLabel('New mobile phone').fill('(202) 555-0177');
    await ask.getByLabel('New mobile phone').press('Enter');
    await page.getByRole('heading', { name: 'Confirm your new number' }).waitFor();
    const code = page.getByLabel('Six-digit code').and(page.locator(':visible'));
    const wrong = otherThan(await readPasscode(page, program, 1));
    await page.reload();
    await code.fill(wrong);
    await code.press('Enter');
    await alerts(page).filter({ hasText: 'That code is wrong' }).waitFor();
    await page.getByRole('button', { name: 'Send a new code' }).click();
    await page.getByRole('status').filter({ hasText: 'texting you a new code' }).waitFor();
    await code.fill(await readPasscode(page, program, 2));
    await page.getByRole('button', { name: 'Change number' }).click();
    await page.getByRole('status').filter({ hasText: 'Your phone number has been changed.' }).waitFor();
    await page.getByText('X-XXX-XXX-0177').filter({ visible: true }).waitFor();
    await page.getByText('You have confirmed this number').waitFor();
  },
);
