import { FORGOTTEN, type State, UNTOLD } from './state.ts';

/** The effect of a request: the word of its answer, and the state after it. */
export interface Effect {
  readonly status: string;
  readonly after: State;
}

/** The hashes of the tokens of an answer; UNTOLD if the answer was cut off. */
export interface Told {
  readonly seed?: string;
  readonly flow?: string;
  readonly session?: string;
  readonly device?: string;
}

const MAX_FAILURES = 3;

const without = (list: readonly string[], name: string | undefined) => list.filter((other) => other !== name);
const drop = <Value>(record: Readonly<Record<string, Value>>, name: string) =>
  Object.fromEntries(Object.entries(record).filter(([other]) => other !== name));

/** Returns the effect of `getseed`. */
export function afterSeed(state: State, { seed = UNTOLD }: Told): Effect {
  return { status: 'ok', after: { ...state, seeds: [...state.seeds, seed] } };
}

/** Returns the effect of `signup`. */
export function afterSignUp(state: State, keys: { storedKey: string; serverKey: string }): Effect {
  if (state.user !== null) return { status: 'taken', after: state };
  return {
    status: 'ok',
    after: { ...state, user: { ...keys, isConfirmed: false }, lockouts: {}, flows: {} },
  };
}

/** Returns the effect of `login`. `device` and `session` are the hashes of the cookies that were sent. */
export function afterLogin(
  before: State,
  sent: { seed: string; isRight: boolean; device: string; session: string | undefined },
  told: Told,
): Effect {
  const { state: used, device } = useDevice(before, sent.device);
  if (!used.seeds.includes(sent.seed)) return { status: 'bad_seed', after: used };
  const state = { ...used, seeds: without(used.seeds, sent.seed) };
  const { failures, isLocked } = state.lockouts[device] ?? { failures: 0, isLocked: false };
  if (isLocked) return { status: 'locked', after: withFlow(state, 'unlock', device, told) };

  if (sent.isRight && state.user !== null) {
    const sessions = [...without(state.sessions, sent.session), told.session ?? UNTOLD];
    const cleared = { ...state, lockouts: drop(state.lockouts, device), sessions };
    return { status: 'ok', after: withDevice(cleared, device, told) };
  }
  const count = { failures: failures + 1, isLocked: failures + 1 >= MAX_FAILURES };
  const counted = { ...state, lockouts: { ...state.lockouts, [device]: count } };
  if (!count.isLocked) return { status: 'wrong', after: counted };
  return { status: 'locked', after: withFlow(counted, 'unlock', device, told) };
}

/** Returns the effect of `verifypasscode`. */
export function afterUnlock(
  before: State,
  sent: { flow: string; isRight: boolean; device: string },
  told: Told,
): Effect {
  const { state, device } = useDevice(before, sent.device);
  const flow = state.flows[sent.flow];
  if (flow === undefined || flow.purpose !== 'unlock') return { status: 'wrong_code', after: state };
  if (flow.isTried || flow.isSpent) return { status: 'expired_code', after: state };
  if (!state.lockouts[flow.device]?.isLocked) return { status: 'not_locked', after: state };
  const tried = tryFlow(state, sent.flow, sent.isRight);
  if (!sent.isRight || state.user === null) return { status: 'wrong_code', after: tried };
  const cleared = { ...tried, lockouts: drop(tried.lockouts, flow.device) };
  return { status: 'ok', after: withDevice(cleared, device, told) };
}

/** Returns the effect of the first step of `resetpwd`. */
export function afterAskReset(before: State, sent: { device: string }, told: Told): Effect {
  const { state, device } = useDevice(before, sent.device);
  return { status: 'code_sent', after: withFlow(state, 'reset', device, told) };
}

/** Returns the effect of the second step of `resetpwd`. */
export function afterReset(
  before: State,
  sent: {
    flow: string;
    isRight: boolean;
    device: string;
    keys: { storedKey: string; serverKey: string };
  },
  told: Told,
): Effect {
  const { state, device } = useDevice(before, sent.device);
  const flow = state.flows[sent.flow];
  if (flow === undefined || flow.purpose !== 'reset') return { status: 'wrong_code', after: state };
  if (flow.isTried || flow.isSpent) return { status: 'expired_code', after: state };
  const tried = tryFlow(state, sent.flow, sent.isRight);
  if (!sent.isRight || state.user === null) return { status: 'wrong_code', after: tried };
  const flows = Object.fromEntries(
    Object.entries(tried.flows).map(([hash, other]) => [
      hash,
      { ...other, isSpent: true, device: other.device === '' ? '' : FORGOTTEN },
    ]),
  );
  const user = { ...sent.keys, isConfirmed: true };
  const tokens = [...(device === '' ? [] : [sent.device]), told.device ?? UNTOLD];
  return {
    status: 'ok',
    after: { ...tried, user, flows, lockouts: {}, sessions: [], devices: [tokens] },
  };
}

/** Returns the effect of `logout`. */
export function afterLogout(state: State, { session }: { session: string }): Effect {
  return { status: 'ok', after: { ...state, sessions: without(state.sessions, session) } };
}

/** Returns the name of the device that has the token; empty if it is unknown. The use of a token ends the older ones. */
function useDevice(state: State, token: string): { state: State; device: string } {
  const tokens = state.devices.find((own) => own.includes(token));
  if (tokens === undefined) return { state, device: '' };
  const left = tokens.slice(tokens.indexOf(token));
  const devices = [...state.devices.filter((own) => own !== tokens), left];
  return { state: renamed({ ...state, devices }, tokens[0] ?? '', token), device: token };
}

function withFlow(state: State, purpose: 'unlock' | 'reset', device: string, { flow = UNTOLD }: Told): State {
  return { ...state, flows: { ...state.flows, [flow]: { purpose, device, isTried: false, isSpent: false } } };
}

/** Gives a device a new token beside the one that it has used. */
function withDevice(state: State, device: string, { device: fresh = UNTOLD }: Told): State {
  if (device === '') return { ...state, devices: [...state.devices, [fresh]] };
  const devices = state.devices.map((tokens) => (tokens[0] === device ? [...tokens, fresh] : tokens));
  return { ...state, devices };
}

/** Names the count and the codes of a device by another token. */
function renamed(state: State, device: string, fresh: string): State {
  return {
    ...state,
    lockouts: Object.fromEntries(
      Object.entries(state.lockouts).map(([name, lockout]) => [name === device ? fresh : name, lockout]),
    ),
    flows: Object.fromEntries(
      Object.entries(state.flows).map(([hash, flow]) => [
        hash,
        { ...flow, device: flow.device === device ? fresh : flow.device },
      ]),
    ),
  };
}

function tryFlow(state: State, hash: string, isRight: boolean): State {
  const flow = state.flows[hash];
  if (flow === undefined) return state;
  const isSpent = isRight && state.user !== null;
  const user = isSpent && state.user !== null ? { ...state.user, isConfirmed: true } : state.user;
  return { ...state, user, flows: { ...state.flows, [hash]: { ...flow, isTried: true, isSpent } } };
}
