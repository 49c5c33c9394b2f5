import { randomBytes } from 'node:crypto';
import { canonicalEmail } from '../../src/email.ts';
import type { Alert, Deps } from '../../src/engine/deps.ts';
import type { LoginOutcome } from '../../src/engine/outcomes.ts';
import * as engine from '../../src/engine.ts';
import { passcodeFor } from '../../src/passcode.ts';
import { type Policy, TUTORIAL } from '../../src/policy.ts';
import { createBackground } from '../../src/runtime/background-tasks.ts';
import type { Store } from '../../src/store.ts';
import { hashOf } from '../../src/token.ts';
import { type FakeClock, fakeClock } from './clock.ts';
import { memoryStore } from './memory-store.ts';
import { newKeys, proofFor } from './page.ts';
import { type FakeSms, fakeSms } from './sms.ts';

/** The engine among fakes, and what a person at a page does with it. */
export interface World {
  readonly deps: Deps;
  /** Every alert that was given, in order. */
  readonly alerts: Alert[];
  readonly clock: FakeClock;
  readonly sms: FakeSms;
  /** Settles once every message that was asked for is sent and recorded. */
  settled(): Promise<void>;
  signUp(email?: string, password?: string, phoneno?: string): ReturnType<typeof engine.signup>;
  signIn(password: string, browser?: Browser): Promise<LoginOutcome>;
  /** Three wrong passwords; answers the third one's outcome. */
  lockOut(browser?: Browser): Promise<Extract<LoginOutcome, { kind: 'locked' }>>;
  /** The right passcode of the flow's code, whether or not it was sent. */
  passcodeOf(flow: string): Promise<string>;
  /** The second step of a reset. */
  setPassword(
    flow: string,
    passcode: string,
    password: string,
    email?: string,
  ): ReturnType<typeof engine.resetPwd>;
}

/** Who sits where: the address that is typed and the device token that the browser holds. */
export type Browser = { username?: string; device?: string; session?: string; network?: string };

export const ANN = 'ann@example.com';
export const PHONE = '+12025550123';
export const PASSWORD = 'correct horse battery';
export const NETWORK = '203.0.113.9';

/** A world with nobody in it. Its messages are kept in `sms`, unless `sender` takes them. */
export function world(
  policy: Partial<Policy> = {},
  store: Store = memoryStore(),
  sender?: Pick<Deps, 'sms' | 'availability'>,
): World {
  const clock = fakeClock();
  const sms = fakeSms();
  const alerts: Alert[] = [];
  const background = createBackground((error) => console.error(error));
  const deps: Deps = {
    store,
    sms,
    availability: () => sms.availability,
    ...sender,
    policy: { ...TUTORIAL, ...policy },
    phones: { smsCountries: ['US', 'CA'], defaultCountry: 'US' },
    site: { serviceName: 'Two-Factor Demo', host: 'localhost' },
    appSecret: Buffer.alloc(32, 9),
    nowMs: clock.nowMs,
    randomBytes,
    afterResponse: background.afterResponse,
    alert: (alert) => void alerts.push(alert),
    detached: background.afterResponse,
  };
  const seedFor = async (email: string) => {
    return engine.getSeed(deps, { email: canonicalEmail(email), network: NETWORK });
  };

  const self: World = {
    deps,
    alerts,
    clock,
    sms,
    settled: background.idle,
    async signUp(email = ANN, password = PASSWORD, phoneno = PHONE) {
      const { salt, kdf } = await seedFor(email);
      const keys = newKeys(password, salt);
      return engine.signup(deps, { email, fname: 'Ann', lname: 'Lee', phoneno, salt, kdf, ...keys });
    },
    async signIn(password, { username = ANN, ...tokens } = {}) {
      const { id, nonce, proof } = proofFor(password, username, await seedFor(username));
      return engine.login(deps, {
        network: NETWORK,
        username,
        email: canonicalEmail(username),
        id,
        nonce,
        proof,
        ...tokens,
      });
    },
    async lockOut(browser) {
      for (let failure = 1; failure < deps.policy.maxFailures; failure += 1)
        await self.signIn('wrong', browser);
      const outcome = await self.signIn('wrong', browser);
      if (outcome.kind !== 'locked') throw new Error(`Not locked, but ${outcome.kind}`);
      await self.settled();
      return outcome;
    },
    async passcodeOf(flow) {
      const found = await deps.store.transact((tx) => tx.flowFor(hashOf(flow)));
      return passcodeFor(deps.appSecret, must(found).code);
    },
    async setPassword(flow, passcode, password, email = ANN) {
      const { salt, kdf } = await seedFor(email);
      return engine.resetPwd(deps, {
        network: NETWORK,
        email,
        flow,
        passcode,
        salt,
        kdf,
        ...newKeys(password, salt),
      });
    },
  };
  return self;
}

/** The device token of the account's owner, who has signed in once. */
export async function ownersDevice(here: World, email = ANN) {
  const outcome = await here.signIn(PASSWORD, { username: email });
  if (outcome.kind !== 'ok') throw new Error(outcome.kind);
  return outcome.issued.device;
}

/** The owner's device, after a code has confirmed the phone. */
export async function confirmedDevice(here: World, email = ANN) {
  const device = await ownersDevice(here, email);
  const locked = await here.lockOut({ username: email, device });
  const form = {
    network: NETWORK,
    email,
    device,
    flow: must(locked.flow),
    passcode: here.sms.lastPasscode(),
  };
  const outcome = await engine.verifyPasscode(here.deps, form);
  if (outcome.kind !== 'ok') throw new Error(outcome.kind);
  return outcome.issued.device;
}

/** The value, or an error where an outcome came without it. */
export function must<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('Missing from the outcome.');
  return value;
}
