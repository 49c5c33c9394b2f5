import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { expect, onTestFinished, test } from 'vitest';
import { seededRandom } from '../../../tools/random.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { newKeys } from '../../support/page.ts';
import { startProgram } from '../../support/program.ts';
import { account } from '../../support/ringcentral-standin.ts';
import { SEED } from '../../support/seed.ts';
import { STORES, settingsFor } from '../../support/stores.ts';
import { effect, type Stopwatch, stopwatch } from './measure.ts';

/** The largest difference that is allowed, as a part of the median. */
const BOUND = 0.05;
const ACCOUNTS = 400;
/** Each account is measured for two to five rounds. More rounds remove noise, but not a leak. */
const MAX_ROUNDS = 5;
const MIN_ROUNDS = 2;

type Kind = 'known' | 'unknown';

async function ringCentral(): Promise<string> {
  const file = join(temporaryFolder(), 'ringcentral.mjs');
  buildSync({
    entryPoints: [join(import.meta.dirname, 'ringcentral.ts')],
    outfile: file,
    bundle: true,
    platform: 'node',
    format: 'esm',
  });
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  onTestFinished(async () => {
    child.kill();
    await ended;
  });
  const [line] = await once(child.stdout, 'data');
  return String(line).trim();
}

const addressOf = (kind: Kind, index: number) => `${kind}-${index}@example.com`.padStart(28, 'a');
const RANDOM = 'A'.repeat(43);

async function signUp({ post }: Stopwatch, email: string, index: number) {
  const { body } = await post('/getseed', { username: email });
  const { salt = '', kdf = '' } = body;
  const phoneno = `+1202${200 + (index % 700)}${1000 + index}`;
  const person = { email, fname: 'Ann', lname: 'Lee', phoneno };
  const answer = await post('/signup', { ...person, salt, kdf, ...newKeys('password', salt) });
  if (answer.body.status !== 'ok') throw new Error(JSON.stringify(answer.body));
}

/** Measures the answers of one account, and a neighbour's answer right after each. */
async function look({ post }: Stopwatch, kind: Kind, username: string): Promise<Record<string, number>> {
  const neighbour = { username: 'neighbour@example.com' };
  const getseed = await post('/getseed', { username });
  const afterGetseed = await post('/getseed', neighbour);
  const { id = '' } = getseed.body;
  const login = await post('/login', { username, id, nonce: RANDOM, proof: RANDOM });
  const afterLogin = await post('/getseed', neighbour);
  const resetpwd = await post('/resetpwd', { username });
  const afterResetpwd = await post('/getseed', neighbour);
  const statuses = [getseed, login, resetpwd].map(({ body }) => body.status);
  if (statuses.join() !== 'ok,wrong,code_sent') throw new Error(`${kind}: ${statuses}`);
  return {
    getseed: getseed.ms,
    'a neighbour after getseed': afterGetseed.ms,
    login: login.ms,
    'a neighbour after login': afterLogin.ms,
    resetpwd: resetpwd.ms,
    'a neighbour after resetpwd': afterResetpwd.ms,
  };
}

test.each(STORES)(
  "answers on %s, and a neighbour's answers right after, take the same time with and without an account (attack 16)",
  async (store) => {
    const program = await startProgram({
      ...(await settingsFor(store)),
      SMS_SENDER: 'ringcentral',
      RC_SERVER_URL: await ringCentral(),
      RC_APP_CLIENT_ID: account.clientId,
      RC_APP_CLIENT_SECRET: account.clientSecret,
      RC_USER_JWT: account.jwt,
      RC_FROM_NUMBER: account.fromNumber,
      RC_MESSAGES_PER_MINUTE: '10000',
      RATE_LIMITS: 'off',
      CODE_RESEND_SECONDS: '0',
      MAX_FAILURES: '100',
    });
    const random = seededRandom(SEED);
    const watch = await stopwatch(program.port);
    onTestFinished(watch.close);
    for (let index = 0; index < ACCOUNTS; index += 1) await signUp(watch, addressOf('known', index), index);

    const pairs: Record<string, [known: number, unknown: number][]> = {};
    const leaks = () => Object.entries(pairs).filter(([, measured]) => effect(measured) > BOUND);
    for (let round = 1; round <= MAX_ROUNDS; round += 1) {
      for (let index = 0; index < ACCOUNTS; index += 1) {
        const times = {} as Record<Kind, Record<string, number>>;
        for (const kind of random.shuffled(['known', 'unknown'] as const)) {
          times[kind] = await look(watch, kind, addressOf(kind, index));
        }
        for (const [what, ms] of Object.entries(times.known)) {
          pairs[what] ??= [];
          pairs[what].push([ms, times.unknown[what] ?? 0]);
        }
      }
      if (round >= MIN_ROUNDS && leaks().length === 0) break;
    }
    expect(leaks().map(([what, measured]) => [what, measured.length, effect(measured)])).toEqual([]);
  },
);
