import { describe, expect, it } from 'vitest';
import { commonPasswords, passwordFault } from '../../src/client/passwords.ts';

const rules = { minLength: 8, email: 'ada.lovelace@example.com', serviceName: 'Two-Factor Demo' };

describe('a new password', () => {
  it.each([
    'correct horse battery',
    'pässwörter sind da',
    '  leading and trailing  ',
    '密码密码密码密码',
    '🦊🐻🐼🦁🐯🐨🐷🐸',
  ])('%j is accepted', async (password) => {
    expect(await passwordFault(password, rules)).toBeUndefined();
  });

  it('may hold any character, a line break and a NUL too', async () => {
    expect(await passwordFault('tab\tline\nnul\0', rules)).toBeUndefined();
  });

  it('is not shorter than the policy says', async () => {
    expect(await passwordFault('xk2!vqz', rules)).toContain('at least 8 characters');
    expect(await passwordFault('xk2!vqz7', rules)).toBeUndefined();
    expect(await passwordFault('xk2!vqz7', { ...rules, minLength: 15 })).toContain('at least 15 characters');
  });

  it('is counted in characters, not in bytes or UTF-16 units', async () => {
    expect(await passwordFault('🦊🐻🐼🦁', rules)).toContain('This password has 4');
    expect(await passwordFault('e\u0301'.repeat(7), rules)).toContain('This password has 7');
  });

  it('is not longer than 1,024 bytes', async () => {
    expect(await passwordFault('xkvq'.repeat(256), rules)).toBeUndefined();
    expect(await passwordFault(`${'xkvq'.repeat(256)}!`, rules)).toContain('too long');
    expect(await passwordFault('é'.repeat(513), rules)).toContain('too long');
  });

  it.each(['qwertyuiop', 'QWERTYuiop', 'Password1'])('%j is too common', async (password) => {
    expect(await passwordFault(password, rules)).toContain('too common');
  });

  it('is not the email address', async () => {
    expect(await passwordFault('Ada.Lovelace@example.com', rules)).toContain('email address');
    const typed = { ...rules, email: ' ada.lovelace@example.com ' };
    expect(await passwordFault('ada.lovelace@example.com', typed)).toContain('email address');
  });

  it('is not the name of the service', async () => {
    expect(await passwordFault('two-factor demo', rules)).toContain('name of this site');
  });
});

describe('the list of common passwords', () => {
  it('is long, and is loaded once', async () => {
    expect((await commonPasswords()).size).toBeGreaterThan(10_000);
    expect(await commonPasswords()).toBe(await commonPasswords());
  });
});
