import { countryOf, prefixOf } from '../phone.ts';
import { type Allowance, CONSTANTS, type MessageBudgets } from '../policy.ts';
import type { SmsOutcome, TrustLevel } from '../sms.ts';
import type { Tx } from '../store.ts';
import type { Account } from './accounts.ts';
import type { ClientNetwork } from './requests.ts';

/** A message that somebody wants sent, as far as budgets are concerned. */
export interface Wanted {
  readonly email: string;
  readonly account: Account;
  readonly origin: ClientNetwork;
  /** A `notice` is wanted by nobody but us. */
  readonly by: 'stranger' | 'known' | 'notice';
  readonly trust: TrustLevel;
  /** The part of the phone's budget that it is taken from. */
  readonly phonePart: TrustLevel | 'first';
  /** Up to which share of the budgets of prefix, country and all it may still be taken. */
  readonly share: number;
}

/** What a message took: whether it may leave, and what it counts under besides its network. */
export interface Spent {
  readonly mayLeave: boolean;
  readonly account: string;
  readonly phone: string;
  /** Prefix, country and all. */
  readonly shared: readonly string[];
  /** The budgets that have no room for it, of those that are not told. */
  readonly full: readonly BudgetName[];
}

type BudgetName = 'account' | 'network' | 'prefix48' | 'phone' | 'prefix' | 'country' | 'total';

interface Limit {
  readonly name: BudgetName;
  readonly key: string;
  readonly allowance: Allowance;
}

export const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

type Whose = Pick<Wanted, 'email' | 'account' | 'origin'>;

/** Judges a message that is asked for, by a device that the account knows or by any other. */
export async function wantedBy(
  tx: Tx,
  { email, account, origin, isKnownDevice }: Whose & { isKnownDevice: boolean },
  nowMs: number,
): Promise<Wanted> {
  const whose = { email, account, origin };
  const { strangers, devices } = CONSTANTS.shares;
  if (!isKnownDevice) {
    const trust = 'stranger';
    const unconfirmed = account.knownSinceMs === undefined ? strangers.unused : strangers.used;
    const share = account.isPhoneConfirmed ? strangers.confirmed : unconfirmed;
    return { ...whose, by: 'stranger', trust, phonePart: trust, share };
  }
  const trust = standingOf(account, nowMs);
  const isFirst = trust !== 'confirmed' && (await tx.isFirstWithPhone(email, account.phoneno));
  return {
    ...whose,
    by: 'known',
    trust,
    phonePart: isFirst ? 'first' : trust,
    share: devices[trust],
  };
}

function standingOf({ isPhoneConfirmed, knownSinceMs }: Account, nowMs: number) {
  if (isPhoneConfirmed) return 'confirmed';
  const settledBeforeMs = nowMs - CONSTANTS.settledAfterSeconds * 1000;
  const isSettled = knownSinceMs !== undefined && knownSinceMs <= settledBeforeMs;
  return isSettled ? 'settled' : 'known';
}

/** The notice of a new password: whoever could set it has just given a code. */
export function wantedNotice(whose: Whose): Wanted {
  const trust = 'confirmed';
  return { ...whose, by: 'notice', trust, phonePart: trust, share: CONSTANTS.shares.devices[trust] };
}

/**
 * In how many milliseconds the budgets of the account, of the network and of all messages together have room for the
 * message; 0 where they have it now. The same for all accounts that were asked about alike, whether anybody has them.
 */
export async function budgetWaitMs(
  tx: Tx,
  budgets: MessageBudgets,
  wanted: Wanted,
  nowMs: number,
): Promise<number> {
  const whole = partial(budgets.total, CONSTANTS.shares[poolOf(wanted)].confirmed);
  const total: Limit = { name: 'total', key: totalKey(wanted), allowance: whole };
  const limits = [...ownLimits(budgets, wanted), total];
  // Whoever else uses the network must not be able to keep a notice back.
  const heeded =
    wanted.by === 'notice' ? limits.filter(({ name }) => name !== 'network' && name !== 'prefix48') : limits;
  let longestMs = 0;
  for (const limit of heeded) longestMs = Math.max(longestMs, await limitWaitMs(tx, limit, nowMs));
  return longestMs;
}

/**
 * Counts a message that the budgets above have room for. It may leave where the account is somebody's, in a country of
 * `smsCountries`, and the budgets that are not told have room too; else it counts for its account and network alone.
 */
export async function spendBudgets(
  tx: Tx,
  budgets: MessageBudgets,
  smsCountries: readonly string[],
  wanted: Wanted,
  nowMs: number,
): Promise<Spent> {
  const { phoneno, exists } = wanted.account;
  const country = countryOf(phoneno) ?? '';
  const phone = phoneLimit(budgets, wanted);
  const shared = sharedLimits(budgets, wanted, country);
  // Looked up and counted for nobody's accounts too, so that they take as long.
  const full: BudgetName[] = [];
  for (const limit of [phone, ...shared])
    if ((await limitWaitMs(tx, limit, nowMs)) > 0) full.push(limit.name);
  const mayLeave = full.length === 0 && exists && smsCountries.includes(country);

  const keyOf = ({ key }: Limit) => (mayLeave ? key : `unsent ${key}`);
  const account = accountKey(wanted.by, wanted.email);
  const spent = { mayLeave, account, phone: keyOf(phone), shared: shared.map(keyOf), full };
  const own = ownLimits(budgets, wanted).map(({ key }) => key);
  await tx.countEvent([...own, spent.phone, ...spent.shared], nowMs);
  return spent;
}

/**
 * Gives back what a message that was definitely not sent took of what others share; and to a known device, whose fault
 * it was not, its account's part. A phone that refuses messages keeps its count, and so does the network: neither is a
 * way to try for nothing.
 */
export async function giveBack(
  tx: Tx,
  { account, phone, shared }: Spent,
  trust: TrustLevel,
  { reason, scope }: Extract<SmsOutcome, { kind: 'refused' }>,
): Promise<void> {
  const isOurs = scope !== 'message' && (reason === 'busy' || reason === 'misconfigured');
  await tx.uncountEvent([
    ...shared,
    ...(isOurs ? [phone] : []),
    ...(isOurs && trust !== 'stranger' ? [account] : []),
  ]);
}

/** Forgets what was counted for an account, whoever asked. */
export async function forgetSpent(tx: Tx, email: string): Promise<void> {
  for (const by of ['stranger', 'known', 'notice'] as const) await tx.forgetEvents(accountKey(by, email));
}

function accountKey(by: Wanted['by'], email: string): string {
  return `message account ${by} ${email}`;
}

/** What strangers use up is not what known devices have: those are told more, and would see by it whose number it is. */
function poolOf({ trust }: Wanted): 'strangers' | 'devices' {
  return trust === 'stranger' ? 'strangers' : 'devices';
}

function totalKey(wanted: Wanted): string {
  return `message ${poolOf(wanted)}`;
}

/** The budgets of the account and of the network, which have a part of their own for each kind of asker. */
function ownLimits(budgets: MessageBudgets, { email, by, trust, origin }: Wanted): Limit[] {
  const limits: Limit[] = [
    { name: 'account', key: accountKey(by, email), allowance: budgets.account[by] },
    { name: 'network', key: `message network ${trust} ${origin.network}`, allowance: budgets.network },
  ];
  if (origin.prefix48 === undefined) return limits;
  return [
    ...limits,
    { name: 'prefix48', key: `message block ${trust} ${origin.prefix48}`, allowance: budgets.prefix48 },
  ];
}

/** Not told, and nor are those below: they would tell whose number it is. */
function phoneLimit(budgets: MessageBudgets, { account, phonePart }: Wanted): Limit {
  return { name: 'phone', key: `message phone ${phonePart} ${account.phoneno}`, allowance: budgets.phone };
}

function sharedLimits(budgets: MessageBudgets, wanted: Wanted, country: string): Limit[] {
  const { share } = wanted;
  const key = totalKey(wanted);
  const prefix = prefixOf(wanted.account.phoneno);
  return [
    { name: 'prefix', key: `${key} prefix ${prefix}`, allowance: partial(budgets.prefix, share) },
    { name: 'country', key: `${key} country ${country}`, allowance: partial(budgets.country, share) },
    { name: 'total', key, allowance: partial(budgets.total, share) },
  ];
}

/** Rounded so that the pools of a budget, together, are no more than it. */
function partial({ perHour, perDay }: Allowance, share: number): Allowance {
  const part = (count: number) => Math.max(1, Math.round(count * share));
  return { perHour: part(perHour), perDay: part(perDay) };
}

/** How long the limit makes a message wait. */
async function limitWaitMs(tx: Tx, { key, allowance }: Limit, nowMs: number): Promise<number> {
  const hourMs = await windowWaitMs(tx, key, allowance.perHour, HOUR_MS, nowMs);
  const dayMs = await windowWaitMs(tx, key, allowance.perDay, DAY_MS, nowMs);
  return Math.max(hourMs, dayMs);
}

/** In how many milliseconds fewer than `most` events lie within the window; 0 where fewer do now. Infinity is no limit. */
export async function windowWaitMs(
  tx: Tx,
  key: string,
  most: number,
  windowMs: number,
  nowMs: number,
): Promise<number> {
  if (most === Number.POSITIVE_INFINITY) return 0;
  const atMs = await tx.nthNewestEvent(key, most, nowMs - windowMs, nowMs);
  return atMs === undefined ? 0 : atMs + windowMs - nowMs;
}
