import { expect, test } from 'vitest';
import { nextPath } from '../src/next-path.ts';

const asQuery = (next: string) => `?next=${encodeURIComponent(next)}`;

test.each(['/account', '/account?tab=phone#devices', '/', '/a//b', '/é', '/%0d'])(
  '%s is a path of this site',
  (path) => {
    expect(nextPath(asQuery(path))).toBe(path);
  },
);

test.each([
  '',
  'account',
  ' /account',
  '//evil.example',
  '///evil.example',
  '/\\evil.example',
  '\\\\evil.example',
  '/..//evil.example',
  '/.//evil.example',
  '/a/..//evil.example',
  '/%2e%2e//evil.example',
  '/./\\evil.example',
  'https://evil.example',
  'https:evil.example',
  'javascript:alert(1)',
  '/\t/evil.example',
  '/\n/evil.example',
  '/account\r\nSet-Cookie: a=b',
  '/account\u0000',
  '/account\u0085',
])('%j leads to the about page', (path) => {
  expect(nextPath(asQuery(path))).toBe('/about');
});

test.each([
  '',
  '?',
  '?reset',
  '?next',
  '?next=',
  '?next=/%0d',
  '?next=%2F%09%2Fevil.example',
  '?NEXT=/account',
])('the query %j leads to the about page', (search) => {
  expect(nextPath(search)).toBe('/about');
});

test('only the first next counts', () => {
  expect(nextPath('?next=/account&next=//evil.example')).toBe('/account');
  expect(nextPath('?reset&next=/account')).toBe('/account');
});
