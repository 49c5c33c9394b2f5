/** The sign-ins that need a code besides the password: none, those on a device unknown to the account, or all. */
export type SecondFactor = 'never' | 'unknown_device' | 'always';

/** The numbers of the rules. All of them are fixed when the program starts. */
export interface Policy {
  /** Failures in a row, on one account and device, that lock. */
  readonly maxFailures: number;
  readonly secondFactor: SecondFactor;
  /** A code expires after this time. */
  readonly codeLifetimeSeconds: number;
  /** The pause between two messages for one account, purpose and device. */
  readonly codeResendSeconds: number;
  /** The shortest password that the page accepts, in characters (Unicode code points). */
  readonly passwordMinLength: number;
  /** Live seeds that one network may hold. With one more, it loses its oldest. */
  readonly maxSeedsPerNetwork: number;
  /** Requests in a minute from one network: an IPv4 address or an IPv6 /64. */
  readonly requestsPerMinute: number;
  /** Sign-ups in an hour from one network, also those for a taken address. */
  readonly signupsPerHour: number;
  /** Messages in all within 24 hours. The limits in `engine/sms-limits.ts` are parts of it. */
  readonly messagesPerDay: number;
  /** False lifts all limits of messages, except for those of an account and a phone. */
  readonly hasSharedLimits: boolean;
  /** Wrong codes in an hour, of all accounts together, after which unknown devices slow down and the log alerts. */
  readonly failedCodesPerHour: number;
  /** The seconds between two tries of codes on unknown devices then: of one network, and of all together. */
  readonly guessPauseSeconds: { readonly network: number; readonly all: number };
}

/** The tutorial's own numbers, and the limits that it lacks. */
export const TUTORIAL: Policy = {
  maxFailures: 3,
  secondFactor: 'never',
  codeLifetimeSeconds: 3600,
  // Long enough that a double click costs one message, and short enough to wait for.
  codeResendSeconds: 60,
  // The least that NIST SP 800-63B-4, 3.1.1.2, accepts for any password. For a password alone it requires 15.
  passwordMinLength: 8,
  // Room for an office behind one address. A flood from one address stays small.
  maxSeedsPerNetwork: 256,
  // 500 sign-ins a minute. More people do not share an address.
  requestsPerMinute: 1000,
  // Room for a school whose pupils sign up together. Accounts stay until their users delete them, so a flood of them must stay small.
  signupsPerHour: 1000,
  messagesPerDay: 1000,
  hasSharedLimits: true,
  // A guess is right by chance once in a million. A hundred an hour are typing errors on a large site, or an attack.
  failedCodesPerHour: 100,
  // Few networks are slowed so much that owners still get turns, and many networks can't hurry.
  guessPauseSeconds: { network: 10, all: 1 },
};

/** The numbers of OWASP ASVS 5.0 and NIST SP 800-63B-4, if they are stricter than the tutorial's. */
export const STRICT: Policy = {
  ...TUTORIAL,
  // One factor is not enough on a new device: ASVS 5.0, 6.3.3.
  secondFactor: 'unknown_device',
  // A code sent out of band is valid for at most ten minutes: ASVS 5.0, 6.5.5; NIST SP 800-63B-4, 3.1.3.2.
  codeLifetimeSeconds: 600,
  // NIST SP 800-63B-4, 3.1.1.2.
  passwordMinLength: 15,
};

/** Numbers that no policy changes, each with its reason. */
export const CONSTANTS = {
  /** The time for Argon2id on a slow phone, and for a user who is interrupted. */
  seedLifetimeSeconds: 300,
  /** The flows of one code, so its tries. Each is a guess at one in a million. */
  maxFlowsPerCode: 3,
  /** Wrong sign-in codes in a row, after which unknown devices get none until a reset: NIST SP 800-63B-4, 3.2.2. */
  maxFailedSignInCodes: 100,
  /** The `resendIn` of such an answer. A reset takes effect at once. */
  guessedTooOftenSeconds: 86_400,
  /** An unknown device sees a message as being sent for this long, whatever happens. */
  sendingSeconds: 3,
  /** Lockouts and codes are deleted this long after their last change, with or without an account. */
  rowLifetimeSeconds: 30 * 86_400,
  sessionIdleSeconds: 12 * 3600,
  /** A session that was seen this recently is not written again. */
  sessionSeenSeconds: 60,
  /** A proved password allows changes of the account for this long. */
  provedSeconds: 300,
  sessionLifetimeSeconds: 30 * 86_400,
  /** The longest window of any limit. Older events are deleted. */
  eventLifetimeSeconds: 86_400,
  /** An account that has had a known device for this long is trusted more. An attacker must begin a day ahead. */
  settledAfterSeconds: 86_400,
  /** The longest that browsers keep a cookie (RFC 6265bis, 5.5). */
  deviceLifetimeSeconds: 400 * 86_400,
  /** More browsers than a user has. A sign-in without cookies adds a device each time. */
  maxDevicesPerAccount: 50,
  /** More sessions than a user has. Without a bound, lists and ends of all sessions would block the server. */
  maxSessionsPerAccount: 50,
  /** Half of the 8 KiB that nginx accepts as a header. A cookie has some 80 bytes. */
  maxDeviceCookies: 50,
  /** Proxies accept an answer's header of 4 KiB. Dropping a cookie takes some 130 bytes. */
  maxDroppedCookies: 8,
} as const;
