import { authMessage } from './auth-message.ts';
import { accountFor, keysOf, refusedField, saltFor, sameAsBefore } from './engine/accounts.ts';
import { codeToTry, spendPasscode } from './engine/codes.ts';
import type { Deps } from './engine/deps.ts';
import { forgetOthers, rememberDevice } from './engine/devices.ts';
import { guessLimit } from './engine/guess-limit.ts';
import { addFailure, clearLockout, isLocked, lock, lockedWithCode } from './engine/lockouts.ts';
import type {
  GetSeedOutcome,
  LoginOutcome,
  LogoutOutcome,
  PasswordOutcome,
  ResendCodeOutcome,
  ResetPwdOutcome,
  SignupOutcome,
  VerifyPasscodeOutcome,
} from './engine/outcomes.ts';
import { type EngineRequest, timeOf } from './engine/request.ts';
import type {
  FlowForm,
  GetSeedForm,
  LoginForm,
  LogoutForm,
  ProofForm,
  ResetPwdForm,
  SetPwdForm,
  SignupForm,
  VerifyPasscodeForm,
} from './engine/requests.ts';
import { mayReplaceUnfinished, needsCode, requireCode } from './engine/second-factor.ts';
import { requestCode, resendSmsMessage, sendNotice } from './engine/send-code.ts';
import { signIn } from './engine/sessions.ts';
import { forgetCharges } from './engine/sms-limits.ts';
import { forAccount, forFlow, inTransaction } from './engine/transaction.ts';
import { readPhone } from './phone.ts';
import { CONSTANTS } from './policy.ts';
import { isProof, KDF, signatureFor } from './scram.ts';
import { fromBase64url, hashOf, randomToken, timedId, toBase64url } from './token.ts';

export { accountAddress } from './engine/accounts.ts';
export { codeStatus } from './engine/code-status.ts';
export { whoIsSignedIn } from './engine/sessions.ts';

/** Hands out a seed for one login of the address. The page makes its proof with the seed, the salt and the kdf. */
export async function getSeed(deps: Deps, { email, network }: GetSeedForm): Promise<GetSeedOutcome> {
  return inTransaction(deps, { email }, async (tx) => {
    const nowMs = timeOf(deps, tx);
    const id = timedId(deps.randomBytes, nowMs);
    const seed = randomToken(deps.randomBytes, 32);
    const expiresAtMs = nowMs + CONSTANTS.seedLifetimeSeconds * 1000;
    await tx.addSeed({ id, seed, email, network, expiresAtMs }, deps.policy.maxSeedsPerNetwork);
    const user = await tx.userFor(email);
    return { kind: 'ok', id, seed, salt: saltFor(deps.store.saltKey, email), kdf: user?.kdf ?? KDF };
  });
}

/** Makes a new account, unless the address has one. Forgets the failures, codes and charges of the address. */
export async function signup(deps: Deps, form: SignupForm): Promise<SignupOutcome> {
  const { email, fname, lname, kdf } = form;
  const { saltKey } = deps.store;
  const phone = readPhone(form.phoneno, deps.phones);
  if ('fault' in phone) return { kind: 'invalid', field: 'phoneno', fault: phone.fault };

  return inTransaction(deps, { email }, async (tx) => {
    const nowMs = timeOf(deps, tx);
    const refused = refusedField(saltKey, await accountFor(tx, saltKey, email), form);
    if (refused !== undefined) return refused;

    const user = { email, phoneno: phone.e164, fname, lname, kdf, ...keysOf(form) };
    const isNew = await tx.addUser(user, nowMs);
    const isReplaced = !isNew && mayReplaceUnfinished(deps) && (await tx.replaceUnfinished(user, nowMs));
    if (!isNew && !isReplaced) return { kind: 'taken' };

    await tx.clearLockouts(email);
    await tx.forgetCodes(email);
    // A replaced account keeps its charges, so that repeated sign-ups send no more messages.
    if (isNew) await forgetCharges(tx, email);
    return { kind: 'ok' };
  });
}

/** Signs the user in if the password is right. Sends a code first if the sign-in needs one. */
export async function login(deps: Deps, form: LoginForm): Promise<LoginOutcome> {
  return forAccount(deps, form, async (request) => {
    const checked = await checkPassword(request, form);
    if (checked.kind !== 'ok') return checked;

    if (needsCode(request)) return requireCode(request, checked.signature);
    return { ...checked, issued: await signIn(request, form.session) };
  });
}

/** Checks the proof of the password. After `maxFailures` failures in a row, locks the account and sends a code. */
export async function checkPassword(request: EngineRequest, form: ProofForm): Promise<PasswordOutcome> {
  const { deps, tx, account, nowMs } = request;
  const seed = await tx.takeSeed(form.id, account.email, nowMs);
  if (seed === undefined) return { kind: 'bad_seed' };

  if (await isLocked(request)) return lockedWithCode(request);

  // Count the attempt before checking the proof. If the count can't be saved, the attempt doesn't happen.
  const failures = await addFailure(request);
  const salt = saltFor(deps.store.saltKey, account.email);
  const exchange = authMessage({ ...form, seed, salt, kdf: account.kdf });
  const isRight = isProof(fromBase64url(form.proof), account.storedKey, exchange) && account.exists;
  if (!isRight) {
    const triesLeft = deps.policy.maxFailures - failures;
    if (triesLeft > 0) return { kind: 'wrong', triesLeft };
    await lock(request);
    return lockedWithCode(request);
  }

  await clearLockout(request);
  return { kind: 'ok', signature: toBase64url(signatureFor(account.serverKey, exchange)) };
}

/**
 * Unlocks the account for the device whose failures locked it, and makes the device that gave the code known. A sign-in code
 * signs the user in.
 */
export async function verifyPasscode(deps: Deps, form: VerifyPasscodeForm): Promise<VerifyPasscodeOutcome> {
  return forAccount(deps, form, async (request) => {
    const tried = await codeToTry(request, form.flow, 'unlock', 'signin');
    const isSignIn = tried.kind !== 'wrong_code' && tried.code.purpose === 'signin';
    const tooMany = isSignIn ? undefined : await guessLimit(request);
    if (tooMany !== undefined) return tooMany;

    if (tried.kind !== 'open') return { kind: tried.kind };
    const { code } = tried;
    if (!isSignIn && !(await isLocked(request, code.device))) return { kind: 'not_locked' };
    if (!(await spendPasscode(request, form, code))) return { kind: 'wrong_code' };
    if (isSignIn) return { kind: 'ok', issued: await signIn(request, form.session) };

    await clearLockout(request, code.device);
    const device = await rememberDevice(request);
    return { kind: 'ok', issued: { device: device.token } };
  });
}

/** Sends a code in the first step. In the second step, sets the new password if the code is right. */
export async function resetPwd(deps: Deps, form: ResetPwdForm): Promise<ResetPwdOutcome> {
  if ('flow' in form) return setNewPassword(deps, form);
  return forAccount(deps, form, (request) => requestCode(request, 'reset'));
}

async function setNewPassword(deps: Deps, form: SetPwdForm): Promise<ResetPwdOutcome> {
  return forAccount(deps, form, async (request) => {
    const { tx, account, nowMs } = request;
    const refused = refusedField(deps.store.saltKey, account, form) ?? (await guessLimit(request));
    if (refused !== undefined) return refused;

    const tried = await codeToTry(request, form.flow, 'reset');
    if (tried.kind !== 'open') return { kind: tried.kind };
    if (!(await spendPasscode(request, form, tried.code))) return { kind: 'wrong_code' };

    const { email } = account;
    const keys = keysOf(form);
    await tx.setKeys(email, form.kdf, keys, nowMs);
    await tx.clearLockouts(email);
    await tx.spendCodes(email, nowMs);
    // The code was sent to the phone, so the phone is confirmed by now.
    await sendNotice({ ...request, account: { ...account, isPhoneConfirmed: true } }, 'notice');
    const device = await forgetOthers(request, form.device);
    return { kind: 'ok', issued: { device: device.token }, ...sameAsBefore(account, keys) };
  });
}

/** Sends the code of a flow again, or a new one if that code is no longer good. */
export async function resendCode(deps: Deps, form: FlowForm): Promise<ResendCodeOutcome> {
  return forFlow(deps, form, { kind: 'expired_code' }, async (request, flow) => {
    const { code } = flow;
    if (code.isSpent) return { kind: 'expired_code' };
    if (code.purpose === 'unlock' && !(await isLocked(request, code.device))) return { kind: 'not_locked' };
    return resendSmsMessage(request, flow, form.flow);
  });
}

/** Ends the session of this browser, unless the page showed another user. The device stays known. */
export async function logout(deps: Deps, { session, shown }: LogoutForm): Promise<LogoutOutcome> {
  if (session === undefined) return { kind: 'ok' };

  return inTransaction(deps, { session: hashOf(session) }, async (tx) => {
    const { email = shown } = (await tx.sessionFor(hashOf(session))) ?? {};
    if (shown !== undefined && shown !== email) return { kind: 'ok', isOtherSignedIn: true };
    await tx.endSession(hashOf(session));
    return { kind: 'ok' };
  });
}
