import { type Account, decoyAccount, saltFor } from './engine/accounts.ts';
import type { Deps } from './engine/deps.ts';
import type {
  CodeStatusOutcome,
  GetSeedOutcome,
  LoginOutcome,
  LogoutOutcome,
  ResendCodeOutcome,
  ResetPwdOutcome,
  SignupOutcome,
  SlowDown,
  VerifyPasscodeOutcome,
} from './engine/outcomes.ts';
import type {
  ClientNetwork,
  FlowForm,
  GetSeedForm,
  LoginForm,
  NewKeys,
  ResetPwdForm,
  SessionForm,
  SetPwdForm,
  SignupForm,
  VerifyPasscodeForm,
} from './engine/requests.ts';
import {
  ANY_DELIVERY,
  type Asker,
  inSeconds,
  isExpired,
  isOutage,
  isTold,
  type Message,
  pauseLeftMs,
  resendInSeconds,
  sendCode,
  sendNotice,
  sendSmsMessage,
  transactThenSend,
} from './engine/send-code.ts';
import { forgetSpent, HOUR_MS, wantedBy, windowWaitMs } from './engine/sms-limits.ts';
import { isPasscode, type Purpose } from './passcode.ts';
import { maskPhone, toE164 } from './phone.ts';
import { CONSTANTS } from './policy.ts';
import { authMessage, isProof, KDF, type Keys, signatureFor } from './scram.ts';
import { type Code, type Tx, UNKNOWN_DEVICE } from './store.ts';
import { fromBase64url, hashOf, randomToken, timedId, timedToken, toBase64url } from './token.ts';

export type { Deps } from './engine/deps.ts';

/** Hands out a seed that is good for one login of that name, with the salt and kdf that the page makes its proof with. */
export async function getSeed(deps: Deps, form: GetSeedForm): Promise<GetSeedOutcome> {
  const { email, network } = form;
  const nowMs = deps.nowMs();
  const id = timedId(deps.randomBytes, nowMs);
  const seed = randomToken(deps.randomBytes, 32);
  const expiresAtMs = nowMs + CONSTANTS.seedLifetimeSeconds * 1000;

  return deps.store.transact(async (tx) => {
    await tx.addSeed({ id, seed, email, network, expiresAtMs }, deps.policy.maxSeedsPerNetwork);
    const user = await tx.userFor(email);
    return { kind: 'ok', id, seed, salt: saltFor(deps.store.saltKey, email), kdf: user?.kdf ?? KDF };
  });
}

/** Makes a new user, unless the address is taken. Whatever strangers have done to the address before is forgotten. */
export async function signup(deps: Deps, form: SignupForm): Promise<SignupOutcome> {
  const { email, fname, lname } = form;
  const phoneno = toE164(form.phoneno, deps.phones);
  if (phoneno === undefined) return { kind: 'invalid', field: 'phoneno' };

  return deps.store.transact(async (tx) => {
    const refused = refusedField(deps, form, await accountFor(deps, tx, email));
    if (refused !== undefined) return { kind: 'invalid', field: refused };

    const user = { email, phoneno, fname, lname, kdf: form.kdf, ...keysOf(form) };
    if (!(await tx.addUser(user, deps.nowMs()))) return { kind: 'taken' };

    await tx.clearLockouts(email);
    await tx.forgetCodes(email);
    await forgetSpent(tx, email);
    return { kind: 'ok' };
  });
}

/** Signs in whoever proves to know the password. The third failure in a row locks, and a locked account gets a code. */
export async function login(deps: Deps, form: LoginForm): Promise<LoginOutcome> {
  return transactThenSend(deps, async (tx, messages) => {
    const nowMs = deps.nowMs();
    const seed = await tx.takeSeed(form.id, form.email, nowMs);
    if (seed === undefined) return { kind: 'bad_seed' };

    const account = await accountFor(deps, tx, form.email);
    const device = await knownDevice(tx, form, nowMs);
    const locked = async () =>
      lockedWithCode(deps, tx, messages, await askerFor(deps, tx, form, 'unlock', device, account));
    const lockout = await tx.lockoutFor(form.email, device);
    if (lockout.isLocked) return locked();

    // Counted before the proof is looked at, so that where no count can be written there is no try either.
    const failures = await tx.addFailure(form.email, device, nowMs);
    const salt = saltFor(deps.store.saltKey, form.email);
    const message = authMessage({ ...form, seed, salt, kdf: account.kdf });
    if (isProof(fromBase64url(form.proof), account.storedKey, message) && account.exists) {
      await tx.clearLockout(form.email, device);
      const signature = toBase64url(signatureFor(account.serverKey, message));
      const session = await startSession(deps, tx, form);
      return {
        kind: 'ok',
        signature,
        issued: { session, device: await rememberDevice(deps, tx, form, device) },
      };
    }

    if (failures < deps.policy.maxFailures) {
      return { kind: 'wrong', triesLeft: deps.policy.maxFailures - failures };
    }
    await tx.lock(form.email, device, nowMs);
    return locked();
  });
}

/** A login locks, and says so, whether or not a code can go. */
async function lockedWithCode(deps: Deps, tx: Tx, messages: Message[], asker: Asker): Promise<LoginOutcome> {
  const asked = await sendSmsMessage(deps, tx, messages, asker);
  if (asked.kind === 'code_sent') return { ...asked, kind: 'locked' };
  return { kind: 'locked', phone: maskPhone(asker.account.phoneno), resendIn: asked.retryAfter };
}

/** Unlocks the account, on the count that the code was asked for, and remembers the device that gave the code. */
export async function verifyPasscode(deps: Deps, form: VerifyPasscodeForm): Promise<VerifyPasscodeOutcome> {
  return deps.store.transact(async (tx) => {
    const nowMs = deps.nowMs();
    const account = await accountFor(deps, tx, form.email);
    const device = await knownDevice(tx, form, nowMs);
    const crowded = await slowGuesses(deps, tx, form, device);
    if (crowded !== undefined) return crowded;

    const flow = await flowToTry(tx, form, 'unlock', nowMs);
    if (flow.kind !== 'open') return flow;
    const lockout = await tx.lockoutFor(form.email, flow.code.device);
    if (!lockout.isLocked) return { kind: 'not_locked' };
    if (!(await spendPasscode(deps, tx, form, flow.code, account, device))) return { kind: 'wrong_code' };

    await tx.clearLockout(form.email, flow.code.device);
    return { kind: 'ok', issued: { device: await rememberDevice(deps, tx, form, device) } };
  });
}

/** Asks for a code in its first step; in its second, sets a new password for whoever has the code. */
export async function resetPwd(deps: Deps, form: ResetPwdForm): Promise<ResetPwdOutcome> {
  if ('flow' in form) return setNewPassword(deps, form);
  return transactThenSend(deps, async (tx, messages) => {
    const account = await accountFor(deps, tx, form.email);
    const device = await knownDevice(tx, form, deps.nowMs());
    const asker = await askerFor(deps, tx, form, 'reset', device, account);
    return slowDown(deps, asker) ?? sendSmsMessage(deps, tx, messages, asker);
  });
}

async function setNewPassword(deps: Deps, form: SetPwdForm): Promise<ResetPwdOutcome> {
  const { email } = form;
  return transactThenSend(deps, async (tx, messages) => {
    const nowMs = deps.nowMs();
    const account = await accountFor(deps, tx, email);
    const refused = refusedField(deps, form, account);
    if (refused !== undefined) return { kind: 'invalid', field: refused };
    const device = await knownDevice(tx, form, nowMs);
    const crowded = await slowGuesses(deps, tx, form, device);
    if (crowded !== undefined) return crowded;

    const flow = await flowToTry(tx, form, 'reset', nowMs);
    if (flow.kind !== 'open') return flow;
    if (!(await spendPasscode(deps, tx, form, flow.code, account, device))) return { kind: 'wrong_code' };

    await tx.setKeys(email, form.kdf, keysOf(form), nowMs);
    await tx.clearLockouts(email);
    await tx.forgetBrowsers(email, nowMs);
    await tx.spendCodes(email, nowMs);
    await sendNotice(deps, tx, messages, { email, account, origin: form });
    const issued = { device: await rememberDevice(deps, tx, form, UNKNOWN_DEVICE) };
    return { kind: 'ok', issued };
  });
}

/** Sends the code of a flow again; where that code is no longer good, a new one. */
export async function resendCode(deps: Deps, form: FlowForm): Promise<ResendCodeOutcome> {
  return transactThenSend(deps, async (tx, messages) => {
    const nowMs = deps.nowMs();
    const flow = await tx.flowFor(hashOf(form.flow));
    if (flow === undefined || flow.code.isSpent) return { kind: 'expired_code' };

    const { email, purpose, device } = flow.code;
    if (purpose === 'unlock' && !(await tx.lockoutFor(email, device)).isLocked) return { kind: 'not_locked' };

    const asker = await askerOfFlow(deps, tx, form, flow.code);
    const full = slowDown(deps, asker);
    if (full !== undefined) return full;

    const phone = maskPhone(asker.account.phoneno);
    const newest = await tx.newestCode(email, purpose, device, nowMs);
    if (pauseLeftMs(deps, newest, nowMs, asker) > 0) {
      const resendIn = await resendInSeconds(deps, tx, newest, asker);
      return { kind: 'code_sent', phone, resendIn, flow: form.flow };
    }
    if (flow.isTried || isExpired(flow.code, nowMs)) return sendSmsMessage(deps, tx, messages, asker);

    const sent = await sendCode(deps, tx, messages, asker, flow.code);
    if ('kind' in sent) return sent;
    const { isSuppressed, resendIn } = sent;
    const requestedByKnownDevice = asker.by === 'known';
    await tx.resendCode(
      flow.code.id,
      { duringOutage: isOutage(deps), isSuppressed, requestedByKnownDevice },
      nowMs,
    );
    // Of one that has left, a message that is refused now takes nothing back.
    const from = flow.code.isSuppressed ? ANY_DELIVERY : (['refused', 'failed'] as const);
    await tx.noteDelivery(flow.code.id, 'sending', from);
    return { kind: 'code_sent', phone, resendIn, flow: form.flow };
  });
}

/**
 * Tells what became of a code's message. What depends on the number is for the account's known devices; all others see
 * it leave, by the clock alone, and hear of failures only where messages fail for everybody.
 */
export async function codeStatus(deps: Deps, form: FlowForm): Promise<CodeStatusOutcome> {
  return deps.store.transact(async (tx) => {
    const nowMs = deps.nowMs();
    const flow = await tx.flowFor(hashOf(form.flow));
    if (flow === undefined) return { kind: 'ok', delivery: 'sending' };

    const { email, purpose, device } = flow.code;
    const asker = await askerOfFlow(deps, tx, form, flow.code);
    const newest = await tx.newestCode(email, purpose, device, nowMs);
    const waitSeconds = await resendInSeconds(deps, tx, newest, asker);
    const told = isTold(flow.code, asker) ? deliveryOf(flow.code) : deliveryForStrangers(flow.code, nowMs);
    return {
      kind: 'ok',
      ...told,
      resendIn: told.delivery === 'failed' ? Math.max(waitSeconds, restOf(deps)) : waitSeconds,
    };
  });
}

/** Ends the session of this browser, if it has one. The device stays known. */
export async function logout(deps: Deps, form: SessionForm): Promise<LogoutOutcome> {
  const { session } = form;
  if (session !== undefined) await deps.store.transact((tx) => tx.endSession(hashOf(session)));
  return { kind: 'ok' };
}

/** Who is signed in with the session's token, if it is still good; being asked counts as being seen. */
export async function whoIsSignedIn(
  deps: Deps,
  { session }: SessionForm,
): Promise<{ fname: string; email: string } | undefined> {
  if (session === undefined) return undefined;
  return deps.store.transact(async (tx) => {
    const nowMs = deps.nowMs();
    const found = await tx.sessionFor(hashOf(session));
    if (found === undefined) return undefined;
    if (nowMs >= found.createdAtMs + CONSTANTS.sessionLifetimeSeconds * 1000) return undefined;
    if (nowMs >= found.seenAtMs + CONSTANTS.sessionIdleSeconds * 1000) return undefined;

    if (nowMs >= found.seenAtMs + CONSTANTS.sessionSeenSeconds * 1000)
      await tx.noteSeen(hashOf(session), nowMs);
    const user = await tx.userFor(found.email);
    return user && { fname: user.fname, email: user.email };
  });
}

/** Whoever asks for a code for the count of the device that asks. */
async function askerFor(
  deps: Deps,
  tx: Tx,
  form: { email: string } & ClientNetwork,
  purpose: Purpose,
  device: string,
  account: Account,
): Promise<Asker> {
  const isKnownDevice = device !== UNKNOWN_DEVICE;
  const { email } = form;
  return {
    ...(await wantedBy(tx, { email, account, origin: form, isKnownDevice }, deps.nowMs())),
    purpose,
    device,
  };
}

/** Whoever asks about a code by its flow: the device that does may be another than that of the code's count. */
async function askerOfFlow(
  deps: Deps,
  tx: Tx,
  form: FlowForm,
  { email, purpose, device }: Code,
): Promise<Asker> {
  const nowMs = deps.nowMs();
  const account = await accountFor(deps, tx, email);
  const token = form.deviceOf?.(email);
  const asking = await knownDevice(tx, { email, ...(token !== undefined && { device: token }) }, nowMs);
  const isKnownDevice = asking !== UNKNOWN_DEVICE;
  return { ...(await wantedBy(tx, { email, account, origin: form, isKnownDevice }, nowMs)), purpose, device };
}

/** The code that the form's flow may try, or why it may not; that alone voids nothing. */
async function flowToTry(
  tx: Tx,
  form: { email: string; flow: string },
  purpose: Purpose,
  nowMs: number,
): Promise<{ kind: 'open'; code: Code } | { kind: 'wrong_code' } | { kind: 'expired_code' }> {
  const flow = await tx.flowFor(hashOf(form.flow));
  if (flow === undefined) return { kind: 'wrong_code' };
  const { code, isTried } = flow;
  if (code.email !== form.email || code.purpose !== purpose) return { kind: 'wrong_code' };
  if (isTried || code.isSpent || isExpired(code, nowMs)) return { kind: 'expired_code' };
  return { kind: 'open', code };
}

/** Spends the code if the passcode is right. A wrong one voids the code for this flow alone. */
async function spendPasscode(
  deps: Deps,
  tx: Tx,
  form: { flow: string; passcode: string } & ClientNetwork,
  code: Code,
  account: Account,
  device: string,
): Promise<boolean> {
  const nowMs = deps.nowMs();
  await tx.markTried(hashOf(form.flow), nowMs);
  if (device === UNKNOWN_DEVICE) await tx.countEvent([GUESS, guessOf(form)], nowMs);
  const isRight = isPasscode(form.passcode, deps.appSecret, code);
  if (!isRight || code.delivery === 'refused' || code.isSuppressed || !account.exists) {
    await tx.countEvent([FAILED_CODE], nowMs);
    return false;
  }

  await tx.spendCode(code.id, nowMs);
  await tx.confirmPhone(code.email, nowMs);
  return true;
}

const GUESS = 'guess on an unknown device';
const FAILED_CODE = 'failed code';
const guessOf = ({ network, prefix48 }: ClientNetwork) => `${GUESS} ${prefix48 ?? network}`;

/**
 * Where wrong codes are many, of all accounts together, the devices that no account knows have to take turns: what is
 * answered then, before anything is tried.
 */
async function slowGuesses(
  deps: Deps,
  tx: Tx,
  origin: ClientNetwork,
  device: string,
): Promise<SlowDown | undefined> {
  const nowMs = deps.nowMs();
  const { failedCodesPerHour, guessPauseSeconds } = deps.policy;
  if ((await windowWaitMs(tx, FAILED_CODE, failedCodesPerHour, HOUR_MS, nowMs)) === 0) return undefined;
  deps.alert({ event: 'many_failed_codes' });
  if (device !== UNKNOWN_DEVICE) return undefined;
  const { all, network } = guessPauseSeconds;
  const waitMs = Math.max(
    await windowWaitMs(tx, GUESS, 1, all * 1000, nowMs),
    await windowWaitMs(tx, guessOf(origin), 1, network * 1000, nowMs),
  );
  return waitMs > 0 ? { kind: 'slow_down', retryAfter: inSeconds(waitMs) } : undefined;
}

async function accountFor({ store }: Deps, tx: Tx, email: string): Promise<Account> {
  const nobodys = decoyAccount(store.saltKey, email);
  const user = await tx.userFor(email);
  return user === undefined ? nobodys : { ...user, exists: true };
}

/** The id of the account's device that sent the form, or UNKNOWN_DEVICE. */
async function knownDevice(tx: Tx, form: { email: string; device?: string }, nowMs: number): Promise<string> {
  if (form.device === undefined) return UNKNOWN_DEVICE;
  return (await tx.deviceFor(form.email, hashOf(form.device), nowMs)) ?? UNKNOWN_DEVICE;
}

/** Makes the device that sent the form known to the account under a fresh token, which is answered. */
async function rememberDevice(
  deps: Deps,
  tx: Tx,
  form: { email: string; device?: string },
  device: string,
): Promise<string> {
  const nowMs = deps.nowMs();
  const token = timedToken(deps.randomBytes, nowMs);
  const expiresAtMs = nowMs + CONSTANTS.deviceLifetimeSeconds * 1000;
  if (device !== UNKNOWN_DEVICE && form.device !== undefined) {
    await tx.renewDevice(form.email, hashOf(form.device), hashOf(token), expiresAtMs);
  } else {
    const id = randomToken(deps.randomBytes, 16);
    await tx.addDevice(id, form.email, hashOf(token), { nowMs, expiresAtMs });
  }
  return token;
}

/** Starts a session under a token that nobody knew before, in place of the one that the browser had. */
async function startSession(deps: Deps, tx: Tx, form: LoginForm): Promise<string> {
  const nowMs = deps.nowMs();
  const token = timedToken(deps.randomBytes, nowMs);
  if (form.session !== undefined) await tx.endSession(hashOf(form.session));
  await tx.addSession(hashOf(token), form.email, nowMs);
  return token;
}

/** Which of `salt` and `kdf` is not the one that getSeed hands out for the address, if any. */
function refusedField({ store }: Deps, form: { email: string } & NewKeys, account: Account) {
  if (form.salt !== saltFor(store.saltKey, form.email)) return 'salt';
  return form.kdf === account.kdf ? undefined : 'kdf';
}

function keysOf(form: NewKeys): Keys {
  return { storedKey: fromBase64url(form.storedKey), serverKey: fromBase64url(form.serverKey) };
}

/** What is answered before a code is made, where the sender can take on no message of anybody's who asks like that. */
function slowDown(deps: Deps, { trust }: Asker): SlowDown | undefined {
  const availability = deps.availability(trust);
  if (availability.kind !== 'full') return undefined;
  deps.alert({ event: 'queue_full' });
  return { kind: 'slow_down', retryAfter: availability.retryAfterSeconds };
}

/** Whole seconds until messages to anybody may go again, where they fail for everybody. */
function restOf(deps: Deps): number {
  const availability = deps.availability('stranger');
  return availability.kind === 'failing' ? availability.retryAfterSeconds : 0;
}

/** The same for every account and every end of the message: by the clock, and by what is so for everybody. */
function deliveryForStrangers(code: Code, nowMs: number): Pick<CodeStatusOutcome, 'delivery' | 'reason'> {
  if (code.duringOutage) return { delivery: 'failed', reason: 'outage' };
  return { delivery: nowMs < code.sentAtMs + CONSTANTS.sendingSeconds * 1000 ? 'sending' : 'sent' };
}

function deliveryOf({ delivery, reason }: Code): Pick<CodeStatusOutcome, 'delivery' | 'reason'> {
  if (delivery === 'refused' || delivery === 'failed')
    return { delivery: 'failed', ...(reason && { reason }) };
  return { delivery: delivery === 'unknown' ? 'sent' : delivery };
}
