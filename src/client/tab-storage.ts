/** Stores what a tab needs after a reload, until it is closed: never a password, never a passcode. */
import { canonicalEmail } from '../email.ts';
import { setting } from './settings.ts';

/** The purpose of a code. The last two change the phone number: a code to the present number, and one to the new number. */
export type Purpose = 'unlock' | 'reset' | 'signin' | 'oldphone' | 'newphone';

/** A code that the user asked for. If it has no `flow`, the user gets no code before `resendAtMs`. */
export interface PendingCode {
  purpose: Purpose;
  username: string;
  flow: string | undefined;
  phone: string;
  resendAtMs: number;
  /** The whole wait until `resendAtMs`, in seconds. */
  resendIn: number;
  askedAtMs: number;
  /** The reason if the server refused the code. After a refusal, only a new code helps. */
  refusal?: CodeRefusal | undefined;
}

export type CodeRefusal = 'wrong_code' | 'expired_code';

interface TabState {
  username: string;
  note: string;
  codes: PendingCode[];
  /** The keys of requests without an answer. */
  unanswered: string[];
  /** The fields of the sign-up form, without the password. */
  signup: Record<string, string>;
  hasSignedIn: boolean;
  /** The key of the code whose screen the next page starts with. */
  firstCode: string;
}

const KEY = 'two-factor';
const EMPTY: TabState = {
  username: '',
  note: '',
  codes: [],
  unanswered: [],
  signup: {},
  hasSignedIn: false,
  firstCode: '',
};
const OF_THE_ACCOUNT_PAGE = new Set<Purpose>(['oldphone', 'newphone']);
// After a code's lifetime, time to ask for another one.
const CODE_MARGIN_SECONDS = 300;

// The user repeats a request soon, or never.
const MAX_UNANSWERED = 10;

let state = load();

/** Returns the email address that the user typed last. */
export function savedUsername(): string {
  return state.username;
}

export function saveUsername(username: string): void {
  save({ username });
}

/** Saves a sentence for the login screen of the next page. */
export function saveNote(note: string): void {
  save({ note });
}

/** Returns the sentence that the previous page saved, and deletes it. */
export function takeNote(): string {
  const { note } = state;
  save({ note: '' });
  return note;
}

/** Saves what the user typed into a field of the sign-up form. Never for the password. */
export function saveSignupField(name: string, value: string): void {
  save({ signup: { ...state.signup, [name]: value } });
}

export function savedSignupField(name: string): string {
  return state.signup[name] ?? '';
}

export function clearSignupFields(): void {
  save({ signup: {} });
}

/** Saves that the user signed in, so that the next page can check that the browser kept the cookie. */
export function saveSignIn(): void {
  save({ hasSignedIn: true });
}

/** Returns true if the user signed in on the previous page, and deletes that. */
export function takeSignIn(): boolean {
  const { hasSignedIn } = state;
  if (hasSignedIn) save({ hasSignedIn: false });
  return hasSignedIn;
}

/** Returns the key of a pending code. There is one code for each purpose and email address. */
export function codeKey({ purpose, username }: Pick<PendingCode, 'purpose' | 'username'>): string {
  return `${purpose} ${canonicalEmail(username)}`;
}

/** Saves a code, in place of an older one with the same key. */
export function saveCode(code: PendingCode): void {
  save({ codes: [...codesExcept(code), code] });
}

export function deleteCode(code: PendingCode): void {
  save({ codes: codesExcept(code) });
}

/** Deletes all codes of an address. */
export function deleteCodesOf(username: string): void {
  const email = canonicalEmail(username);
  save({ codes: state.codes.filter((code) => canonicalEmail(code.username) !== email) });
}

/** Saves that the next page starts with the screen of this code. */
export function saveFirstCode(code: PendingCode): void {
  saveCode(code);
  save({ firstCode: codeKey(code) });
}

/** Returns the code whose screen this page starts with, and deletes that. */
export function takeFirstCode(): PendingCode | undefined {
  const { firstCode } = state;
  if (firstCode) save({ firstCode: '' });
  return findCode(firstCode);
}

export function findCode(key: string): PendingCode | undefined {
  return state.codes.find((code) => codeKey(code) === key && isFresh(code));
}

/** Returns the newest code that the user can still enter on the sign-in page. If `key` is given, only its code. */
export function usableCode(key?: string): PendingCode | undefined {
  return state.codes
    .filter((code) => code.flow && !code.refusal && isFresh(code))
    .filter((code) => (key === undefined ? !OF_THE_ACCOUNT_PAGE.has(code.purpose) : codeKey(code) === key))
    .at(-1);
}

/** Saves that the answer to a request was lost. */
export function saveUnanswered(key: string): void {
  save({ unanswered: [...state.unanswered, key].slice(-MAX_UNANSWERED) });
}

/** Returns true if an answer to the request was lost. */
export function wasUnanswered(key: string): boolean {
  return state.unanswered.includes(key);
}

/** Deletes everything, so that the next user of this browser doesn't see it. */
export function clearTabStorage(): void {
  save(EMPTY);
}

function codesExcept(code: PendingCode): PendingCode[] {
  return state.codes.filter((other) => codeKey(other) !== codeKey(code));
}

function isFresh(code: PendingCode): boolean {
  const maxAgeSeconds = Number(setting('codeLifetimeSeconds')) + CODE_MARGIN_SECONDS;
  return Date.now() - code.askedAtMs < maxAgeSeconds * 1000;
}

function load(): TabState {
  try {
    return { ...EMPTY, ...JSON.parse(sessionStorage.getItem(KEY) ?? '{}') };
  } catch {
    return EMPTY;
  }
}

function save(changes: Partial<TabState>): void {
  state = { ...state, ...changes };
  try {
    sessionStorage.setItem(KEY, JSON.stringify(state));
  } catch {
    // If the browser blocks storage, the state is lost at a reload.
  }
}
