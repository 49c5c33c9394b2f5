import { type CallFacts, type Failure, failureOf, isForbidden } from './failure.ts';

/** One thing that was checked. It tells no secret, and of a number the last four digits at the most. */
export interface Finding {
  step: string;
  /** `unsaid`: it could not be learnt, which by itself is no fault. */
  is: 'right' | 'wrong' | 'unsaid';
  says: string;
  /** What to do about it. */
  todo?: string;
}

/** Where an app is set up. */
export const CONSOLE = "in RingCentral's Developer Console";

/** What is as it should be. */
export function right(step: string, says: string): Finding {
  return { step, is: 'right', says };
}

/** What is not, and what to do about it. */
export function wrong(step: string, says: string, todo: string): Finding {
  return { step, is: 'wrong', says, todo };
}

/** What could not be learnt, and perhaps where to look. */
export function unsaid(step: string, says: string, todo?: string): Finding {
  return { step, is: 'unsaid', says, ...(todo !== undefined && { todo }) };
}

/** That something can't be read: wrong where a permission is lacking, else unsaid. */
export function unread(step: string, what: string, facts: CallFacts, permission: string): Finding {
  const says = `${what} can't be read${shown(facts)}.`;
  return isForbidden(facts)
    ? wrong(step, says, permit(permission))
    : unsaid(step, says, 'Try again in some minutes.');
}

/** How to give the app a permission. */
export function permit(permission: string): string {
  return `Add the permission ${permission} to the app, ${CONSOLE}, and see that the user may do it too.`;
}

/** The facts of a call in brackets, with a blank before them; empty where there are none. */
export function shown({ status, errorCode, requestId }: CallFacts = {}): string {
  const words = [status, errorCode].filter(Boolean).join(' ');
  const facts = [words, requestId && `request ${requestId}`].filter(Boolean);
  return facts.length > 0 ? ` (${facts.join(', ')})` : '';
}

/** As much of a number as may be told. */
export const last4 = (number: string): string => number.slice(-4);

/** What the work answers, or the Failure that it met. */
export async function attempt<Value>(
  work: () => Promise<Value>,
): Promise<{ value?: Value; failure?: Failure }> {
  try {
    return { value: await work() };
  } catch (error) {
    return { failure: await failureOf(error) };
  }
}
