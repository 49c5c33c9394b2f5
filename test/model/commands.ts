import { createHash } from 'node:crypto';
import fc from 'fast-check';
import * as accountPage from '../../src/account-page.ts';
import * as engine from '../../src/engine.ts';
import { passcodeFor } from '../../src/passcode.ts';
import type { SecondFactor } from '../../src/policy.ts';
import { cleanUp } from '../../src/runtime/cleanup.ts';
import type { SmsSender } from '../../src/sms.ts';
import type { Store } from '../../src/store.ts';
import { hashOf } from '../../src/token.ts';
import { newKeys, proofFor } from '../support/page.ts';
import { NETWORK, type World, world } from '../support/world.ts';
import {
  type AccountRequest,
  addFailedSignInCodes,
  digitsIn,
  type Fate,
  type Message,
  type Model,
  moveClock,
  newModel,
  type Outcome,
  type Request,
  type SeedGiven,
  stateOf,
  takeIn,
  takeInSteps,
} from './model.ts';

const ANN = { email: 'ann@example.com', fname: 'Ann', phone: '+12025550123' };
const BOB = { email: 'bob@example.com', fname: 'Bob', phone: '+12022010145' };
/** A user who signs up late, after strangers have tried the address. */
const DEE = { email: 'dee@example.com', fname: 'Dee', phone: '+12022020167' };
const NOBODY = { email: 'nobody@example.com' };
const PEOPLE = [ANN, BOB, DEE];
const EMAILS = [...PEOPLE, NOBODY].map(({ email }) => email);
/** The second numbers of users. Their last digits differ from those of the first numbers. */
const NEW_PHONES = ['+12025550156', '+12022010178', '+12022020190'];
/** The browser that drops its cookies. The browsers before it keep theirs. */
const THIEF = 2;

/** The engine in a world, and what its users hold. */
export interface Real {
  readonly world: World;
  readonly browsers: { devices: Record<string, string>; session: string | undefined }[];
  readonly messages: Message[];
  /** The results of the next messages. */
  readonly fates: Fate[];
  isFull: boolean;
  isCrowded: boolean;
  readonly flows: string[];
  readonly sessions: string[];
  readonly devices: { email: string; token: string }[];
  readonly seeds: { email: string; seed: SeedGiven; isKept: boolean }[];
  passwords: number;
}

/** Creates a world with two accounts, and its model. */
export async function newWorld(
  store: Store,
  seen: Map<string, number>,
  secondFactor: SecondFactor,
): Promise<{ model: Model; real: Real }> {
  const messages: Message[] = [];
  const fates: Fate[] = [];
  const real: Real = {
    world: world({ secondFactor }, store, {
      sms: sender(messages, fates, () => real.isCrowded),
      availability: () => (real.isFull ? { kind: 'full', retryAfterSeconds: 9 } : { kind: 'clear' }),
    }),
    browsers: Array.from({ length: THIEF + 1 }, () => ({ devices: {}, session: undefined })),
    messages,
    fates,
    isFull: false,
    isCrowded: false,
    flows: [],
    sessions: [],
    devices: [],
    seeds: [],
    passwords: 0,
  };
  const model = newModel(real.world.clock.nowMs(), EMAILS, seen, secondFactor);
  for (const who of [0, 1]) await perform(model, real, [{ do: 'signup', who, person: who }]);
  return { model, real };
}

/** Checks every session of the run. */
export async function lookAround(model: Model, real: Real): Promise<void> {
  for (const session of real.sessions) {
    const request: Request = { do: 'who', session };
    takeInSteps(model, [{ request, outcome: await carryOut(real, request) }], []);
  }
}

function sender(messages: Message[], fates: Fate[], isCrowded: () => boolean): SmsSender {
  const fateOf = new Map<string, Fate>();
  return {
    async send(to, text) {
      const fate = isCrowded() ? 'delivered' : (fates.shift() ?? 'delivered');
      messages.push({ to, text, fate });
      if (fate === 'refused') return { kind: 'refused', reason: 'bad_recipient' };
      if (fate === 'unknown') return { kind: 'unknown' };
      const messageId = String(fateOf.size);
      fateOf.set(messageId, fate);
      return { kind: 'sent', messageId };
    },
    trackDelivery: async (messageId) =>
      fateOf.get(messageId) === 'failed'
        ? { kind: 'failed', reason: 'undeliverable' }
        : { kind: 'delivered' },
  };
}

/** An action that is planned. Flows and sessions count back from the newest. */
type Plan =
  | { do: 'signup'; who: number; person: number }
  | {
      do: 'login';
      who: number;
      to: number;
      isRight: boolean;
      seed: 'fresh' | 'again' | 'kept' | 'foreign';
      device: 'own' | 'last' | 'last but one' | 'of another';
    }
  | { do: 'askReset'; who: number; to: number }
  | { do: 'resend'; who: number; flow: number }
  | {
      do: 'give';
      who: number;
      flow: number;
      digits: 'right' | 'wrong' | 'of another';
      isOwnPurpose: boolean;
      isOwnAccount: boolean;
      hasOwnSalt: boolean;
    }
  | { do: 'logout'; who: number }
  | { do: 'who'; session: number }
  | { do: 'account'; who: number; what: AccountRequest['do']; target: Target; isRight: boolean; flow: number }
  | { do: 'cleanup' };

/** The session or device that a request means. */
type Target = 'own' | 'others' | 'last' | 'last but one' | 'unknown';

class Together implements fc.AsyncCommand<Model, Real> {
  readonly #plans: Plan[];
  constructor(plans: Plan[]) {
    this.#plans = plans;
  }
  check(): boolean {
    return true;
  }
  async run(model: Model, real: Real): Promise<void> {
    await perform(model, real, this.#plans);
  }
  toString(): string {
    const told = this.#plans.map((plan) => JSON.stringify(plan)).join(' with ');
    return this.#plans.length > 1 ? `at once: ${told}` : told;
  }
}

class InARow implements fc.AsyncCommand<Model, Real> {
  readonly #plans: (Plan | Plan[] | Fate | number)[];
  constructor(plans: (Plan | Plan[] | Fate | number)[]) {
    this.#plans = plans;
  }
  check(): boolean {
    return true;
  }
  async run(model: Model, real: Real): Promise<void> {
    for (const plan of this.#plans) {
      if (typeof plan === 'string') real.fates.push(plan);
      else if (typeof plan === 'number') advance(model, real, plan);
      else await perform(model, real, [plan].flat());
    }
  }
  toString(): string {
    return `in a row: ${this.#plans.map((plan) => JSON.stringify(plan)).join(', ')}`;
  }
}

class MoveClock implements fc.AsyncCommand<Model, Real> {
  readonly #seconds: number;
  constructor(seconds: number) {
    this.#seconds = seconds;
  }
  check(): boolean {
    return true;
  }
  async run(model: Model, real: Real): Promise<void> {
    advance(model, real, this.#seconds);
  }
  toString(): string {
    return `clock ${this.#seconds} s`;
  }
}

class ChangeSender implements fc.AsyncCommand<Model, Real> {
  readonly #change: Fate | 'full' | 'clear';
  constructor(change: Fate | 'full' | 'clear') {
    this.#change = change;
  }
  check(): boolean {
    return true;
  }
  async run(model: Model, real: Real): Promise<void> {
    if (this.#change === 'full' || this.#change === 'clear') {
      real.isFull = this.#change === 'full';
      for (const state of model.states) state.isFull = real.isFull;
    } else real.fates.push(this.#change);
  }
  toString(): string {
    return `sender ${this.#change}`;
  }
}

class KeepSeed implements fc.AsyncCommand<Model, Real> {
  readonly #to: number;
  constructor(to: number) {
    this.#to = to;
  }
  check(): boolean {
    return true;
  }
  async run(model: Model, real: Real): Promise<void> {
    await freshSeed(model, real, emailOf(this.#to), true);
  }
  toString(): string {
    return `seed kept for ${emailOf(this.#to)}`;
  }
}

/** Makes the account have almost a hundred wrong sign-in codes. */
class GuessSignInCodes implements fc.AsyncCommand<Model, Real> {
  readonly #to: number;
  constructor(to: number) {
    this.#to = to;
  }
  check(): boolean {
    return true;
  }
  async run(model: Model, real: Real): Promise<void> {
    const email = emailOf(this.#to);
    await real.world.deps.store.transact(async (tx) => {
      for (let wrong = 0; wrong < 99; wrong += 1) await tx.addFailedSignInCode(email);
    });
    addFailedSignInCodes(model, email, 99);
  }
  toString(): string {
    return `99 wrong sign-in codes for ${emailOf(this.#to)}`;
  }
}

function advance(model: Model, real: Real, seconds: number): void {
  real.world.clock.advanceSeconds(seconds);
  moveClock(model, seconds);
}

/** Carries out the plans at the same time, sends the messages, and checks the answers with the model. */
async function perform(model: Model, real: Real, plans: readonly Plan[]): Promise<void> {
  const requests: Request[] = [];
  for (const plan of plans) requests.push(await requestFor(model, real, plan));
  const before = real.messages.length;
  real.isCrowded = plans.length > 1;
  const outcomes = await Promise.all(requests.map((request) => carryOut(real, request)));
  await real.world.settled();
  const steps = requests.map((request, index) => ({ request, outcome: outcomes[index] as Outcome }));
  takeInSteps(model, steps, real.messages.slice(before));
  for (const [index, plan] of plans.entries()) keep(real, plan, requests[index], outcomes[index]);
}

async function carryOut(real: Real, request: Request): Promise<Outcome> {
  const { deps } = real.world;
  switch (request.do) {
    case 'signup': {
      const { email, fname, phone, password } = request;
      const { salt, kdf } = await engine.getSeed(deps, { email, network: NETWORK });
      const keys = newKeys(password, salt);
      return engine.signup(deps, { email, fname, lname: 'Lee', phoneno: phone, salt, kdf, ...keys });
    }
    case 'login': {
      const { email, password, seed } = request;
      const { signature, ...proof } = proofFor(password, email, seed);
      const outcome = await engine.login(deps, { username: email, email, ...proof, ...sentBy(request) });
      return 'signature' in outcome ? { ...outcome, isSigned: outcome.signature === signature } : outcome;
    }
    case 'askReset':
      return engine.resetPwd(deps, { email: request.email, ...sentBy(request) });
    case 'resend':
      return engine.resendCode(deps, {
        flow: request.flow,
        deviceOf: (email) => request.devices[email],
        ...sentBy({}),
      });
    case 'verify': {
      const { email, flow, passcode } = request;
      return engine.verifyPasscode(deps, { email, flow, passcode, ...sentBy(request) });
    }
    case 'setPassword': {
      const { email, flow, passcode, password, hasOwnSalt } = request;
      const { salt, kdf } = await engine.getSeed(deps, { email, network: NETWORK });
      const given = hasOwnSalt ? salt : 'A'.repeat(22);
      const keys = newKeys(password, given);
      return engine.resetPwd(deps, {
        email,
        flow,
        passcode,
        salt: given,
        kdf,
        ...keys,
        ...sentBy(request),
      });
    }
    case 'logout':
      return engine.logout(deps, sentBy(request));
    case 'who': {
      const person = await engine.whoIsSignedIn(deps, sentBy(request));
      return { kind: person === undefined ? 'signed out' : 'signed in', ...(person && { person }) };
    }
    case 'cleanup':
      await cleanUp(deps.store, deps.nowMs());
      return { kind: 'ok' };
    default:
      return carryOutAccount(real, request);
  }
}

async function carryOutAccount({ world: { deps } }: Real, request: AccountRequest): Promise<Outcome> {
  const from = sentBy(request);
  switch (request.do) {
    case 'page': {
      const page = await accountPage.accountPage(deps, from);
      return { kind: page.kind, ...(page.kind === 'ok' && { page }) };
    }
    case 'prove': {
      const { signature, ...proof } = proofFor(request.password, request.email, request.seed);
      const outcome = await accountPage.prove(deps, { ...proof, ...from });
      return 'signature' in outcome ? { ...outcome, isSigned: outcome.signature === signature } : outcome;
    }
    case 'changeName':
      return accountPage.changeName(deps, { fname: request.fname, lname: 'Lee', ...from });
    case 'changePwd': {
      const { email, password, cookie } = request;
      const { salt, kdf } = await engine.getSeed(deps, { email, network: NETWORK });
      const form = { salt, kdf, ...newKeys(password, salt), ...from, deviceOf: () => cookie };
      return accountPage.changePwd(deps, form);
    }
    case 'askPhone':
      return accountPage.changePhone(deps, { phoneno: request.phone, ...from });
    case 'givePhone': {
      const { flow, passcode } = request;
      return accountPage.changePhone(deps, { flow, passcode, ...from });
    }
    case 'endSession':
    case 'forgetDevice': {
      const act = request.do === 'endSession' ? accountPage.endSession : accountPage.forgetDevice;
      return act(deps, 'id' in request ? { id: request.id, ...from } : { others: true, ...from });
    }
    case 'deleteAccount':
      return accountPage.deleteAccount(deps, from);
  }
}

async function requestFor(model: Model, real: Real, plan: Plan): Promise<Request> {
  switch (plan.do) {
    case 'signup': {
      const person = PEOPLE[plan.person] ?? ANN;
      return { do: 'signup', ...person, password: newPassword(real) };
    }
    case 'login': {
      const email = emailOf(plan.to);
      const right = stateOf(model).accounts.get(email)?.user?.password ?? 'anything';
      const { devices, session } = browserOf(real, plan.who);
      const device = plan.device === 'own' ? devices[email] : olderDevice(real, email, plan.device);
      return {
        do: 'login',
        email,
        password: plan.isRight ? right : 'wrong',
        seed: await seedFor(model, real, plan.seed, email),
        device,
        session,
      };
    }
    case 'askReset': {
      const email = emailOf(plan.to);
      return { do: 'askReset', email, device: browserOf(real, plan.who).devices[email] };
    }
    case 'resend':
      return {
        do: 'resend',
        flow: flowAt(real, plan.flow),
        devices: { ...browserOf(real, plan.who).devices },
      };
    case 'give': {
      const flow = flowAt(real, plan.flow);
      const code = codeOf(model, flow);
      const email = plan.isOwnAccount ? (code?.email ?? ANN.email) : otherThan(code?.email);
      const device = browserOf(real, plan.who).devices[email];
      const passcode = await passcodeToGive(model, real, flow, plan.digits);
      const given = { email, flow, passcode, device };
      const { session } = browserOf(real, plan.who);
      if (plan.isOwnPurpose && (code?.purpose === 'oldphone' || code?.purpose === 'newphone')) {
        return { do: 'givePhone', session: session ?? NO_SESSION, flow, passcode };
      }
      const isVerify = (code?.purpose === 'unlock' || code?.purpose === 'signin') === plan.isOwnPurpose;
      if (isVerify) return { do: 'verify', ...given, session };
      return { do: 'setPassword', ...given, password: newPassword(real), hasOwnSalt: plan.hasOwnSalt };
    }
    case 'logout':
      return { do: 'logout', session: browserOf(real, plan.who).session };
    case 'who':
      return { do: 'who', session: real.sessions.at(-1 - plan.session) };
    case 'account':
      return accountRequestFor(model, real, plan);
    case 'cleanup':
      return { do: 'cleanup' };
  }
}

const NO_SESSION = 'no session';

async function accountRequestFor(
  model: Model,
  real: Real,
  plan: Extract<Plan, { do: 'account' }>,
): Promise<AccountRequest> {
  const own = browserOf(real, plan.who);
  // The browser that drops its cookies has a session that it stole.
  const session = (plan.who === THIEF ? real.sessions.at(-1) : own.session) ?? NO_SESSION;
  const email = stateOf(model).sessions.get(session)?.email ?? ANN.email;
  const person = PEOPLE.findIndex((one) => one.email === email);
  const user = stateOf(model).accounts.get(email)?.user;
  switch (plan.what) {
    case 'page':
    case 'deleteAccount':
      return { do: plan.what, session };
    case 'prove': {
      const password = plan.isRight ? (user?.password ?? 'anything') : 'wrong';
      return { do: 'prove', session, email, password, seed: await seedFor(model, real, 'fresh', email) };
    }
    case 'changeName':
      return { do: 'changeName', session, fname: newPassword(real) };
    case 'changePwd': {
      const cookie = plan.isRight ? own.devices[email] : olderDevice(real, email, 'last but one');
      return { do: 'changePwd', session, email, password: newPassword(real), cookie };
    }
    case 'askPhone': {
      const [first, second] = [PEOPLE[person]?.phone ?? ANN.phone, NEW_PHONES[person] ?? ''];
      const phone = (user?.phone === first) === plan.isRight ? second : first;
      return { do: 'askPhone', session, phone };
    }
    case 'givePhone': {
      const flow = flowAt(real, plan.flow);
      const passcode = await passcodeToGive(model, real, flow, plan.isRight ? 'right' : 'wrong');
      return { do: 'givePhone', session, flow, passcode };
    }
    case 'endSession':
    case 'forgetDevice':
      return oneOrOthers(model, real, plan, plan.what, session);
  }
}

/** Finds the id that the account page shows for the session or the device. */
async function oneOrOthers(
  model: Model,
  real: Real,
  { target }: Extract<Plan, { do: 'account' }>,
  what: 'endSession' | 'forgetDevice',
  session: string,
): Promise<AccountRequest> {
  if (target === 'others') return { do: what, session, of: 'others' };
  const last = real.sessions.at(target === 'last' ? -1 : -2);
  const meant = (target === 'own' ? session : target === 'unknown' ? undefined : last) ?? NO_SESSION;
  const found = await real.world.deps.store.transact((tx) => tx.sessionFor(hashOf(meant)));
  if (what === 'endSession') return { do: what, session, of: meant, id: found?.id ?? 'unknown' };
  const count = stateOf(model).sessions.get(meant)?.count ?? 'unknown';
  return { do: what, session, of: count, id: count === 'unknown' ? 'unknown' : (found?.device ?? 'unknown') };
}

/** Keeps the cookies in the browser, and all issued flows and tokens for later tries. */
function keep(real: Real, plan: Plan, request: Request | undefined, outcome: Outcome | undefined): void {
  if (outcome?.flow !== undefined && !real.flows.includes(outcome.flow)) real.flows.push(outcome.flow);
  const issued = outcome?.issued;
  const browser = 'who' in plan ? browserOf(real, plan.who) : undefined;
  if (plan.do === 'logout' && browser !== undefined) browser.session = undefined;
  if (issued === undefined || request === undefined || !('email' in request)) return;
  real.devices.push({ email: request.email, token: issued.device });
  if (issued.session !== undefined) real.sessions.push(issued.session);
  if (browser === undefined || ('who' in plan && plan.who === THIEF)) return;
  browser.devices[request.email] = issued.device;
  if (issued.session !== undefined) browser.session = issued.session;
}

async function freshSeed(model: Model, real: Real, email: string, isKept = false): Promise<SeedGiven> {
  const seed = await engine.getSeed(real.world.deps, { email, network: NETWORK });
  takeIn(model, email, seed);
  real.seeds.push({ email, seed, isKept });
  return seed;
}

async function seedFor(model: Model, real: Real, how: string, email: string): Promise<SeedGiven> {
  if (how === 'foreign') return freshSeed(model, real, otherThan(email));
  const own = real.seeds.filter((one) => one.email === email && (how === 'again' || one.isKept));
  const found = how === 'fresh' ? undefined : own.at(-1)?.seed;
  return found ?? freshSeed(model, real, email);
}

/** Returns digits to try. For a decoy account, these are the digits that its code would have had. */
async function passcodeToGive(
  model: Model,
  { world: { deps }, messages }: Real,
  flow: string,
  how: string,
): Promise<string> {
  const sent = messages.map(({ text }) => digitsIn(text));
  const own = codeOf(model, flow)?.digits;
  if (how === 'wrong') return ['000000', '111111', '222222'].find((one) => !sent.includes(one)) ?? '333333';
  if (how === 'of another') return sent.findLast((one) => one !== own) ?? '444444';
  if (own !== undefined) return own;
  const hash = createHash('sha256').update(flow).digest('base64url');
  const found = await deps.store.transact((tx) => tx.flowFor(hash));
  return found === undefined ? '555555' : passcodeFor(deps.appSecrets, found.code);
}

function codeOf(model: Model, flow: string) {
  const { flows, codes } = stateOf(model);
  return codes.get(flows.get(flow)?.codeId ?? '');
}

function browserOf({ browsers }: Real, who: number): Real['browsers'][number] {
  const browser = browsers[who];
  if (browser === undefined) throw new Error(`There is no browser ${who}.`);
  return browser;
}

/** Returns a device token of the account or of another one. Most of them have expired. */
function olderDevice({ devices }: Real, email: string, which: string): string | undefined {
  const found = devices.filter((one) => (one.email === email) === (which !== 'of another'));
  return found.at(which === 'last but one' ? -2 : -1)?.token;
}

function flowAt({ flows }: Real, index: number): string {
  return flows.at(-1 - index) ?? 'A'.repeat(22);
}

function emailOf(index: number): string {
  return EMAILS[index] ?? ANN.email;
}

function otherThan(email: string | undefined): string {
  return email === ANN.email ? BOB.email : ANN.email;
}

function newPassword(real: Real): string {
  real.passwords += 1;
  return `a new password ${real.passwords}`;
}

/** Returns the cookies and the network of a request. */
function sentBy({ device, session }: { device?: string | undefined; session?: string | undefined }) {
  return {
    network: NETWORK,
    ...(device !== undefined && { device }),
    ...(session !== undefined && { session }),
  };
}

const chosen = <Value>(...pairs: [number, Value][]) =>
  fc.oneof(...pairs.map(([weight, value]) => ({ weight, arbitrary: fc.constant(value) })));
const whoArb = chosen([4, 0], [2, 1], [3, THIEF]);
const toArb = chosen([9, 0], [2, 1], [2, 2], [1, 3]);
const flowArb = chosen([12, 0], [5, 1], [3, 2], [2, 3], [1, 5], [1, 8]);

const deviceArb = chosen<'own' | 'last' | 'last but one' | 'of another'>(
  [12, 'own'],
  [1, 'last'],
  [1, 'last but one'],
  [1, 'of another'],
);

const planArbs = {
  signup: fc.record({
    do: fc.constant('signup' as const),
    who: whoArb,
    person: chosen([2, 0], [1, 1], [3, 2]),
  }),
  login: fc.record({
    do: fc.constant('login' as const),
    who: whoArb,
    to: toArb,
    isRight: chosen([2, true], [3, false]),
    seed: chosen<'fresh' | 'again' | 'kept' | 'foreign'>(
      [16, 'fresh'],
      [3, 'again'],
      [2, 'kept'],
      [1, 'foreign'],
    ),
    device: deviceArb,
  }),
  askReset: fc.record({ do: fc.constant('askReset' as const), who: whoArb, to: toArb }),
  resend: fc.record({ do: fc.constant('resend' as const), who: whoArb, flow: flowArb }),
  give: fc.record({
    do: fc.constant('give' as const),
    who: whoArb,
    flow: flowArb,
    digits: chosen<'right' | 'wrong' | 'of another'>([7, 'right'], [3, 'wrong'], [1, 'of another']),
    isOwnPurpose: chosen([12, true], [1, false]),
    isOwnAccount: chosen([12, true], [1, false]),
    hasOwnSalt: chosen([20, true], [1, false]),
  }),
  logout: fc.record({ do: fc.constant('logout' as const), who: whoArb }),
  who: fc.record({ do: fc.constant('who' as const), session: chosen([4, 0], [3, 1], [2, 2], [1, 4]) }),
  cleanup: fc.constant({ do: 'cleanup' as const }),
};

const accountArb = (...whats: [number, AccountRequest['do']][]) =>
  fc.record({
    do: fc.constant('account' as const),
    who: whoArb,
    what: chosen(...whats),
    target: chosen<Target>([2, 'own'], [3, 'others'], [2, 'last'], [2, 'last but one'], [1, 'unknown']),
    isRight: chosen([3, true], [1, false]),
    flow: flowArb,
  });
const anyAccountArb = accountArb(
  [4, 'page'],
  [4, 'prove'],
  [1, 'changeName'],
  [3, 'changePwd'],
  [5, 'askPhone'],
  [3, 'givePhone'],
  [2, 'endSession'],
  [2, 'forgetDevice'],
  [1, 'deleteAccount'],
);

const planArb: fc.Arbitrary<Plan> = fc.oneof(
  { weight: 8, arbitrary: anyAccountArb },
  { weight: 14, arbitrary: planArbs.login },
  { weight: 9, arbitrary: planArbs.give },
  { weight: 4, arbitrary: planArbs.askReset },
  { weight: 4, arbitrary: planArbs.resend },
  { weight: 3, arbitrary: planArbs.who },
  { weight: 1, arbitrary: planArbs.logout },
  { weight: 2, arbitrary: planArbs.signup },
  { weight: 1, arbitrary: planArbs.cleanup },
);

const HOUR = 3600;
const clockArb = chosen(
  [3, 1],
  [4, 20],
  [3, 59],
  [6, 60],
  [3, 61],
  [4, 299],
  [4, 1800],
  [2, HOUR],
  [2, 11 * HOUR],
  [2, 12 * HOUR],
  [1, 29 * 24 * HOUR],
  [1, 31 * 24 * HOUR],
  [2, -30],
  [2, -600],
  [1, -2 * HOUR],
  [1, -13 * HOUR],
);
const senderArb = chosen<Fate | 'full' | 'clear'>(
  [4, 'refused'],
  [3, 'failed'],
  [1, 'unknown'],
  [1, 'full'],
  [3, 'clear'],
);

const alone = (arb: fc.Arbitrary<Plan>) => arb.map((plan) => new Together([plan]));

const wrongLogins = (who: number, to: number): Plan[] =>
  Array.from({ length: 3 }, () => ({
    do: 'login',
    who,
    to,
    isRight: false,
    seed: 'fresh',
    device: 'own',
  }));
const fateArb = fc.array(chosen<Fate>([3, 'refused'], [2, 'failed'], [1, 'unknown']), {
  minLength: 0,
  maxLength: 1,
});
const afterArb = fc.array(
  fc.oneof(
    planArbs.give,
    planArbs.resend,
    planArbs.give.map((plan) => [plan, plan]),
    chosen<Fate | number>([2, 60], [1, 'refused'], [1, 'failed']),
  ),
  { maxLength: 4 },
);
/** Locks an account, and then may try the code or ask for it again. */
const lockArb = fc
  .tuple(whoArb, toArb, fateArb, afterArb)
  .map(([who, to, fates, after]) => new InARow([...fates, ...wrongLogins(who, to), ...after]));
/** Asks for a reset, and then may try the code or ask for it again. */
const resetArb = fc
  .tuple(planArbs.askReset, fateArb, afterArb)
  .map(([asked, fates, after]) => new InARow([...fates, asked, ...after]));
/** Gets two codes for one lock, unlocks with the newer one, and tries the older one. */
const twoCodesArb = fc.tuple(planArbs.give, fc.oneof(planArbs.give, planArbs.resend)).map(([give, older]) => {
  const right = { ...give, flow: 0, digits: 'right' as const, isOwnPurpose: true, isOwnAccount: true };
  return new InARow([...wrongLogins(THIEF, 0), 60, ...wrongLogins(THIEF, 0), right, { ...older, flow: 3 }]);
});
/** Sends a code again, which may be refused this time. */
const againArb = fc
  .tuple(planArbs.askReset, planArbs.resend, planArbs.give, fateArb)
  .map(
    ([asked, resend, give, fates]) =>
      new InARow([asked, 60, ...fates, { ...resend, flow: 0 }, { ...give, flow: 0 }]),
  );
/** Asks for one code after the other, each right after the pause. */
const floodArb = fc
  .array(fc.oneof(planArbs.askReset, planArbs.resend, planArbs.login), { minLength: 4, maxLength: 14 })
  .map((plans) => new InARow(plans.flatMap((plan) => [plan, 60])));
/** Stays signed in, for a day or for longer than a month. */
const stayArb = fc.tuple(planArbs.login, chosen([7, 3], [1, 66])).map(([login, times]) => {
  const seen: (Plan | number)[] = [11 * HOUR, { do: 'who', session: 0 }];
  return new InARow([
    { ...login, isRight: true, seed: 'fresh' },
    ...Array.from({ length: times }, () => seen).flat(),
  ]);
});
/** Signs in, with a code if the sign-in needs one. */
const signInPlans = (who: number, to: number, give: GivePlan): (Plan | number)[] => [
  { do: 'login', who, to, isRight: true, seed: 'fresh', device: 'own' },
  { ...give, who, flow: 0, digits: 'right', isOwnPurpose: true, isOwnAccount: true },
];
type GivePlan = Extract<Plan, { do: 'give' }>;
/** Signs in and uses the account page, right away or after a while. */
const accountPageArb = fc
  .tuple(
    whoArb,
    toArb,
    planArbs.give,
    fc.array(
      fc.oneof(
        { weight: 5, arbitrary: anyAccountArb },
        { weight: 2, arbitrary: planArbs.give },
        { weight: 1, arbitrary: fc.tuple(anyAccountArb, planArb).map((plans) => plans) },
        { weight: 1, arbitrary: chosen<number>([3, 60], [1, 299], [1, 300]) },
      ),
      { minLength: 2, maxLength: 7 },
    ),
  )
  .map(([who, to, give, then]) => {
    const atPage = then.map((plan) => (typeof plan === 'object' && 'who' in plan ? { ...plan, who } : plan));
    return new InARow([...signInPlans(who, to, give), ...atPage]);
  });
/** Changes the phone with right codes. */
const changePhoneArb = fc
  .tuple(chosen([3, 0], [1, 1]), planArbs.give, accountArb([1, 'askPhone']), planArb)
  .map(([who, give, ask, other]) => {
    const right = { ...give, who, flow: 0, digits: 'right' as const, isOwnPurpose: true, isOwnAccount: true };
    return new InARow([...signInPlans(who, who, give), { ...ask, who }, right, right, other]);
  });
/** Asks for a code, changes the phone, and tries the older code. Or confirms the phone between the two. */
const codesOfBeforeArb = fc
  .tuple(
    chosen([1, 0], [1, 1], [1, 2]),
    planArbs.give,
    accountArb([1, 'askPhone']),
    fc.boolean(),
    planArbs.askReset,
  )
  .map(([to, give, ask, isConfirmed, asked]) => {
    const right = { ...give, who: 0, digits: 'right' as const, isOwnPurpose: true, isOwnAccount: true };
    const [newest, before, older] = [0, 1, 2].map((flow) => ({ ...right, flow })) as [Plan, Plan, Plan];
    const askPhone = { ...ask, who: 0, isRight: true };
    const then = isConfirmed
      ? [askPhone, ...wrongLogins(THIEF, to), newest, before]
      : [{ ...asked, who: THIEF, to }, askPhone, newest, newest, before, older];
    return new InARow([...signInPlans(0, to, give), ...then]);
  });
/** Proves wrong passwords until the device is locked. */
const provesArb = fc
  .tuple(chosen([2, 0], [1, 1]), planArbs.give, accountArb([1, 'prove']), chosen([4, 3], [1, 2]))
  .map(([who, give, prove, times]) => {
    const wrong = Array.from({ length: times }, () => ({ ...prove, who, isRight: false }));
    return new InARow([...signInPlans(who, who, give), ...wrong, { ...give, who, flow: 0 }]);
  });
/** Sends the same request twice at once, like a double click. */
const twiceArb = fc.tuple(fc.oneof(planArbs.give, planArbs.login), planArb).map(([plan, other]) => {
  const again = plan.do === 'login' ? { ...plan, seed: 'again' as const } : plan;
  return new Together([plan, again, other]);
});
const togetherArb = fc.array(planArb, { minLength: 2, maxLength: 4 }).map((plans) => new Together(plans));

/** All actions. The more frequent ones come more than once. */
export const commandArbs: fc.Arbitrary<fc.AsyncCommand<Model, Real>>[] = [
  alone(planArb),
  alone(planArb),
  alone(planArb),
  alone(planArbs.login),
  alone(planArbs.login),
  alone(planArbs.give),
  lockArb,
  lockArb,
  resetArb,
  twoCodesArb,
  againArb,
  floodArb,
  stayArb,
  accountPageArb,
  accountPageArb,
  changePhoneArb,
  codesOfBeforeArb,
  provesArb,
  fc
    .tuple(toArb, planArbs.login, planArbs.give, planArbs.resend)
    .map(([to, login, give, resend]) => ({ to, login, give, resend }))
    .chain(({ to, login, give, resend }) =>
      fc.constantFrom(
        new GuessSignInCodes(to),
        new InARow([
          { ...login, to, isRight: true, seed: 'fresh' },
          { ...give, flow: 0 },
          { ...resend, flow: 0 },
        ]),
      ),
    ),
  togetherArb,
  twiceArb,
  clockArb.map((seconds) => new MoveClock(seconds)),
  clockArb.map((seconds) => new MoveClock(seconds)),
  senderArb.map((change) => new ChangeSender(change)),
  toArb.map((to) => new KeepSeed(to)),
];
