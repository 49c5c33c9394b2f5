import { existsSync } from 'node:fs';
import serverlessChromium from '@sparticuz/chromium';
import { type Browser, chromium, type LaunchOptions } from 'playwright-core';

const ARGS = [
  '--no-sandbox',
  '--disable-background-networking',
  '--disable-component-update',
  '--no-first-run',
];
const INSTALLED = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Yields ways to launch a browser: one that is installed, Playwright's own, and the one inside an npm package. */
async function* waysToLaunch(): AsyncGenerator<LaunchOptions> {
  for (const executablePath of INSTALLED.filter(existsSync)) yield { executablePath, args: ARGS };
  for (const channel of ['chrome', 'msedge', 'chromium']) yield { channel, args: ARGS };
  if (process.platform === 'linux' && process.arch === 'x64') {
    // With these two flags the browser exits when the first page closes.
    const args = serverlessChromium.args.filter((arg) => arg !== '--single-process' && arg !== '--no-zygote');
    yield { executablePath: await serverlessChromium.executablePath(), args: [...args, ...ARGS] };
  }
}

/** Launches a browser without a window, with more arguments if given. Returns undefined if the machine has no browser. */
export async function launchChromium(more: string[] = []): Promise<Browser | undefined> {
  for await (const way of waysToLaunch()) {
    const args = [...(way.args ?? []), ...more];
    const browser = await chromium.launch({ ...way, args, headless: true }).catch(() => undefined);
    if (browser !== undefined) return browser;
  }
  return undefined;
}
