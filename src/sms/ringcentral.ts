import { SDK } from '@ringcentral/sdk';
import type { RefusalReason, SmsOutcome, SmsSender } from '../sms.ts';

/** The RingCentral app, the JWT credential of its user, and the E.164 number of that user which sends. */
export interface RingCentralOptions {
  serverUrl: string;
  clientId: string;
  clientSecret: string;
  jwt: string;
  fromNumber: string;
  /** Told once for every message what became of it. */
  log?: (line: SmsLogLine) => void;
  /** How long one `send` may take in all; 8000 unless given. */
  deadlineMs?: number;
  /** How long one call may take, from connecting to the last byte of the answer; 5000 unless given. */
  requestTimeoutMs?: number;
  /** The clock that pauses are measured by; `Date.now` unless given. */
  nowMs?: () => number;
}

/** The status, RingCentral's errorCode or the network's (`ECONNRESET`), and RCRequestId, as far as they are known. */
export interface CallFacts {
  status?: number | undefined;
  errorCode?: string | undefined;
  requestId?: string | undefined;
}

/** All that is ever logged of a message: never its text, a secret, or more of its number than the last four digits. */
export interface SmsLogLine extends CallFacts {
  event: `${'login' | 'sms'}_${RefusalReason}` | 'sms_sent' | 'sms_unknown';
  to: string;
}

interface Attempt {
  isOver: boolean;
  hasLeft: boolean;
  isRepeat: boolean;
}

interface Report {
  outcome: SmsOutcome;
  facts: CallFacts;
}

/** A call that failed: with a `reason` where it certainly did nothing, without where nobody knows. */
class Failure extends Error {
  readonly reason: RefusalReason | undefined;
  readonly facts: CallFacts;

  constructor(reason: RefusalReason | undefined, facts: CallFacts = {}) {
    super('A call to RingCentral failed');
    this.reason = reason;
    this.facts = facts;
  }
}

const SMS_PATH = '/restapi/v1.0/account/~/extension/~/sms';

// RingCentral allows five logins a minute, and each further one while it says no prolongs the no.
const LOGIN_PAUSE_MS = 60_000;

// What RingCentral says, and the network of a connection that was never made, when nothing was sent.
const CODES: Record<RefusalReason, RegExp> = {
  bad_recipient: /^(MSG-(240|243|246|247|310)|SMS-(RC|UP|CAR)-(410|411))$/,
  opted_out: /^SMS-(RC|UP|CAR)-413$/,
  misconfigured: /^(MSG-(242|245|304)|CMN-(109|401|408)|SMS-(UP-414|CAR-461))$/,
  busy: /^(MSG-(290|305)|CMN-(30[1-4]|310)|ECONNREFUSED|ENOTFOUND|EAI_AGAIN)$/,
};

/**
 * Sends by RingCentral's SMS API, under a JWT login made when it is needed. After a 429 no call is made until its
 * Retry-After is over, after a refused login no other for a minute; a message that needs one meanwhile is refused.
 */
export function ringCentralSms(options: RingCentralOptions): SmsSender {
  const { deadlineMs = 8_000, requestTimeoutMs = 5_000, nowMs = Date.now } = options;
  let busyUntilMs = 0;
  let noLoginUntilMs = 0;
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
    loggingIn ??= login().finally(() => {
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
      if (answer.status === 429) busyUntilMs = Math.max(busyUntilMs, nowMs() + retryAfterMs(answer));
      return new Response(await answer.arrayBuffer(), answer);
    } catch (error) {
      const { name, cause } = error as Error & { cause?: { code?: unknown } };
      const facts = { errorCode: plainWord(cause?.code) ?? name };
      throw new Failure(reasonOf(facts), facts);
    }
  }

  async function login(): Promise<void> {
    if (nowMs() < noLoginUntilMs) throw new Failure('misconfigured');
    try {
      await auth.cancelAccessToken();
      await platform.login({ jwt: options.jwt });
      if (!(await auth.data()).access_token) throw new SyntaxError('No token');
    } catch (error) {
      const isNoToken = error instanceof SyntaxError;
      const failure = isNoToken
        ? new Failure('misconfigured', { status: 200, errorCode: 'NoToken' })
        : await failureOf(error);
      if (failure.reason === 'misconfigured') noLoginUntilMs = nowMs() + LOGIN_PAUSE_MS;
      throw failure;
    }
  }

  // platform.post, taken apart, since in one piece it can't be stopped between the login and the post.
  async function post(attempt: Attempt, to: string, text: string): Promise<Response> {
    const request = client.createRequest({
      method: 'POST',
      url: platform.createUrl(SMS_PATH, { addServer: true }),
      body: { from: { phoneNumber: options.fromNumber }, to: [{ phoneNumber: to }], text },
    });
    await platform.inflateRequest(request);
    if (attempt.isOver) throw new Failure('busy');
    attempt.hasLeft = true;
    try {
      return await client.sendRequest(request);
    } catch (error) {
      const failure = await failureOf(error);
      if (failure.facts.status !== 401) throw failure;
      attempt.hasLeft = false;
      if (request.headers.get('authorization') === (await platform.authHeader())) {
        await auth.cancelAccessToken();
        if (attempt.isRepeat) noLoginUntilMs = nowMs() + LOGIN_PAUSE_MS;
      }
      if (attempt.isRepeat) throw failure;
      attempt.isRepeat = true;
      return post(attempt, to, text);
    }
  }

  async function deliver(attempt: Attempt, to: string, text: string): Promise<Report> {
    try {
      const answer = await post(attempt, to, text);
      const { id, messageStatus, deliveryErrorCode } = await fieldsOf(answer);
      const facts = { ...factsOf(answer), errorCode: plainWord(deliveryErrorCode) };
      if (messageStatus === 'SendingFailed' || messageStatus === 'DeliveryFailed') {
        throw new Failure(reasonOf(facts) ?? 'busy', facts);
      }
      const isAccepted = typeof id === 'number' || typeof id === 'string';
      return { outcome: isAccepted ? { kind: 'sent', messageId: String(id) } : { kind: 'unknown' }, facts };
    } catch (error) {
      const { reason, facts } = await failureOf(error);
      return { outcome: reason ? refused(reason) : outcomeSoFar(attempt), facts };
    }
  }

  function outcomeSoFar(attempt: Attempt): SmsOutcome {
    return attempt.hasLeft ? { kind: 'unknown' } : refused('busy');
  }

  function refused(reason: RefusalReason): SmsOutcome {
    const waitMs = busyUntilMs - nowMs();
    if (reason !== 'busy' || waitMs <= 0) return { kind: 'refused', reason };
    return { kind: 'refused', reason, retryAfterSeconds: Math.ceil(waitMs / 1000) };
  }

  function logReport(attempt: Attempt, to: string, { outcome, facts }: Report): void {
    const stage = attempt.hasLeft ? 'sms' : 'login';
    const event =
      outcome.kind === 'refused' ? (`${stage}_${outcome.reason}` as const) : (`sms_${outcome.kind}` as const);
    try {
      options.log?.({ event, ...facts, to: to.replace(/\d(?=\d{4})/g, 'X') });
    } catch {
      // A log that fails must not make a message that was sent look unsent.
    }
  }

  return {
    async send(to, text) {
      const attempt: Attempt = { isOver: false, hasLeft: false, isRepeat: false };
      let timer: NodeJS.Timeout | undefined;
      const deadline = new Promise<Report>((resolve) => {
        timer = setTimeout(() => {
          attempt.isOver = true;
          resolve({ outcome: outcomeSoFar(attempt), facts: { errorCode: 'Deadline' } });
        }, deadlineMs);
      });
      const report = await Promise.race([deliver(attempt, to, text), deadline]);
      clearTimeout(timer);
      logReport(attempt, to, report);
      return report.outcome;
    },
  };
}

async function failureOf(error: unknown): Promise<Failure> {
  if (error instanceof Failure) return error;
  const { name, response } = error as Error & { response?: Response };
  if (!response) return new Failure(undefined, { errorCode: name });
  const body = await fieldsOf(response);
  const detail = Object([body.errors].flat()[0]);
  const errorCode = [detail.errorCode, body.errorCode, body.error].map(plainWord).find(Boolean);
  const facts = { ...factsOf(response), errorCode };
  const isAboutRecipient =
    errorCode === 'CMN-101' && /^to\b/.test(detail.parameterName ?? body.parameterName);
  return new Failure(isAboutRecipient ? 'bad_recipient' : reasonOf(facts), facts);
}

function reasonOf({ status = 0, errorCode = '' }: CallFacts): RefusalReason | undefined {
  if (status === 429) return 'busy';
  const reasons = Object.keys(CODES) as RefusalReason[];
  const isRefusal = status >= 300 && status < 500;
  return reasons.find((reason) => CODES[reason].test(errorCode)) ?? (isRefusal ? 'misconfigured' : undefined);
}

function factsOf(response: Response): CallFacts {
  return { status: response.status, requestId: plainWord(response.headers.get('rcrequestid')) };
}

async function fieldsOf(response: Response): Promise<Record<string, unknown>> {
  return Object(await response.json().catch(() => null));
}

function retryAfterMs(response: Response): number {
  const seconds = Number(response.headers.get('retry-after') || 'none');
  return Math.min(Math.max(Number.isNaN(seconds) ? 60 : seconds, 1), 3600) * 1000;
}

/** Lets through a code or an id, and no sentence, in which a server might quote a number, a text or a token. */
function plainWord(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\w-]{1,40}$/.test(value) ? value : undefined;
}
