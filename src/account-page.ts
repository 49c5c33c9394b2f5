import { keysOf, refusedField, sameAsBefore } from './engine/accounts.ts';
import { codeToTry, spendPasscode } from './engine/codes.ts';
import type { Deps } from './engine/deps.ts';
import { forgetOthers } from './engine/devices.ts';
import type {
  AccountDataOutcome,
  AccountPageOutcome,
  ChangeNameOutcome,
  ChangePhoneOutcome,
  ChangePwdOutcome,
  DeleteAccountOutcome,
  EndSessionOutcome,
  ForgetDeviceOutcome,
  ProveOutcome,
} from './engine/outcomes.ts';
import { toNewPhone } from './engine/request.ts';
import type {
  AccountForm,
  AskPhoneForm,
  ChangeNameForm,
  ChangePhoneForm,
  ChangePwdForm,
  ConfirmPhoneForm,
  EndSessionForm,
  ForgetDeviceForm,
  ProveForm,
} from './engine/requests.ts';
import { messageWait, requestCode, sendNotice } from './engine/send-code.ts';
import { forVisit, isLive, startSession } from './engine/sessions.ts';
import { chargesOf, forgetCharges } from './engine/sms-limits.ts';
import { forProvedSession, forSession, type SessionRequest } from './engine/transaction.ts';
import { checkPassword } from './engine.ts';
import { toIso } from './iso-time.ts';
import { maskPhone, readPhone } from './phone.ts';
import { shortNetwork } from './short-network.ts';
import type { KnownDevice, Session } from './store.ts';
import { hashOf } from './token.ts';

/** Returns what the account page shows. */
export async function accountPage(deps: Deps, form: AccountForm): Promise<AccountPageOutcome> {
  const page = await forVisit(deps, form, async ({ tx, nowMs, session, user }) => {
    const { email, fname, lname, phoneno, isPhoneConfirmed } = user;
    const others = (await tx.sessionsOf(email)).filter((one) => one.id !== session.id && isLive(one, nowMs));
    const devices = (await tx.devicesOf(email, nowMs)).map((one) => {
      const current = one.id === session.device;
      return toRow(current ? { ...one, seenAtMs: nowMs } : one, current);
    });
    return {
      kind: 'ok' as const,
      email,
      fname,
      lname,
      phone: maskPhone(phoneno),
      phoneConfirmed: isPhoneConfirmed,
      sessions: [toRow({ ...session, seenAtMs: nowMs }, true), ...others.map((one) => toRow(one, false))],
      devices,
    };
  });
  return page ?? { kind: 'signed_out' };
}

/** Returns everything that the database keeps about the user, besides keys and tokens, which are secrets. */
export async function accountData(deps: Deps, form: AccountForm): Promise<AccountDataOutcome> {
  return forProvedSession(deps, form, async (request) => {
    const { tx, account, nowMs, session } = request;
    const { email, fname, lname, phoneno } = await userOf(request);
    const records = await tx.recordsOf(email);
    return {
      kind: 'ok',
      email,
      fname,
      lname,
      phoneno,
      createdAt: toIso(records.createdAtMs),
      passwordChangedAt: toIso(records.keysChangedAtMs),
      phoneConfirmedAt: records.phoneConfirmedAtMs === undefined ? null : toIso(records.phoneConfirmedAtMs),
      devicesKnownSince: account.knownSinceMs === undefined ? null : toIso(account.knownSinceMs),
      wrongSignInCodes: account.failedSignInCodes,
      sessions: (await tx.sessionsOf(email)).map((one) => toRow(one, one.id === session.id)),
      devices: (await tx.devicesOf(email, nowMs)).map((one) => toRow(one, one.id === session.device)),
      lockouts: records.lockouts.map(({ device, failures, isLocked: locked, changedAtMs }) => {
        return { device, failures, locked, changedAt: toIso(changedAtMs) };
      }),
      codes: records.codes.map(({ purpose, phoneno: newPhone, createdAtMs, sentAtMs, isSpent, delivery }) => {
        const times = { createdAt: toIso(createdAtMs), sentAt: toIso(sentAtMs) };
        return { purpose, newPhone, ...times, used: isSpent, delivery };
      }),
      messages: (await chargesOf(tx, email, nowMs)).map(({ part, atMs }) => {
        return { countedFor: part, at: toIso(atMs) };
      }),
    };
  });
}

/** Records that the user of the session has proved the password. Its failures count and lock, and a lock ends the session. */
export async function prove(deps: Deps, form: ProveForm): Promise<ProveOutcome> {
  return forSession(deps, form, async (request) => {
    const { tx, account, nowMs } = request;
    const checked = await checkPassword(request, { ...form, username: account.email });
    if (checked.kind === 'ok') await tx.noteProved(tokenHashOf(form), nowMs);
    if (checked.kind !== 'locked') return checked;

    // An attacker at an unlocked computer must not go on guessing.
    await tx.endSession(tokenHashOf(form));
    return { ...checked, dropped: { session: true } };
  });
}

/** Changes the name of the user. */
export async function changeName(deps: Deps, form: ChangeNameForm): Promise<ChangeNameOutcome> {
  return forSession(deps, form, async ({ tx, account }) => {
    await tx.setName(account.email, form.fname, form.lname);
    return { kind: 'ok' };
  });
}

/** Sets a new password. All other sessions end, all other devices become unknown, and all codes are void. */
export async function changePwd(deps: Deps, form: ChangePwdForm): Promise<ChangePwdOutcome> {
  return forProvedSession(deps, form, async (request) => {
    const { tx, account, nowMs } = request;
    const refused = refusedField(deps.store.saltKey, account, form);
    if (refused !== undefined) return refused;

    const { email } = account;
    const keys = keysOf(form);
    await tx.setKeys(email, form.kdf, keys, nowMs);
    await tx.spendCodes(email, nowMs);
    await sendNotice(request, 'notice');
    const device = await forgetOthers(request, await ownToken(request, form));
    const session = await startSession(request, device.id, request.session.provedAtMs);
    return { kind: 'ok', issued: { session, device: device.token, email }, ...sameAsBefore(account, keys) };
  });
}

/**
 * Changes the phone number in two steps. The first step sends a code to the present number if that is confirmed, else to the
 * new one. Each right code leads on, and the last one sets the new number.
 */
export async function changePhone(deps: Deps, form: ChangePhoneForm): Promise<ChangePhoneOutcome> {
  return 'flow' in form ? confirmPhone(deps, form) : askForPhoneCode(deps, form);
}

async function askForPhoneCode(deps: Deps, form: AskPhoneForm): Promise<ChangePhoneOutcome> {
  const phone = readPhone(form.phoneno, deps.phones);
  if ('fault' in phone) return { kind: 'invalid', field: 'phoneno', fault: phone.fault };
  const phoneno = phone.e164;
  return forProvedSession(deps, form, async (request) => {
    // Otherwise an attacker who knows the password could take the account with a phone of their own.
    if (request.account.isPhoneConfirmed) return requestCode(request, 'oldphone', phoneno);
    return requestCode(toNewPhone(request, phoneno), 'newphone', phoneno);
  });
}

async function confirmPhone(deps: Deps, form: ConfirmPhoneForm): Promise<ChangePhoneOutcome> {
  return forProvedSession(deps, form, async (request) => {
    const { tx, account, nowMs } = request;
    const tried = await codeToTry(request, form.flow, 'oldphone', 'newphone');
    if (tried.kind !== 'open') return { kind: tried.kind };
    const { purpose, phoneno } = tried.code;
    const toNew = toNewPhone(request, phoneno);
    if (purpose === 'oldphone') {
      // The code is not tried if the next one can't be sent.
      const wait = await messageWait(toNew, 'newphone');
      if (wait !== undefined) return wait;
    }
    if (!(await spendPasscode(request, form, tried.code))) return { kind: 'wrong_code' };
    if (purpose === 'oldphone') return requestCode(toNew, 'newphone', phoneno);

    await tx.setPhone(account.email, phoneno, nowMs);
    await tx.spendCodes(account.email, nowMs);
    if (phoneno !== account.phoneno) await sendNotice(request, 'phoneNotice');
    return { kind: 'ok' };
  });
}

/** Ends one session of the user, or all others. */
export async function endSession(deps: Deps, form: EndSessionForm): Promise<EndSessionOutcome> {
  return forSession(deps, form, async ({ tx, account, session }) => {
    const { email } = account;
    const ids =
      'id' in form
        ? [form.id]
        : (await tx.sessionsOf(email)).map(({ id }) => id).filter((id) => id !== session.id);
    for (const id of ids) await tx.endSessionById(email, id);
    return { kind: 'ok', ...(ids.includes(session.id) && { dropped: { session: true } }) };
  });
}

/** Makes one device unknown, or all others, and ends their sessions. */
export async function forgetDevice(deps: Deps, form: ForgetDeviceForm): Promise<ForgetDeviceOutcome> {
  return forSession(deps, form, async ({ tx, account, session, nowMs }) => {
    const { email } = account;
    if ('id' in form) {
      await tx.forgetDevice(email, form.id);
      return {
        kind: 'ok',
        ...(form.id === session.device && { dropped: { session: true, deviceOf: email } }),
      };
    }
    const others = (await tx.devicesOf(email, nowMs)).filter(({ id }) => id !== session.device);
    for (const { id } of others) await tx.forgetDevice(email, id);
    // Sessions of earlier versions belong to no device.
    for (const { id, device } of await tx.sessionsOf(email)) {
      const isOther = device === '' || device !== session.device;
      if (id !== session.id && isOther) await tx.endSessionById(email, id);
    }
    return { kind: 'ok' };
  });
}

/** Deletes the account and everything that was counted under its address. The limits of its number and networks stay. */
export async function deleteAccount(deps: Deps, form: AccountForm): Promise<DeleteAccountOutcome> {
  return forProvedSession(deps, form, async (request) => {
    const { tx, account } = request;
    await sendNotice(request, 'deletionNotice');
    await tx.deleteUser(account.email);
    await forgetCharges(tx, account.email);
    return { kind: 'ok', dropped: { session: true, deviceOf: account.email } };
  });
}

/** Returns the browser's device token if it is one of the session's device. A planted token must not become known. */
async function ownToken(
  { tx, account, device, nowMs }: SessionRequest,
  { deviceOf }: AccountForm,
): Promise<string | undefined> {
  const token = deviceOf?.(account.email);
  const found = token && (await tx.deviceFor(account.email, hashOf(token), nowMs));
  return found && found.id === device ? token : undefined;
}

async function userOf({ tx, account }: SessionRequest) {
  const user = await tx.userFor(account.email);
  if (user === undefined) throw new Error('A session has no user.');
  return user;
}

function tokenHashOf({ session }: AccountForm): string {
  return hashOf(session ?? '');
}

function toRow({ id, createdAtMs, seenAtMs, network, browser }: KnownDevice | Session, current: boolean) {
  const times = { createdAt: toIso(createdAtMs), seenAt: toIso(seenAtMs) };
  return { id, current, ...times, network: shortNetwork(network), browser };
}
