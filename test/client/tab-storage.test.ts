import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import {
  clearSignupFields,
  clearTabStorage,
  codeKey,
  deleteCode,
  deleteCodesOf,
  findCode,
  type PendingCode,
  saveCode,
  savedSignupField,
  savedUsername,
  saveFirstCode,
  saveNote,
  saveSignIn,
  saveSignupField,
  saveUnanswered,
  saveUsername,
  takeFirstCode,
  takeNote,
  takeSignIn,
  usableCode,
  wasUnanswered,
} from '../../src/client/tab-storage.ts';

const code = (changes: Partial<PendingCode> = {}): PendingCode => ({
  purpose: 'unlock',
  username: 'ann@example.com',
  flow: 'a flow',
  phone: 'X-XXX-XXX-0123',
  resendAtMs: 0,
  resendIn: 60,
  askedAtMs: Date.now(),
  ...changes,
});

beforeEach(() => {
  vi.useFakeTimers();
  setCodeLifetime(3600);
});
afterEach(() => {
  clearTabStorage();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

function setCodeLifetime(seconds: number): void {
  vi.stubGlobal('document', { body: { dataset: { codeLifetimeSeconds: String(seconds) } } });
}

test('finds a code by its purpose and email address, in any spelling', () => {
  saveCode(code());
  expect(usableCode(codeKey(code({ username: ' Ann@Example.com ' })))).toEqual(code());
  expect(usableCode(codeKey(code({ purpose: 'reset' })))).toBeUndefined();
  expect(usableCode(codeKey(code({ username: 'bob@example.com' })))).toBeUndefined();
});

test('a new code replaces the older one', () => {
  saveCode(code());
  saveCode(code({ flow: 'another flow' }));
  expect(usableCode()?.flow).toBe('another flow');
  deleteCode(code());
  expect(usableCode()).toBeUndefined();
});

test('offers the newest code that the user can still enter', () => {
  saveCode(code());
  saveCode(code({ purpose: 'reset' }));
  saveCode(code({ username: 'bob@example.com', flow: undefined }));
  saveCode(code({ username: 'eve@example.com', refusal: 'wrong_code' }));
  expect(usableCode()?.purpose).toBe('reset');
});

test('does not offer the codes of the account page on the sign-in page', () => {
  saveCode(code());
  const phone = code({ purpose: 'newphone' });
  saveCode(phone);
  expect(usableCode()?.purpose).toBe('unlock');
  expect(usableCode(codeKey(phone))?.purpose).toBe('newphone');
});

test('deletes all codes of an address', () => {
  saveCode(code());
  saveCode(code({ purpose: 'signin' }));
  saveCode(code({ username: 'bob@example.com' }));
  deleteCodesOf(' Ann@Example.com');
  expect(usableCode()?.username).toBe('bob@example.com');
  expect(findCode(codeKey(code()))).toBeUndefined();
});

test('names the code that the next page starts with, once', () => {
  expect(takeFirstCode()).toBeUndefined();
  saveFirstCode(code());
  expect([takeFirstCode(), takeFirstCode()]).toEqual([code(), undefined]);
});

test('keeps a refused code, but does not offer it', () => {
  saveCode(code({ refusal: 'wrong_code' }));
  expect(usableCode()).toBeUndefined();
  expect(findCode(codeKey(code()))?.refusal).toBe('wrong_code');
});

test('keeps a code as long as the server accepts it', () => {
  setCodeLifetime(24 * 3600);
  saveCode(code());
  vi.advanceTimersByTime(24 * 3600_000);
  expect(usableCode()).toBeDefined();
});

test('keeps the fields of a sign-up until they are cleared, and a sign-in until it is taken', () => {
  saveSignupField('fname', 'Ann');
  saveSignupField('lname', 'Lee');
  expect([savedSignupField('fname'), savedSignupField('lname')]).toEqual(['Ann', 'Lee']);
  clearSignupFields();
  expect(savedSignupField('fname')).toBe('');
  saveSignIn();
  expect([takeSignIn(), takeSignIn()]).toEqual([true, false]);
});

test('forgets a code some minutes after its lifetime', () => {
  saveCode(code());
  vi.advanceTimersByTime(64 * 60_000);
  expect(usableCode()).toBeDefined();
  vi.advanceTimersByTime(60_000);
  expect(usableCode()).toBeUndefined();
  expect(findCode(codeKey(code()))).toBeUndefined();
});

test('returns a note once, and the email address until everything is cleared', () => {
  saveUsername('ann@example.com');
  saveNote('Congratulations');
  expect([takeNote(), takeNote()]).toEqual(['Congratulations', '']);
  expect(savedUsername()).toBe('ann@example.com');
  clearTabStorage();
  expect(savedUsername()).toBe('');
});

test('remembers the last requests without an answer until everything is cleared', () => {
  saveUnanswered('code 0');
  expect([wasUnanswered('code 0'), wasUnanswered('code 1')]).toEqual([true, false]);
  for (let later = 1; later <= 10; later += 1) saveUnanswered(`code ${later}`);
  expect([wasUnanswered('code 0'), wasUnanswered('code 1')]).toEqual([false, true]);
  clearTabStorage();
  expect(wasUnanswered('code 1')).toBe(false);
});
