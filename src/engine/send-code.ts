import { messageText, noticeText, type Purpose, passcodeFor } from '../passcode.ts';
import { maskPhone } from '../phone.ts';
import { CONSTANTS } from '../policy.ts';
import type { SmsOutcome } from '../sms.ts';
import type { Code, Delivery, Tx } from '../store.ts';
import { hashOf, randomToken, timedToken } from '../token.ts';
import type { Deps } from './deps.ts';
import type { CodeSent, SlowDown } from './outcomes.ts';
import { budgetWaitMs, giveBack, type Spent, spendBudgets, type Wanted, wantedNotice } from './sms-limits.ts';

/** A code that is asked for: what for, and the device whose count it is about, which may be another than the one that asks. */
export interface Asker extends Wanted {
  readonly purpose: Purpose;
  readonly device: string;
}

/** A message that is to leave once what it speaks of is on disk. A notice has no code. */
export interface Message {
  readonly wanted: Wanted;
  readonly text: () => string;
  readonly spent: Spent;
  readonly code?: Code;
}

const SENT_NOWHERE: SmsOutcome = { kind: 'sent', messageId: '' };
const HELD_BACK: SmsOutcome = { kind: 'refused', reason: 'busy' };
export const ANY_DELIVERY: readonly Delivery[] = [
  'sending',
  'sent',
  'delivered',
  'failed',
  'refused',
  'unknown',
];

/** Runs `work` as one transaction; the messages that it asks for leave after its commit, and after the answer. */
export async function transactThenSend<Outcome>(
  deps: Deps,
  work: (tx: Tx, messages: Message[]) => Promise<Outcome>,
): Promise<Outcome> {
  const messages: Message[] = [];
  const outcome = await deps.store.transact((tx) => work(tx, messages));
  for (const message of messages) deliver(deps, message);
  return outcome;
}

/**
 * Makes a code and a flow to try it with. During the pause after the last one nothing is sent: the answer has a flow
 * of its own for the code already on its way, or none where that code has flows enough or is no longer good. Where a
 * budget that may be told is used up, no code is made.
 */
export async function sendSmsMessage(
  deps: Deps,
  tx: Tx,
  messages: Message[],
  asker: Asker,
): Promise<CodeSent | SlowDown> {
  const { email, purpose, device, account } = asker;
  const nowMs = deps.nowMs();
  const phone = maskPhone(account.phoneno);
  const flow = randomToken(deps.randomBytes, 16);

  const newest = await tx.newestCode(email, purpose, device, nowMs);
  if (newest !== undefined && pauseLeftMs(deps, newest, nowMs, asker) > 0) {
    const isGood = !newest.isSpent && !isExpired(newest, nowMs);
    const isOpened = isGood && (await tx.addFlow(hashOf(flow), newest.id, CONSTANTS.maxFlowsPerCode));
    const resendIn = await resendInSeconds(deps, tx, newest, asker);
    return { kind: 'code_sent', phone, resendIn, ...(isOpened && { flow }) };
  }

  const code = newCode(deps, asker);
  const sent = await sendCode(deps, tx, messages, asker, code);
  if ('kind' in sent) return sent;
  const { isSuppressed, resendIn } = sent;
  await tx.addCode({ ...code, isSuppressed });
  await tx.addFlow(hashOf(flow), code.id, CONSTANTS.maxFlowsPerCode);
  return { kind: 'code_sent', phone, resendIn, flow };
}

/**
 * Sends a code's message, new or again, unless a limit that is not told holds it back, and answers in how many seconds
 * the next can be asked for. Where a budget that may be told is used up it does nothing.
 */
export async function sendCode(
  deps: Deps,
  tx: Tx,
  messages: Message[],
  asker: Asker,
  code: Code,
): Promise<{ isSuppressed: boolean; resendIn: number } | SlowDown> {
  const nowMs = deps.nowMs();
  const budgets = deps.policy.messages;
  const waitMs = await budgetWaitMs(tx, budgets, asker, nowMs);
  if (waitMs > 0) return { kind: 'slow_down', retryAfter: inSeconds(waitMs) };

  const spent = await spend(deps, tx, asker);
  // Rounded up: a new code is some milliseconds old by now, and still good for an hour.
  const lifetimeSeconds = inSeconds(code.expiresAtMs - nowMs);
  const text = () => messageText(deps.site, code.purpose, passcodeFor(deps.appSecret, code), lifetimeSeconds);
  messages.push({ wanted: asker, code, spent, text });
  const nextMs = await budgetWaitMs(tx, budgets, asker, nowMs);
  return {
    isSuppressed: !spent.mayLeave,
    resendIn: Math.max(deps.policy.codeResendSeconds, inSeconds(nextMs)),
  };
}

/** Tells the person that the password was changed, unless the budgets have no room for it. */
export async function sendNotice(
  deps: Deps,
  tx: Tx,
  messages: Message[],
  of: Pick<Wanted, 'email' | 'account' | 'origin'>,
): Promise<void> {
  const wanted = wantedNotice(of);
  if ((await budgetWaitMs(tx, deps.policy.messages, wanted, deps.nowMs())) > 0) return;
  const spent = await spend(deps, tx, wanted);
  messages.push({ wanted, spent, text: () => noticeText(deps.site) });
}

async function spend(deps: Deps, tx: Tx, wanted: Wanted): Promise<Spent> {
  const { policy, phones } = deps;
  const spent = await spendBudgets(tx, policy.messages, phones.smsCountries, wanted, deps.nowMs());
  for (const budget of ['prefix', 'country', 'total'] as const) {
    if (spent.full.includes(budget)) deps.alert({ event: 'messages_held_back', budget });
  }
  return spent;
}

/**
 * Sends a message on a later tick, and records what became of it. For an address that nobody has signed up all is done
 * alike, but for the sending.
 */
function deliver(deps: Deps, message: Message): void {
  const { store, afterResponse } = deps;
  const { code, spent, wanted } = message;
  afterResponse(async () => {
    const outcome = await sendOrSkip(deps, message);
    await store.transact(async (tx) => {
      if (outcome.kind === 'refused') await giveBack(tx, spent, wanted.trust, outcome);
      if (code !== undefined) await noteOutcome(tx, code, outcome);
    });
    if (outcome.kind === 'sent' && spent.mayLeave && code !== undefined)
      trackDelivery(deps, code, outcome.messageId);
  });
}

/** A known device is told the truth of a message that is held back; to all others it must look like any other. */
async function sendOrSkip({ sms }: Deps, { wanted, spent, text }: Message): Promise<SmsOutcome> {
  const { trust, account } = wanted;
  if (spent.mayLeave) return sms.send(account.phoneno, text(), trust);
  if (trust !== 'stranger') return HELD_BACK;
  return (await sms.sendDecoy?.(account.phoneno, text(), trust)) ?? SENT_NOWHERE;
}

/** A refusal voids a code that never went out; one that had gone out before stays as it was. */
async function noteOutcome(tx: Tx, { id }: Code, outcome: SmsOutcome): Promise<void> {
  if (outcome.kind === 'refused') return tx.noteDelivery(id, 'refused', ['sending'], outcome.reason);
  return tx.noteDelivery(id, outcome.kind, ANY_DELIVERY);
}

/** Records the end of a message that was accepted, where the sender can tell. A code whose message is lost stays good. */
function trackDelivery({ store, sms, detached }: Deps, { id }: Code, messageId: string): void {
  if (sms.trackDelivery === undefined) return;
  detached(async () => {
    const fate = await sms.trackDelivery?.(messageId);
    if (fate === undefined || fate.kind === 'unknown') return;
    const reason = fate.kind === 'failed' ? fate.reason : undefined;
    await store.transact((tx) => tx.noteDelivery(id, fate.kind, ['sent'], reason));
  });
}

function newCode(deps: Deps, { email, purpose, device, by }: Asker): Code {
  const nowMs = deps.nowMs();
  return {
    id: timedToken(deps.randomBytes, nowMs),
    email,
    purpose,
    device,
    createdAtMs: nowMs,
    expiresAtMs: nowMs + deps.policy.codeLifetimeSeconds * 1000,
    sentAtMs: nowMs,
    isSpent: false,
    delivery: 'sending',
    reason: undefined,
    duringOutage: isOutage(deps),
    isSuppressed: false,
    requestedByKnownDevice: by === 'known',
  };
}

/** Whether messages fail for everybody at this moment. */
export function isOutage({ availability }: Deps): boolean {
  return availability('stranger').kind === 'failing';
}

/** How long the pause after the code lasts. Who is told of a message that did not arrive need not wait, unless all fail. */
export function pauseLeftMs(deps: Deps, newest: Code | undefined, nowMs: number, asker: Asker): number {
  if (newest === undefined) return 0;
  const hasFailed = newest.delivery === 'refused' || newest.delivery === 'failed';
  if (hasFailed && isTold(newest, asker) && !isOutage(deps)) return 0;
  return Math.max(0, newest.sentAtMs + deps.policy.codeResendSeconds * 1000 - nowMs);
}

/** In how many whole seconds the next message can be asked for, as far as that may be told. */
export async function resendInSeconds(
  deps: Deps,
  tx: Tx,
  newest: Code | undefined,
  asker: Asker,
): Promise<number> {
  const nowMs = deps.nowMs();
  const budgetMs = await budgetWaitMs(tx, deps.policy.messages, asker, nowMs);
  return inSeconds(Math.max(pauseLeftMs(deps, newest, nowMs, asker), budgetMs));
}

/**
 * Whether what became of a code's message may be told: to a known device alone, of what one asked for; of what strangers
 * ask for, only where the phone is known to be the account's own. Else whoever signs up somebody's number could see by
 * the limits of that number which other accounts have it.
 */
export function isTold({ requestedByKnownDevice }: Code, { by, account }: Asker): boolean {
  return by === 'known' && (requestedByKnownDevice || account.isPhoneConfirmed);
}

/** Whether the time is outside of the code's. One from the future is too: a clock set back revives no code. */
export function isExpired(code: Code, nowMs: number): boolean {
  return nowMs < code.createdAtMs || nowMs >= code.expiresAtMs;
}

/** Whole seconds, rounded up. */
export function inSeconds(ms: number): number {
  return Math.ceil(ms / 1000);
}
