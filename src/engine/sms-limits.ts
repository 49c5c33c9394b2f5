import type { NoticeKind, Purpose } from '../passcode.ts';
import { countryOf, prefixOf } from '../phone.ts';
import { CONSTANTS } from '../policy.ts';
import type { SmsOutcome, TrustLevel } from '../sms.ts';
import { type Tx, UNKNOWN_DEVICE } from '../store.ts';
import type { SuppressedBy } from './message-log.ts';
import type { AccountPart, Charge, EngineRequest, SmsRequest } from './request.ts';
import { DAY_MS, HOUR_MS, inSeconds, longestWindowWaitMs, windowWaitsMs } from './windows.ts';

/**
 * All limits of messages within any hour and any 24 hours. Each column counts apart. `docs/sms-limits.md` has the reasons.
 * A disclosed limit refuses the request. An undisclosed one would tell whose number it is: it suppresses the message.
 */
export const SMS_LIMITS = {
  /**
   * Disclosed. For strangers, for all known devices, for unknown devices with a proved password, and for notices. Notices of a
   * deletion count for the number, apart for accounts that have confirmed it.
   */
  account: {
    stranger: { perHour: 5, perDay: 10 },
    device: { perHour: 4, perDay: 10 },
    signin: { perHour: 4, perDay: 10 },
    notice: { perHour: 2, perDay: 4 },
    phoneNotice: { perHour: 2, perDay: 4 },
    deletionNotice: { perHour: 1, perDay: 2 },
  },
  /** Disclosed. An IPv4 address or an IPv6 /64; and an IPv6 /48. For each trust level. */
  network: { perHour: 60, perDay: 200 },
  prefix48: { perHour: 180, perDay: 600 },
  /** Undisclosed. For each trust level, and for the number's first account. */
  phone: { perHour: 8, perDay: 20 },
  /** The parts of MESSAGES_PER_DAY for all numbers with one prefix, of one country, and in all. A quarter of each in an hour. */
  shared: { prefix: 0.2, country: 0.8, total: 1 },
  /** Strangers and known devices share no pool. Disclosed for the total. */
  pool: { strangers: 0.6, devices: 0.4 },
  /**
   * Undisclosed. The part of the whole that a message may use up, inside its pool. The rest of the pool is for notices and for
   * the first message of the day to a confirmed phone.
   */
  share: { stranger: 0.5, known: 0.2, trusted: 0.3, notice: 0.4 },
} as const;

interface Limit {
  readonly name: 'account' | 'network' | 'prefix48' | 'phone' | 'prefix' | 'country' | 'total';
  readonly key: string;
  readonly perHour: number;
  readonly perDay: number;
}

interface UndisclosedLimit extends Limit {
  readonly name: 'phone' | 'prefix' | 'country' | 'total';
}

/**
 * Finds out how far the device that asks for a message is trusted. A user who asks for a sign-in code has proved the
 * password. So an unknown device is trusted as a known one then.
 */
export async function classifyRequest(
  { tx, account, device, nowMs }: EngineRequest,
  purpose: Purpose,
): Promise<SmsRequest> {
  const isUnknown = device === UNKNOWN_DEVICE;
  if (isUnknown && purpose !== 'signin') return smsRequest('stranger', 'stranger');
  const accountPart = isUnknown ? 'signin' : 'device';
  if (account.isPhoneConfirmed) return smsRequest('trusted', accountPart);

  const { knownSinceMs = nowMs } = account;
  const trust = nowMs - knownSinceMs >= CONSTANTS.settledAfterSeconds * 1000 ? 'trusted' : 'known';
  const { isFirst, isConfirmedElsewhere } = await tx.phoneClaims(account.email, account.phoneno);
  const phoneTrust = isConfirmedElsewhere ? 'known' : trust;
  return { ...smsRequest(trust, accountPart), phoneTrust, phonePart: isFirst ? 'first' : phoneTrust };
}

/** A notice. One to a phone that the account has not confirmed may use up no more than a message to it. */
export function noticeRequest({ account }: EngineRequest, kind: NoticeKind): SmsRequest {
  return smsRequest(account.isPhoneConfirmed ? 'trusted' : 'known', kind);
}

function isNotice({ accountPart }: SmsRequest): boolean {
  return ['notice', 'phoneNotice', 'deletionNotice'].includes(accountPart);
}

/** True if a device asks that the account knows. */
export function isKnownDevice({ trust }: SmsRequest): boolean {
  return trust !== 'stranger';
}

function smsRequest(trust: TrustLevel, accountPart: AccountPart): SmsRequest {
  return { trust, phoneTrust: trust, phonePart: trust, accountPart };
}

/**
 * Charges a message to all its limits. Refuses it, and counts nothing, if a disclosed limit is full. A suppressed message
 * counts for its account and network alone, so a decoy can't use up what accounts share. `nextInSeconds`: when the disclosed
 * limits have room for one more.
 */
export async function chargeLimits(
  request: EngineRequest,
  sms: SmsRequest,
): Promise<
  { kind: 'refused'; retryAfter: number } | { kind: 'charged'; charge: Charge; nextInSeconds: number }
> {
  const { deps, tx, nowMs, account } = request;
  const waitMs = await disclosedWaitMs(request, sms);
  if (waitMs > 0) return { kind: 'refused', retryAfter: inSeconds(waitMs) };

  // All of it is done for decoys too, so that they take as long.
  const undisclosed = await undisclosedLimits(request, sms);
  const waitsMs = await limitWaitsMs(tx, undisclosed, nowMs);
  const full = undisclosed.filter((_, index) => waitsMs[index] !== 0).map(({ name }) => name);
  for (const limit of ['prefix', 'country', 'total'] as const) {
    if (full.includes(limit)) deps.alert({ event: 'messages_suppressed', limit });
  }
  const isCountryServed = deps.phones.smsCountries.includes(countryOf(account.phoneno) ?? '');
  const suppressedBy: SuppressedBy | undefined = !account.exists
    ? 'no_account'
    : isCountryServed
      ? full[0]
      : 'country_not_served';
  const isSuppressed = suppressedBy !== undefined;

  const own = ownLimits(request, sms).map(({ key }) => key);
  // A suppressed message is counted under keys that no limit reads.
  const [phone = '', ...shared] = undisclosed.map(({ key }) => (isSuppressed ? `unsent ${key}` : key));
  await tx.countEvent([...own, phone, ...shared], nowMs);
  const charge = {
    isSuppressed,
    suppressedBy,
    account: ownKey(request, sms),
    phone,
    shared,
  };
  return { kind: 'charged', charge, nextInSeconds: inSeconds(await disclosedWaitMs(request, sms)) };
}

/**
 * Refunds a message that was definitely not sent. Shared limits always get it back. If the fault was ours, the phone's limit
 * gets it back too, and for a known device the account's. A phone that refuses messages keeps its count, so it costs.
 */
export async function refund(
  tx: Tx,
  { account, phone, shared }: Charge,
  sms: SmsRequest,
  { reason, scope }: Extract<SmsOutcome, { kind: 'refused' }>,
): Promise<void> {
  const isOurs = scope !== 'message' && (reason === 'busy' || reason === 'misconfigured');
  const own = isKnownDevice(sms) ? [phone, account] : [phone];
  await tx.uncountEvent([...shared, ...(isOurs ? own : [])]);
}

/** Forgets what was counted for the account itself. Notices of deletions are counted for the number. */
export async function forgetCharges(tx: Tx, email: string): Promise<void> {
  for (const part of ACCOUNT_PARTS) await tx.forgetEvents(accountKey(email, part));
}

/** Returns the messages of 24 hours that are counted for the account itself, the newest of each part first. */
export async function chargesOf(
  tx: Tx,
  email: string,
  nowMs: number,
): Promise<{ part: AccountPart; atMs: number }[]> {
  const queries = ACCOUNT_PARTS.flatMap((part) => {
    const { perDay } = SMS_LIMITS.account[part];
    const query = { part, key: accountKey(email, part), sinceMs: nowMs - DAY_MS };
    return Array.from({ length: perDay }, (_, index) => ({ ...query, nth: index + 1 }));
  });
  const times = await tx.nthNewestEvents(queries, nowMs);
  return queries.flatMap(({ part }, index) => {
    const atMs = times[index];
    return atMs === undefined ? [] : [{ part, atMs }];
  });
}

/** Milliseconds until the disclosed limits have room: account, network and total. The same with and without an account. */
export async function disclosedWaitMs(request: EngineRequest, sms: SmsRequest): Promise<number> {
  const own = ownLimits(request, sms);
  // Other users of the network must not be able to hold a notice back.
  const heeded = isNotice(sms) ? own.filter(({ name }) => name === 'account') : own;
  const pool = SMS_LIMITS.pool[poolOf(sms)];
  return longestWaitMs(request, [...heeded, sharedLimit(request, 'total', totalKey(sms), pool)]);
}

/** Milliseconds until the undisclosed limits have room. Only for a known device whose message was suppressed. */
export async function undisclosedWaitMs(request: EngineRequest, sms: SmsRequest): Promise<number> {
  return longestWaitMs(request, await undisclosedLimits(request, sms));
}

async function longestWaitMs({ tx, nowMs }: EngineRequest, limits: readonly Limit[]): Promise<number> {
  return Math.max(0, ...(await limitWaitsMs(tx, limits, nowMs)));
}

/** Returns for each limit the milliseconds until it has room for one more; 0 if it has room now. */
async function limitWaitsMs(tx: Tx, limits: readonly Limit[], nowMs: number): Promise<number[]> {
  const hours = limits.map(({ key, perHour }) => ({ key, most: perHour, windowMs: HOUR_MS }));
  const days = limits.map(({ key, perDay }) => ({ key, most: perDay, windowMs: DAY_MS }));
  const waitsMs = await windowWaitsMs(tx, [...hours, ...days], nowMs);
  return limits.map((_, index) => Math.max(waitsMs[index] ?? 0, waitsMs[limits.length + index] ?? 0));
}

function ownLimits(request: EngineRequest, sms: SmsRequest): Limit[] {
  const { deps, client } = request;
  const { trust, accountPart: part } = sms;
  const limits: Limit[] = [{ name: 'account', key: ownKey(request, sms), ...SMS_LIMITS.account[part] }];
  if (!deps.policy.hasSharedLimits) return limits;
  limits.push({ name: 'network', key: `message network ${trust} ${client.network}`, ...SMS_LIMITS.network });
  if (client.prefix48 === undefined) return limits;
  const key = `message block ${trust} ${client.prefix48}`;
  return [...limits, { name: 'prefix48', key, ...SMS_LIMITS.prefix48 }];
}

/** The phone's limit, then prefix, country and total as far as the message may fill them. */
async function undisclosedLimits(request: EngineRequest, sms: SmsRequest): Promise<UndisclosedLimit[]> {
  const { tx, nowMs, account } = request;
  const phone: UndisclosedLimit = {
    name: 'phone',
    key: `message phone ${sms.phonePart} ${account.phoneno}`,
    ...SMS_LIMITS.phone,
  };
  const firstOfDay = { key: phone.key, most: 1, windowMs: DAY_MS };
  const isFirstOfDay = (await longestWindowWaitMs(tx, [firstOfDay], nowMs)) === 0;
  const share = SMS_LIMITS.share[isNotice(sms) && sms.phoneTrust === 'trusted' ? 'notice' : sms.phoneTrust];
  const filled = account.isPhoneConfirmed && isFirstOfDay ? SMS_LIMITS.pool[poolOf(sms)] : share;
  const key = totalKey(sms);
  return [
    phone,
    sharedLimit(request, 'prefix', `${key} prefix ${prefixOf(account.phoneno)}`, filled),
    sharedLimit(request, 'country', `${key} country ${countryOf(account.phoneno) ?? ''}`, filled),
    sharedLimit(request, 'total', key, filled),
  ];
}

/** A part of MESSAGES_PER_DAY, rounded so that the pools together are no more than the whole. */
function sharedLimit(
  { deps }: EngineRequest,
  name: 'prefix' | 'country' | 'total',
  key: string,
  part: number,
): UndisclosedLimit {
  const { messagesPerDay, hasSharedLimits } = deps.policy;
  if (!hasSharedLimits)
    return { name, key, perHour: Number.POSITIVE_INFINITY, perDay: Number.POSITIVE_INFINITY };
  const whole = messagesPerDay * SMS_LIMITS.shared[name];
  const partOf = (count: number) => Math.max(1, Math.round(Math.ceil(count) * part));
  return { name, key, perHour: partOf(whole / 4), perDay: partOf(whole) };
}

const ACCOUNT_PARTS = Object.keys(SMS_LIMITS.account) as AccountPart[];

/** A deleted account forgets its counts, so a notice of a deletion is counted for the number. */
function ownKey({ account }: EngineRequest, { accountPart, trust }: SmsRequest): string {
  if (accountPart === 'deletionNotice') return `message deletion ${trust} ${account.phoneno}`;
  return accountKey(account.email, accountPart);
}

/** The key of a part in the database. Keys keep the words of earlier versions. */
function accountKey(email: string, part: AccountPart): string {
  return `message account ${part === 'device' ? 'known' : part} ${email}`;
}

function totalKey(sms: SmsRequest): string {
  return `message ${poolOf(sms)}`;
}

/** Known devices learn what became of their messages. In one pool with strangers they would see whether those were sent. */
function poolOf(sms: SmsRequest): 'strangers' | 'devices' {
  return isKnownDevice(sms) ? 'devices' : 'strangers';
}
