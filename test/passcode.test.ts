import { describe, expect, test } from 'vitest';
import {
  type AppSecrets,
  type CodeIdentity,
  codeId,
  gsm7Length,
  isGsm7,
  isPasscode,
  messagesFit,
  messageText,
  passcodeFor,
} from '../src/passcode.ts';

const SECRET: AppSecrets = [Buffer.alloc(32, 1)];
const OTHER: AppSecrets = [Buffer.alloc(32, 2)];
const CODE: CodeIdentity = { id: 'one', email: 'ann@example.com', purpose: 'unlock', device: '' };
const SITE = { serviceName: 'Two-Factor Demo', host: 'example.com' };

/** Returns the origin-bound code of a message, by WICG's "Origin-bound one-time codes", section 3.1. */
function originBoundCode(message: string): { host: string; code: string } | undefined {
  const lastLine = message.split('\n').at(-1) ?? '';
  const [, host, code] = /^@([^\s#@]+) #([^\s]+)$/.exec(lastLine) ?? [];
  return host && code ? { host, code } : undefined;
}

describe('the digits of a code', () => {
  test('are the same six each time for the same code', () => {
    expect(passcodeFor(SECRET, CODE)).toMatch(/^\d{6}$/);
    expect(passcodeFor(SECRET, { ...CODE })).toBe(passcodeFor(SECRET, CODE));
  });

  test.each([{ id: 'two' }, { email: 'bob@example.com' }, { purpose: 'reset' as const }, { device: 'd1' }])(
    'differ with another %o',
    (change) => {
      expect(passcodeFor(SECRET, { ...CODE, ...change })).not.toBe(passcodeFor(SECRET, CODE));
    },
  );

  test('differ with another secret, so the database alone reveals no code (attack 39)', () => {
    expect(passcodeFor(OTHER, CODE)).not.toBe(passcodeFor(SECRET, CODE));
  });

  test('stay those of the secret that the code was made under, after a new secret comes first', () => {
    const changed: AppSecrets = [OTHER[0], SECRET[0]];
    const before = { ...CODE, id: codeId('token', SECRET) };
    const after = { ...CODE, id: codeId('token', changed) };
    expect(passcodeFor(changed, before)).toBe(passcodeFor(SECRET, before));
    expect(passcodeFor(changed, after)).toBe(passcodeFor(OTHER, after));
    expect(isPasscode(passcodeFor(SECRET, before), changed, before)).toBe(true);
    expect(isPasscode(passcodeFor(OTHER, before), changed, before)).toBe(false);
  });

  test('of an id without a mark are those of the oldest secret, because an earlier version made it', () => {
    expect(passcodeFor([OTHER[0], SECRET[0]], CODE)).toBe(passcodeFor(SECRET, CODE));
  });

  test('are those of the first secret if the own one is not named any more', () => {
    const code = { ...CODE, id: codeId('token', SECRET) };
    expect(passcodeFor(OTHER, code)).not.toBe(passcodeFor(SECRET, code));
    expect(isPasscode(passcodeFor(OTHER, code), OTHER, code)).toBe(true);
  });

  test('keep a leading zero, which one code in ten has', () => {
    const codes = Array.from({ length: 20_000 }, (_, index) => ({ ...CODE, id: String(index) }));
    const withZero = codes.filter((code) => passcodeFor(SECRET, code).startsWith('0'));
    expect(withZero.length / codes.length).toBeGreaterThan(0.09);
    expect(withZero.length / codes.length).toBeLessThan(0.11);
    for (const code of withZero.slice(0, 100))
      expect(isPasscode(passcodeFor(SECRET, code), SECRET, code)).toBe(true);
  });

  test('are evenly distributed', () => {
    const counts = new Array<number>(10).fill(0);
    for (let id = 0; id < 20_000; id += 1) {
      const tenth = Number(passcodeFor(SECRET, { ...CODE, id: String(id) })[5]);
      counts[tenth] = (counts[tenth] ?? 0) + 1;
    }
    // With 9 degrees of freedom, chance exceeds 27.88 once in a thousand times. These ids never change.
    const chiSquared = counts.reduce((sum, count) => sum + (count - 2000) ** 2 / 2000, 0);
    expect(chiSquared).toBeLessThan(27.88);
  });

  test.each(['', '12345', '1234567', 'abcdef'])('%o is never the passcode', (typed) => {
    expect(isPasscode(typed, SECRET, CODE)).toBe(false);
  });
});

describe('a message', () => {
  test.each([
    [
      'unlock',
      'Two-Factor Demo: 012345 is your code to unlock your account. It works once, for 1 hour. Never share it.\n@example.com #012345',
    ],
    [
      'reset',
      'Two-Factor Demo: 012345 is your code to set a new password. It works once, for 1 hour. Never share it.\n@example.com #012345',
    ],
  ] as const)('to %s names the service, the code, its purpose and its lifetime', (purpose, text) => {
    expect(messageText(SITE, purpose, '012345', 3600)).toBe(text);
  });

  test('ends with a line that browsers read as a code for only that host (attack 18)', () => {
    expect(originBoundCode(messageText(SITE, 'reset', '012345', 3600))).toEqual({
      host: 'example.com',
      code: '012345',
    });
  });

  test.each([
    [3600, '1 hour'],
    [7200, '2 hours'],
    [600, '10 minutes'],
    [60, '1 minute'],
    [3590, '59 minutes'],
    [119, '1 minute'],
    [59, '59 seconds'],
    [1, '1 second'],
  ])('says %i seconds as %s', (seconds, words) => {
    expect(messageText(SITE, 'unlock', '012345', seconds)).toContain(`for ${words}.`);
  });

  test('fits if it has at most 160 septets', () => {
    const septets = gsm7Length(messageText(SITE, 'unlock', '012345', 3599));
    const room = 160 - (septets ?? 0);
    const named = (length: number) => ({
      ...SITE,
      serviceName: 'x'.repeat(SITE.serviceName.length + length),
    });
    expect(messagesFit(named(room), 3600)).toBe(true);
    expect(messagesFit(named(room + 1), 3600)).toBe(false);
  });

  test('counts a character of the extension table twice', () => {
    expect(gsm7Length('€')).toBe(2);
    expect(gsm7Length('a€[')).toBe(5);
    expect(gsm7Length('→')).toBeUndefined();
  });

  test.each(['日本', 'Café ☕', 'a\nb', 'a\rb', '“quoted”'])('does not allow a name like %o', (name) => {
    expect(isGsm7(name)).toBe(false);
  });

  test.each(['Two-Factor Demo', "Ann's Café [€]", 'Müller & Söhne'])('allows a name like %o', (name) => {
    expect(isGsm7(name)).toBe(true);
  });
});
