import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import {
  type CodeStep,
  dropStep,
  forgetKept,
  keepNote,
  keepStep,
  keepUsername,
  keptUsername,
  placeOf,
  stepAt,
  stepToTry,
  takeNote,
} from '../../src/client/kept.ts';

const step = (changes: Partial<CodeStep> = {}): CodeStep => ({
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
  forgetKept();
  vi.useRealTimers();
});

test('a step is found by its purpose and its email address, however that is typed', () => {
  keepStep(step());
  expect(stepToTry(placeOf(step({ username: ' Ann@Example.com ' })))).toEqual(step());
  expect(stepToTry(placeOf(step({ purpose: 'reset' })))).toBeUndefined();
  expect(stepToTry(placeOf(step({ username: 'bob@example.com' })))).toBeUndefined();
});

test('a new step takes the place of the older one', () => {
  keepStep(step());
  keepStep(step({ flow: 'another flow' }));
  expect(stepToTry()?.flow).toBe('another flow');
  dropStep(step());
  expect(stepToTry()).toBeUndefined();
});

test('the newest step that can be tried is offered', () => {
  keepStep(step());
  keepStep(step({ purpose: 'reset' }));
  keepStep(step({ username: 'bob@example.com', flow: undefined }));
  keepStep(step({ username: 'eve@example.com', refusal: 'wrong_code' }));
  expect(stepToTry()?.purpose).toBe('reset');
});

test('a step whose code was refused is kept, but not offered', () => {
  keepStep(step({ refusal: 'wrong_code' }));
  expect(stepToTry()).toBeUndefined();
  expect(stepAt(placeOf(step()))?.refusal).toBe('wrong_code');
});

test('a step is stale some minutes after the hour of its code', () => {
  keepStep(step());
  vi.advanceTimersByTime(64 * 60_000);
  expect(stepToTry()).toBeDefined();
  vi.advanceTimersByTime(60_000);
  expect(stepToTry()).toBeUndefined();
  expect(stepAt(placeOf(step()))).toBeUndefined();
});

test('a note is given once, and the email address until all is forgotten', () => {
  keepUsername('ann@example.com');
  keepNote('Congratulations');
  expect([takeNote(), takeNote()]).toEqual(['Congratulations', '']);
  expect(keptUsername()).toBe('ann@example.com');
  forgetKept();
  expect(keptUsername()).toBe('');
});
