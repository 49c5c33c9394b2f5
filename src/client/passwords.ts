/** The rules for new passwords. They are checked in the page, because the server never sees a password. */

/** What a new password is measured against: the least number of code points, and names that it must not be. */
export interface PasswordRules {
  minLength: number;
  email: string;
  serviceName: string;
}

const MOST_BYTES = 1024;

let common: Promise<ReadonlySet<string>> | undefined;

/** The common passwords in `folded` form; fetched at the first call, and again after a fetch that failed. */
export function commonPasswords(): Promise<ReadonlySet<string>> {
  common ??= fetchCommonPasswords().catch((error: unknown) => {
    common = undefined;
    throw error;
  });
  return common;
}

/** What is wrong with a new password, as a sentence for people, or undefined; any character is allowed. */
export async function passwordFault(password: string, rules: PasswordRules): Promise<string | undefined> {
  const length = [...password.normalize('NFC')].length;
  if (length < rules.minLength) {
    return `A password needs at least ${rules.minLength} characters; this one has ${length}.`;
  }
  if (new TextEncoder().encode(password.normalize('NFC')).length > MOST_BYTES) {
    return 'This password is too long: it may have 1,024 bytes, which is about as many letters.';
  }
  if (folded(password) === folded(rules.email.trim())) {
    return 'Your email address is the first thing that somebody would try. Choose another password.';
  }
  if (folded(password) === folded(rules.serviceName)) {
    return 'The name of this service is easy to guess. Choose another password.';
  }
  if ((await commonPasswords()).has(folded(password))) {
    return 'This is one of the most common passwords, and those are tried first. Choose another.';
  }
  return undefined;
}

async function fetchCommonPasswords(): Promise<ReadonlySet<string>> {
  const list = await import('@zxcvbn-ts/language-common/src/passwords.json', { with: { type: 'json' } });
  return new Set(list.default.map(folded));
}

function folded(text: string): string {
  return text.normalize('NFC').toLowerCase();
}
