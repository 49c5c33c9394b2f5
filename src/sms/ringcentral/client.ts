import { SDK } from '@ringcentral/sdk';
import { Failure, failureOf, plainWord, reasonOf } from './failure.ts';

/** The RingCentral app, and the JWT credential of its user. */
export interface ClientOptions {
  serverUrl: string;
  clientId: string;
  clientSecret: string;
  jwt: string;
  /** How long one call may take, from connecting to the last byte of the answer; 5000 unless given. */
  requestTimeoutMs?: number;
  /** Milliseconds of the clock that pauses are measured by, one that only runs forward; `performance.now` unless given. */
  nowMs?: () => number;
}

/** One call of RingCentral's API; `path` starts with `/restapi`, and may hold a query. */
export interface ApiCall {
  method: 'GET' | 'POST';
  path: string;
  body?: unknown;
}

/** How far a call has come. Who sets `isOver` stops it where it has not left yet. */
export interface Progress {
  isOver: boolean;
  hasLeft: boolean;
}

/** RingCentral's API under one login, which is made when it is needed and shared by all calls. */
export interface RingCentralClient {
  /** The answer, wholly read, of a call that succeeded. Rejects with a Failure and nothing else; a 401 is repeated once, under a new login. */
  call(call: ApiCall, progress?: Progress): Promise<Response>;
  /** Logs in where there is no valid token, and answers the permissions that the token names; rejects with a Failure. */
  login(): Promise<string[]>;
  /** Gives the token back, so that it does not count among the user's five sessions; never rejects. */
  logout(): Promise<void>;
  /** For how many milliseconds RingCentral, by a 429, has asked to be left alone; none make 0. */
  pauseMs(): number;
  /** Whether the Light group has so much room left that asking after messages takes none from sending. */
  mayPoll(): boolean;
}

// RingCentral allows five logins a minute, and each further one while it says no prolongs the no.
const LOGIN_PAUSE_MS = 60_000;

/**
 * A client that always settles. After a 429 no call is made until its Retry-After is over, after a refused login no
 * other for a minute; a call that needs one meanwhile fails with the reason `busy` or `misconfigured`.
 */
export function ringCentralClient(options: ClientOptions): RingCentralClient {
  const { requestTimeoutMs = 5_000, nowMs = () => performance.now() } = options;
  let busyUntilMs = 0;
  let noLoginUntilMs = 0;
  let noPollUntilMs = 0;
  let loggingIn: Promise<void> | undefined;

  const sdk = new SDK({
    server: options.serverUrl.replace(/\/+$/, ''),
    clientId: options.clientId,
    clientSecret: options.clientSecret,
    // All SDK objects of a process share one token store and tell their tokens apart by this alone.
    cachePrefix: `${crypto.randomUUID()}-`,
    fetch: boundedFetch,
    Request,
    Response,
    Headers,
  });
  const client = sdk.client();
  const platform = sdk.platform();
  const auth = platform.auth();

  // Left alone, it repeats whatever is answered 401, a refused login too, and each late 401 throws away the token that
  // another message has just logged in for.
  const sendRequest = platform.sendRequest.bind(platform);
  platform.sendRequest = (request, call) => sendRequest(request, { ...call, retry: true });

  // The SDK's own needs a refresh token, which RingCentral gives only to apps that ask for the setting.
  platform.ensureLoggedIn = async () => {
    if (await auth.accessTokenValid()) return null;
    loggingIn ??= logIn().finally(() => {
      loggingIn = undefined;
    });
    await loggingIn;
    return null;
  };

  // With the fetch it brings, the SDK waits for ever, whatever the timeout, for a body that stops midway and for an
  // error page over 32 KiB, because it reads clones; and a redirect takes the bearer token along.
  async function boundedFetch(...[input, init]: Parameters<typeof fetch>): Promise<Response> {
    if (nowMs() < busyUntilMs) throw new Failure('busy');
    try {
      const signal = AbortSignal.timeout(requestTimeoutMs);
      const answer = await fetch(input, { ...init, redirect: 'manual', signal });
      noteLimits(answer);
      return new Response(await answer.arrayBuffer(), answer);
    } catch (error) {
      const { name, cause }: Partial<Error & { cause: { code?: unknown } }> = Object(error);
      const facts = { errorCode: plainWord(cause?.code) ?? name };
      throw new Failure(reasonOf(facts), facts);
    }
  }

  function noteLimits({ status, headers }: Response): void {
    if (status === 429) busyUntilMs = Math.max(busyUntilMs, nowMs() + retryAfterMs(headers));
    if (headers.get('x-rate-limit-group')?.toLowerCase() !== 'light') return;
    const [limit, remaining, seconds] = ['limit', 'remaining', 'window'].map((name) =>
      Number(headers.get(`x-rate-limit-${name}`)),
    ) as [number, number, number];
    noPollUntilMs = remaining < limit / 2 ? nowMs() + (seconds || 60) * 1000 : 0;
  }

  async function logIn(): Promise<void> {
    if (nowMs() < noLoginUntilMs) throw new Failure('misconfigured');
    try {
      await auth.cancelAccessToken();
      await platform.login({ jwt: options.jwt });
      if (!(await auth.data()).access_token) throw new SyntaxError('No token');
    } catch (error) {
      const isNoToken = error instanceof SyntaxError;
      const failure = isNoToken
        ? new Failure('misconfigured', { status: 200, errorCode: 'NoToken' })
        : aboutUs(await failureOf(error));
      if (failure.reason === 'misconfigured') noLoginUntilMs = nowMs() + LOGIN_PAUSE_MS;
      throw failure;
    }
  }

  // platform.post, taken apart, since in one piece it can't be stopped between the login and the post.
  async function attempt(call: ApiCall, progress: Progress, isRepeat = false): Promise<Response> {
    const { method, path, body } = call;
    const url = platform.createUrl(path, { addServer: true });
    const request = client.createRequest({ method, url, body });
    await platform.inflateRequest(request);
    if (progress.isOver) throw new Failure('busy');
    progress.hasLeft = true;
    try {
      return await client.sendRequest(request);
    } catch (error) {
      const failure = await failureOf(error);
      if (failure.facts.status !== 401) throw failure;
      progress.hasLeft = false;
      if (request.headers.get('authorization') === (await platform.authHeader())) {
        await auth.cancelAccessToken();
        if (isRepeat) noLoginUntilMs = nowMs() + LOGIN_PAUSE_MS;
      }
      if (isRepeat) throw failure;
      return attempt(call, progress, true);
    }
  }

  return {
    async call(call, progress = { isOver: false, hasLeft: false }) {
      try {
        return await attempt(call, progress);
      } catch (error) {
        throw await failureOf(error);
      }
    },
    async login() {
      try {
        await platform.ensureLoggedIn();
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

/** A login that is refused, for whatever reason, is about no number. */
function aboutUs(failure: Failure): Failure {
  return failure.reason === 'undeliverable' ? new Failure('misconfigured', failure.facts) : failure;
}

function retryAfterMs(headers: Headers): number {
  const seconds = Number(headers.get('retry-after') || 'none');
  return Math.min(Math.max(Number.isNaN(seconds) ? 60 : seconds, 1), 3600) * 1000;
}
