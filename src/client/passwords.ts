/** The rules for new passwords. The page checks them, because the server never sees a password. */
import { loadOnce, retriedImport } from './load-once.ts';

/** The minimum number of code points, and the names that a new password must not be. */
export interface PasswordRules {
  minLength: number;
  email: string;
  serviceName: string;
}

const MAX_BYTES = 1024;

const loadList = retriedImport(
  'passwords',
  () => import('@zxcvbn-ts/language-common/src/passwords.json', { with: { type: 'json' } }),
);

/** Loads the common passwords, in `folded` form. */
export const commonPasswords = loadOnce(async (): Promise<ReadonlySet<string>> => {
  return new Set((await loadList()).default.map(folded));
});

/** Returns a sentence for the user if the password breaks a rule, else undefined. Any character is allowed. */
export async function passwordFault(password: string, rules: PasswordRules): Promise<string | undefined> {
  const length = [...password.normalize('NFC')].length;
  if (length < rules.minLength) {
    return `Use at least ${rules.minLength} characters. This password has ${length}.`;
  }
  if (new TextEncoder().encode(password.normalize('NFC')).length > MAX_BYTES) {
    return 'This password is too long. Use 1,024 letters or fewer.';
  }
  if (folded(password) === folded(rules.email.trim())) {
    return 'Your email address is easy to guess. Choose another password.';
  }
  if (folded(password) === folded(rules.serviceName)) {
    return 'The name of this site is easy to guess. Choose another password.';
  }
  if ((await commonPasswords()).has(folded(password))) {
    return 'This password is too common and easy to guess. Choose another.';
  }
  return undefined;
}

function folded(text: string): string {
  return text.normalize('NFC').toLowerCase();
}
