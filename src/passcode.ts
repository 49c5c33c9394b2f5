import { createHmac, timingSafeEqual } from 'node:crypto';

/** The purpose of a code. A code for one purpose is worthless for another. */
export type Purpose = 'unlock' | 'reset' | 'signin' | 'oldphone' | 'newphone';

/** The operator's secrets, each of 32 bytes or more. New codes are made under the first, and codes of all are accepted. */
export type AppSecrets = readonly [Uint8Array, ...Uint8Array[]];

/** The fields that a code's digits are made from, besides the secret. */
export interface CodeIdentity {
  readonly id: string;
  readonly email: string;
  readonly purpose: Purpose;
  readonly device: string;
}

/** The names of the site in a message: the service, and the host of PUBLIC_ORIGIN. */
export interface Site {
  readonly serviceName: string;
  readonly host: string;
}

/** 32 bits tell an operator's secrets apart, and reveal nothing of a random one. */
const MARK_BYTES = 4;

/** Returns a short mark of the secret, by which it is recognized without being stored. */
export function markOf(secret: Uint8Array): string {
  return createHmac('sha256', secret)
    .update('mark of APP_SECRET')
    .digest('hex')
    .slice(0, 2 * MARK_BYTES);
}

/** Returns the id of a new code: the unpredictable `token`, and the mark of the secret that makes its digits. */
export function codeId(token: string, [newest]: AppSecrets): string {
  return `${token}.${markOf(newest)}`;
}

/**
 * Returns the secret of a code. Ids of earlier versions have no mark: their secret is the oldest. If the secret is not named
 * any more, the first takes its place. Then the code can be sent again with valid digits.
 */
function secretFor(secrets: AppSecrets, id: string): Uint8Array {
  const [, mark] = id.split('.');
  const [newest] = secrets;
  if (mark === undefined) return secrets.at(-1) ?? newest;
  return secrets.find((secret) => markOf(secret) === mark) ?? newest;
}

/**
 * Returns the six digits of a code, with leading zeros: the first 64 bits of an HMAC-SHA-256, modulo a million. No
 * digits are likelier than others by more than 1 in 10^13. The same code always has the same digits.
 */
export function passcodeFor(secrets: AppSecrets, { id, email, purpose, device }: CodeIdentity): string {
  const digest = createHmac('sha256', secretFor(secrets, id))
    .update(JSON.stringify([id, email, purpose, device]))
    .digest();
  return (digest.readBigUInt64BE() % 1_000_000n).toString().padStart(6, '0');
}

/** True if `typed` (six digits) are the digits of the code. Compares in constant time. */
export function isPasscode(typed: string, secrets: AppSecrets, code: CodeIdentity): boolean {
  const right = Buffer.from(passcodeFor(secrets, code));
  const given = Buffer.from(typed);
  return given.length === right.length && timingSafeEqual(given, right);
}

const PURPOSE_WORDS: Record<Purpose, string> = {
  unlock: 'unlock your account',
  reset: 'set a new password',
  signin: 'sign in',
  oldphone: 'change your phone',
  newphone: 'confirm your phone',
};

/**
 * Returns the text of a message with a code that expires in `lifetimeSeconds`. The last line, `@host #code`, is the
 * origin-bound form, so browsers fill in the code on that site alone. Source: WICG, "Origin-bound one-time codes
 * delivered via SMS".
 */
export function messageText(site: Site, purpose: Purpose, passcode: string, lifetimeSeconds: number): string {
  return (
    `${site.serviceName}: ${passcode} is your code to ${PURPOSE_WORDS[purpose]}. ` +
    `It works once, for ${inWords(lifetimeSeconds)}. Never share it.\n` +
    `@${site.host} #${passcode}`
  );
}

const NOTICES: Record<NoticeKind, (site: Site) => string> = {
  notice: ({ host }) => `your password was changed. If this wasn't you, reset it at ${host}.`,
  phoneNotice: ({ host }) =>
    `your phone number was changed. If this wasn't you, reset your password at ${host}.`,
  deletionNotice: ({ host }) => `your account at ${host} was deleted.`,
};

/** The notices: of a new password, of a changed phone, and of a deleted account. */
export type NoticeKind = 'notice' | 'phoneNotice' | 'deletionNotice';

/** Returns the text of a notice. It has no code and no link, only the name of the site. */
export function noticeText(site: Site, kind: NoticeKind): string {
  return `${site.serviceName}: ${NOTICES[kind](site)}`;
}

/**
 * True if each message of the site is one SMS: at most 160 septets of GSM-7 (3GPP TS 23.038, 6.2.1). A code that is sent
 * again has a shorter life left, so its text differs.
 */
export function messagesFit(site: Site, lifetimeSeconds: number): boolean {
  const lifetimes = [lifetimeSeconds, lifetimeSeconds - 1];
  const codes = (Object.keys(PURPOSE_WORDS) as Purpose[]).flatMap((purpose) =>
    lifetimes.map((seconds) => messageText(site, purpose, '000000', seconds)),
  );
  const notices = (Object.keys(NOTICES) as NoticeKind[]).map((kind) => noticeText(site, kind));
  return [...codes, ...notices].every((text) => (gsm7Length(text) ?? 161) <= 160);
}

// Without the line feed, carriage return and escape of the alphabet: a name must not add lines of its own.
const GSM7_BASIC =
  '@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà';
const GSM7_EXTENSION = '^{}\\[~]|€';

/** True if a name fits into a message: all its characters are GSM-7, without line breaks. */
export function isGsm7(name: string): boolean {
  return [...name].every((character) => GSM7_BASIC.includes(character) || GSM7_EXTENSION.includes(character));
}

/** Returns the length of a text in septets, or undefined if the alphabet lacks a character. Extended characters count two. */
export function gsm7Length(text: string): number | undefined {
  let septets = 0;
  for (const character of text) {
    if (character === '\n' || GSM7_BASIC.includes(character)) septets += 1;
    else if (GSM7_EXTENSION.includes(character)) septets += 2;
    else return undefined;
  }
  return septets;
}

/** Rounds down, so that the text never promises too much. */
function inWords(seconds: number): string {
  const [count, unit] =
    seconds % 3600 === 0
      ? [seconds / 3600, 'hour']
      : seconds >= 60
        ? [Math.floor(seconds / 60), 'minute']
        : [seconds, 'second'];
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
