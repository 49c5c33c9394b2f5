import type { CallFacts, DeliveryResult, FailureReason, SmsOutcome } from '../../sms.ts';
import { type SmsApi, smsApi } from './api.ts';
import {
  attempt,
  type CheckResult,
  CONSOLE,
  last4,
  ok,
  permissionFix,
  shown,
  unknown,
  unreadable,
  wrong,
} from './check-result.ts';
import { type RingCentralClient, ringCentralClient } from './client.ts';
import { type Failure, isTlsFault } from './failure.ts';
import { checkNumber, type NumberOptions } from './number-checks.ts';
import { type RingCentralOptions, ringCentralSms } from './sender.ts';

/** A sender, and the countries that it must reach. */
export type CheckOptions = RingCentralOptions & NumberOptions;

interface Message {
  /** In E.164 form. */
  to: string;
  text: string;
}

/**
 * Checks step by step whether messages can be sent, and at last sends `message` if there is one. Stops after a failed
 * login. Logs out at the end. Never throws.
 */
export async function* checkRingCentral(
  options: CheckOptions,
  message?: Message,
): AsyncGenerator<CheckResult, void> {
  const client = ringCentralClient(options);
  try {
    yield* runChecks(client, options, message);
  } finally {
    await client.logout();
  }
}

/**
 * Runs the checks that a start can afford: the login, which the client keeps, the number and its countries. Warns of the
 * first fault, and says what to do about it. Never rejects.
 */
export async function warnAboutRingCentral(
  client: RingCentralClient,
  options: CheckOptions,
  warn: (fault: { reason: string; fix: string }) => void,
): Promise<void> {
  for await (const { step, status, message, fix } of runChecks(client, options)) {
    if (status === 'wrong') warn({ reason: message, fix: `${fix} (npm run doctor checks it all.)` });
    if (status === 'wrong' || step === 'Countries') break;
  }
}

async function* runChecks(
  client: RingCentralClient,
  options: CheckOptions,
  message?: Message,
): AsyncGenerator<CheckResult, void> {
  const api = smsApi(options.api);
  const login = await attempt(() => client.login());
  const server = serverResult(options, login.failure);
  yield server;
  if (server.status === 'wrong') return;
  yield loginResult(login.failure);
  if (login.failure) return;
  yield permissionResult(api, login.value ?? []);
  yield* checkNumber(client, api, options);
  yield await checkReading(client, api);
  if (message) yield* checkMessage(client, options, message);
}

function serverResult({ serverUrl }: CheckOptions, failure: Failure | undefined): CheckResult {
  const step = 'Server';
  const { status, errorCode = '' } = failure?.facts ?? {};
  const isRingCentral = status !== undefined && status < 500 && /^(OAU|CMN|AGW)-|^[a-z_]+$/.test(errorCode);
  if (!failure || isRingCentral) return ok(step, `${serverUrl} answers.`);
  const facts = shown(failure.facts);
  if (status === undefined)
    return wrong(step, `${serverUrl} can't be reached${facts}.`, networkFix(errorCode));
  if (status >= 500)
    return wrong(step, `${serverUrl} is out of order${facts}.`, 'Wait some minutes and try again.');
  return wrong(
    step,
    `${serverUrl} doesn't answer like RingCentral${facts}.`,
    'Check RC_SERVER_URL, and whether a proxy answers instead.',
  );
}

function networkFix(errorCode: string): string {
  if (/^(ENOTFOUND|EAI_)/.test(errorCode)) {
    return 'Check the spelling of RC_SERVER_URL and the DNS of this machine.';
  }
  if (isTlsFault(errorCode)) {
    return "Its certificate is not trusted. Check RC_SERVER_URL, this machine's clock, and whether a proxy is in between.";
  }
  return 'Check RC_SERVER_URL, and whether a firewall blocks this machine.';
}

function loginResult(failure: Failure | undefined): CheckResult {
  const step = 'Login';
  if (!failure) return ok(step, 'RingCentral accepts the client id, the client secret and the JWT.');
  return wrong(step, `RingCentral refuses the login${shown(failure.facts)}.`, loginFix(failure.facts));
}

function loginFix({ status, errorCode = '' }: CallFacts): string {
  if (status === 429) return 'Too many logins were tried. Wait a minute, then try once.';
  if (/^(OAU-146|invalid_client)$/.test(errorCode) || status === 401) {
    return `RC_APP_CLIENT_ID and RC_APP_CLIENT_SECRET don't belong to one app. Copy both again, ${CONSOLE}.`;
  }
  if (/^(OAU-251|unauthorized_client)$/.test(errorCode)) {
    return `The app may not log in by JWT. Give it the JWT auth flow, ${CONSOLE}.`;
  }
  if (/^(OAU-|invalid_grant)/.test(errorCode)) {
    return `RC_USER_JWT is revoked, expired, cut off, or made for another app. Make a new one for this app, ${CONSOLE} under Credentials.`;
  }
  return 'Check RC_SERVER_URL, RC_APP_CLIENT_ID, RC_APP_CLIENT_SECRET and RC_USER_JWT.';
}

function permissionResult({ sendPermission }: SmsApi, granted: string[]): CheckResult {
  const step = 'Permission';
  if (granted.length === 0) return unknown(step, "The login doesn't name the app's permissions.");
  if (granted.includes(sendPermission)) return ok(step, `The app has the permission ${sendPermission}.`);
  return wrong(step, `The app lacks the permission ${sendPermission}.`, permissionFix(sendPermission));
}

async function checkReading(client: RingCentralClient, api: SmsApi): Promise<CheckResult> {
  const step = 'Reading';
  const { failure } = await attempt(() => client.call(api.listCall));
  if (failure) return unreadable(step, 'The delivery of messages', failure.facts, api.readPermission);
  return ok(step, `The app has the permission ${api.readPermission}, so deliveries are tracked.`);
}

async function* checkMessage(
  client: RingCentralClient,
  options: RingCentralOptions,
  { to, text }: Message,
): AsyncGenerator<CheckResult, void> {
  const sms = ringCentralSms(options, client);
  const outcome = await sms.send(to, text);
  yield sentResult(outcome, `a message to the number ending in ${last4(to)}`, shown(outcome.facts));
  if (outcome.kind !== 'sent') return;
  const delivery = await sms.trackDelivery(outcome.messageId);
  yield deliveryResult(delivery, shown(delivery.facts));
}

/** Returns what to do about an outage. It never depends on a number. */
export function outageFix(reason: 'misconfigured' | 'busy' | 'unknown', facts: CallFacts = {}): string {
  const { call, status, errorCode } = facts;
  if (reason === 'unknown')
    return 'RingCentral gives no clear answers. Wait some minutes, then run npm run doctor.';
  if (status === undefined && errorCode !== undefined) return networkFix(errorCode);
  if (reason === 'misconfigured' && call === 'login') return loginFix(facts);
  if (reason === 'misconfigured') return 'Run npm run doctor: the app or the number is not set up to send.';
  return FIXES.busy;
}

const FIXES: Record<FailureReason, string> = {
  bad_recipient: 'That number gets no messages from here. Try a mobile number of a country in SMS_COUNTRIES.',
  opted_out: 'The phone answered STOP to this sender. A START from that phone undoes it.',
  misconfigured: 'The app or the number is not set up to send. See the steps above.',
  busy: 'RingCentral accepts no messages now, because there were too many or it is out of order. Wait some minutes.',
  undeliverable:
    "Try another phone. If that fails too, ask RingCentral's support, with the id of the request.",
};

function sentResult(outcome: SmsOutcome, what: string, facts: string): CheckResult {
  const step = 'Message';
  switch (outcome.kind) {
    case 'sent':
      return ok(step, `RingCentral accepted ${what}${facts}.`);
    case 'refused':
      return wrong(step, `RingCentral refused ${what}${facts}.`, FIXES[outcome.reason]);
    case 'unknown':
      return wrong(
        step,
        `RingCentral perhaps accepted ${what}${facts}.`,
        'Look at the phone. Try again if nothing arrived.',
      );
  }
}

function deliveryResult(delivery: DeliveryResult, facts: string): CheckResult {
  const step = 'Delivery';
  switch (delivery.kind) {
    case 'delivered':
      return ok(step, `It was delivered${facts}.`);
    case 'failed':
      return wrong(step, `It was not delivered${facts}.`, FIXES[delivery.reason]);
    case 'unknown':
      return unknown(step, `RingCentral doesn't report its delivery${facts}.`, 'Look at the phone.');
  }
}
