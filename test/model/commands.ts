import { createHash } from 'node:crypto';
import fc from 'fast-check';
import * as engine from '../../src/engine.ts';
import { passcodeFor } from '../../src/passcode.ts';
import { cleanUp } from '../../src/runtime/cleanup.ts';
import type { SmsSender } from '../../src/sms.ts';
import type { Store } from '../../src/store.ts';
import { newKeys, proofFor } from '../support/page.ts';
import { NETWORK, type World, world } from '../support/world.ts';
import {
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
): Promise<{ model: Model; real: Real }> {
  const messages: Message[] = [];
  const fates: Fate[] = [];
  const real: Real = {
    world: world({}, store, {
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
  const model = newModel(real.world.clock.nowMs(), EMAILS, seen);
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
  | { do: 'cleanup' };

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
      return outcome.kind === 'ok' ? { ...outcome, isSigned: outcome.signature === signature } : outcome;
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
      const isUnlock = (code?.purpose === 'unlock') === plan.isOwnPurpose;
      if (isUnlock) return { do: 'verify', ...given };
      return { do: 'setPassword', ...given, password: newPassword(real), hasOwnSalt: plan.hasOwnSalt };
    }
    case 'logout':
      return { do: 'logout', session: browserOf(real, plan.who).session };
    case 'who':
      return { do: 'who', session: real.sessions.at(-1 - plan.session) };
    case 'cleanup':
      return { do: 'cleanup' };
  }
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
  signup: fc.record({ do: fc.constant('signup' as const), who: whoArb, person: chosen([1, 0], [3, 2]) }),
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

const planArb: fc.Arbitrary<Plan> = fc.oneof(
  { weight: 14, arbitrary: planArbs.login },
  { weight: 9, arbitrary: planArbs.give },
  { weight: 4, arbitrary: planArbs.askReset },
  { weight: 4, arbitrary: planArbs.resend },
  { weight: 3, arbitrary: planArbs.who },
  { weight: 1, arbitrary: planArbs.logout },
  { weight: 1, arbitrary: planArbs.signup },
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
  togetherArb,
  twiceArb,
  clockArb.map((seconds) => new MoveClock(seconds)),
  clockArb.map((seconds) => new MoveClock(seconds)),
  senderArb.map((change) => new ChangeSender(change)),
  toArb.map((to) => new KeepSeed(to)),
];
