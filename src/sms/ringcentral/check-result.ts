import type { CallFacts } from '../../sms.ts';
import { type Failure, failureOf, isForbidden } from './failure.ts';

/** The result of one check. It has no secret, and at most the last four digits of a number. */
export interface CheckResult {
  step: string;
  /** `unknown`: the check could not tell, which is not a fault. */
  status: 'ok' | 'wrong' | 'unknown';
  message: string;
  /** The next thing to do. */
  fix?: string;
}

/** The place to set up an app. */
export const CONSOLE = "in RingCentral's Developer Console";

export function ok(step: string, message: string): CheckResult {
  return { step, status: 'ok', message };
}

export function wrong(step: string, message: string, fix: string): CheckResult {
  return { step, status: 'wrong', message, fix };
}

export function unknown(step: string, message: string, fix?: string): CheckResult {
  return { step, status: 'unknown', message, ...(fix !== undefined && { fix }) };
}

/** Reports that `what` can't be read: wrong if the permission is missing, otherwise unknown. */
export function unreadable(step: string, what: string, facts: CallFacts, permission: string): CheckResult {
  const message = `${what} can't be read${shown(facts)}.`;
  return isForbidden(facts)
    ? wrong(step, message, permissionFix(permission))
    : unknown(step, message, 'Try again in some minutes.');
}

/** Explains how to give the app a permission. */
export function permissionFix(permission: string): string {
  return `Add the permission ${permission} to the app, ${CONSOLE}, and check that its user has it too.`;
}

/** Returns the facts in brackets after a blank, or an empty text without facts. */
export function shown({ status, errorCode, requestId }: CallFacts = {}): string {
  const words = [status, errorCode].filter(Boolean).join(' ');
  const facts = [words, requestId && `request ${requestId}`].filter(Boolean);
  return facts.length > 0 ? ` (${facts.join(', ')})` : '';
}

/** Returns the last four digits, the part of a number that may be shown. */
export const last4 = (number: string): string => number.slice(-4);

/** Returns the value of the work, or the Failure that stopped it. */
export async function attempt<Value>(
  work: () => Promise<Value>,
): Promise<{ value?: Value; failure?: Failure }> {
  try {
    return { value: await work() };
  } catch (error) {
    return { failure: await failureOf(error) };
  }
}
