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
  /** Requests within a minute from one network: an IPv4 address, or an IPv6 /64. */
  readonly requestsPerMinute: number;
  /** Sign-ups within an hour from one network, whether or not the address was taken. */
  readonly signupsPerHour: number;
  readonly messages: MessageBudgets;
  /** Wrong codes within an hour, of all accounts together, from which on the log alerts and unknown devices slow down. */
  readonly failedCodesPerHour: number;
  /** While wrong codes are that many, unknown devices may try one code in so many seconds: of one network, and all together. */
  readonly guessPauseSeconds: { readonly network: number; readonly all: number };
}

/** How many messages may be asked for within any hour and any 24 hours. */
export interface Allowance {
  readonly perHour: number;
  readonly perDay: number;
}

/** What text messages may cost. Where a budget has parts, none can be used up by those that another part is for. */
export interface MessageBudgets {
  /** `known`: asked for by a device that the account knows. `notice`: of a changed password, asked for by nobody. */
  readonly account: { readonly stranger: Allowance; readonly known: Allowance; readonly notice: Allowance };
  /** Each of five parts: by trust, and for known devices of the phone's first account. */
  readonly phone: Allowance;
  /** Each of four parts, by trust. A network is an IPv4 address, or an IPv6 /64. */
  readonly network: Allowance;
  /** As `network`, for an IPv6 /48, which one customer may have. */
  readonly prefix48: Allowance;
  /** For all numbers that differ in their last four digits alone. */
  readonly prefix: Allowance;
  readonly country: Allowance;
  readonly total: Allowance;
}

/** Messages in all within a day, unless the operator says otherwise. */
export const MESSAGES_PER_DAY = 1000;

/** The budgets for so many messages a day in all. Without `hasSharedLimits` those of accounts and phones alone remain. */
export function messageBudgets(perDay: number, hasSharedLimits = true): MessageBudgets {
  const part = (share: number): Allowance => ({
    perDay: Math.ceil(perDay * share),
    perHour: Math.ceil((perDay * share) / 4),
  });
  const shared = (allowance: Allowance) => (hasSharedLimits ? allowance : UNLIMITED);
  return {
    // Four in a row for a person whose messages get lost; and in all, under twelve an hour.
    account: {
      stranger: { perHour: 5, perDay: 10 },
      known: { perHour: 4, perDay: 10 },
      notice: { perHour: 2, perDay: 4 },
    },
    // A family may share a number.
    phone: { perHour: 8, perDay: 20 },
    // An office or a mobile carrier may share an address.
    network: shared({ perHour: 60, perDay: 200 }),
    prefix48: shared({ perHour: 180, perDay: 600 }),
    // Pumping goes to runs of numbers that one carrier has; honest people are spread over many.
    prefix: shared(part(0.2)),
    // No one country can use up the whole.
    country: shared(part(0.8)),
    total: shared(part(1)),
  };
}

const UNLIMITED: Allowance = { perHour: Number.POSITIVE_INFINITY, perDay: Number.POSITIVE_INFINITY };

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
  // Five hundred sign-ins a minute: more people than that share no address, and a flood gets no further.
  requestsPerMinute: 1000,
  // A school whose pupils sign up together passes; what a flood writes to the disk, and never goes, stays small.
  signupsPerHour: 1000,
  messages: messageBudgets(MESSAGES_PER_DAY),
  // One guess is right by chance in a million: a hundred an hour are typing errors of a big site, or an attack.
  failedCodesPerHour: 100,
  // Few networks are slowed enough to leave turns to owners, and many can not hurry.
  guessPauseSeconds: { network: 10, all: 1 },
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
export const CONSTANTS = {
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
  /** What was counted goes after the longest time that any limit looks back. */
  eventLifetimeSeconds: 86_400,
  /** The devices of an account that has known one for so long are settled: whoever floods has to have begun a day ago. */
  settledAfterSeconds: 86_400,
  /**
   * The share of the budgets of prefix, country and all that a message may still be taken from, in each of two pools, by
   * how sure it is that it goes to a person who uses the service. An account that nobody has signed in to is worth a
   * sign-up, which costs nothing; one that was signed in to, a little more; a phone that has given a code belongs to
   * somebody, and may have the whole pool.
   */
  shares: {
    strangers: { unused: 0.5, used: 0.55, confirmed: 0.6 },
    devices: { known: 0.2, settled: 0.3, confirmed: 0.4 },
  },
  /** The longest that browsers keep a cookie (RFC 6265bis, 5.5). */
  deviceLifetimeSeconds: 400 * 86_400,
} as const;
