import type { DeliveryResult, FailureReason, SmsOutcome } from '../../sms.ts';
import { type SmsApi, smsApi } from './api.ts';
import { type RingCentralClient, ringCentralClient } from './client.ts';
import type { CallFacts, Failure } from './failure.ts';
import {
  attempt,
  CONSOLE,
  type Finding,
  last4,
  permit,
  right,
  shown,
  unread,
  unsaid,
  wrong,
} from './finding.ts';
import type { SmsLogLine } from './log.ts';
import { type NumberOptions, numberFindings } from './number.ts';
import { type RingCentralOptions, ringCentralSms } from './sender.ts';

/** What is checked: a sender, and the countries that it is to reach. */
export type CheckOptions = RingCentralOptions & NumberOptions;

/**
 * Checks step by step whether messages can go out, and sends `message` at the end where there is one, to an E.164
 * number. The steps after a wrong login are left out, and its own login is given back. Never throws.
 */
export async function* checkRingCentral(
  options: CheckOptions,
  message?: { to: string; text: string },
): AsyncGenerator<Finding, void> {
  const client = ringCentralClient(options);
  try {
    yield* findings(client, options, message);
  } finally {
    await client.logout();
  }
}

async function* findings(
  client: RingCentralClient,
  options: CheckOptions,
  message?: { to: string; text: string },
): AsyncGenerator<Finding, void> {
  const api = smsApi(options.api);
  const login = await attempt(() => client.login());
  const server = serverFinding(options, login.failure);
  yield server;
  if (server.is === 'wrong') return;
  yield loginFinding(login.failure);
  if (login.failure) return;
  yield permissionFinding(api, login.value ?? []);
  yield* numberFindings(client, api, options);
  yield await readingFinding(client, api);
  if (message) yield* messageFindings(client, options, message);
}

/**
 * The cheap part of the checks, for a start: the login, which the client keeps, the number and its features. Warns in
 * one line of the first thing that is wrong, and says nothing otherwise. Never rejects.
 */
export async function warnAboutRingCentral(
  client: RingCentralClient,
  options: CheckOptions,
  warn: (line: string) => void,
): Promise<void> {
  for await (const { step, is, says, todo } of findings(client, options)) {
    if (is === 'wrong') warn(`RingCentral: ${says} ${todo} (npm run doctor checks it all.)`);
    if (is === 'wrong' || step === 'Countries') break;
  }
}

const ADVICE: Record<FailureReason, string> = {
  bad_recipient:
    'That number gets no text messages from here: try a mobile number of a country in SMS_COUNTRIES.',
  opted_out: 'Its owner answered STOP to this sender. A START from that phone undoes it.',
  misconfigured: 'The app or the number is not set up to send: see the steps above.',
  busy: 'RingCentral takes no message now, for too many were sent or it is out of order: wait some minutes.',
  undeliverable: "Try another phone. If that fails too, ask RingCentral's support, with the request's id.",
};

function serverFinding({ serverUrl }: CheckOptions, failure: Failure | undefined): Finding {
  const step = 'Server';
  if (!failure) return right(step, `${serverUrl} answers.`);
  const { status, errorCode = '' } = failure.facts;
  const isItself = status !== undefined && status < 500 && /^(OAU|CMN|AGW)-|^[a-z_]+$/.test(errorCode);
  if (isItself) return right(step, `${serverUrl} answers.`);
  if (status !== undefined && status >= 500) {
    return wrong(
      step,
      `${serverUrl} is out of order${shown(failure.facts)}.`,
      'Wait some minutes and try again.',
    );
  }
  if (status !== undefined) {
    return wrong(
      step,
      `${serverUrl} does not answer like RingCentral${shown(failure.facts)}.`,
      'Check RC_SERVER_URL, and whether a proxy answers in its place.',
    );
  }
  return wrong(step, `${serverUrl} can't be reached${shown(failure.facts)}.`, networkTodo(errorCode));
}

function networkTodo(errorCode: string): string {
  if (/^(ENOTFOUND|EAI_AGAIN)$/.test(errorCode)) {
    return "Check RC_SERVER_URL's spelling and this machine's DNS.";
  }
  if (/CERT|SIGNATURE|TLS|SSL/.test(errorCode)) {
    return 'Its certificate is not trusted: check RC_SERVER_URL, and whether a proxy stands in between.';
  }
  return 'Check RC_SERVER_URL, and that a firewall lets this machine out to it.';
}

function loginFinding(failure: Failure | undefined): Finding {
  const step = 'Login';
  if (!failure) return right(step, 'The client id, its secret and the JWT are taken.');
  return wrong(step, `RingCentral refuses the login${shown(failure.facts)}.`, loginTodo(failure.facts));
}

function loginTodo({ status, errorCode = '' }: CallFacts): string {
  if (status === 429) return 'Too many logins were tried: wait a minute or more, then try once.';
  if (/^(OAU-146|invalid_client)$/.test(errorCode) || status === 401) {
    return `RC_APP_CLIENT_ID and RC_APP_CLIENT_SECRET are not those of one app: copy both anew, ${CONSOLE}.`;
  }
  if (/^(OAU-251|unauthorized_client)$/.test(errorCode)) {
    return `The app may not log in by JWT: give it the JWT auth flow, ${CONSOLE}.`;
  }
  if (/^(OAU-|invalid_grant)/.test(errorCode)) {
    return `RC_USER_JWT is revoked, expired, cut off, or made for another app: make a new one for this app, ${CONSOLE} under Credentials.`;
  }
  return 'Check RC_SERVER_URL, RC_APP_CLIENT_ID, RC_APP_CLIENT_SECRET and RC_USER_JWT.';
}

async function* messageFindings(
  client: RingCentralClient,
  options: RingCentralOptions,
  { to, text }: { to: string; text: string },
): AsyncGenerator<Finding, void> {
  let line: SmsLogLine | undefined;
  const log = (latest: SmsLogLine) => {
    line = latest;
  };
  const sms = ringCentralSms({ ...options, log }, client);
  const outcome = await sms.send(to, text);
  yield sentFinding(outcome, `the number ending in ${last4(to)}`, shown(line));
  if (outcome.kind === 'sent') yield fateFinding(await sms.trackDelivery(outcome.messageId), shown(line));
}

function sentFinding(outcome: SmsOutcome, where: string, facts: string): Finding {
  const step = 'Message';
  switch (outcome.kind) {
    case 'sent':
      return right(step, `RingCentral took a message to ${where}${facts}.`);
    case 'refused':
      return wrong(step, `RingCentral refuses a message to ${where}${facts}.`, ADVICE[outcome.reason]);
    case 'unknown':
      return wrong(
        step,
        `Whether a message to ${where} left is not known${facts}.`,
        'Look at the phone, and try again if nothing came.',
      );
  }
}

function fateFinding(fate: DeliveryResult, facts: string): Finding {
  const step = 'Delivery';
  switch (fate.kind) {
    case 'delivered':
      return right(step, `It was delivered${facts}.`);
    case 'failed':
      return wrong(step, `It did not arrive${facts}.`, ADVICE[fate.reason]);
    case 'unknown':
      return unsaid(step, `RingCentral does not say what became of it${facts}.`, 'Look at the phone.');
  }
}

function permissionFinding({ sendPermission }: SmsApi, granted: string[]): Finding {
  const step = 'Permission';
  if (granted.length === 0) return unsaid(step, 'The login does not tell what the app may do.');
  if (granted.includes(sendPermission)) return right(step, `The app has the permission ${sendPermission}.`);
  return wrong(step, `The app lacks the permission ${sendPermission}.`, permit(sendPermission));
}

async function readingFinding(client: RingCentralClient, api: SmsApi): Promise<Finding> {
  const { failure } = await attempt(() => client.call(api.listCall));
  if (!failure)
    return right(
      'Reading',
      `The app has the permission ${api.readPermission}: what becomes of messages is followed.`,
    );
  return unread('Reading', 'What becomes of messages', failure.facts, api.readPermission);
}
