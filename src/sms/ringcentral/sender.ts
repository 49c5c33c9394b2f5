import type { CallFacts, FailureReason, SmsOutcome, SmsSender } from '../../sms.ts';
import { type ApiName, type SmsApi, smsApi } from './api.ts';
import {
  type CallProgress,
  type ClientOptions,
  type RingCentralClient,
  ringCentralClient,
} from './client.ts';
import { deliveryReasonOf, type Failure, factsOf, failureOf, fieldsOf } from './failure.ts';
import { deliveryTracker, type TrackingLine } from './track-delivery.ts';

/** The RingCentral app, the JWT of its user, and the number that sends. */
export interface RingCentralOptions extends ClientOptions {
  /** A number of the user, in E.164 form. */
  fromNumber: string;
  /** `standard` by default. */
  api?: ApiName;
  /** Called when the tracking of deliveries ends for good. */
  log?: (line: TrackingLine) => void;
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
  const { log = () => undefined } = options;
  const api = smsApi(options.api);
  return {
    send: senderOf(client, api, { fromNumber, deadlineMs }),
    trackDelivery: deliveryTracker(client, api, { delaysMs: trackingDelaysMs, log }),
    isReady: () => isReady(client, api),
  };
}

/** Returns whether RingCentral accepts the login and answers a question, even if the app may not ask it. */
async function isReady(client: RingCentralClient, { listCall }: SmsApi): Promise<boolean> {
  const progress: CallProgress = { isCancelled: false, isPosted: false };
  try {
    await client.call(listCall, progress);
    return true;
  } catch (error) {
    const { status = 0 } = (error as Failure).facts;
    return progress.isPosted && status >= 400 && status < 500 && status !== 429;
  }
}

/** Returns a `send` that settles within `deadlineMs`. Then the outcome is `unknown` if the message may have been sent. */
function senderOf(
  client: RingCentralClient,
  api: SmsApi,
  { fromNumber, deadlineMs }: { fromNumber: string; deadlineMs: number },
): SmsSender['send'] {
  async function post(progress: CallProgress, to: string, text: string): Promise<SmsOutcome> {
    try {
      const answer = await client.call(api.sendCall(fromNumber, to, text), progress);
      const { id, end, errorCode } = api.readSent(await fieldsOf(answer));
      const facts = { ...factsOf(answer), errorCode };
      // A carrier refuses one message and accepts the next, so this says nothing about other messages.
      if (end === 'failed')
        return { kind: 'refused', reason: deliveryReasonOf(errorCode), scope: 'message', facts };
      return id === undefined ? { kind: 'unknown', facts } : { kind: 'sent', messageId: id, facts };
    } catch (error) {
      const { reason, facts } = await failureOf(error);
      return reason ? refused(reason, progress, facts) : outcomeSoFar(progress, facts);
    }
  }

  function outcomeSoFar(progress: CallProgress, facts: CallFacts): SmsOutcome {
    return progress.isPosted ? { kind: 'unknown', facts } : refused('busy', progress, facts);
  }

  function refused(reason: FailureReason, { isPosted }: CallProgress, known: CallFacts): SmsOutcome {
    const facts: CallFacts = isPosted ? known : { call: 'login', ...known };
    const waitMs = client.pauseMs();
    if (reason !== 'busy' || waitMs <= 0) return { kind: 'refused', reason, facts };
    return { kind: 'refused', reason, retryAfterSeconds: Math.ceil(waitMs / 1000), facts };
  }

  return async function send(to, text) {
    const progress: CallProgress = { isCancelled: false, isPosted: false };
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<SmsOutcome>((resolve) => {
      timer = setTimeout(() => {
        progress.isCancelled = true;
        resolve(outcomeSoFar(progress, { errorCode: 'Deadline' }));
      }, deadlineMs);
    });
    const outcome = await Promise.race([post(progress, to, text), deadline]);
    clearTimeout(timer);
    return outcome;
  };
}
