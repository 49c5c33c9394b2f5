import { forgetSpent, HOUR_MS, wantedBy, windowWaitMs } from './budget.ts';
import type {
  FlowForm,
  GetSeedForm,
  LoginForm,
  NewKeys,
  Origin,
  ResetPwdForm,
  SessionForm,
  SetPwdForm,
  SignupForm,
  VerifyPasscodeForm,
} from './form.ts';
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
} from './messages.ts';
import { type Account, nobodysAccount, saltFor } from './nobody.ts';
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
} from './outcome.ts';
import { isPasscode, type Purpose } from './passcode.ts';
import { maskPhone, toE164 } from './phone.ts';
import { FIXED } from './policy.ts';
import type { Ports } from './ports.ts';
import { authMessage, isProof, KDF, type Keys, signatureFor } from './scram.ts';
import { type Code, type Tx, UNKNOWN_DEVICE } from './store.ts';
import { fromBase64url, hashOf, randomToken, timedId, timedToken, toBase64url } from './token.ts';

export type { Ports } from './ports.ts';

/** Hands out a seed that is good for one login of that name, with the salt and kdf that the page makes its proof with. */
export async function getSeed(ports: Ports, form: GetSeedForm): Promise<GetSeedOutcome> {
  const { email, network } = form;
  const nowMs = ports.nowMs();
  const id = timedId(ports.randomBytes, nowMs);
  const seed = randomToken(ports.randomBytes, 32);
  const expiresAtMs = nowMs + FIXED.seedLifetimeSeconds * 1000;

  return ports.store.transact(async (tx) => {
    await tx.addSeed({ id, seed, email, network, expiresAtMs }, ports.policy.maxSeedsPerNetwork);
    const user = await tx.userFor(email);
    return { kind: 'ok', id, seed, salt: saltFor(ports.store.saltKey, email), kdf: user?.kdf ?? KDF };
  });
}

/** Makes a new user, unless the address is taken. Whatever strangers have done to the address before is forgotten. */
export async function signup(ports: Ports, form: SignupForm): Promise<SignupOutcome> {
  const { email, fname, lname } = form;
  const phoneno = toE164(form.phoneno, ports.phones);
  if (phoneno === undefined) return { kind: 'invalid', field: 'phoneno' };

  return ports.store.transact(async (tx) => {
    const refused = refusedField(ports, form, await accountFor(ports, tx, email));
    if (refused !== undefined) return { kind: 'invalid', field: refused };

    const user = { email, phoneno, fname, lname, kdf: form.kdf, ...keysOf(form) };
    if (!(await tx.addUser(user, ports.nowMs()))) return { kind: 'taken' };

    await tx.clearGuards(email);
    await tx.forgetCodes(email);
    await forgetSpent(tx, email);
    return { kind: 'ok' };
  });
}

/** Signs in whoever proves to know the password. The third failure in a row locks, and a locked account gets a code. */
export async function login(ports: Ports, form: LoginForm): Promise<LoginOutcome> {
  return transactThenSend(ports, async (tx, messages) => {
    const nowMs = ports.nowMs();
    const seed = await tx.takeSeed(form.id, form.email, nowMs);
    if (seed === undefined) return { kind: 'bad_seed' };

    const account = await accountFor(ports, tx, form.email);
    const device = await knownDevice(tx, form, nowMs);
    const locked = async () =>
      lockedWithCode(ports, tx, messages, await askerFor(ports, tx, form, 'unlock', device, account));
    const guard = await tx.guardFor(form.email, device);
    if (guard.isLocked) return locked();

    // Counted before the proof is looked at, so that where no count can be written there is no try either.
    const failures = await tx.addFailure(form.email, device, nowMs);
    const salt = saltFor(ports.store.saltKey, form.email);
    const message = authMessage({ ...form, seed, salt, kdf: account.kdf });
    if (isProof(fromBase64url(form.proof), account.storedKey, message) && account.isSomebodys) {
      await tx.clearGuard(form.email, device);
      const signature = toBase64url(signatureFor(account.serverKey, message));
      const session = await startSession(ports, tx, form);
      return {
        kind: 'ok',
        signature,
        grants: { session, device: await rememberDevice(ports, tx, form, device) },
      };
    }

    if (failures < ports.policy.maxFailures) {
      return { kind: 'wrong', triesLeft: ports.policy.maxFailures - failures };
    }
    await tx.lock(form.email, device, nowMs);
    return locked();
  });
}

/** A login locks, and says so, whether or not a code can go. */
async function lockedWithCode(
  ports: Ports,
  tx: Tx,
  messages: Message[],
  asker: Asker,
): Promise<LoginOutcome> {
  const asked = await sendSmsMessage(ports, tx, messages, asker);
  if (asked.kind === 'code_sent') return { ...asked, kind: 'locked' };
  return { kind: 'locked', phone: maskPhone(asker.account.phoneno), resendIn: asked.retryAfter };
}

/** Unlocks the account, on the count that the code was asked for, and remembers the device that gave the code. */
export async function verifyPasscode(ports: Ports, form: VerifyPasscodeForm): Promise<VerifyPasscodeOutcome> {
  return ports.store.transact(async (tx) => {
    const nowMs = ports.nowMs();
    const account = await accountFor(ports, tx, form.email);
    const device = await knownDevice(tx, form, nowMs);
    const crowded = await slowGuesses(ports, tx, form, device);
    if (crowded !== undefined) return crowded;

    const flow = await flowToTry(tx, form, 'unlock', nowMs);
    if (flow.kind !== 'open') return flow;
    const guard = await tx.guardFor(form.email, flow.code.device);
    if (!guard.isLocked) return { kind: 'not_locked' };
    if (!(await spendPasscode(ports, tx, form, flow.code, account, device))) return { kind: 'wrong_code' };

    await tx.clearGuard(form.email, flow.code.device);
    return { kind: 'ok', grants: { device: await rememberDevice(ports, tx, form, device) } };
  });
}

/** Asks for a code in its first step; in its second, sets a new password for whoever has the code. */
export async function resetPwd(ports: Ports, form: ResetPwdForm): Promise<ResetPwdOutcome> {
  if ('flow' in form) return setNewPassword(ports, form);
  return transactThenSend(ports, async (tx, messages) => {
    const account = await accountFor(ports, tx, form.email);
    const device = await knownDevice(tx, form, ports.nowMs());
    const asker = await askerFor(ports, tx, form, 'reset', device, account);
    return slowDown(ports, asker) ?? sendSmsMessage(ports, tx, messages, asker);
  });
}

async function setNewPassword(ports: Ports, form: SetPwdForm): Promise<ResetPwdOutcome> {
  const { email } = form;
  return transactThenSend(ports, async (tx, messages) => {
    const nowMs = ports.nowMs();
    const account = await accountFor(ports, tx, email);
    const refused = refusedField(ports, form, account);
    if (refused !== undefined) return { kind: 'invalid', field: refused };
    const device = await knownDevice(tx, form, nowMs);
    const crowded = await slowGuesses(ports, tx, form, device);
    if (crowded !== undefined) return crowded;

    const flow = await flowToTry(tx, form, 'reset', nowMs);
    if (flow.kind !== 'open') return flow;
    if (!(await spendPasscode(ports, tx, form, flow.code, account, device))) return { kind: 'wrong_code' };

    await tx.setKeys(email, form.kdf, keysOf(form), nowMs);
    await tx.clearGuards(email);
    await tx.forgetBrowsers(email, nowMs);
    await tx.spendCodes(email, nowMs);
    await sendNotice(ports, tx, messages, { email, account, origin: form });
    const grants = { device: await rememberDevice(ports, tx, form, UNKNOWN_DEVICE) };
    return { kind: 'ok', grants };
  });
}

/** Sends the code of a flow again; where that code is no longer good, a new one. */
export async function resendCode(ports: Ports, form: FlowForm): Promise<ResendCodeOutcome> {
  return transactThenSend(ports, async (tx, messages) => {
    const nowMs = ports.nowMs();
    const flow = await tx.flowFor(hashOf(form.flow));
    if (flow === undefined || flow.code.isSpent) return { kind: 'expired_code' };

    const { email, purpose, device } = flow.code;
    if (purpose === 'unlock' && !(await tx.guardFor(email, device)).isLocked) return { kind: 'not_locked' };

    const asker = await askerOfFlow(ports, tx, form, flow.code);
    const full = slowDown(ports, asker);
    if (full !== undefined) return full;

    const phone = maskPhone(asker.account.phoneno);
    const newest = await tx.newestCode(email, purpose, device, nowMs);
    if (pauseLeftMs(ports, newest, nowMs, asker) > 0) {
      const resendIn = await resendInSeconds(ports, tx, newest, asker);
      return { kind: 'code_sent', phone, resendIn, flow: form.flow };
    }
    if (flow.isTried || isExpired(flow.code, nowMs)) return sendSmsMessage(ports, tx, messages, asker);

    const sent = await sendCode(ports, tx, messages, asker, flow.code);
    if ('kind' in sent) return sent;
    const { isHeldBack, resendIn } = sent;
    const isOwn = asker.by === 'known';
    await tx.resendCode(flow.code.id, { isInOutage: isOutage(ports), isHeldBack, isOwn }, nowMs);
    // Of one that has left, a message that is refused now takes nothing back.
    const from = flow.code.isHeldBack ? ANY_DELIVERY : (['refused', 'failed'] as const);
    await tx.noteDelivery(flow.code.id, 'sending', from);
    return { kind: 'code_sent', phone, resendIn, flow: form.flow };
  });
}

/**
 * Tells what became of a code's message. What depends on the number is for the account's known devices; all others see
 * it leave, by the clock alone, and hear of failures only where messages fail for everybody.
 */
export async function codeStatus(ports: Ports, form: FlowForm): Promise<CodeStatusOutcome> {
  return ports.store.transact(async (tx) => {
    const nowMs = ports.nowMs();
    const flow = await tx.flowFor(hashOf(form.flow));
    if (flow === undefined) return { kind: 'ok', delivery: 'sending' };

    const { email, purpose, device } = flow.code;
    const asker = await askerOfFlow(ports, tx, form, flow.code);
    const newest = await tx.newestCode(email, purpose, device, nowMs);
    const waitSeconds = await resendInSeconds(ports, tx, newest, asker);
    const told = isTold(flow.code, asker) ? deliveryOf(flow.code) : deliveryForStrangers(flow.code, nowMs);
    return {
      kind: 'ok',
      ...told,
      resendIn: told.delivery === 'failed' ? Math.max(waitSeconds, restOf(ports)) : waitSeconds,
    };
  });
}

/** Ends the session of this browser, if it has one. The device stays known. */
export async function logout(ports: Ports, form: SessionForm): Promise<LogoutOutcome> {
  const { session } = form;
  if (session !== undefined) await ports.store.transact((tx) => tx.endSession(hashOf(session)));
  return { kind: 'ok' };
}

/** Who is signed in with the session's token, if it is still good; being asked counts as being seen. */
export async function whoIsSignedIn(
  ports: Ports,
  { session }: SessionForm,
): Promise<{ fname: string; email: string } | undefined> {
  if (session === undefined) return undefined;
  return ports.store.transact(async (tx) => {
    const nowMs = ports.nowMs();
    const found = await tx.sessionFor(hashOf(session));
    if (found === undefined) return undefined;
    if (nowMs >= found.createdAtMs + FIXED.sessionLifetimeSeconds * 1000) return undefined;
    if (nowMs >= found.seenAtMs + FIXED.sessionIdleSeconds * 1000) return undefined;

    if (nowMs >= found.seenAtMs + FIXED.sessionSeenSeconds * 1000) await tx.noteSeen(hashOf(session), nowMs);
    const user = await tx.userFor(found.email);
    return user && { fname: user.fname, email: user.email };
  });
}

/** Whoever asks for a code for the count of the device that asks. */
async function askerFor(
  ports: Ports,
  tx: Tx,
  form: { email: string } & Origin,
  purpose: Purpose,
  device: string,
  account: Account,
): Promise<Asker> {
  const isKnownDevice = device !== UNKNOWN_DEVICE;
  const { email } = form;
  return {
    ...(await wantedBy(tx, { email, account, origin: form, isKnownDevice }, ports.nowMs())),
    purpose,
    device,
  };
}

/** Whoever asks about a code by its flow: the device that does may be another than that of the code's count. */
async function askerOfFlow(
  ports: Ports,
  tx: Tx,
  form: FlowForm,
  { email, purpose, device }: Code,
): Promise<Asker> {
  const nowMs = ports.nowMs();
  const account = await accountFor(ports, tx, email);
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
  ports: Ports,
  tx: Tx,
  form: { flow: string; passcode: string } & Origin,
  code: Code,
  account: Account,
  device: string,
): Promise<boolean> {
  const nowMs = ports.nowMs();
  await tx.markTried(hashOf(form.flow), nowMs);
  if (device === UNKNOWN_DEVICE) await tx.countEvent([GUESS, guessOf(form)], nowMs);
  const isRight = isPasscode(form.passcode, ports.appSecret, code);
  if (!isRight || code.delivery === 'refused' || code.isHeldBack || !account.isSomebodys) {
    await tx.countEvent([FAILED_CODE], nowMs);
    return false;
  }

  await tx.spendCode(code.id, nowMs);
  await tx.confirmPhone(code.email, nowMs);
  return true;
}

const GUESS = 'guess on an unknown device';
const FAILED_CODE = 'failed code';
const guessOf = ({ network, block }: Origin) => `${GUESS} ${block ?? network}`;

/**
 * Where wrong codes are many, of all accounts together, the devices that no account knows have to take turns: what is
 * answered then, before anything is tried.
 */
async function slowGuesses(
  ports: Ports,
  tx: Tx,
  origin: Origin,
  device: string,
): Promise<SlowDown | undefined> {
  const nowMs = ports.nowMs();
  const { failedCodesPerHour, guessPauseSeconds } = ports.policy;
  if ((await windowWaitMs(tx, FAILED_CODE, failedCodesPerHour, HOUR_MS, nowMs)) === 0) return undefined;
  ports.alarm({ event: 'many_failed_codes' });
  if (device !== UNKNOWN_DEVICE) return undefined;
  const { all, network } = guessPauseSeconds;
  const waitMs = Math.max(
    await windowWaitMs(tx, GUESS, 1, all * 1000, nowMs),
    await windowWaitMs(tx, guessOf(origin), 1, network * 1000, nowMs),
  );
  return waitMs > 0 ? { kind: 'slow_down', retryAfter: inSeconds(waitMs) } : undefined;
}

async function accountFor({ store }: Ports, tx: Tx, email: string): Promise<Account> {
  const nobodys = nobodysAccount(store.saltKey, email);
  const user = await tx.userFor(email);
  return user === undefined ? nobodys : { ...user, isSomebodys: true };
}

/** The id of the account's device that sent the form, or UNKNOWN_DEVICE. */
async function knownDevice(tx: Tx, form: { email: string; device?: string }, nowMs: number): Promise<string> {
  if (form.device === undefined) return UNKNOWN_DEVICE;
  return (await tx.deviceFor(form.email, hashOf(form.device), nowMs)) ?? UNKNOWN_DEVICE;
}

/** Makes the device that sent the form known to the account under a fresh token, which is answered. */
async function rememberDevice(
  ports: Ports,
  tx: Tx,
  form: { email: string; device?: string },
  device: string,
): Promise<string> {
  const nowMs = ports.nowMs();
  const token = timedToken(ports.randomBytes, nowMs);
  const expiresAtMs = nowMs + FIXED.deviceLifetimeSeconds * 1000;
  if (device !== UNKNOWN_DEVICE && form.device !== undefined) {
    await tx.renewDevice(form.email, hashOf(form.device), hashOf(token), expiresAtMs);
  } else {
    const id = randomToken(ports.randomBytes, 16);
    await tx.addDevice(id, form.email, hashOf(token), { nowMs, expiresAtMs });
  }
  return token;
}

/** Starts a session under a token that nobody knew before, in place of the one that the browser had. */
async function startSession(ports: Ports, tx: Tx, form: LoginForm): Promise<string> {
  const nowMs = ports.nowMs();
  const token = timedToken(ports.randomBytes, nowMs);
  if (form.session !== undefined) await tx.endSession(hashOf(form.session));
  await tx.addSession(hashOf(token), form.email, nowMs);
  return token;
}

/** Which of `salt` and `kdf` is not the one that getSeed hands out for the address, if any. */
function refusedField({ store }: Ports, form: { email: string } & NewKeys, account: Account) {
  if (form.salt !== saltFor(store.saltKey, form.email)) return 'salt';
  return form.kdf === account.kdf ? undefined : 'kdf';
}

function keysOf(form: NewKeys): Keys {
  return { storedKey: fromBase64url(form.storedKey), serverKey: fromBase64url(form.serverKey) };
}

/** What is answered before a code is made, where the sender can take on no message of anybody's who asks like that. */
function slowDown(ports: Ports, { standing }: Asker): SlowDown | undefined {
  const outlook = ports.outlook(standing);
  if (outlook.kind !== 'full') return undefined;
  ports.alarm({ event: 'queue_full' });
  return { kind: 'slow_down', retryAfter: outlook.retryAfterSeconds };
}

/** Whole seconds until messages to anybody may go again, where they fail for everybody. */
function restOf(ports: Ports): number {
  const outlook = ports.outlook('stranger');
  return outlook.kind === 'failing' ? outlook.retryAfterSeconds : 0;
}

/** The same for every account and every end of the message: by the clock, and by what is so for everybody. */
function deliveryForStrangers(code: Code, nowMs: number): Pick<CodeStatusOutcome, 'delivery' | 'reason'> {
  if (code.isInOutage) return { delivery: 'failed', reason: 'outage' };
  return { delivery: nowMs < code.sentAtMs + FIXED.sendingSeconds * 1000 ? 'sending' : 'sent' };
}

function deliveryOf({ delivery, reason }: Code): Pick<CodeStatusOutcome, 'delivery' | 'reason'> {
  if (delivery === 'refused' || delivery === 'failed')
    return { delivery: 'failed', ...(reason && { reason }) };
  return { delivery: delivery === 'unknown' ? 'sent' : delivery };
}
