import { randomBytes } from 'node:crypto';
import { onTestFinished } from 'vitest';
import { type Answer, type Browser, openTarget, type Target } from '../../tools/attack/target.ts';
import { newKeys, proofFor } from './page.ts';
import { type Program, startProgram } from './program.ts';

/** A process of the program, and what the tests do with it. */
export interface Process {
  readonly program: Program;
  readonly target: Target;
  readonly browser: Browser;
}

export const PHONE = '+12025550123';

/** Starts processes on one database. They share a secret, and print their messages. */
export async function startProcesses(
  count: number,
  url: string,
  env: Record<string, string> = {},
): Promise<Process[]> {
  const shared = {
    DATABASE_URL: url,
    APP_SECRET: randomBytes(32).toString('base64url'),
    SMS_SENDER: 'console',
    ...env,
  };
  return Promise.all(
    Array.from({ length: count }, async () => {
      const program = await startProgram(shared);
      const target = await openTarget(new URL(program.origin));
      const browser = target.browser();
      onTestFinished(() => browser.close());
      return { program, target, browser };
    }),
  );
}

/** The one of the processes whose turn it is. */
export function turn(processes: readonly Process[], index: number): Process {
  const process = processes[index % processes.length];
  if (process === undefined) throw new Error('There is no process.');
  return process;
}

export async function signUp({ browser }: Process, email: string, password: string): Promise<Answer> {
  const { salt = '', kdf = '' } = (await browser.post('/getseed', { username: email })).body;
  const form = { email, fname: 'Ann', lname: 'Lee', phoneno: PHONE, salt, kdf };
  return browser.post('/signup', { ...form, ...newKeys(password, salt) });
}

/** Asks one process for the seed, and signs in at another. */
export async function signIn(
  seedFrom: Process,
  { browser }: Process,
  email: string,
  password: string,
): Promise<Answer> {
  const {
    id = '',
    seed = '',
    salt = '',
    kdf = '',
  } = (await seedFrom.browser.post('/getseed', { username: email })).body;
  const proof = proofFor(password, email, { id, seed, salt, kdf });
  return browser.post('/login', { username: email, id: proof.id, nonce: proof.nonce, proof: proof.proof });
}

/** The passcodes that the processes have printed. */
export function printedCodes(processes: readonly Process[]): string[] {
  return processes.flatMap(({ program }) =>
    [...program.output().matchAll(/: (\d{6}) is your code to/g)].map(([, code]) => String(code)),
  );
}

/** Counts answers by their status and word. */
export function tally(answers: readonly Answer[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status, body } of answers) {
    const name = `${status} ${body.status}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}
