/** What this tab keeps over a reload, for as long as it is open: never a password, never a code. */
import { canonicalEmail } from '../email.ts';

/** A code that was asked for. Without a `flow` none can be had before `resendAtMs`. */
export interface CodeStep {
  purpose: 'unlock' | 'reset';
  username: string;
  flow: string | undefined;
  phone: string;
  resendAtMs: number;
  askedAtMs: number;
  /** Why the flow's one try is gone, if it is: only a new code helps then. */
  refusal?: Refusal | undefined;
}

export type Refusal = 'wrong_code' | 'expired_code';

interface Kept {
  username: string;
  note: string;
  steps: CodeStep[];
}

const KEY = 'two-factor';
const NOTHING: Kept = { username: '', note: '', steps: [] };
// An hour, the life of a code, and a bit for the person who asks for another one.
const STALE_MS = 65 * 60_000;

let kept = load();

/** The email address that was typed last. */
export function keptUsername(): string {
  return kept.username;
}

export function keepUsername(username: string): void {
  save({ username });
}

/** Keeps a sentence for the login block of the next page. */
export function keepNote(note: string): void {
  save({ note });
}

/** The sentence that the page before has kept, once. */
export function takeNote(): string {
  const { note } = kept;
  save({ note: '' });
  return note;
}

/** A name for a step: there is one at a time for each purpose and email address. */
export function placeOf({ purpose, username }: Pick<CodeStep, 'purpose' | 'username'>): string {
  return `${purpose} ${canonicalEmail(username)}`;
}

/** Keeps a step until it is dropped or stale, whether it is shown or not. */
export function keepStep(step: CodeStep): void {
  save({ steps: [...kept.steps.filter((other) => placeOf(other) !== placeOf(step)), step] });
}

export function dropStep(step: CodeStep): void {
  save({ steps: kept.steps.filter((other) => placeOf(other) !== placeOf(step)) });
}

export function stepAt(place: string): CodeStep | undefined {
  return kept.steps.find((step) => placeOf(step) === place && isFresh(step));
}

/** The newest step whose code can still be tried; the one at `place`, if a place is named. */
export function stepToTry(place?: string): CodeStep | undefined {
  return kept.steps
    .filter((step) => step.flow && !step.refusal && isFresh(step))
    .filter((step) => place === undefined || placeOf(step) === place)
    .at(-1);
}

/** Forgets everything, as for the next person at this browser. */
export function forgetKept(): void {
  save(NOTHING);
}

function isFresh(step: CodeStep): boolean {
  return Date.now() - step.askedAtMs < STALE_MS;
}

function load(): Kept {
  try {
    return { ...NOTHING, ...JSON.parse(sessionStorage.getItem(KEY) ?? '{}') };
  } catch {
    return NOTHING;
  }
}

function save(changes: Partial<Kept>): void {
  kept = { ...kept, ...changes };
  try {
    sessionStorage.setItem(KEY, JSON.stringify(kept));
  } catch {
    // A browser that keeps nothing: all of it lives until the reload.
  }
}
