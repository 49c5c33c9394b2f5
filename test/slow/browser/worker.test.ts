import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { EMAIL, PASSWORDS, signIn, signUp, story } from '../../support/browser.ts';
import type { Program } from '../../support/program.ts';

const HEAVIEST_KDF = 'argon2id$m=65536,t=4,p=1';
const HALF = 0.5;

story(
  'a worker makes the proof while the page stays responsive, and loads when the user touches a form',
  {},
  async (page, program) => {
    const loaded = () =>
      page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => name));
    await page.goto(program.origin);
    await page.getByRole('button', { name: 'Sign in' }).and(page.locator(':enabled')).waitFor();
    expect((await loaded()).filter((name) => /hash-worker|passwords/.test(name))).toEqual([]);
    expect(page.workers()).toEqual([]);

    await page.getByRole('form', { name: 'Sign in' }).getByLabel('Email address').press('a');
    await expect.poll(() => page.workers().length).toBe(1);
    await expect.poll(async () => (await loaded()).join()).toContain('/hash-worker-');

    expect(await longestFreeze(page)).toBeLessThan(HALF);
  },
);

story(
  'if no worker can start, the page makes the proof itself and freezes meanwhile',
  {},
  async (page, program) => {
    await page.addInitScript(() => Reflect.deleteProperty(window, 'Worker'));
    await signUp(page, program);
    expect(await longestFreeze(page)).toBeGreaterThan(HALF);
    await page.getByRole('form', { name: 'Sign in' }).getByLabel('Email address').fill(EMAIL);
    await signIn(page, PASSWORDS.first);
    await page.waitForURL(`${program.origin}/about`);
  },
);

story('if the worker fails, the page makes the proof itself', {}, async (page, program) => {
  await page.addInitScript(() => {
    window.Worker = class extends Worker {
      constructor() {
        super('/assets/none.js', { type: 'module' });
      }
    };
  });
  await signUp(page, program);
  await signIn(page, PASSWORDS.first);
  await page.waitForURL(`${program.origin}/about`);
});

story('a returning browser loads all files from its cache', {}, async (page, program) => {
  await visit(page, program);
  expect((await visit(page, program)).sort()).toEqual([
    '0 bytes for /assets/jquery.js',
    '0 bytes for /assets/main.css',
    '0 bytes for /assets/main.js',
  ]);
});

/** Opens the sign-in page. Returns the bytes that the network transferred for each of its files, without the hashes in their names. */
async function visit(page: Page, { origin }: Program): Promise<string[]> {
  await page.goto(origin);
  await page.getByRole('button', { name: 'Sign in' }).and(page.locator(':enabled')).waitFor();
  return page.evaluate(() => {
    const files = performance.getEntriesByType('resource') as PerformanceResourceTiming[];
    return files.map(({ name, transferSize }) => {
      return `${transferSize} bytes for ${new URL(name).pathname.replace(/-\w{8}(?=\.)/, '')}`;
    });
  });
}

/**
 * Returns the longest time without a frame, as a fraction of the time that a refused sign-in takes.
 * Uses the heaviest kdf that the page accepts, and slows the page down. Argon2id then takes most of the time.
 */
async function longestFreeze(page: Page): Promise<number> {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Emulation.setCPUThrottlingRate', { rate: 4 });
  await page.route('**/getseed', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...(await response.json()), kdf: HEAVIEST_KDF } });
  });
  const fraction = page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        const form = document.querySelector('#login form');
        const frames: number[] = [];
        requestAnimationFrame(function frame(at) {
          const isBusy = form?.getAttribute('aria-busy') === 'true';
          if (isBusy || frames.length > 0) frames.push(at);
          if (isBusy || frames.length === 0) {
            requestAnimationFrame(frame);
          } else {
            const longest = Math.max(...frames.slice(1).map((next, i) => next - (frames[i] ?? next)));
            resolve(longest / (at - (frames[0] ?? at)));
          }
        });
      }),
  );
  await page.getByRole('form', { name: 'Sign in' }).getByLabel('Email address').fill('nobody@example.com');
  await signIn(page, PASSWORDS.wrong);
  await page.getByRole('alert').filter({ hasText: 'Wrong email address or password' }).waitFor();
  await page.unroute('**/getseed');
  await devtools.send('Emulation.setCPUThrottlingRate', { rate: 1 });
  return fraction;
}
