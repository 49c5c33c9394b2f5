import type { SmsSender } from '../../sms.ts';
import { type ApiName, type SmsApi, smsApi } from './api.ts';
import { type ClientOptions, type RingCentralClient, ringCentralClient } from './client.ts';
import type { Failure } from './failure.ts';
import { followBy } from './follow.ts';
import { type Log, patientLog } from './log.ts';
import { sendBy } from './send.ts';

/** The RingCentral app, the JWT credential of its user, and the E.164 number of that user which sends. */
export interface RingCentralOptions extends ClientOptions {
  fromNumber: string;
  /** `standard` unless given. */
  api?: ApiName;
  /** Told once for every message what became of it, and once more when its end is known. */
  log?: Log;
  /** How long one `send` may take in all; 8000 unless given. */
  deadlineMs?: number;
  /** How long `trackDelivery` waits before each look at a message; 2, 5, 15 and 45 seconds unless given. */
  followWaitsMs?: readonly number[];
}

const FOLLOW_WAITS_MS = [2_000, 5_000, 15_000, 45_000];

/** Sends by RingCentral's SMS API, under a JWT login made when it is needed, and follows what it sent. */
export function ringCentralSms(
  options: RingCentralOptions,
  client: RingCentralClient = ringCentralClient(options),
): Required<Omit<SmsSender, 'sendDecoy'>> {
  const { fromNumber, deadlineMs = 8_000, followWaitsMs = FOLLOW_WAITS_MS } = options;
  const api = smsApi(options.api);
  const log = patientLog(options.log);
  return {
    send: sendBy(client, api, { fromNumber, deadlineMs, log }),
    trackDelivery: followBy(client, api, { waitsMs: followWaitsMs, log }),
    isReady: () => answers(client, api),
  };
}

/** Whether RingCentral takes the login and answers a question, be it by saying that the app may not ask it. */
async function answers(client: RingCentralClient, { listCall }: SmsApi): Promise<boolean> {
  try {
    await client.call(listCall);
    return true;
  } catch (error) {
    const { status = 0 } = (error as Failure).facts;
    return status >= 400 && status < 500 && status !== 401 && status !== 429;
  }
}
