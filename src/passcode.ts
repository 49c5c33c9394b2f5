import { createHmac, timingSafeEqual } from 'node:crypto';

/** What a code is for. A code for one purpose is worthless for the other. */
export type Purpose = 'unlock' | 'reset';

/** All that a code's digits are made from, besides the secret. */
export interface CodeIdentity {
  readonly id: string;
  readonly email: string;
  readonly purpose: Purpose;
  readonly device: string;
}

/** How a message names its site: the service, and the host of PUBLIC_ORIGIN. */
export interface Site {
  readonly serviceName: string;
  readonly host: string;
}

/**
 * The six digits of a code, leading zeros included: HMAC-SHA-256 under `secret`, its first 64 bits modulo a million
 * (so no digit is likelier than another by more than 1 in 10^13). The same code always has the same digits.
 */
export function passcodeFor(secret: Uint8Array, { id, email, purpose, device }: CodeIdentity): string {
  const digest = createHmac('sha256', secret)
    .update(JSON.stringify([id, email, purpose, device]))
    .digest();
  return (digest.readBigUInt64BE() % 1_000_000n).toString().padStart(6, '0');
}

/** Whether `typed` (six digits) are the digits of the code, compared in constant time. */
export function isPasscode(typed: string, secret: Uint8Array, code: CodeIdentity): boolean {
  const right = Buffer.from(passcodeFor(secret, code));
  const given = Buffer.from(typed);
  return given.length === right.length && timingSafeEqual(given, right);
}

const PURPOSE_WORDS: Record<Purpose, string> = {
  unlock: 'unlock your account',
  reset: 'set a new password',
};

/**
 * The text of a message with its code, which is good for so many seconds more. The last line is the origin-bound form `@host #code` by which browsers fill
 * in the code on that site alone (WICG, "Origin-bound one-time codes delivered via SMS").
 */
export function messageText(site: Site, purpose: Purpose, passcode: string, lifetimeSeconds: number): string {
  return (
    `${site.serviceName}: ${passcode} is your code to ${PURPOSE_WORDS[purpose]}. ` +
    `It works once, for ${inWords(lifetimeSeconds)}. Never share it.\n` +
    `@${site.host} #${passcode}`
  );
}

/** The text of the message that tells of a new password. It holds no code, and nothing to follow but the site's name. */
export function noticeText(site: Site): string {
  return `${site.serviceName}: your password was changed. If that was not you, reset it at ${site.host}.`;
}

/**
 * Whether every message of the site is one text message, at most 160 septets of the GSM 7-bit alphabet (3GPP TS 23.038,
 * 6.2.1), also where a code is sent again after a part of its life.
 */
export function messagesFit(site: Site, lifetimeSeconds: number): boolean {
  const lifetimes = [lifetimeSeconds, lifetimeSeconds - 1];
  const codes = (Object.keys(PURPOSE_WORDS) as Purpose[]).flatMap((purpose) =>
    lifetimes.map((seconds) => messageText(site, purpose, '000000', seconds)),
  );
  return [...codes, noticeText(site)].every((text) => (gsm7Length(text) ?? 161) <= 160);
}

// Without the line feed, carriage return and escape that the alphabet has too: a name must not add lines of its own.
const GSM7_BASIC =
  '@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà';
const GSM7_EXTENSION = '^{}\\[~]|€';

/** Whether a name can stand in a message: every character is of the GSM 7-bit alphabet, line breaks left out. */
export function isGsm7(name: string): boolean {
  return [...name].every((character) => GSM7_BASIC.includes(character) || GSM7_EXTENSION.includes(character));
}

/** The length of a text in septets (characters of the extension table count two), or undefined where the alphabet lacks one of them. */
export function gsm7Length(text: string): number | undefined {
  let septets = 0;
  for (const character of text) {
    if (character === '\n' || GSM7_BASIC.includes(character)) septets += 1;
    else if (GSM7_EXTENSION.includes(character)) septets += 2;
    else return undefined;
  }
  return septets;
}

/** Never more than is true: minutes are rounded down. */
function inWords(seconds: number): string {
  const [count, unit] =
    seconds % 3600 === 0
      ? [seconds / 3600, 'hour']
      : seconds >= 60
        ? [Math.floor(seconds / 60), 'minute']
        : [seconds, 'second'];
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
