import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { delimiter, join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { temporaryFolder } from './folder.ts';

/** An installed Firefox without a window. */
export interface Firefox {
  open(url: string): Promise<void>;
  /** Returns the tab that is shown. */
  tab(): Promise<string>;
  /** Opens an empty tab and shows it. */
  newTab(): Promise<string>;
  show(tab: string): Promise<void>;
  url(): Promise<string>;
  /** Returns the text that the page shows. */
  text(): Promise<string>;
  waitFor(text: string): Promise<void>;
  /** Clicks a button or a link, once it is enabled. */
  click(selector: string): Promise<void>;
  /** Types into a field, after the text that it has. */
  type(selector: string, keys: string): Promise<void>;
}

/** A test waits this long for Firefox, however slow the machine is. */
const PATIENCE = { timeout: 60_000 };
/** The Enter key, as WebDriver writes it. */
export const ENTER = '\uE007';
/** The name that WebDriver gives the id of an element. */
const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf';

/** Returns the path of an installed Firefox, or undefined. */
export function installedFirefox(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const paths = folders.flatMap((folder) => ['firefox', 'firefox-esr'].map((name) => join(folder, name)));
  return paths.find(existsSync);
}

/**
 * Starts a Firefox with a new profile, and ends it after the test. Drives it by Marionette, the protocol that Firefox speaks
 * itself, because Playwright drives only its own build of Firefox.
 */
export async function startFirefox(path: string): Promise<Firefox> {
  const profile = temporaryFolder();
  writeFileSync(join(profile, 'user.js'), 'user_pref("marionette.port", 0);\n');
  const args = ['--marionette', '--headless', '--no-remote', '--profile', profile];
  const firefox = spawn(path, args, { env: { PATH: process.env.PATH, HOME: profile }, stdio: 'ignore' });
  const ended = once(firefox, 'close');
  onTestFinished(async () => {
    firefox.kill();
    await ended;
  });
  const send = commands(await connectTo(firefox, profile));
  await send('NewSession', {});

  const find = async (value: string) => {
    const { value: found } = await send('FindElement', { using: 'css selector', value });
    return { id: found[ELEMENT] };
  };
  const show = (handle: string) => send('SwitchToWindow', { handle });
  const text = async () =>
    (await send('ExecuteScript', { script: 'return document.body.innerText', args: [] })).value;
  return {
    open: (url) => send('Navigate', { url }),
    text,
    tab: async () => (await send('GetWindowHandle', {})).value,
    async newTab() {
      const { handle } = await send('NewWindow', { type: 'tab' });
      await show(handle);
      return handle;
    },
    show,
    url: async () => (await send('GetCurrentURL', {})).value,
    waitFor: (part) => expect.poll(text, PATIENCE).toContain(part),
    async click(selector) {
      const element = await find(selector);
      const isEnabled = async () => (await send('IsElementEnabled', element)).value;
      await expect.poll(isEnabled, PATIENCE).toBe(true);
      await send('ElementClick', element);
    },
    type: async (selector, keys) => send('ElementSendKeys', { ...(await find(selector)), text: keys }),
  };
}

/** Connects to the port that Firefox writes into its profile. */
async function connectTo(firefox: ChildProcess, profile: string): Promise<Socket> {
  const file = join(profile, 'MarionetteActivePort');
  await expect.poll(() => firefox.exitCode ?? existsSync(file), PATIENCE).toBe(true);
  const socket = connect(Number(readFileSync(file, 'utf8')), '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

type Send = (command: string, parameters: object) => Promise<ReturnType<typeof JSON.parse>>;

/** Returns a function that sends a command and returns its result. Takes one command at a time. */
function commands(socket: Socket): Send {
  const messages = readMessages(socket);
  const greeting = messages.next();
  let id = 0;
  return async (command, parameters) => {
    await greeting;
    id += 1;
    const message = JSON.stringify([0, id, `WebDriver:${command}`, parameters]);
    socket.write(`${Buffer.byteLength(message)}:${message}`);
    const [, , error, result] = (await messages.next()).value ?? [];
    if (error !== null) throw new Error(`${command}: ${error?.message ?? 'Firefox has gone.'}`);
    return result;
  };
}

/** Yields the messages that arrive: JSON behind its length in bytes and a colon. */
async function* readMessages(socket: Socket): AsyncGenerator<ReturnType<typeof JSON.parse>, undefined> {
  let rest = Buffer.alloc(0);
  for await (const chunk of socket) {
    rest = Buffer.concat([rest, chunk]);
    for (let start = rest.indexOf(':') + 1; start > 0; start = rest.indexOf(':') + 1) {
      const end = start + Number(rest.subarray(0, start - 1));
      if (rest.length < end) break;
      yield JSON.parse(rest.toString('utf8', start, end));
      rest = rest.subarray(end);
    }
  }
}
