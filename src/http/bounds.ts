/** The bounds on what clients take of the server, each with its reason. SECURITY.md has them in its table of limits. */
export const BOUNDS = {
  /**
   * Open connections, of all clients together. Past it, the one without a request for the longest time is cut. Many systems
   * allow a process 4096 descriptors, and the database and the log need some. There is no bound per network, because behind
   * a proxy all connections come from one address.
   */
  connections: 4000,
  /** Requests of one connection without an answer. Browsers and proxies send one at a time. Past it, the connection is cut. */
  unansweredRequests: 16,
  /** A whole request must arrive in this time. A form has 8 KiB at most. Node checks every `checkMs`. */
  requestMs: 20_000,
  checkMs: 5_000,
  /** A connection is cut if nothing moves on it for this long. Longer than a request takes, so that one is answered 408. */
  stalledMs: 30_000,
  /** Longer than proxies keep an idle connection: nginx 60 s, Go 90 s, Caddy 120 s. So they close it first. */
  keepAliveMs: 125_000,
  /**
   * A stop cuts idle connections after this time. Until then, a busy proxy sends another request, and its answer says that
   * the connection ends. Without it, a request on its way would meet a closed connection.
   */
  stopIdleMs: 1_000,
  /** Then a stop waits this long for answers. A database that does not answer takes 5 s, and a client reads in the rest. */
  stopAnswersMs: 8_000,
  /** Open streams of the inbox. A developer has few windows, and a browser opens six connections to a host at most. */
  inboxStreams: 8,
  /** A stream of the inbox sends a comment this often. Shorter than `stalledMs`, so a stream without messages is not cut. */
  inboxCommentMs: 15_000,
  /** Bytes of a form. The largest form, a reset, has less than 2 KiB. */
  formBytes: 8 * 1024,
  /** Bytes of a body that no route reads. Past them, the connection is cut. */
  discardedBytes: 2 * 1024 * 1024,
  /**
   * Networks that one limiter counts. Past it, the oldest count is forgotten. To reset its own count, an attacker needs this
   * many other networks. Each of them may send as many requests anyway.
   */
  countedNetworks: 100_000,
  /**
   * Requests of a network's limit that a process leases at once, if several processes share the limit. What it does not use is
   * lost to the others. A sign-up is leased alone.
   */
  leasedRequests: 20,
  /** A request waits this long for a lease. Then its process counts for itself. */
  leaseMs: 500,
  /** After a lease that failed, a process counts for itself this long. */
  leaseAwayMs: 1_000,
  /** A database that takes longer for a write is not ready. Monitors ask every few seconds. */
  readyMs: 1_000,
  /** The least time between two such writes, however many monitors ask. */
  readyEveryMs: 1_000,
  /** Bytes of a path to return to after a sign-in. Percent-encoded, it still fits a request's headers. */
  forwardedUriBytes: 2_048,
} as const;

/** The bounds of one listener. */
export type Bounds = { readonly [Name in keyof typeof BOUNDS]: number };
