import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { EMAIL, PASSWORDS, signIn, signUp, story } from '../support/browser.ts';
import type { Program } from '../support/program.ts';

const HEAVIEST_KDF = 'argon2id$m=65536,t=4,p=1';
const HALF = 0.5;

story(
  'the page goes on while a worker makes the proof, and loads nothing of it before a form is touched',
  {},
  async (page, program) => {
    const loaded = () =>
      page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => name));
    await page.goto(program.origin);
    await page.getByRole('button', { name: 'Sign in' }).and(page.locator(':enabled')).waitFor();
    expect((await loaded()).filter((name) => /hashes|passwords/.test(name))).toEqual([]);
    expect(page.workers()).toEqual([]);

    await page.getByRole('form', { name: 'Sign in' }).getByLabel('Email address').press('a');
    await expect.poll(() => page.workers().length).toBe(1);
    expect((await loaded()).filter((name) => name.includes('/hashes-'))).not.toEqual([]);

    expect(await standstill(page)).toBeLessThan(HALF);
  },
);

story(
  'where no worker can start, the page makes the proof itself, and stands still',
  {},
  async (page, program) => {
    await page.addInitScript(() => Reflect.deleteProperty(window, 'Worker'));
    await signUp(page, program);
    expect(await standstill(page)).toBeGreaterThan(HALF);
    await page.getByRole('form', { name: 'Sign in' }).getByLabel('Email address').fill(EMAIL);
    await signIn(page, PASSWORDS.first);
    await page.waitForURL(`${program.origin}/about`);
  },
);

story('a worker that fails is done without', {}, async (page, program) => {
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

story('whoever comes back asks for no file again', {}, async (page, program) => {
  await visit(page, program);
  expect((await visit(page, program)).sort()).toEqual([
    expect.stringMatching(/^0 bytes for \/assets\/jquery-\w{8}\.js$/),
    expect.stringMatching(/^0 bytes for \/assets\/main-\w{8}\.css$/),
    expect.stringMatching(/^0 bytes for \/assets\/main-\w{8}\.js$/),
  ]);
});

/** Opens the sign-in page, and gives back what the network had to bring for each of its files. */
async function visit(page: Page, { origin }: Program): Promise<string[]> {
  await page.goto(origin);
  await page.getByRole('button', { name: 'Sign in' }).and(page.locator(':enabled')).waitFor();
  return page.evaluate(() => {
    const files = performance.getEntriesByType('resource') as PerformanceResourceTiming[];
    return files.map(({ name, transferSize }) => `${transferSize} bytes for ${new URL(name).pathname}`);
  });
}

/**
 * The longest time without a frame, as a part of the time that a refused sign-in takes. The server's kdf is made the
 * heaviest that the page takes, and the page's own thread slow, so that it is Argon2id that takes the time.
 */
async function standstill(page: Page): Promise<number> {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Emulation.setCPUThrottlingRate', { rate: 4 });
  await page.route('**/getseed', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...(await response.json()), kdf: HEAVIEST_KDF } });
  });
  const part = page.evaluate(
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
  await page.getByRole('alert').filter({ hasText: 'do not match' }).waitFor();
  await page.unroute('**/getseed');
  await devtools.send('Emulation.setCPUThrottlingRate', { rate: 1 });
  return part;
}
