import { canonicalEmail } from '../../src/email.ts';
import type { Alert, Deps } from '../../src/engine/deps.ts';
import type { MessageLine } from '../../src/engine/message-log.ts';
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
import { IS_POSTGRES, postgresStoreOfTest } from './postgres.ts';
import { seededRandomBytes } from './random-bytes.ts';
import { type FakeSms, fakeSms } from './sms.ts';

/** The engine with fakes, and the actions of a user at the page. */
export interface World {
  readonly deps: Deps;
  /** All alerts, in order. */
  readonly alerts: Alert[];
  /** The log's lines about messages, in order. */
  readonly lines: MessageLine[];
  readonly clock: FakeClock;
  readonly sms: FakeSms;
  /** Resolves when every requested message is sent and recorded. */
  settled(): Promise<void>;
  signUp(email?: string, password?: string, phoneno?: string): ReturnType<typeof engine.signup>;
  signIn(password: string, browser?: Browser): Promise<LoginOutcome>;
  /** Signs in with wrong passwords until the account locks. Returns the last outcome. */
  lockOut(browser?: Browser): Promise<Extract<LoginOutcome, { kind: 'locked' }>>;
  /** Returns the passcode of the flow's code, even if its message wasn't sent. */
  passcodeOf(flow: string): Promise<string>;
  /** Runs the second step of a reset. */
  setPassword(
    flow: string,
    passcode: string,
    password: string,
    email?: string,
  ): ReturnType<typeof engine.resetPwd>;
}

/** The address that the user types, and the tokens and the network of the browser. */
export type Browser = { username?: string; device?: string; session?: string; network?: string };

export const ANN = 'ann@example.com';
export const PHONE = '+12025550123';
export const PASSWORD = 'correct horse battery';
export const NETWORK = '203.0.113.9';

/** Creates a world without accounts, in memory or on PostgreSQL. `sms` keeps its messages, unless `sender` gets them. */
export function world(
  policy: Partial<Policy> = {},
  given?: Store,
  sender?: Pick<Deps, 'sms' | 'availability'>,
  onLine?: Deps['log'],
): World {
  const clock = fakeClock();
  const sms = fakeSms();
  const alerts: Alert[] = [];
  const lines: MessageLine[] = [];
  const background = createBackground((error) => console.error(error));
  const store = given ?? (IS_POSTGRES ? postgresStoreOfTest() : memoryStore());
  const deps: Deps = {
    store,
    sms,
    availability: () => sms.availability,
    ...sender,
    policy: { ...TUTORIAL, ...policy },
    phones: { smsCountries: ['US', 'CA'], defaultCountry: 'US' },
    site: { serviceName: 'Two-Factor Demo', host: 'localhost' },
    appSecrets: [Buffer.alloc(32, 9)],
    nowMs: clock.nowMs,
    randomBytes: seededRandomBytes(),
    afterResponse: background.afterResponse,
    log(line) {
      lines.push(line);
      onLine?.(line);
    },
    alert: (alert) => void alerts.push(alert),
    detached: background.afterResponse,
  };
  const seedFor = async (email: string) => {
    return engine.getSeed(deps, { email: canonicalEmail(email), network: NETWORK });
  };

  const self: World = {
    deps,
    alerts,
    lines,
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
      return passcodeFor(deps.appSecrets, must(found).code);
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

/** Signs the owner in. Returns the token of the known device. */
export async function ownersDevice(here: World, email = ANN) {
  const outcome = await here.signIn(PASSWORD, { username: email });
  if (outcome.kind !== 'ok') throw new Error(outcome.kind);
  return outcome.issued.device;
}

/** Signs the owner in and confirms the phone by a code. Returns the token of the known device. */
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

/** Returns the value. Throws if an outcome came without it. */
export function must<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('Missing from the outcome.');
  return value;
}
