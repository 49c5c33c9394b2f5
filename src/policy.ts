/** The numbers of the rules. All of them are fixed when the program starts. */
export interface Policy {
  /** Failures in a row, on one account and device, that lock. */
  readonly maxFailures: number;
  /** How long a code can be used. */
  readonly codeLifetimeSeconds: number;
  /** The pause between two messages for one account, purpose and count. */
  readonly codeResendSeconds: number;
  /** The shortest password that the page accepts, in characters (Unicode code points). */
  readonly passwordMinLength: number;
  /** Live seeds that one network may hold, before it loses its oldest. */
  readonly maxSeedsPerNetwork: number;
}

/** The tutorial's own numbers, and the pause that it lacks. */
export const TUTORIAL: Policy = {
  maxFailures: 3,
  codeLifetimeSeconds: 3600,
  // Long enough that a double click costs one message, short enough to wait for.
  codeResendSeconds: 60,
  // The least that NIST SP 800-63B-4, 3.1.1.2, has for any password; alone, as here until a lock, it wants fifteen.
  passwordMinLength: 8,
  // An office behind one address fits, and a flood from one address stays small.
  maxSeedsPerNetwork: 256,
};

/** The numbers of OWASP ASVS 5.0 and NIST SP 800-63B-4, where they are stricter than the tutorial's. */
export const STRICT: Policy = {
  ...TUTORIAL,
  // ASVS 5.0, 6.5.5, and NIST SP 800-63B-4, 3.1.3.2: what is sent out of band lives ten minutes at most.
  codeLifetimeSeconds: 600,
  // NIST SP 800-63B-4, 3.1.1.2.
  passwordMinLength: 15,
};

/** Numbers that no policy changes, each with its reason. */
export const FIXED = {
  /** A seed waits for its login this long: Argon2id on a slow phone, and a person who is called away for a moment. */
  seedLifetimeSeconds: 300,
  /** Flows, so tries, that one code may have: each is a guess at one in a million. */
  maxFlowsPerCode: 3,
  /** To a browser that the account does not know, a message is on its way to the provider for this long, whatever happens. */
  sendingSeconds: 3,
  /** Guards and codes go this long after their last change, whosever they are. */
  rowLifetimeSeconds: 30 * 86_400,
  sessionIdleSeconds: 12 * 3600,
  /** A session that was seen this recently is not written down as seen again. */
  sessionSeenSeconds: 60,
  sessionLifetimeSeconds: 30 * 86_400,
  /** The longest that browsers keep a cookie (RFC 6265bis, 5.5). */
  deviceLifetimeSeconds: 400 * 86_400,
} as const;
