import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import { type Answer, type Browser, type Extras, openTarget } from '../../../tools/attack/target.ts';
import { newKeys, proofFor } from '../../support/page.ts';
import { onPrintedCode, type Program } from '../../support/program.ts';
import { otherThan } from '../../support/sms.ts';
import { ROUTES } from './story.ts';

const EMAIL = 'ann@example.com';
const PHONE = '+12025550123';
const UNKNOWN_FLOW = 'A'.repeat(22);
/** A little longer than the program's CODE_RESEND_SECONDS. */
const RESEND_PAUSE_MS = 1200;

/** Sends the requests that lead to each answer of the API. Returns the answers that came, as `route word` and `word`. */
export async function getEveryAnswer(program: Program): Promise<Set<string>> {
  const codes: string[] = [];
  onPrintedCode(program, ({ code }) => codes.push(code));
  const target = await openTarget(new URL(program.origin));
  const [owner, stranger] = [target.browser(), target.browser()];
  const answers = new Set<string>();

  const post = async (browser: Browser, route: string, fields: Record<string, string>, extras?: Extras) => {
    const { body } = await browser.post(`/${route}`, fields, extras);
    answers.add(String(body.status)).add(`${route} ${body.status}`);
    return body;
  };
  const getSeed = async (browser: Browser) => {
    const { id = '', seed = '', salt = '', kdf = '' } = await post(browser, 'getseed', { username: EMAIL });
    return { id, seed, salt, kdf };
  };
  const newPassword = async (browser: Browser, password: string) => {
    const { salt, kdf } = await getSeed(browser);
    return { salt, kdf, ...newKeys(password, salt) };
  };
  const signIn = async (browser: Browser, password: string) => {
    const { signature, ...proof } = proofFor(password, EMAIL, await getSeed(browser));
    return post(browser, 'login', { username: EMAIL, ...proof });
  };
  const unlock = (flow: string, passcode: string) =>
    post(stranger, 'verifypasscode', { username: EMAIL, flow, passcode });
  const newCode = async (ask: () => Promise<Answer['body']>) => {
    const count = codes.length;
    const { flow = '' } = await ask();
    await expect.poll(() => codes.length).toBe(count + 1);
    return { flow, passcode: codes.at(-1) ?? '' };
  };

  for (const route of ROUTES) {
    await post(owner, route, { 'x[]': '1' });
    await post(owner, route, {}, { headers: { Origin: 'https://evil.example' } });
    await post(owner, route, { x: 'x'.repeat(9000) });
  }
  await post(owner, 'elsewhere', {});

  const signUp = async () => {
    const person = { email: EMAIL, fname: 'Ann', lname: 'Lee', phoneno: PHONE };
    await post(owner, 'signup', { ...person, ...(await newPassword(owner, 'first password')) });
  };
  await signUp();
  await signUp();
  await signIn(owner, 'first password');
  const { signature, ...proof } = proofFor('first password', EMAIL, await getSeed(owner));
  await post(owner, 'login', { username: EMAIL, ...proof });
  await post(owner, 'login', { username: EMAIL, ...proof });

  await signIn(stranger, 'a guess');
  await signIn(stranger, 'a guess');
  const first = await newCode(() => signIn(stranger, 'a guess'));
  await post(stranger, 'codestatus', { flow: first.flow });
  await post(stranger, 'resendcode', { flow: first.flow });
  await pause(RESEND_PAUSE_MS);
  const second = await newCode(() => signIn(stranger, 'a guess'));
  await unlock(UNKNOWN_FLOW, otherThan(first.passcode));
  await unlock(first.flow, first.passcode);
  await unlock(first.flow, first.passcode);
  await unlock(second.flow, second.passcode);
  await post(stranger, 'resendcode', { flow: second.flow });
  await post(stranger, 'resendcode', { flow: first.flow });

  const reset = await newCode(() => post(owner, 'resetpwd', { username: EMAIL }));
  const keys = await newPassword(owner, 'second password');
  const setPassword = (flow: string) =>
    post(owner, 'resetpwd', { username: EMAIL, flow, passcode: reset.passcode, ...keys });
  await setPassword(UNKNOWN_FLOW);
  await setPassword(reset.flow);
  await setPassword(reset.flow);
  await post(owner, 'logout', {});

  owner.close();
  stranger.close();
  return answers;
}
