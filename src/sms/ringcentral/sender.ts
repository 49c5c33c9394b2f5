import type { FailureReason, SmsOutcome, SmsSender } from '../../sms.ts';
import { type ApiName, type SmsApi, smsApi } from './api.ts';
import {
  type CallProgress,
  type ClientOptions,
  type RingCentralClient,
  ringCentralClient,
} from './client.ts';
import { type CallFacts, deliveryReasonOf, type Failure, factsOf, failureOf, fieldsOf } from './failure.ts';
import { type Log, safeLog } from './log.ts';
import { deliveryTracker } from './track-delivery.ts';

/** The RingCentral app, the JWT of its user, and the number that sends. */
export interface RingCentralOptions extends ClientOptions {
  /** A number of the user, in E.164 form. */
  fromNumber: string;
  /** `standard` by default. */
  api?: ApiName;
  /** Called once with the outcome of each message, and once with its delivery. */
  log?: Log;
  /** The time limit of one `send`; 8000 by default. */
  deadlineMs?: number;
  /** The delays before each reading of a delivery; 2, 5, 15 and 45 seconds by default. */
  trackingDelaysMs?: readonly number[];
}

const TRACKING_DELAYS_MS = [2_000, 5_000, 15_000, 45_000];

/** Sends by RingCentral's SMS API under a JWT login, and tracks the delivery of what it sent. */
export function ringCentralSms(
  options: RingCentralOptions,
  client: RingCentralClient = ringCentralClient(options),
): Required<Omit<SmsSender, 'sendDecoy'>> {
  const { fromNumber, deadlineMs = 8_000, trackingDelaysMs = TRACKING_DELAYS_MS } = options;
  const api = smsApi(options.api);
  const log = safeLog(options.log);
  return {
    send: senderOf(client, api, { fromNumber, deadlineMs, log }),
    trackDelivery: deliveryTracker(client, api, { delaysMs: trackingDelaysMs, log }),
    isReady: () => isReady(client, api),
  };
}

/** Returns whether RingCentral accepts the login and answers a question, even if the app may not ask it. */
async function isReady(client: RingCentralClient, { listCall }: SmsApi): Promise<boolean> {
  try {
    await client.call(listCall);
    return true;
  } catch (error) {
    const { status = 0 } = (error as Failure).facts;
    return status >= 400 && status < 500 && status !== 401 && status !== 429;
  }
}

interface Report {
  outcome: SmsOutcome;
  facts: CallFacts;
}

/** Returns a `send` that settles within `deadlineMs`. Then the outcome is `unknown` if the message may have been sent. */
function senderOf(
  client: RingCentralClient,
  api: SmsApi,
  { fromNumber, deadlineMs, log }: { fromNumber: string; deadlineMs: number; log: Log },
): SmsSender['send'] {
  async function post(progress: CallProgress, to: string, text: string): Promise<Report> {
    try {
      const answer = await client.call(api.sendCall(fromNumber, to, text), progress);
      const { id, end, errorCode } = api.readSent(await fieldsOf(answer));
      const facts = { ...factsOf(answer), errorCode };
      if (end === 'failed') return { outcome: refusedAtOnce(errorCode), facts };
      return { outcome: id === undefined ? { kind: 'unknown' } : { kind: 'sent', messageId: id }, facts };
    } catch (error) {
      const { reason, facts } = await failureOf(error);
      return { outcome: reason ? refused(reason) : outcomeSoFar(progress), facts };
    }
  }

  /** A carrier refuses one message and accepts the next, so this says nothing about other messages. */
  function refusedAtOnce(errorCode: string | undefined): SmsOutcome {
    return { kind: 'refused', reason: deliveryReasonOf(errorCode), scope: 'message' };
  }

  function outcomeSoFar(progress: CallProgress): SmsOutcome {
    return progress.isPosted ? { kind: 'unknown' } : refused('busy');
  }

  function refused(reason: FailureReason): SmsOutcome {
    const waitMs = client.pauseMs();
    if (reason !== 'busy' || waitMs <= 0) return { kind: 'refused', reason };
    return { kind: 'refused', reason, retryAfterSeconds: Math.ceil(waitMs / 1000) };
  }

  function logReport(progress: CallProgress, to: string, { outcome, facts }: Report): void {
    const event =
      outcome.kind === 'refused' && !progress.isPosted ? 'login_failed' : (`sms_${outcome.kind}` as const);
    log({
      event,
      ...(outcome.kind === 'refused' && { reason: outcome.reason }),
      ...facts,
      ...(outcome.kind === 'sent' && { messageId: outcome.messageId }),
      to: to.replace(/\d(?=\d{4})/g, 'X'),
    });
  }

  return async function send(to, text) {
    const progress: CallProgress = { isCancelled: false, isPosted: false };
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<Report>((resolve) => {
      timer = setTimeout(() => {
        progress.isCancelled = true;
        resolve({ outcome: outcomeSoFar(progress), facts: { errorCode: 'Deadline' } });
      }, deadlineMs);
    });
    const report = await Promise.race([post(progress, to, text), deadline]);
    clearTimeout(timer);
    logReport(progress, to, report);
    return report.outcome;
  };
}
