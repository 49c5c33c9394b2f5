import type { Locator, Page } from 'playwright-core';

/** A state of the pages, and how a new browser gets there. */
export interface State {
  name: string;
  reach: (page: Page, origin: string) => Promise<void>;
}

export const PASSWORD = 'tangerine submarine 9';
export const NEW_PASSWORD = 'velvet locomotive 7';
export const WRONG = 'not the password';
export const EMAIL = 'ann@example.com';
/** The page shows the same screens for an address without an account. */
const UNKNOWN = 'ada.lovelace@example.com';

/** The settings of the server that has all states. */
export const ENV_OF_STATES = { SECOND_FACTOR: 'unknown_device' };

/** The states that no account is needed for. */
export const STATES: readonly State[] = [
  { name: 'sign-in', reach: openSignIn },
  {
    name: 'sign-in-empty',
    async reach(page, origin) {
      await openSignIn(page, origin);
      await button(page, 'Sign in').click();
      await alert(page, 'Enter your password.').waitFor();
    },
  },
  {
    name: 'sign-in-wrong',
    async reach(page, origin) {
      await openSignIn(page, origin);
      await signIn(page, UNKNOWN, WRONG);
      await alert(page, 'Wrong email address or password').waitFor();
    },
  },
  { name: 'unlock', reach: (page, origin) => lockOut(page, origin) },
  {
    name: 'unlock-refused',
    async reach(page, origin) {
      await lockOut(page, origin);
      await page.getByLabel('Six-digit code').and(visible(page)).fill('000000');
      await button(page, 'Unlock').click();
      await alert(page, 'That code is wrong').waitFor();
    },
  },
  {
    name: 'unlock-undelivered',
    async reach(page, origin) {
      const message =
        'This phone opted out with STOP. Reply START to one of our texts, then ask for a new code.';
      await page.route('**/codestatus', (route) =>
        route.fulfill({ json: { status: 'ok', message, delivery: 'failed', resendIn: 0 } }),
      );
      await lockOut(page, origin);
      await page.getByText('opted out with STOP').and(visible(page)).waitFor();
    },
  },
  { name: 'reset', reach: openReset },
  { name: 'reset-code', reach: askForReset },
  {
    name: 'reset-faults',
    async reach(page, origin) {
      await askForReset(page, origin);
      await page.getByRole('textbox', { name: 'New password' }).fill('aaaaaaa');
      await page.getByText('Repeated characters').waitFor();
      await button(page, 'Set new password').click();
      await alert(page, 'Enter the code').waitFor();
    },
  },
  {
    name: 'wait',
    async reach(page, origin) {
      await page.route('**/resetpwd', (route) =>
        route.fulfill({
          json: { status: 'code_sent', message: 'Wait.', phone: 'X-XXX-XXX-0123', resendIn: 600 },
        }),
      );
      await openReset(page, origin);
      await page.getByLabel('Email address').and(visible(page)).fill(UNKNOWN);
      await button(page, 'Text me a code').click();
      await page.getByRole('heading', { name: 'Please wait' }).waitFor();
    },
  },
  { name: 'sign-up', reach: openSignUp },
  {
    name: 'sign-up-faults',
    async reach(page, origin) {
      await openSignUp(page, origin);
      await page.getByLabel('Email address').fill('ann');
      await page.getByRole('textbox', { name: 'Password' }).fill('password');
      await page.getByLabel('Mobile phone').fill('(202) 555');
      await button(page, 'Create account').click();
      await alert(page, 'Enter a full mobile number').waitFor();
    },
  },
  {
    name: 'about',
    async reach(page, origin) {
      await page.goto(`${origin}/about`);
    },
  },
  {
    name: 'not-found',
    async reach(page, origin) {
      await page.goto(`${origin}/nope`);
    },
  },
];

/** The states of Ann's account, in this order and in one browser. */
export const STATES_OF_ANN: readonly State[] = [
  {
    name: 'inbox-empty',
    async reach(page, origin) {
      await page.goto(`${origin}/dev/messages`);
    },
  },
  {
    name: 'account-ready',
    async reach(page, origin) {
      await signUp(page, origin);
      await page.getByRole('status').filter({ hasText: 'Your account is ready' }).waitFor();
    },
  },
  {
    name: 'sign-up-taken',
    async reach(page, origin) {
      // A second sign-up would replace an account without a sign-in.
      await page.route('**/signup', (route) =>
        route.request().method() === 'POST'
          ? route.fulfill({ status: 409, json: { status: 'taken', message: 'Taken.' } })
          : route.fallback(),
      );
      await signUp(page, origin);
      await alert(page, 'already has an account').waitFor();
      await page.unroute('**/signup');
    },
  },
  {
    name: 'sign-in-code',
    async reach(page, origin) {
      await openSignIn(page, origin);
      await signIn(page, EMAIL, PASSWORD);
      await page.getByText('Your password is right').and(visible(page)).waitFor();
      await page.getByText('Sent. It can take a minute').waitFor();
    },
  },
  {
    name: 'about-signed-in',
    async reach(page, origin) {
      await page
        .getByLabel('Six-digit code')
        .and(visible(page))
        .fill(await newestCode(page, origin));
      await button(page, 'Sign in').click();
      await page.waitForURL(`${origin}/about`);
      await page.getByRole('button', { name: 'Sign out' }).and(page.locator(':enabled')).waitFor();
    },
  },
  { name: 'account', reach: openAccount },
  {
    name: 'account-faults',
    async reach(page, origin) {
      await openAccount(page, origin);
      await page.getByRole('textbox', { name: 'New password' }).fill('aaaaaaa');
      await page.getByText('Repeated characters').waitFor();
      await button(page, 'Change password').click();
      await alert(page, 'Use at least').waitFor();
      await page.getByLabel('Your email address').fill('bob@example.com');
      await button(page, 'Delete my account').click();
      await alert(page, 'to delete your account').waitFor();
    },
  },
  {
    name: 'account-password',
    async reach(page, origin) {
      await openAccount(page, origin);
      await page.route('**/account/data', (route) =>
        route.fulfill({ status: 403, json: { status: 'prove_again', message: 'Enter your password.' } }),
      );
      await button(page, 'Save my data').click();
      await page.getByRole('dialog').waitFor();
    },
  },
  {
    name: 'account-phone',
    async reach(page, origin) {
      await openAccount(page, origin);
      await page.getByLabel('New mobile phone').fill('(202) 555-0177');
      await button(page, 'Text me a code').click();
      await page.getByRole('heading', { name: 'Step 1 of 2' }).waitFor();
      await page.getByText('Sent. It can take a minute').and(visible(page)).waitFor();
    },
  },
  {
    name: 'account-phone-new',
    async reach(page, origin) {
      await page
        .getByLabel('Six-digit code')
        .and(visible(page))
        .fill(await newestCode(page, origin));
      await button(page, 'Continue').click();
      await page.getByRole('heading', { name: 'Confirm your new number' }).waitFor();
    },
  },
  {
    name: 'account-phone-refused',
    async reach(page) {
      await page.getByLabel('Six-digit code').and(visible(page)).fill('000000');
      await button(page, 'Change number').click();
      await alert(page, 'That code is wrong').waitFor();
    },
  },
  {
    name: 'not-found-signed-in',
    async reach(page, origin) {
      await page.goto(`${origin}/nope`);
    },
  },
  {
    name: 'inbox',
    async reach(page, origin) {
      await page.goto(`${origin}/?reset`);
      await page.getByLabel('Email address').and(visible(page)).fill(EMAIL);
      await button(page, 'Text me a code').click();
      await page.getByLabel('Six-digit code').and(visible(page)).waitFor();
      await page.goto(`${origin}/dev/messages`);
      await page
        .getByRole('button', { name: /Copy code/ })
        .first()
        .waitFor();
    },
  },
];

async function openSignIn(page: Page, origin: string): Promise<void> {
  await page.goto(origin);
  await button(page, 'Sign in').waitFor();
}

async function openAccount(page: Page, origin: string): Promise<void> {
  await page.goto(`${origin}/account`);
  await button(page, 'Save name').waitFor();
}

/** Returns the code of the newest message. */
async function newestCode(page: Page, origin: string): Promise<string> {
  const [newest] = await (await page.request.get(`${origin}/dev/messages.json`)).json();
  return /\d{6}/.exec(newest.text)?.[0] ?? '';
}

async function openSignUp(page: Page, origin: string): Promise<void> {
  await page.goto(`${origin}/signup`);
  await button(page, 'Create account').waitFor();
}

export async function openReset(page: Page, origin: string): Promise<void> {
  await openSignIn(page, origin);
  await page.getByRole('button', { name: 'Forgot password?' }).click();
}

async function askForReset(page: Page, origin: string): Promise<void> {
  await openReset(page, origin);
  await page.getByLabel('Email address').and(visible(page)).fill(UNKNOWN);
  await button(page, 'Text me a code').click();
  await page.getByLabel('Six-digit code').and(visible(page)).waitFor();
}

export async function lockOut(page: Page, origin: string, email = UNKNOWN): Promise<void> {
  await openSignIn(page, origin);
  const code = page.getByLabel('Six-digit code').and(visible(page));
  for (let failure = 0; failure < 3 && (await code.count()) === 0; failure += 1)
    await signIn(page, email, WRONG);
  await code.waitFor();
}

export async function signIn(page: Page, email: string, password: string): Promise<void> {
  const form = page.getByRole('form', { name: 'Sign in' });
  await form.getByLabel('Email address').fill(email);
  await form.getByRole('textbox', { name: 'Password' }).fill(password);
  await form.getByRole('textbox', { name: 'Password' }).press('Enter');
  await form.and(page.locator('[aria-busy=true]')).waitFor({ state: 'detached' });
}

export async function signUp(page: Page, origin: string): Promise<void> {
  await openSignUp(page, origin);
  await page.getByLabel('Email address').fill(EMAIL);
  await page.getByRole('textbox', { name: 'Password' }).fill(PASSWORD);
  await page.getByLabel('First name').fill('Ann');
  await page.getByLabel('Last name').fill('Lee');
  await page.getByLabel('Mobile phone').fill('(202) 555-0123');
  await button(page, 'Create account').click();
}

/** The enabled button of the visible form. */
function button(page: Page, name: string): Locator {
  return page.getByRole('button', { name, exact: true }).and(page.locator('[type=submit]:enabled'));
}

function alert(page: Page, text: string): Locator {
  return page.getByRole('alert').filter({ hasText: text });
}

function visible(page: Page): Locator {
  return page.locator(':visible');
}
