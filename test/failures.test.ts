import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import type { MessageLine } from '../src/engine/message-log.ts';
import { codeStatus, resetPwd } from '../src/engine.ts';
import { ringCentralSms } from '../src/sms/ringcentral/sender.ts';
import { createSmsPort } from '../src/sms/sms-port.ts';
import type { SmsPort } from '../src/sms.ts';
import { memoryStore } from './support/memory-store.ts';
import {
  account,
  oauthRefusal,
  ok,
  page,
  RingCentralStandIn,
  refusal,
  type Trouble,
  tooMany,
} from './support/ringcentral-standin.ts';
import { ROOT } from './support/site.ts';
import { passcodeIn } from './support/sms.ts';
import { ANN, must, NETWORK, PASSWORD, world } from './support/world.ts';

/** The troubles that RingCentral may have with one message. */
const FAILURES: [name: string, arrange: (ringCentral: RingCentralStandIn) => unknown][] = [
  ['none: the message arrives', () => undefined],
  [
    'the carrier loses the message',
    (rc) => (rc.progress = ['Queued', { failed: 'DeliveryFailed', errorCode: 'SMS-CAR-199' }]),
  ],
  [
    'the phone has opted out, reported later',
    (rc) => (rc.progress = [{ failed: 'DeliveryFailed', errorCode: 'SMS-UP-413' }]),
  ],
  ['the app may not read messages', (rc) => rc.permissions.delete('ReadMessages')],
  ['401 once, the token was revoked', (rc) => rc.next('sms', status401)],
  ['401 always', (rc) => rc.always('sms', status401)],
  ['400 MSG-243, a blocked number', (rc) => rc.always('sms', refusal(400, 'MSG-243'))],
  ['400 CMN-101 about `to`', (rc) => rc.always('sms', refusal(400, 'CMN-101', 'to'))],
  ['400 SMS-RC-413, opted out', (rc) => rc.always('sms', refusal(400, 'SMS-RC-413'))],
  ["400 MSG-245, the sender is not the user's", (rc) => rc.always('sms', refusal(400, 'MSG-245'))],
  ['403 MSG-242, the number may not send', (rc) => rc.always('sms', refusal(403, 'MSG-242'))],
  ['403 CMN-401, the app lacks SMS', (rc) => rc.permissions.delete('SMS')],
  ['403 EXT-135, the user is disabled', (rc) => rc.always('sms', refusal(403, 'EXT-135'))],
  ["403 BIL-103, the account's plan has no SMS", (rc) => rc.always('sms', refusal(403, 'BIL-103'))],
  ['429 with Retry-After 45', (rc) => rc.always('sms', tooMany('45'))],
  ['429 without Retry-After', (rc) => rc.always('sms', tooMany())],
  ['500', (rc) => rc.always('sms', refusal(500, 'CMN-201'))],
  ['503 MSG-290, try later', (rc) => rc.always('sms', refusal(503, 'MSG-290'))],
  ['503 in HTML', (rc) => rc.always('sms', page(503))],
  ['200 in HTML', (rc) => rc.always('sms', page(200))],
  ['the answer is cut', (rc) => rc.always('sms', { kind: 'cut' })],
  ['the answer stalls', (rc) => rc.always('sms', { kind: 'stall' })],
  ['no answer', (rc) => rc.always('sms', { kind: 'hang' })],
  [
    'the connection drops before the message is accepted',
    (rc) => rc.always('sms', { kind: 'drop', when: 'before' }),
  ],
  [
    'the connection drops after the message is accepted',
    (rc) => rc.always('sms', { kind: 'drop', when: 'after' }),
  ],
  ['a slow answer, in time', (rc) => rc.next('sms', { kind: 'late', after: 100 })],
  ['the server is down', (rc) => rc.close()],
  [
    'the login is refused: the JWT',
    (rc) => rc.always('token', oauthRefusal(400, 'invalid_grant', 'OAU-125')),
  ],
  [
    'the login is refused: the client',
    (rc) => rc.always('token', oauthRefusal(401, 'invalid_client', 'OAU-146')),
  ],
  ['the login is answered 429', (rc) => rc.always('token', tooMany('60'))],
  ['the login is answered 200 without a token', (rc) => rc.always('token', ok({}))],
  ['the login hangs', (rc) => rc.always('token', { kind: 'hang' })],
];
const status401: Trouble = refusal(401, 'OAU-128');

const rows: string[] = [];

/** Returns the row of the document for one message. */
async function rowOf(name: string, arrange: (ringCentral: RingCentralStandIn) => unknown): Promise<string> {
  const ringCentral = await RingCentralStandIn.start();
  onTestFinished(() => ringCentral.close());
  const lines: (Pick<MessageLine, 'reason' | 'provider'> & { event: string })[] = [];
  const sender = ringCentralSms({
    serverUrl: ringCentral.url,
    ...account,
    log: (line) => lines.push(line),
    requestTimeoutMs: 400,
    deadlineMs: 600,
    trackingDelaysMs: [0, 0, 0],
  });
  const texts: string[] = [];
  const { sms, availability } = createSmsPort(sender, { perMinute: 36 });
  const noting: SmsPort = {
    ...sms,
    send(to, text, trust) {
      texts.push(text);
      return sms.send(to, text, trust);
    },
  };
  const here = world({}, memoryStore(), { sms: noting, availability }, (line) => lines.push(line));
  await here.signUp();
  const signedIn = await here.signIn(PASSWORD);
  if (signedIn.kind !== 'ok') throw new Error(signedIn.kind);
  const { device } = signedIn.issued;

  arrange(ringCentral);
  const asked = await resetPwd(here.deps, { network: NETWORK, email: ANN, device });
  await here.settled();
  if (asked.kind !== 'code_sent') throw new Error(asked.kind);
  const flow = must(asked.flow);
  here.clock.advanceSeconds(5);
  const own = await codeStatus(here.deps, { network: NETWORK, flow, deviceOf: () => device });
  const others = await codeStatus(here.deps, { network: NETWORK, flow });
  const counts = [ringCentral.count('token'), ringCentral.count('sms'), ringCentral.messages.length];
  const isValid = (await here.setPassword(flow, passcodeIn(texts[0]), 'a new password')).kind === 'ok';
  const events = lines.map(({ event, reason, provider: { call, status, errorCode } = {} }) =>
    // A lost connection has one of two names, which depends on timing.
    [event, reason, call, status, errorCode?.replace(/^(UND_ERR_SOCKET|ECONNRESET)$/, 'ConnectionLost')]
      .filter(Boolean)
      .join(' '),
  );
  const delivery = [own.delivery, own.reason].filter(Boolean).join(', ');
  const again =
    own.resendIn === 0 ? 'at once' : own.delivery === 'failed' ? 'after the cooldown' : 'after the pause';
  const cells = [
    name,
    delivery,
    again,
    others.delivery,
    isValid ? 'valid' : 'void',
    availability('stranger').kind === 'failing' ? 'yes' : 'no',
    events.join('; '),
    ...counts,
  ];
  return `| ${cells.join(' | ')} |`;
}

test.each(FAILURES)('%s', async (name, arrange) => {
  const row = await rowOf(name, arrange);
  rows.push(row);
  if (process.env.UPDATE_DOCS === undefined)
    expect(readFileSync(DOCUMENT, 'utf8').split('\n')).toContain(row);
});

const DOCUMENT = join(ROOT, 'docs', 'ringcentral-failures.md');

afterAll(() => {
  if (process.env.UPDATE_DOCS === undefined) return;
  const head =
    '| trouble | known device | next request | other devices | code | outage | log | logins | posts | accepted |';
  const [intro = ''] = readFileSync(DOCUMENT, 'utf8').split(`\n${head}`);
  writeFileSync(DOCUMENT, `${[intro, head, `|${'---|'.repeat(10)}`, ...rows].join('\n')}\n`);
});
