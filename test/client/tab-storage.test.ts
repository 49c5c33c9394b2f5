import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import {
  clearTabStorage,
  codeKey,
  deleteCode,
  findCode,
  type PendingCode,
  saveCode,
  savedUsername,
  saveNote,
  saveUnanswered,
  saveUsername,
  takeNote,
  usableCode,
  wasUnanswered,
} from '../../src/client/tab-storage.ts';

const code = (changes: Partial<PendingCode> = {}): PendingCode => ({
  purpose: 'unlock',
  username: 'ann@example.com',
  flow: 'a flow',
  phone: 'X-XXX-XXX-0123',
  resendAtMs: 0,
  askedAtMs: Date.now(),
  ...changes,
});

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  clearTabStorage();
  vi.useRealTimers();
});

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

test('keeps a refused code, but does not offer it', () => {
  saveCode(code({ refusal: 'wrong_code' }));
  expect(usableCode()).toBeUndefined();
  expect(findCode(codeKey(code()))?.refusal).toBe('wrong_code');
});

test('forgets a code some minutes after its hour', () => {
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
