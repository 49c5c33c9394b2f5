import type { Purpose } from '../../src/passcode.ts';
import { CONSTANTS, type SecondFactor, TUTORIAL } from '../../src/policy.ts';

/** A complete request, for the engine and for the model. */
export type Request =
  | { do: 'signup'; email: string; fname: string; phone: string; password: string }
  | {
      do: 'login';
      email: string;
      password: string;
      seed: SeedGiven;
      device: string | undefined;
      session: string | undefined;
    }
  | { do: 'askReset'; email: string; device: string | undefined }
  | { do: 'resend'; flow: string; devices: Record<string, string> }
  | {
      do: 'verify';
      email: string;
      flow: string;
      passcode: string;
      device: string | undefined;
      session: string | undefined;
    }
  | {
      do: 'setPassword';
      email: string;
      flow: string;
      passcode: string;
      password: string;
      hasOwnSalt: boolean;
      device: string | undefined;
    }
  | { do: 'logout'; session: string | undefined }
  | { do: 'who'; session: string | undefined }
  | AccountRequest
  | { do: 'cleanup'; part?: 'codes' | 'others' };

/** A request of the account page, for the account of the session. */
export type AccountRequest =
  | { do: 'page'; session: string }
  | { do: 'prove'; session: string; email: string; password: string; seed: SeedGiven }
  | { do: 'changeName'; session: string; fname: string }
  | { do: 'changePwd'; session: string; email: string; password: string; cookie: string | undefined }
  | { do: 'askPhone'; session: string; phone: string }
  | { do: 'givePhone'; session: string; flow: string; passcode: string }
  | ({ do: 'endSession' | 'forgetDevice'; session: string } & OneOrOthers)
  | { do: 'deleteAccount'; session: string };

/** `of` is the token of a session or the count of a device. `id` is the one that the page shows for it. */
type OneOrOthers = { of: string; id: string } | { of: 'others' };

export type SeedGiven = { id: string; seed: string; salt: string; kdf: string };

/** The outcome of a request, with the fields of all outcomes. */
export type Outcome = {
  kind: string;
  phone?: string;
  resendIn?: number;
  triesLeft?: number;
  flow?: string;
  field?: string;
  retryAfter?: number;
  /** True if the server's signature fits the account. */
  isSigned?: boolean;
  issued?: { device: string; session?: string };
  person?: { fname: string; email: string };
  page?: { fname: string; phone: string; phoneConfirmed: boolean; sessions: Rows; devices: Rows };
};

type Rows = { current: boolean }[];

/** A request and its outcome. */
export type Step = { request: Request; outcome: Outcome };

/** The result of a message. `failed` means that the provider accepted it and lost it later. */
export type Fate = 'delivered' | 'refused' | 'unknown' | 'failed';

export type Message = { to: string; text: string; fate: Fate };

interface Account {
  email: string;
  /** The form of the sign-up; undefined for an address without an account. */
  user: User | undefined;
  /** Live tokens, each with its count, the oldest first. A count is named after the first token of its device. */
  devices: Map<string, { count: string; expiresAtMs: number }>;
  lockouts: Map<string, { failures: number; isLocked: boolean; changedAtMs: number }>;
}

interface User {
  fname: string;
  phone: string;
  password: string;
  isConfirmed: boolean;
  /** False until the account knows a device. */
  isFinished: boolean;
  failedSignInCodes: number;
}

interface Code {
  email: string;
  purpose: Purpose;
  count: string;
  /** The new number that it is about, or empty. */
  phone: string;
  /** The six digits of its message, if one was sent. */
  digits: string | undefined;
  createdAtMs: number;
  expiresAtMs: number;
  sentAtMs: number;
  changedAtMs: number;
  isSpent: boolean;
  delivery: 'sending' | 'gone' | 'refused' | 'failed';
  flows: number;
  /** True if a known device asked for its last message. */
  requestedByKnownDevice: boolean;
}

interface Session {
  email: string;
  /** The count of its device. */
  count: string;
  provedAtMs: number;
  madeAtMs: number;
  seenAtMs: number;
  /** True if a cleanup ran less than a minute before its end, or later. */
  mayBeDeleted: boolean;
}

/** The state that the rules prescribe after all requests so far. */
export interface State {
  secondFactor: SecondFactor;
  nowMs: number;
  isFull: boolean;
  accounts: Map<string, Account>;
  seeds: Map<string, { email: string; expiresAtMs: number }>;
  /** The codes by their first flow. */
  codes: Map<string, Code>;
  flows: Map<string, { codeId: string; isTried: boolean }>;
  sessions: Map<string, Session>;
  failedCodesAtMs: number[];
  /** Charges for messages: sent ones, suppressed ones of decoy accounts, and notices. */
  spent: { email: string; to: string; atMs: number; isBeforeSetBack: boolean; isOfAccount: boolean }[];
  /** The codes that were requested since the clock was last set back. */
  asked: {
    email: string;
    purpose: Purpose;
    count: string;
    phone: string;
    atMs: number;
    fate: Fate;
    isKnown: boolean;
  }[];
}

/** The states that fit the answers so far. Requests at the same time can leave more than one. */
export interface Model {
  states: State[];
  readonly seen: Map<string, number>;
}

/** The error for answers that no order of the requests explains. */
export class BrokenRule extends Error {
  override readonly name = 'BrokenRule';
}

const UNKNOWN = '';
const MOST_STATES = 24;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const { maxFailures, codeLifetimeSeconds, codeResendSeconds } = TUTORIAL;

/** Creates a model of a world without accounts. */
export function newModel(
  nowMs: number,
  emails: readonly string[],
  seen: Map<string, number>,
  secondFactor: SecondFactor,
): Model {
  const accounts = emails.map(
    (email): Account => ({ email, user: undefined, devices: new Map(), lockouts: new Map() }),
  );
  const state: State = {
    secondFactor,
    nowMs,
    isFull: false,
    accounts: new Map(accounts.map((account) => [account.email, account])),
    seeds: new Map(),
    codes: new Map(),
    flows: new Map(),
    sessions: new Map(),
    failedCodesAtMs: [],
    spent: [],
    asked: [],
  };
  return { states: [state], seen };
}

/** Returns one of the possible states. */
export function stateOf({ states }: Model): State {
  const [state] = states;
  if (state === undefined) throw new Error('The model has no state left.');
  return state;
}

/** Moves the clock of the model. */
export function moveClock(model: Model, seconds: number): void {
  for (const state of model.states) {
    state.nowMs += seconds * 1000;
    if (seconds >= 0) continue;
    state.asked = [];
    for (const one of state.spent) one.isBeforeSetBack = true;
  }
}

/** Adds wrong sign-in codes to the count of an account. */
export function addFailedSignInCodes(model: Model, email: string, count: number): void {
  for (const state of model.states) {
    const { user } = accountOf(state, email);
    if (user !== undefined) user.failedSignInCodes += count;
  }
}

/** Adds a seed that the engine has issued. */
export function takeIn(model: Model, email: string, { id }: SeedGiven): void {
  for (const state of model.states) {
    state.seeds.set(id, { email, expiresAtMs: state.nowMs + CONSTANTS.seedLifetimeSeconds * 1000 });
  }
}

/**
 * Adds requests that ran at the same time, and their messages. Throws BrokenRule if the answers and messages break the
 * rules in every order of the requests.
 */
export function takeInSteps(model: Model, steps: readonly Step[], messages: readonly Message[]): void {
  const next = new Map<string, State>();
  const isOnly = model.states.length * steps.length === 1;
  let firstFault: BrokenRule | undefined;
  let tags: string[] | undefined;
  const parts = steps.length === 1 ? steps : steps.flatMap(partsOf);
  for (const state of model.states) {
    for (const order of ordersOf(parts)) {
      if (!endsWithCodes(order)) continue;
      if (next.size === MOST_STATES) break;
      const own = isOnly ? state : structuredClone(state);
      const notes: Notes = { messages: [...messages], tags: [], notices: [] };
      try {
        for (const step of order) apply(own, step, notes);
        demandNothingLeft(own, notes);
        demandBounds(own);
        const key = isOnly ? '' : keyOf(own);
        if (!next.has(key)) next.set(key, own);
        tags ??= notes.tags;
      } catch (error) {
        if (!(error instanceof BrokenRule)) throw error;
        firstFault ??= error;
      }
    }
  }
  if (next.size === 0) {
    const told = JSON.stringify({ steps, messages }, undefined, 1);
    throw new BrokenRule(`${firstFault?.message ?? 'No state is left.'}\n${told}`);
  }
  model.states = [...next.values()];
  for (const tag of [...(tags ?? []), ...tagsOf(steps)]) model.seen.set(tag, (model.seen.get(tag) ?? 0) + 1);
}

/** Returns the same text for two states that differ in the order of their entries alone. */
function keyOf({ asked, ...state }: State): string {
  const inOrder = (_: string, value: unknown) => (value instanceof Map ? [...value].sort() : value);
  return JSON.stringify([state, asked.map((one) => JSON.stringify(one)).sort()], inOrder);
}

type Notes = { messages: Message[]; tags: string[]; notices: Notice[] };
/** A notice that may be sent. `isCounted`: for the limit of changed passwords. */
type Notice = { email: string; to: string; isCounted: boolean };
type StepOf<Kind> = { request: Extract<Request, { do: Kind }>; outcome: Outcome };

function demand(holds: boolean, rule: string): asserts holds {
  if (!holds) throw new BrokenRule(rule);
}

function demandKind({ kind }: Outcome, expected: string, why: string): void {
  demand(kind === expected, `${why}: expected ${expected}, got ${kind}`);
}

function apply(state: State, step: Step, notes: Notes) {
  if (['wrong_code', 'expired_code'].includes(step.outcome.kind)) state.failedCodesAtMs.push(state.nowMs);
  noteUse(state, step.request, notes);
  switch (step.request.do) {
    case 'signup':
      return applySignup(state, step as StepOf<'signup'>, notes);
    case 'login':
      return applyLogin(state, step as StepOf<'login'>, notes);
    case 'askReset':
      return applyAskReset(state, step as StepOf<'askReset'>, notes);
    case 'resend':
      return applyResend(state, step as StepOf<'resend'>, notes);
    case 'verify':
      return applyVerify(state, step as StepOf<'verify'>, notes);
    case 'setPassword':
      return applySetPassword(state, step as StepOf<'setPassword'>, notes);
    case 'logout':
      state.sessions.delete(step.request.session ?? '');
      return;
    case 'who':
      return applyWho(state, step as StepOf<'who'>, notes);
    case 'cleanup':
      return applyCleanup(state, step.request.part);
    default:
      return applyAccount(state, { request: step.request, outcome: step.outcome }, notes);
  }
}

function applySignup(state: State, { request, outcome }: StepOf<'signup'>, notes: Notes) {
  const account = accountOf(state, request.email);
  const isNew = account.user === undefined;
  const isReplaced = state.secondFactor !== 'never' && account.user?.isFinished === false;
  if (!isNew && !isReplaced) return demandKind(outcome, 'taken', 'an address has one account');
  demandKind(outcome, 'ok', 'an address without an account, or with an unfinished one, can be signed up');
  if (isReplaced) notes.tags.push('an unfinished account replaced');
  const { fname, phone, password } = request;
  account.user = {
    fname,
    phone,
    password,
    isConfirmed: false,
    isFinished: false,
    failedSignInCodes: 0,
  };
  account.lockouts.clear();
  forgetCodes(state, request.email);
  if (isNew) forgetSpent(state, request.email);
}

function forgetCodes(state: State, address: string): void {
  for (const [id, code] of state.codes) if (code.email === address) dropCode(state, id);
  state.asked = state.asked.filter(({ email }) => email !== address);
}

/** The account's limits begin anew, and those of its number and network do not. */
function forgetSpent({ spent }: State, address: string): void {
  for (const one of spent) if (one.email === address) one.isOfAccount = false;
}

function applyLogin(state: State, { request, outcome }: StepOf<'login'>, notes: Notes) {
  const seed = state.seeds.get(request.seed.id);
  if (seed === undefined || seed.email !== request.email || seed.expiresAtMs <= state.nowMs) {
    return demandKind(outcome, 'bad_seed', 'a seed works once, for one address, for five minutes');
  }
  state.seeds.delete(request.seed.id);

  const account = accountOf(state, request.email);
  const count = countOf(state, account, request.device);
  const isRight = account.user !== undefined && account.user.password === request.password;
  const lockout = account.lockouts.get(count) ?? { failures: 0, isLocked: false, changedAtMs: 0 };
  if (lockout.isLocked) {
    demandKind(outcome, 'locked', 'a locked count accepts no password');
    if (isRight) notes.tags.push('a right password at a lock');
    return ask(state, account, { purpose: 'unlock', count, phone: '' }, count !== UNKNOWN, outcome, notes);
  }
  if (isRight) {
    account.lockouts.delete(count);
    const { secondFactor } = state;
    if (secondFactor === 'always' || (secondFactor === 'unknown_device' && count === UNKNOWN)) {
      return requireCode(state, account, count, outcome, notes);
    }
    demandKind(outcome, 'ok', 'the right password signs in if the count is not locked');
    demand(outcome.isSigned === true, 'a sign-in is signed by the server');
    if (account.lockouts.get(UNKNOWN)?.isLocked) notes.tags.push('a known device beside a lock of strangers');
    return signIn(state, account, count, request.session, outcome);
  }

  const failures = lockout.failures + 1;
  const isLocked = failures >= maxFailures;
  account.lockouts.set(count, { failures, isLocked, changedAtMs: state.nowMs });
  if (isLocked) {
    demandKind(outcome, 'locked', 'the third failure in a row locks the count');
    return ask(state, account, { purpose: 'unlock', count, phone: '' }, count !== UNKNOWN, outcome, notes);
  }
  demandKind(outcome, 'wrong', 'a wrong password is wrong');
  demand(outcome.triesLeft === maxFailures - failures, `tries left are ${maxFailures - failures}`);
}

function requireCode(state: State, account: Account, count: string, outcome: Outcome, notes: Notes): void {
  demandKind(outcome, 'code_required', 'the right password asks for a code');
  demand(outcome.isSigned === true, 'the answer is signed by the server');
  demand(outcome.issued === undefined, 'the password alone issues no token');
  if (hasGuessedTooOften(account, count)) {
    notes.tags.push('no sign-in code after a hundred wrong ones');
    demand(outcome.flow === undefined, 'after a hundred wrong codes, unknown devices get none');
    return;
  }
  ask(state, account, { purpose: 'signin', count, phone: '' }, true, outcome, notes);
}

function hasGuessedTooOften({ user }: Account, count: string): boolean {
  return count === UNKNOWN && (user?.failedSignInCodes ?? 0) >= CONSTANTS.maxFailedSignInCodes;
}

/** Starts a session on the device of the count, and ends the browser's old one. */
function signIn(
  state: State,
  account: Account,
  count: string,
  oldSession: string | undefined,
  outcome: Outcome,
): void {
  state.sessions.delete(oldSession ?? '');
  startSession(state, account.email, remember(state, account, count, outcome), outcome);
}

function startSession(
  { sessions, nowMs }: State,
  email: string,
  count: string,
  { issued }: Outcome,
  provedAtMs = nowMs,
): void {
  demand(issued?.session !== undefined, 'a sign-in starts a session');
  demand(!sessions.has(issued.session), 'a session token is issued once');
  const times = { madeAtMs: nowMs, seenAtMs: nowMs, provedAtMs };
  sessions.set(issued.session, { email, count, ...times, mayBeDeleted: false });
  const own = [...sessions].filter(([, session]) => session.email === email);
  for (const [old] of own.slice(0, -CONSTANTS.maxSessionsPerAccount)) sessions.delete(old);
}

function applyAskReset(state: State, { request, outcome }: StepOf<'askReset'>, notes: Notes) {
  const account = accountOf(state, request.email);
  const count = countOf(state, account, request.device);
  if (mayBeSlow(state, account, outcome)) return;
  demandKind(outcome, 'code_sent', 'everyone can ask for a reset');
  ask(state, account, { purpose: 'reset', count, phone: '' }, count !== UNKNOWN, outcome, notes);
}

function applyResend(state: State, { request, outcome }: StepOf<'resend'>, notes: Notes) {
  const flow = state.flows.get(request.flow);
  const code = state.codes.get(flow?.codeId ?? '');
  if (flow === undefined || code === undefined || code.isSpent) {
    return demandKind(outcome, 'expired_code', 'a flow that is fulfilled or unknown starts over');
  }
  const { email, purpose, count } = code;
  const account = accountOf(state, email);
  if (purpose === 'unlock' && !account.lockouts.get(count)?.isLocked) {
    return demandKind(outcome, 'not_locked', 'a count that is not locked gets no code');
  }
  if (mayBeSlow(state, account, outcome)) return;
  demandKind(outcome, 'code_sent', 'a code can be asked for again');

  const ownCount = countOf(state, account, request.devices[email]);
  if (purpose === 'signin' && hasGuessedTooOften(account, ownCount)) {
    notes.tags.push('no sign-in code again after a hundred wrong ones');
    demand(outcome.flow === request.flow, 'the flow stays the same if nothing is sent');
    return demandAsked(phoneFor(account, code), outcome, CONSTANTS.guessedTooOftenSeconds * 1000);
  }
  const isKnown = purpose === 'signin' || ownCount !== UNKNOWN;
  const pauseMs = pauseLeftMs(state, newestOf(state, email, code), isKnown);
  if (pauseMs > 0) {
    demand(outcome.flow === request.flow, 'the flow stays the same during the pause');
    return demandAsked(phoneFor(account, code), outcome, pauseMs);
  }
  if (flow.isTried || isExpired(state, code)) {
    notes.tags.push('a new code in place of one that is no longer good');
    return ask(state, account, code, isKnown, outcome, notes);
  }

  demand(outcome.flow === request.flow, 'a flow that is still good is kept');
  demandAsked(phoneFor(account, code), outcome, codeResendSeconds * 1000);
  notes.tags.push('the same code again');
  code.sentAtMs = state.nowMs;
  code.changedAtMs = state.nowMs;
  if (code.delivery !== 'gone' || code.digits === undefined) code.delivery = 'sending';
  code.requestedByKnownDevice = isKnown;
  send(state, account, code, isKnown, notes);
}

function applyVerify(state: State, { request, outcome }: StepOf<'verify'>, notes: Notes) {
  const account = accountOf(state, request.email);
  const asked = state.codes.get(state.flows.get(request.flow)?.codeId ?? '');
  const isSignIn = asked?.email === request.email && asked.purpose === 'signin';
  if (!isSignIn && mayBeGuarded(state, account, request.device, outcome)) return;
  const code = codeToTry(state, request, ['unlock', 'signin'], outcome, notes);
  if (code === undefined) return;
  if (isSignIn) {
    if (!tryCode(state, request, code, outcome, notes)) return;
    notes.tags.push('a sign-in with a code');
    if (account.lockouts.get(code.count)?.isLocked) notes.tags.push('a sign-in code beside a lock');
    const count = countOf(state, account, request.device);
    return signIn(state, account, count, request.session, outcome);
  }
  if (!account.lockouts.get(code.count)?.isLocked) {
    return demandKind(outcome, 'not_locked', 'a count that is not locked needs no code');
  }
  if (!tryCode(state, request, code, outcome, notes)) return;
  account.lockouts.delete(code.count);
  remember(state, account, countOf(state, account, request.device), outcome);
}

function applySetPassword(state: State, { request, outcome }: StepOf<'setPassword'>, notes: Notes) {
  const account = accountOf(state, request.email);
  if (!request.hasOwnSalt) return demandKind(outcome, 'invalid', "only the address's own salt is accepted");
  if (mayBeGuarded(state, account, request.device, outcome)) return;
  const code = codeToTry(state, request, ['reset'], outcome, notes);
  if (code === undefined || !tryCode(state, request, code, outcome, notes)) return;

  if ([...state.sessions.values()].some(({ email }) => email === request.email)) {
    notes.tags.push('a session ended by a reset');
  }
  const isKnown = countOf(state, account, request.device) !== UNKNOWN;
  account.lockouts.clear();
  setKeys(state, account, request.password, isKnown ? request.device : undefined, outcome, notes);
}

/**
 * Sets a password, ends all sessions and voids all codes. The device that sent the request becomes a new one. Its old token
 * stays valid, like that of any other renewal. Returns the new count.
 */
function setKeys(
  state: State,
  account: Account,
  password: string,
  oldToken: string | undefined,
  outcome: Outcome,
  notes: Notes,
): string {
  const { email, user } = account;
  if (user === undefined) throw new BrokenRule('A decoy has no password.');
  user.password = password;
  notes.notices.push({ email, to: user.phone, isCounted: true });
  account.devices.clear();
  for (const [token, session] of state.sessions) if (session.email === email) state.sessions.delete(token);
  spendCodes(state, email);
  const count = outcome.issued?.device ?? UNKNOWN;
  if (oldToken !== undefined) account.devices.set(oldToken, { count, expiresAtMs: expiryOf(state.nowMs) });
  return remember(state, account, count, outcome);
}

function spendCodes({ codes, nowMs }: State, email: string, purpose?: Purpose): void {
  for (const code of codes.values()) {
    if (code.email !== email || code.isSpent || (purpose ?? code.purpose) !== code.purpose) continue;
    code.isSpent = true;
    code.changedAtMs = nowMs;
  }
}

/** Returns the session if it is live. Checks that the answer is `signed_out` if it is not. */
function liveSession(state: State, token: string, outcome: Outcome, notes: Notes): Session | undefined {
  const session = state.sessions.get(token);
  const { isOver, isSure } = lifeOf(state, session);
  if (session === undefined || isOver) {
    notes.tags.push('an account request without a session');
    demandKind(outcome, 'signed_out', 'a session that is over changes nothing');
    return undefined;
  }
  if (outcome.kind === 'signed_out') {
    demand(!isSure, 'a session lasts until its end');
    return undefined;
  }
  session.seenAtMs = Math.max(session.seenAtMs, state.nowMs);
  return session;
}

const PROVED: readonly AccountRequest['do'][] = ['changePwd', 'askPhone', 'givePhone', 'deleteAccount'];

function applyAccount(
  state: State,
  { request, outcome }: { request: AccountRequest; outcome: Outcome },
  notes: Notes,
) {
  const session = liveSession(state, request.session, outcome, notes);
  if (session === undefined) return;
  const account = accountOf(state, session.email);
  const { user } = account;
  demand(user !== undefined, 'a session has a user');
  const isProved =
    state.nowMs >= session.provedAtMs && state.nowMs < session.provedAtMs + CONSTANTS.provedSeconds * 1000;
  if (PROVED.includes(request.do) && !isProved) {
    return demandKind(outcome, 'prove_again', 'a change needs a password proved within five minutes');
  }
  switch (request.do) {
    case 'page':
      return applyPage(state, account, user, session, outcome);
    case 'prove':
      return applyProve(state, account, session, request, outcome, notes);
    case 'changeName':
      demandKind(outcome, 'ok', 'a name can be changed');
      user.fname = request.fname;
      return;
    case 'changePwd': {
      demandKind(outcome, 'ok', 'a password can be changed');
      const isOwn = countOf(state, account, request.cookie) === countOfSession(account, session);
      const isKnown = isOwn && countOfSession(account, session) !== UNKNOWN;
      const old = isKnown ? request.cookie : undefined;
      const count = setKeys(state, account, request.password, old, outcome, notes);
      return startSession(state, account.email, count, outcome, session.provedAtMs);
    }
    case 'askPhone':
      return askPhone(state, account, session, request.phone, outcome, notes);
    case 'givePhone':
      return givePhone(state, account, session, request, outcome, notes);
    case 'endSession':
      demandKind(outcome, 'ok', 'a session can be ended, also one that is over');
      return endSessions(state, session, request.session, request.of);
    case 'forgetDevice':
      demandKind(outcome, 'ok', 'a device can be forgotten, also an unknown one');
      return forgetDevices(state, account, session, request.of);
    case 'deleteAccount':
      demandKind(outcome, 'ok', 'an account can be deleted');
      return deleteAccount(state, account, user, notes);
  }
}

function applyPage(state: State, account: Account, user: User, session: Session, { page }: Outcome) {
  demand(page !== undefined, 'a session has an account page');
  const { fname, phone, isConfirmed } = user;
  demand(
    page.fname === fname && page.phone.endsWith(phone.slice(-4)),
    'the page shows the name and the phone',
  );
  demand(page.phoneConfirmed === isConfirmed, 'the page shows if the phone is confirmed');
  const own = [...state.sessions.values()].filter(({ email }) => email === account.email);
  const mostly = own.filter((one) => !lifeOf(state, one).isOver).length;
  const surely = own.filter((one) => lifeOf(state, one).isSure).length;
  const { length } = page.sessions;
  demand(length <= mostly && length >= surely, 'the page shows the live sessions');
  demand(page.sessions.filter(({ current }) => current).length === 1, 'one session is the present one');
  const live = [...account.devices.values()].filter(({ expiresAtMs }) => expiresAtMs > state.nowMs);
  const counts = new Set(live.map(({ count }) => count));
  demand(page.devices.length === counts.size, 'the page shows each known device once');
  const isShown = page.devices.some(({ current }) => current);
  demand(isShown === counts.has(session.count), 'the device of the session is the present one');
}

function applyProve(
  state: State,
  account: Account,
  session: Session,
  request: Extract<Request, { do: 'prove' }>,
  outcome: Outcome,
  notes: Notes,
) {
  const seed = state.seeds.get(request.seed.id);
  if (seed === undefined || seed.email !== account.email || seed.expiresAtMs <= state.nowMs) {
    return demandKind(outcome, 'bad_seed', "a proof needs a live seed of the session's account");
  }
  state.seeds.delete(request.seed.id);
  const count = countOfSession(account, session);
  const lockout = account.lockouts.get(count) ?? { failures: 0, isLocked: false, changedAtMs: 0 };
  const isRight = account.user?.password === request.password && request.email === account.email;
  if (!lockout.isLocked && isRight) {
    demandKind(outcome, 'ok', 'the right password is proved');
    demand(outcome.isSigned === true, 'a proved password is signed by the server');
    account.lockouts.delete(count);
    session.provedAtMs = state.nowMs;
    return;
  }
  if (!lockout.isLocked) {
    const failures = lockout.failures + 1;
    const isLocked = failures >= maxFailures;
    account.lockouts.set(count, { failures, isLocked, changedAtMs: state.nowMs });
    if (!isLocked) {
      demandKind(outcome, 'wrong', 'a wrong password is wrong');
      return demand(outcome.triesLeft === maxFailures - failures, 'a wrong proof counts on the device');
    }
  }
  demandKind(outcome, 'locked', 'the third wrong proof locks the device');
  notes.tags.push('a session ended by wrong proofs');
  state.sessions.delete(request.session);
  ask(state, account, { purpose: 'unlock', count, phone: '' }, count !== UNKNOWN, outcome, notes);
}

function askPhone(
  state: State,
  account: Account,
  session: Session,
  phone: string,
  outcome: Outcome,
  notes: Notes,
) {
  if (mayBeSlow(state, account, outcome)) return;
  demandKind(outcome, 'code_sent', 'a new phone needs a code');
  const count = countOfSession(account, session);
  const purpose = account.user?.isConfirmed ? 'oldphone' : 'newphone';
  ask(state, account, { purpose, count, phone }, count !== UNKNOWN, outcome, notes);
}

function givePhone(
  state: State,
  account: Account,
  session: Session,
  request: Extract<Request, { do: 'givePhone' }>,
  outcome: Outcome,
  notes: Notes,
) {
  const { email } = account;
  const code = codeToTry(state, { email, flow: request.flow }, ['oldphone', 'newphone'], outcome, notes);
  if (code === undefined) return;
  const { purpose, phone } = code;
  if (purpose === 'oldphone' && mayBeSlow(state, account, outcome)) return;
  const right = purpose === 'oldphone' ? 'code_sent' : 'ok';
  if (!tryCode(state, { ...request, email }, code, outcome, notes, right)) return;
  if (purpose === 'oldphone') {
    notes.tags.push('the code of the old phone');
    const count = countOfSession(account, session);
    return ask(state, account, { purpose: 'newphone', count, phone }, count !== UNKNOWN, outcome, notes);
  }
  const { user } = account;
  if (user === undefined) return;
  if (phone !== user.phone) notes.notices.push({ email, to: user.phone, isCounted: false });
  user.phone = phone;
  user.isConfirmed = true;
  spendCodes(state, email);
}

/** Ends the session with the token `of`, or all but the present one. */
function endSessions(state: State, { email }: Session, present: string, of: string): void {
  for (const [token, session] of state.sessions) {
    const isMeant = of === 'others' ? token !== present : token === of;
    if (session.email === email && isMeant) state.sessions.delete(token);
  }
}

/** Forgets the device of a count, or all others. */
function forgetDevices(state: State, account: Account, session: Session, of: string): void {
  const isMeant = (count: string) => (of === 'others' ? count !== session.count : count === of);
  for (const [token, { count }] of account.devices) {
    if (!isMeant(count)) continue;
    account.devices.delete(token);
    account.lockouts.delete(count);
  }
  account.lockouts.delete(of);
  for (const [token, { email, count }] of state.sessions) {
    if (email === account.email && isMeant(count)) state.sessions.delete(token);
  }
}

function deleteAccount(state: State, account: Account, { phone }: User, notes: Notes): void {
  const { email } = account;
  notes.notices.push({ email, to: phone, isCounted: false });
  account.user = undefined;
  account.devices.clear();
  account.lockouts.clear();
  for (const [token, session] of state.sessions) if (session.email === email) state.sessions.delete(token);
  forgetCodes(state, email);
  forgetSpent(state, email);
}

function applyWho(state: State, { request, outcome }: StepOf<'who'>, notes: Notes) {
  const { nowMs } = state;
  const session = state.sessions.get(request.session ?? '');
  if (session === undefined) {
    return demand(outcome.person === undefined, 'a session that ended or never began has no user');
  }
  const { isOver, isSure } = lifeOf(state, session);
  if (isOver) {
    notes.tags.push('a session that is over');
    return demand(outcome.person === undefined, 'a session ends after 12 idle hours and after 30 days');
  }
  if (outcome.person === undefined) return demand(!isSure, 'a session lasts until its end');
  const { user } = accountOf(state, session.email);
  demand(
    outcome.person.email === session.email && outcome.person.fname === user?.fname,
    'a session is its own',
  );
  session.seenAtMs = Math.max(session.seenAtMs, nowMs);
}

/** `isOver`: it has ended. `isSure`: it has certainly not, although the engine records a visit once a minute. */
function lifeOf({ nowMs }: State, session: Session | undefined): { isOver: boolean; isSure: boolean } {
  if (session === undefined) return { isOver: true, isSure: false };
  const idleEndMs = session.seenAtMs + CONSTANTS.sessionIdleSeconds * 1000;
  const lastEndMs = session.madeAtMs + CONSTANTS.sessionLifetimeSeconds * 1000;
  const isOver = nowMs >= idleEndMs || nowMs >= lastEndMs;
  const isSeen = nowMs < idleEndMs - CONSTANTS.sessionSeenSeconds * 1000;
  return { isOver, isSure: !isOver && !session.mayBeDeleted && isSeen };
}

/** Splits a cleanup, because other requests run between its transactions. Codes may outlive all other rows. */
function partsOf(step: Step): Step[] {
  if (step.request.do !== 'cleanup') return [step];
  return [
    { ...step, request: { do: 'cleanup', part: 'others' } },
    { ...step, request: { do: 'cleanup', part: 'codes' } },
  ];
}

/** Returns false for an order in which a cleanup deletes codes first. */
function endsWithCodes(order: readonly Step[]): boolean {
  const parts = order.flatMap(({ request }) => (request.do === 'cleanup' ? (request.part ?? []) : []));
  return parts[0] !== 'codes';
}

function applyCleanup(state: State, part?: 'codes' | 'others'): void {
  if (part !== 'codes') deleteOthers(state);
  if (part !== 'others') deleteOldCodes(state);
}

function deleteOldCodes(state: State): void {
  const changedBeforeMs = state.nowMs - CONSTANTS.rowLifetimeSeconds * 1000;
  for (const [id, code] of state.codes) if (code.changedAtMs < changedBeforeMs) dropCode(state, id);
}

function deleteOthers(state: State): void {
  const { nowMs } = state;
  const changedBeforeMs = nowMs - CONSTANTS.rowLifetimeSeconds * 1000;
  for (const [id, seed] of state.seeds) if (seed.expiresAtMs <= nowMs) state.seeds.delete(id);
  for (const { lockouts, devices } of state.accounts.values()) {
    for (const [count, lockout] of lockouts)
      if (lockout.changedAtMs < changedBeforeMs) lockouts.delete(count);
    for (const [token, device] of devices) if (device.expiresAtMs <= nowMs) devices.delete(token);
  }
  for (const session of state.sessions.values()) {
    const idleMs = (CONSTANTS.sessionIdleSeconds - CONSTANTS.sessionSeenSeconds) * 1000;
    if (nowMs >= session.seenAtMs + idleMs) session.mayBeDeleted = true;
    if (nowMs >= session.madeAtMs + CONSTANTS.sessionLifetimeSeconds * 1000) session.mayBeDeleted = true;
  }
}

/** Applies a request for a code: a flow for the latest code during the pause, or else a new code. */
function ask(state: State, account: Account, about: About, isKnown: boolean, outcome: Outcome, notes: Notes) {
  const { nowMs } = state;
  const { email } = account;
  const { purpose, count, phone } = about;
  const newest = newestOf(state, email, about);
  const pauseMs = pauseLeftMs(state, newest, isKnown);
  if (newest !== undefined && pauseMs > 0) {
    demandAsked(phoneFor(account, about), outcome, pauseMs);
    const [codeId, code] = newest;
    const isOpen = !code.isSpent && !isExpired(state, code) && code.flows < CONSTANTS.maxFlowsPerCode;
    demand(isOpen === (outcome.flow !== undefined), 'a request during the pause gets one of three flows');
    if (outcome.flow === undefined) {
      notes.tags.push('no flow');
      return;
    }
    notes.tags.push('a flow for the code on its way');
    code.flows += 1;
    return addFlow(state, outcome.flow, codeId);
  }

  if (outcome.flow === undefined && mayBeSpent(state, account)) return;
  demandAsked(phoneFor(account, about), outcome, codeResendSeconds * 1000);
  demand(outcome.flow !== undefined, 'a request after the pause gets a code and a flow');
  const code: Code = {
    email,
    purpose,
    count,
    phone,
    digits: undefined,
    createdAtMs: nowMs,
    expiresAtMs: nowMs + codeLifetimeSeconds * 1000,
    sentAtMs: nowMs,
    changedAtMs: nowMs,
    isSpent: false,
    delivery: 'sending',
    flows: 1,
    requestedByKnownDevice: isKnown,
  };
  state.codes.set(outcome.flow, code);
  addFlow(state, outcome.flow, outcome.flow);
  send(state, account, code, isKnown, notes);
}

/** Takes the code's message to the account's phone. A decoy account gets no message. */
function send(state: State, account: Account, code: Code, isKnown: boolean, notes: Notes): void {
  const { email, purpose, count } = code;
  const { nowMs } = state;
  const to = phoneFor(account, code);
  const mayBeSuppressed = isNearlyFull(state, to);
  const soFar = { email, purpose, count, phone: code.phone, atMs: nowMs, isKnown };
  const charge = { email, to, atMs: nowMs, isBeforeSetBack: false, isOfAccount: true };
  state.spent.push(charge);
  if (account.user === undefined) {
    code.delivery = 'gone';
    state.asked.push({ ...soFar, fate: 'delivered' });
    return;
  }
  const index = notes.messages.findIndex(
    (message) =>
      message.to === to &&
      purposeIn(message.text) === purpose &&
      [undefined, digitsIn(message.text)].includes(code.digits),
  );
  if (index < 0 && mayBeSuppressed) {
    notes.tags.push('a suppressed message');
    state.asked.push({ ...soFar, fate: isKnown ? 'refused' : 'delivered' });
    // A known device gets its charge back.
    charge.isOfAccount = !isKnown;
    if (!isKnown) code.delivery = 'gone';
    else if (code.delivery === 'sending') code.delivery = 'refused';
    return;
  }
  demand(index >= 0, "a code's message goes to the phone that it is about");
  const [message] = notes.messages.splice(index, 1) as [(typeof notes.messages)[number]];
  state.asked.push({ ...soFar, fate: message.fate });
  code.digits = digitsIn(message.text);
  if (message.fate === 'failed') code.delivery = 'failed';
  else if (message.fate !== 'refused') code.delivery = 'gone';
  else if (code.delivery === 'sending') code.delivery = 'refused';
}

/** The purpose of a code, its count, and the new number or an empty text. */
type About = Pick<Code, 'purpose' | 'count' | 'phone'>;

/** Returns the number that a code is sent to; an empty text for a decoy. */
function phoneFor({ user }: Account, { purpose, phone }: About): string {
  return purpose === 'newphone' ? phone : (user?.phone ?? '');
}

/** True if the limits of the number's prefix may be used up. A known device may fill the tenth part of an hour's messages. */
function isNearlyFull({ spent, nowMs }: State, to: string): boolean {
  const same = spent.filter((one) => one.to.slice(0, -4) === to.slice(0, -4));
  return countSince(nowMs - HOUR_MS, same) >= 8 || countSince(nowMs - DAY_MS, same) >= 20;
}

/** Returns the open code of a flow. If the flow has no open code, checks the outcome and returns undefined. */
function codeToTry(
  state: State,
  request: { email: string; flow: string },
  purposes: readonly Purpose[],
  outcome: Outcome,
  notes: Notes,
): Code | undefined {
  const flow = state.flows.get(request.flow);
  const code = state.codes.get(flow?.codeId ?? '');
  if (flow === undefined || code === undefined) {
    demandKind(outcome, 'wrong_code', 'an unknown flow is a wrong code');
    return undefined;
  }
  if (code.email !== request.email || !purposes.includes(code.purpose)) {
    notes.tags.push(code.email === request.email ? 'a code of another purpose' : 'a code of another account');
    demandKind(outcome, 'wrong_code', 'a code is for one account and one purpose');
    return undefined;
  }
  if (flow.isTried || code.isSpent || isExpired(state, code)) {
    if (code.isSpent) notes.tags.push('a spent code');
    else if (flow.isTried) notes.tags.push('a second try');
    else notes.tags.push('an expired code');
    demandKind(outcome, 'expired_code', 'a flow can be tried once, and a code works once, for an hour');
    return undefined;
  }
  return code;
}

/** Tries the code of a flow and checks the outcome. Returns true if the code was right. */
function tryCode(
  state: State,
  request: { flow: string; passcode: string; email: string },
  code: Code,
  outcome: Outcome,
  notes: Notes,
  right = 'ok',
): boolean {
  const flow = state.flows.get(request.flow);
  if (flow !== undefined) flow.isTried = true;
  code.changedAtMs = state.nowMs;
  const isRight = code.digits !== undefined && code.digits === request.passcode;
  if (isRight && code.delivery === 'refused') notes.tags.push('a code that was refused');
  const { user } = accountOf(state, request.email);
  if (!isRight || code.delivery === 'refused' || user === undefined) {
    demandKind(outcome, 'wrong_code', 'a wrong code is wrong');
    if (code.purpose === 'signin' && user !== undefined) user.failedSignInCodes += 1;
    return false;
  }
  demandKind(outcome, right, 'the right code in an open flow is right');
  code.isSpent = true;
  if (code.purpose === 'reset' || code.purpose === 'signin') user.failedSignInCodes = 0;
  if (code.purpose === 'newphone') return true;
  if (!user.isConfirmed) spendCodes(state, request.email, 'newphone');
  user.isConfirmed = true;
  return true;
}

/**
 * Makes the device known under a new token. It keeps its count, and its old token until the new one is used. Returns the count.
 */
function remember(state: State, account: Account, count: string, outcome: Outcome): string {
  const token = outcome.issued?.device;
  demand(token !== undefined, 'a device that signed in or gave a code is known');
  demand(!account.devices.has(token), 'a device token is issued once');
  const expiresAtMs = expiryOf(state.nowMs);
  const own = count === UNKNOWN ? token : count;
  account.devices.set(token, { count: own, expiresAtMs });
  for (const old of [...account.devices.keys()].slice(0, -CONSTANTS.maxDevicesPerAccount))
    account.devices.delete(old);
  if (account.user !== undefined) account.user.isFinished = true;
  return own;
}

/** Returns the count of the session's device, or that of all unknown devices if it is no longer known. */
function countOfSession({ devices }: Account, { count }: Session): string {
  return [...devices.values()].some((device) => device.count === count) ? count : UNKNOWN;
}

function expiryOf(nowMs: number): number {
  return nowMs + CONSTANTS.deviceLifetimeSeconds * 1000;
}

/** Ends the older tokens of the device that sent a request. */
function noteUse(state: State, request: Request, notes: Notes): void {
  const email =
    request.do === 'resend' ? emailOfFlow(state, request.flow) : 'email' in request && request.email;
  const account = state.accounts.get(email || '');
  if (account === undefined || !('device' in request || 'devices' in request)) return;
  const token = 'devices' in request ? request.devices[account.email] : request.device;
  const count = countOf(state, account, token);
  if (count === UNKNOWN) return;
  const newest = [...account.devices].findLast(([, device]) => device.count === count);
  if (newest?.[0] !== token) notes.tags.push('a device that has not received its new token');
  for (const [older, device] of account.devices) {
    if (older === token) break;
    if (device.count !== count) continue;
    account.devices.delete(older);
    notes.tags.push('an old device token that ended');
  }
}

function emailOfFlow({ flows, codes }: State, flow: string): string | undefined {
  return codes.get(flows.get(flow)?.codeId ?? '')?.email;
}

/** `to` is the number, or empty for a decoy. */
function demandAsked(to: string, { phone, resendIn }: Outcome, pauseMs: number): void {
  const seconds = Math.ceil(pauseMs / 1000);
  demand(
    resendIn !== undefined && resendIn >= seconds,
    `the next can be asked for in ${seconds} s, not ${resendIn} s`,
  );
  demand(phone !== undefined && /^[^0-9]*\d{4}$/.test(phone), 'all but four digits of a number are hidden');
  demand(phone.endsWith(to.slice(-4)), 'the number is the one that the code goes to');
}

/** Checks that the remaining messages are notices of changes, each to the phone that the account had before. */
function demandNothingLeft(state: State, { messages, notices }: Notes): void {
  for (const { to, text } of messages) {
    demand(digitsIn(text) === undefined, `an unexpected message to ${to}: ${text}`);
    const index = notices.findIndex((one) => one.to === to);
    demand(index >= 0, `a notice without a change to ${to}: ${text}`);
    const [{ email, isCounted }] = notices.splice(index, 1) as [Notice];
    state.spent.push({ email, to, atMs: state.nowMs, isBeforeSetBack: false, isOfAccount: isCounted });
  }
}

/** Checks pauses, and flows per code, independently of the rest of the model. */
function demandBounds({ codes, flows, asked, spent, nowMs, secondFactor }: State): void {
  const flowsOf = new Map<string, number>();
  for (const { codeId } of flows.values()) flowsOf.set(codeId, (flowsOf.get(codeId) ?? 0) + 1);
  for (const [id] of codes) {
    demand((flowsOf.get(id) ?? 0) <= CONSTANTS.maxFlowsPerCode, 'a code has three flows at most');
  }
  const fresh = asked.filter(({ atMs }) => atMs > nowMs - codeResendSeconds * 1000);
  const groups = new Map<string, State['asked']>();
  for (const one of fresh) {
    // A right sign-in code ends the pause.
    if (one.purpose === 'signin') continue;
    const key = JSON.stringify([one.email, one.purpose, one.count, one.phone]);
    const before = groups.get(key) ?? [];
    // Messages of the same millisecond are all the newest, so the failure of one excuses the next.
    const newest = before.filter(({ atMs }) => atMs === before.at(-1)?.atMs);
    const isExcused = one.isKnown && newest.some(({ fate }) => fate === 'refused' || fate === 'failed');
    demand(before.length === 0 || isExcused, 'two messages keep the pause between them');
    groups.set(key, [...before, one]);
  }
  const lately = spent.filter(({ isBeforeSetBack, isOfAccount }) => !isBeforeSetBack && isOfAccount);
  const most = secondFactor === 'never' ? 12 : 16;
  for (const { email } of lately) {
    const own = lately.filter((one) => one.email === email);
    demand(countSince(nowMs - HOUR_MS, own) < most, `an account gets fewer than ${most} messages an hour`);
  }
}

/** Returns true if the answer is `slow_down` and a full sender or a limit explains it. */
function mayBeSlow(state: State, account: Account, outcome: Outcome): boolean {
  if (state.isFull) {
    demandKind(outcome, 'slow_down', 'a full sender accepts no request');
    return true;
  }
  return outcome.kind === 'slow_down' && mayBeSpent(state, account);
}

/** Returns true if the answer is `slow_down` and many wrong codes explain it. */
function mayBeGuarded(state: State, account: Account, device: string | undefined, outcome: Outcome): boolean {
  if (outcome.kind !== 'slow_down') return false;
  const recent = state.failedCodesAtMs.filter((atMs) => atMs > state.nowMs - HOUR_MS);
  return countOf(state, account, device) === UNKNOWN && recent.length >= 100;
}

/** Returns true if a limit of the account, or of the one network of all requests, may be used up. */
function mayBeSpent({ nowMs, spent }: State, { email }: Account): boolean {
  const own = spent.filter((one) => one.email === email && one.isOfAccount);
  return (
    countSince(nowMs - HOUR_MS, own) >= 4 ||
    countSince(nowMs - DAY_MS, own) >= 10 ||
    countSince(nowMs - HOUR_MS, spent) >= 60 ||
    countSince(nowMs - DAY_MS, spent) >= 200
  );
}

function countSince(fromMs: number, spent: State['spent']): number {
  return spent.filter(({ atMs }) => atMs > fromMs).length;
}

function pauseLeftMs(state: State, newest: [string, Code] | undefined, isKnown: boolean): number {
  if (newest === undefined) return 0;
  const [, { email, purpose, isSpent, delivery, sentAtMs, requestedByKnownDevice }] = newest;
  // A right sign-in code ends the pause.
  if (purpose === 'signin' && isSpent) return 0;
  const isTold = isKnown && (requestedByKnownDevice || accountOf(state, email).user?.isConfirmed === true);
  if (isTold && (delivery === 'refused' || delivery === 'failed')) return 0;
  return Math.max(0, sentAtMs + codeResendSeconds * 1000 - state.nowMs);
}

function newestOf(
  { codes, nowMs }: State,
  email: string,
  { purpose, count, phone }: About,
): [string, Code] | undefined {
  let newest: [string, Code] | undefined;
  for (const one of codes) {
    const [, code] = one;
    if (code.email !== email || code.purpose !== purpose || code.count !== count) continue;
    if (code.phone !== phone) continue;
    if (code.sentAtMs <= nowMs && code.sentAtMs >= (newest?.[1].sentAtMs ?? 0)) newest = one;
  }
  return newest;
}

function addFlow(state: State, flow: string, codeId: string): void {
  demand(!state.flows.has(flow), 'a flow is issued once');
  state.flows.set(flow, { codeId, isTried: false });
}

function dropCode(state: State, id: string): void {
  state.codes.delete(id);
  for (const [flow, { codeId }] of state.flows) if (codeId === id) state.flows.delete(flow);
}

function isExpired({ nowMs }: State, { createdAtMs, expiresAtMs }: Code): boolean {
  return nowMs < createdAtMs || nowMs >= expiresAtMs;
}

function countOf({ nowMs }: State, { devices }: Account, token: string | undefined): string {
  const device = devices.get(token ?? '');
  return device === undefined || device.expiresAtMs <= nowMs ? UNKNOWN : device.count;
}

function accountOf({ accounts }: State, email: string): Account {
  const account = accounts.get(email);
  if (account === undefined) throw new Error(`The model has no ${email}.`);
  return account;
}

/** Returns the six digits of a message; undefined for a notice. */
export function digitsIn(text: string): string | undefined {
  return /\b\d{6}\b/.exec(text)?.[0];
}

function purposeIn(text: string): Purpose | undefined {
  if (digitsIn(text) === undefined) return undefined;
  const found = (Object.keys(WORDS) as Purpose[]).find((purpose) => text.includes(WORDS[purpose]));
  demand(found !== undefined, `a message without a purpose: ${text}`);
  return found;
}

const WORDS: Record<Purpose, string> = {
  unlock: 'to unlock your account',
  reset: 'to set a new password',
  signin: 'to sign in',
  oldphone: 'to change your phone',
  newphone: 'to confirm your phone',
};

function* ordersOf<Item>(items: readonly Item[]): Generator<Item[]> {
  if (items.length <= 1) return yield [...items];
  for (const [index, item] of items.entries()) {
    for (const rest of ordersOf(items.filter((_, other) => other !== index))) yield [item, ...rest];
  }
}

function tagsOf(steps: readonly Step[]): string[] {
  const tags = steps.map(({ request, outcome }) => `${request.do}: ${outcome.kind}`);
  const rivals = new Map<string, string[]>();
  for (const { request, outcome } of steps) {
    const token = 'flow' in request ? request.flow : 'seed' in request ? request.seed.id : undefined;
    if (token !== undefined) rivals.set(token, [...(rivals.get(token) ?? []), outcome.kind]);
  }
  for (const kinds of rivals.values()) {
    if (kinds.includes('ok') && kinds.includes('expired_code')) tags.push('one code twice at once');
    if (kinds.includes('bad_seed') && kinds.length > 1) tags.push('one seed twice at once');
  }
  return tags;
}
