import type { NoticeKind } from '../passcode.ts';
import type { TrustLevel } from '../sms.ts';
import type { Code, Tx } from '../store.ts';
import type { Account } from './accounts.ts';
import type { Deps } from './deps.ts';
import type { AskedMessage, SuppressedBy } from './message-log.ts';
import type { Client } from './requests.ts';

/** One request inside its transaction: what every step of the engine works with. */
export interface EngineRequest {
  readonly deps: Deps;
  readonly tx: Tx;
  /** The time of the request, in Unix milliseconds. It is read once. */
  readonly nowMs: number;
  readonly client: Client;
  readonly account: Account;
  /** The id of the account's device that sent the request, or UNKNOWN_DEVICE. */
  readonly device: string;
  /** The messages to send after the transaction commits. */
  readonly outbox: Message[];
}

/** Returns the time of the transaction, in Unix milliseconds: the database's, or this process's if the database has none. */
export function timeOf(deps: Deps, tx: Pick<Tx, 'nowMs'>): number {
  return tx.nowMs ?? deps.nowMs();
}

/**
 * The part of the account's limit that a message counts for. `device`: known devices. `signin`: unknown devices after the
 * password was proved. The notices are
 * messages that no user asked for.
 */
export type AccountPart = 'stranger' | 'device' | 'signin' | NoticeKind;

/** Returns the request for a code to a new number. The number is not confirmed. */
export function toNewPhone(request: EngineRequest, phoneno: string): EngineRequest {
  return { ...request, account: { ...request.account, phoneno, isPhoneConfirmed: false } };
}

/** A message that a request asks for, as far as limits are concerned. */
export interface SmsRequest {
  /** By the account's own state alone, because disclosed limits depend on it. */
  readonly trust: TrustLevel;
  /** As `trust`, but at most `known` if another account has confirmed the phone. Only for undisclosed limits. */
  readonly phoneTrust: TrustLevel;
  readonly accountPart: AccountPart;
  /** The part of the phone's limit that it counts for. */
  readonly phonePart: TrustLevel | 'first';
}

/** The keys that a message was counted under, to refund it. */
export interface Charge {
  /** True if an undisclosed limit is full, the account is a decoy, or its country gets no messages. */
  readonly isSuppressed: boolean;
  readonly suppressedBy: SuppressedBy | undefined;
  readonly account: string;
  readonly phone: string;
  /** Prefix, country and total. */
  readonly shared: readonly string[];
}

/** A message to send after the transaction commits. A notice has no code. */
export interface Message extends AskedMessage {
  readonly sms: SmsRequest;
  readonly charge: Charge;
  readonly text: () => string;
  readonly code?: Code;
}
