import type { Origin } from './form.ts';
import type { Account } from './nobody.ts';
import { countryOf, prefixOf } from './phone.ts';
import { type Allowance, FIXED, type MessageBudgets } from './policy.ts';
import type { Tx } from './store.ts';

/** A message that somebody wants sent, as far as budgets are concerned. A notice is wanted by nobody but us. */
export interface Wanted {
  readonly email: string;
  readonly account: Account;
  readonly origin: Origin;
  readonly by: 'stranger' | 'known' | 'notice';
}

/** What a message took: whether it may leave, and what it counts under besides its account and network. */
export interface Spent {
  readonly mayLeave: boolean;
  readonly keys: readonly string[];
  /** The budgets that have no room for it, of those that are not told. */
  readonly full: readonly BudgetName[];
}

type BudgetName = 'account' | 'network' | 'block' | 'phone' | 'prefix' | 'country' | 'total';

interface Limit {
  readonly name: BudgetName;
  readonly key: string;
  readonly allowance: Allowance;
}

export const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

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
  const total: Limit = { name: 'total', key: TOTAL, allowance: budgets.total };
  const limits = [...ownLimits(budgets, wanted), total];
  // Whoever else uses the network must not be able to keep a notice back.
  const heeded =
    wanted.by === 'notice' ? limits.filter(({ name }) => name !== 'network' && name !== 'block') : limits;
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
  const { phoneno, isSomebodys } = wanted.account;
  const country = countryOf(phoneno) ?? '';
  const limits = silentLimits(budgets, wanted, country, await shareOf(tx, wanted, nowMs));
  // Looked up and counted for nobody's accounts too, so that they take as long.
  const full: BudgetName[] = [];
  for (const limit of limits) if ((await limitWaitMs(tx, limit, nowMs)) > 0) full.push(limit.name);
  const mayLeave = full.length === 0 && isSomebodys && smsCountries.includes(country);

  const keys = limits.map(({ key }) => (mayLeave ? key : `unsent ${key}`));
  await tx.countEvent([...ownLimits(budgets, wanted).map(({ key }) => key), ...keys], nowMs);
  return { mayLeave, keys, full };
}

/** Gives back what a message that was definitely not sent took of the budgets that others share. */
export async function giveBack(tx: Tx, { keys }: Spent): Promise<void> {
  await tx.uncountEvent(keys);
}

/** Forgets what was counted for an account, whoever asked. */
export async function forgetSpent(tx: Tx, email: string): Promise<void> {
  for (const by of ['stranger', 'known', 'notice'] as const) await tx.forgetEvents(accountKey(by, email));
}

const TOTAL = 'message';

function accountKey(by: Wanted['by'], email: string): string {
  return `message account ${by} ${email}`;
}

/** The budgets of the account and of the network, which have a part of their own for each kind of asker. */
function ownLimits(budgets: MessageBudgets, wanted: Wanted): Limit[] {
  const { email, by, origin } = wanted;
  const part = partOf(wanted);
  const limits: Limit[] = [
    { name: 'account', key: accountKey(by, email), allowance: budgets.account[by] },
    { name: 'network', key: `message network ${part} ${origin.network}`, allowance: budgets.network },
  ];
  if (origin.block === undefined) return limits;
  return [
    ...limits,
    { name: 'block', key: `message block ${part} ${origin.block}`, allowance: budgets.block },
  ];
}

/** The budgets that would tell whose number it is, and the share of the others that the message may be taken from. */
function silentLimits(budgets: MessageBudgets, wanted: Wanted, country: string, share: number): Limit[] {
  const { phoneno } = wanted.account;
  return [
    { name: 'phone', key: `message phone ${partOf(wanted)} ${phoneno}`, allowance: budgets.phone },
    {
      name: 'prefix',
      key: `message prefix ${prefixOf(phoneno)}`,
      allowance: partial(budgets.prefix, share),
    },
    { name: 'country', key: `message country ${country}`, allowance: partial(budgets.country, share) },
    { name: 'total', key: TOTAL, allowance: partial(budgets.total, share) },
  ];
}

function partOf({ by, account }: Wanted): 'stranger' | 'known' | 'confirmed' {
  if (by === 'notice') return 'confirmed';
  return by === 'known' && account.isPhoneConfirmed ? 'confirmed' : by;
}

async function shareOf(tx: Tx, wanted: Wanted, nowMs: number): Promise<number> {
  const { unused, used, confirmed, confirmedOnKnownDevice } = FIXED.shares;
  const hasDevice = await tx.hasDevice(wanted.email, nowMs);
  if (wanted.by === 'notice') return confirmedOnKnownDevice;
  if (wanted.account.isPhoneConfirmed) return wanted.by === 'known' ? confirmedOnKnownDevice : confirmed;
  return hasDevice ? used : unused;
}

function partial({ perHour, perDay }: Allowance, share: number): Allowance {
  return { perHour: Math.ceil(perHour * share), perDay: Math.ceil(perDay * share) };
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
