import { SDK } from '@ringcentral/sdk';
import { Failure, failureOf, networkFailure } from './failure.ts';

/** The RingCentral app and the JWT of its user. */
export interface ClientOptions {
  serverUrl: string;
  clientId: string;
  clientSecret: string;
  jwt: string;
  /** The time limit of one call, from connecting to the last byte of the answer; 5000 by default. */
  requestTimeoutMs?: number;
  /** Milliseconds of a monotonic clock; `performance.now` by default. */
  nowMs?: () => number;
  /** The login that all processes share. Without it, the client is alone. */
  sharedAccess?: SharedAccess;
}

/** One call of RingCentral's API. `path` starts with `/restapi` and may have a query. */
export interface ApiCall {
  method: 'GET' | 'POST';
  path: string;
  body?: unknown;
}

/** The progress of a call. Setting `isCancelled` stops a call that is not posted yet. */
export interface CallProgress {
  isCancelled: boolean;
  isPosted: boolean;
}

/** A login's token, in the fields of RingCentral and its SDK. */
export interface Token {
  access_token?: string;
  token_type?: string;
  scope?: string;
  /** Seconds. */
  expires_in?: string;
}

/** `turn`: this process logs in, and then ends its turn. `paused`: no process may log in for `ms`. */
export type Access = { kind: 'token'; token: Token } | { kind: 'turn' } | { kind: 'paused'; ms: number };

/** RingCentral's login and its pauses, for all processes on one database. */
export interface SharedAccess {
  /**
   * Returns the token of a login of any process, unless it is `refused`. With `isNew`, of a login of the last minute, if
   * possible. Otherwise the caller gets the turn to log in. Waits while another process has the turn. Rejects if the
   * database does not answer.
   */
  tokenOrTurn(wanted: { refused: string | undefined; isNew: boolean }): Promise<Access>;
  /** Ends the turn, and shares the token that it brought. Never rejects. */
  endTurn(token: Token): Promise<void>;
  /** Returns the milliseconds that a 429 still asks to wait, 0 if none. Never rejects. */
  pauseMs(): Promise<number>;
  /** Makes all processes wait. Never rejects. */
  pause(ms: number): Promise<void>;
}

/** RingCentral's API under one login. All calls share it, and the first one makes it. */
export interface RingCentralClient {
  /** Returns the complete answer of a successful call. Repeats a 401 once under a new login. Rejects only with a Failure. */
  call(call: ApiCall, progress?: CallProgress): Promise<Response>;
  /** Logs in if there is no valid token, or only an older one of another process. Returns the permissions that the token names. Rejects only with a Failure. */
  login(): Promise<string[]>;
  /** Revokes the token, so that it doesn't count among the user's five sessions. Never rejects. */
  logout(): Promise<void>;
  /** Returns the milliseconds that a 429 still asks to wait, 0 if none. */
  pauseMs(): number;
  /** Returns whether at least half of the Light group's rate limit is left, so that polling doesn't take it all. */
  mayPoll(): boolean;
}

// RingCentral allows five logins a minute. Each login during its penalty prolongs the penalty.
const LOGIN_PAUSE_MS = 60_000;

/**
 * Creates a client whose calls always settle. After a 429 it makes no call until the Retry-After is over. After a refused
 * login it makes no other login for a minute. Until then calls fail as `busy` or `misconfigured`.
 */
export function ringCentralClient(options: ClientOptions): RingCentralClient {
  const { requestTimeoutMs = 5_000, nowMs = () => performance.now(), sharedAccess } = options;
  let busyUntilMs = 0;
  let noLoginUntilMs = 0;
  let refusedLogin = new Failure('misconfigured');
  let noPollUntilMs = 0;
  let loggingIn: Promise<void> | undefined;
  /** The token that RingCentral refused last. */
  let refusedToken: string | undefined;

  const sdk = new SDK({
    server: options.serverUrl.replace(/\/+$/, ''),
    clientId: options.clientId,
    clientSecret: options.clientSecret,
    // All SDK objects of a process share one token store. Only this prefix separates their tokens.
    cachePrefix: `${crypto.randomUUID()}-`,
    fetch: boundedFetch,
    Request,
    Response,
    Headers,
  });
  const client = sdk.client();
  const platform = sdk.platform();
  const auth = platform.auth();

  // Otherwise the SDK repeats every 401, refused logins too. And each late 401 drops the token of a newer login.
  const sendRequest = platform.sendRequest.bind(platform);
  platform.sendRequest = (request, call) => sendRequest(request, { ...call, retry: true });

  // The SDK's own version needs a refresh token, which RingCentral gives only to apps with that setting.
  platform.ensureLoggedIn = async () => {
    await ensureToken(false);
    return null;
  };

  /** Makes sure that there is a valid token. With `isNew` it is of the last minute, unless this process has one. */
  async function ensureToken(isNew: boolean): Promise<void> {
    if (await auth.accessTokenValid()) return;
    loggingIn ??= logIn(isNew).finally(() => {
      loggingIn = undefined;
    });
    await loggingIn;
  }

  // The SDK's own fetch never gives up on a body that stalls, or on an error page over 32 KiB. A timeout doesn't help,
  // because the SDK reads clones. A redirect would get the bearer token.
  async function boundedFetch(...[input, init]: Parameters<typeof fetch>): Promise<Response> {
    pauseFor((await sharedAccess?.pauseMs()) ?? 0);
    if (nowMs() < busyUntilMs) throw new Failure('busy');
    try {
      const signal = AbortSignal.timeout(requestTimeoutMs);
      const answer = await fetch(input, { ...init, redirect: 'manual', signal });
      await noteLimits(answer);
      return new Response(await answer.arrayBuffer(), answer);
    } catch (error) {
      throw networkFailure(error);
    }
  }

  function pauseFor(ms: number): void {
    busyUntilMs = Math.max(busyUntilMs, nowMs() + ms);
  }

  async function noteLimits({ status, headers }: Response): Promise<void> {
    if (status === 429) {
      pauseFor(retryAfterMs(headers));
      await sharedAccess?.pause(retryAfterMs(headers));
    }
    if (headers.get('x-rate-limit-group')?.toLowerCase() !== 'light') return;
    const [limit, remaining, seconds] = ['limit', 'remaining', 'window'].map((name) =>
      Number(headers.get(`x-rate-limit-${name}`)),
    ) as [number, number, number];
    noPollUntilMs = remaining < limit / 2 ? nowMs() + (seconds || 60) * 1000 : 0;
  }

  async function logIn(isNew: boolean): Promise<void> {
    if (nowMs() < noLoginUntilMs) throw refusedLogin;
    await auth.cancelAccessToken();
    if (await useSharedToken(isNew)) return;
    try {
      await platform.login({ jwt: options.jwt });
      if (!(await auth.data()).access_token) throw new SyntaxError('No token');
    } catch (error) {
      const isNoToken = error instanceof SyntaxError;
      const failure = isNoToken
        ? new Failure('misconfigured', { status: 200, errorCode: 'NoToken' })
        : aboutUs(await failureOf(error));
      if (failure.reason === 'misconfigured') pauseLogins(failure);
      throw failure;
    } finally {
      await sharedAccess?.endTurn(await auth.data());
    }
  }

  /** Takes the token of another process, if there is one. Otherwise this process has the turn to log in. */
  async function useSharedToken(isNew: boolean): Promise<boolean> {
    const access = await sharedAccess?.tokenOrTurn({ refused: refusedToken, isNew });
    if (access?.kind === 'token') await auth.setData(access.token);
    if (access?.kind !== 'paused') return access?.kind === 'token';
    pauseFor(access.ms);
    throw new Failure('busy');
  }

  function pauseLogins(refusal: Failure): void {
    refusedLogin = refusal;
    noLoginUntilMs = nowMs() + LOGIN_PAUSE_MS;
  }

  // The steps of platform.post, which can't be stopped between the login and the post.
  async function attempt(call: ApiCall, progress: CallProgress, isRepeat = false): Promise<Response> {
    const { method, path, body } = call;
    const url = platform.createUrl(path, { addServer: true });
    const request = client.createRequest({ method, url, body });
    await platform.inflateRequest(request);
    if (progress.isCancelled) throw new Failure('busy');
    progress.isPosted = true;
    try {
      return await client.sendRequest(request);
    } catch (error) {
      const failure = await failureOf(error);
      if (failure.facts.status !== 401) throw failure;
      progress.isPosted = false;
      if (request.headers.get('authorization') === (await platform.authHeader())) {
        refusedToken = (await auth.data()).access_token;
        await auth.cancelAccessToken();
        if (isRepeat) pauseLogins(failure);
      }
      if (isRepeat) throw failure;
      return attempt(call, progress, true);
    }
  }

  return {
    async call(call, progress = { isCancelled: false, isPosted: false }) {
      try {
        return await attempt(call, progress);
      } catch (error) {
        throw await failureOf(error);
      }
    },
    async login() {
      try {
        await ensureToken(true);
        const { scope } = await auth.data();
        return typeof scope === 'string' ? scope.split(/[\s,]+/).filter(Boolean) : [];
      } catch (error) {
        throw await failureOf(error);
      }
    },
    logout: () =>
      platform.logout().then(
        () => undefined,
        () => undefined,
      ),
    pauseMs: () => Math.max(busyUntilMs - nowMs(), 0),
    mayPoll: () => nowMs() >= Math.max(busyUntilMs, noPollUntilMs),
  };
}

/** A refused login never depends on a number. */
function aboutUs(failure: Failure): Failure {
  return failure.reason === 'undeliverable' ? new Failure('misconfigured', failure.facts) : failure;
}

function retryAfterMs(headers: Headers): number {
  const seconds = Number(headers.get('retry-after') || 'none');
  return Math.min(Math.max(Number.isNaN(seconds) ? 60 : seconds, 1), 3600) * 1000;
}
