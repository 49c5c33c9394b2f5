/**
 * Takes a picture of each state of the pages, at three widths, in light, dark and forced colors. `--out` sets the folder.
 * `--only` keeps the states with that text in their names. `--readme` takes the pictures of the README instead.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { launchChromium } from '../chromium.ts';
import { startServer } from '../measure-page/server.ts';
import { takeReadmePictures } from './readme.ts';
import { ENV_OF_STATES, STATES, STATES_OF_ANN, type State } from './states.ts';

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: join('dist', 'screenshots') },
    only: { type: 'string', default: '' },
    readme: { type: 'boolean', default: false },
  },
});

const WIDTHS = [320, 390, 1280];
const HEIGHT = 844;
const LOOKS = {
  light: { colorScheme: 'light', forcedColors: 'none' },
  dark: { colorScheme: 'dark', forcedColors: 'none' },
  forced: { colorScheme: 'light', forcedColors: 'active' },
} as const;

mkdirSync(values.out, { recursive: true });
const server = await startServer(values.readme ? {} : ENV_OF_STATES);
const browser = await launchChromium();
try {
  if (!browser) throw new Error('No browser was found: install Chrome, Edge or Chromium.');
  if (values.readme) await takeReadmePictures(browser, server.origin, join('docs', 'images'));
  else await takeAll(browser);
} finally {
  await browser?.close();
  server.stop();
}

async function takeAll(browser: Browser): Promise<void> {
  const isWanted = ({ name }: State) => name.includes(values.only);
  for (const { name, reach } of STATES.filter(isWanted)) {
    const page = await browser.newPage({ viewport: { width: 390, height: HEIGHT } });
    await reach(page, server.origin);
    await shoot(page, name);
    await page.close();
  }
  const annsPage = await browser.newPage({ viewport: { width: 390, height: HEIGHT } });
  for (const state of STATES_OF_ANN) {
    await state.reach(annsPage, server.origin);
    if (isWanted(state)) await shoot(annsPage, state.name);
  }
}

async function shoot(page: Page, name: string): Promise<void> {
  // Forced colors come last, because Chromium doesn't paint the page's background after them.
  for (const [look, media] of Object.entries(LOOKS)) {
    await page.emulateMedia(media);
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: HEIGHT });
      const path = join(values.out, `${name}-${width}-${look}.png`);
      await page.screenshot({ path, fullPage: true, animations: 'disabled' });
    }
  }
  await page.emulateMedia(LOOKS.light);
  await page.setViewportSize({ width: 390, height: HEIGHT });
}
