/** Requests that work only once, and may have worked although their answer was lost. */
import type { Answer } from '../engine/outcomes.ts';
import { type Failure, post } from './api.ts';
import { type PendingCode, saveUnanswered, wasUnanswered } from './tab-storage.ts';

/** The answer to an earlier try was lost, and the server refuses to do the same again. */
export interface PerhapsDone {
  status: 'perhaps_done';
  message: string;
}

/** A request that works once: its key, and the status of the server's refusal to do it again. */
interface Once {
  key: string;
  refusal: string;
  perhapsDone: string;
}

const PERHAPS_DONE = {
  signup: 'We lost the server’s answer. Your account may be ready: try to sign in.',
  unlock:
    'We lost the server’s answer. If the code was right, your account is unlocked: sign in to continue.',
  signin: 'We lost the server’s answer. Sign in again to continue.',
  oldphone: 'We lost the server’s answer. Ask for a new code.',
  newphone: 'We lost the server’s answer. If the code was right, your phone number is changed.',
  reset: 'We lost the server’s answer. If the code was right, your new password is set: sign in with it.',
};

/** Sign-up of an address. */
export function signupOnce(email: string): Once {
  return { key: `signup ${email}`, refusal: 'taken', perhapsDone: PERHAPS_DONE.signup };
}

/** The try of a code. */
export function codeOnce({ purpose, flow }: PendingCode): Once {
  return { key: `code ${flow}`, refusal: 'expired_code', perhapsDone: PERHAPS_DONE[purpose] };
}

/** Posts a form that works once. Returns `perhaps_done` if the server refuses it and an earlier answer was lost. */
export async function postOnce<Outcome>(
  url: string,
  fields: Record<string, string>,
  { key, refusal, perhapsDone }: Once,
): Promise<Answer<Outcome> | Failure | PerhapsDone> {
  const answer = await post<Outcome>(url, fields);
  const { status } = answer as { status: string };
  if (status === 'not_done' || status === 'error') saveUnanswered(key);
  const isPerhapsDone = status === refusal && wasUnanswered(key);
  return isPerhapsDone ? { status: 'perhaps_done', message: perhapsDone } : answer;
}
