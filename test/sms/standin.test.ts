import { beforeEach, describe, expect, test } from 'vitest';
import { PHONE, ringCentralBench, TEXT } from '../support/ringcentral.ts';
import { account } from '../support/ringcentral-standin.ts';

const bench = ringCentralBench();
const EXTENSION = '/restapi/v1.0/account/~/extension/~';
const A2P = '/restapi/v1.0/account/~/a2p-sms';
let token: string;

function call(path: string, body?: unknown) {
  const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
  return fetch(`${bench.ringCentral.url}${path}`, { ...init, headers: { authorization: `bearer ${token}` } });
}

const bodyOf = async (path: string, body?: unknown) => (await call(path, body)).json();
const groupOf = async (path: string, body?: unknown) =>
  (await call(path, body)).headers.get('x-rate-limit-group');
const sms = { from: { phoneNumber: account.fromNumber }, to: [{ phoneNumber: PHONE }], text: TEXT };

beforeEach(async () => {
  const { clientId, clientSecret, jwt } = account;
  const answer = await fetch(`${bench.ringCentral.url}/restapi/oauth/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: jwt }),
  });
  const fields = await answer.json();
  expect(fields).not.toHaveProperty('refresh_token');
  token = fields.access_token;
});

describe('the stand-in', () => {
  test.each(['/account/~/extension/~/sms', '/restapi/v1.0/account/~/extension/~', '/'])(
    'answers 404 at %s',
    async (path) => {
      const answer = await call(path, sms);
      expect(answer.status).toBe(404);
      expect(await answer.json()).toMatchObject({ errorCode: 'CMN-120' });
    },
  );

  test("counts each path in RingCentral's own rate limit group", async () => {
    expect(await groupOf(`${EXTENSION}/sms`, sms)).toBe('medium');
    expect(await groupOf(`${EXTENSION}/message-store/40000000001`)).toBe('light');
    expect(await groupOf(`${EXTENSION}/phone-number`)).toBe('light');
    expect(await groupOf(`${A2P}/batches`, {})).toBe('light');
    expect(await groupOf('/restapi/oauth/token', {})).toBe('auth');
  });

  test('reports the next status of a message at each reading', async () => {
    const { id, messageStatus } = await bodyOf(`${EXTENSION}/sms`, sms);
    expect(messageStatus).toBe('Queued');
    const readings = [];
    for (const _ of [1, 2, 3, 4]) readings.push(await bodyOf(`${EXTENSION}/message-store/${id}`));
    expect(readings.map((reading) => reading.messageStatus)).toEqual([
      'Queued',
      'Sent',
      'Delivered',
      'Delivered',
    ]);
    expect(readings[0]).not.toHaveProperty('smsDeliveryTime');
    expect(readings[3]).toHaveProperty('smsDeliveryTime');
  });

  test('answers 404 for a message that it did not accept', async () => {
    expect((await call(`${EXTENSION}/message-store/7`)).status).toBe(404);
    expect((await call(`${A2P}/messages/7`)).status).toBe(404);
  });

  test.each([
    ['SMS', `${EXTENSION}/sms`, sms],
    ['ReadMessages', `${EXTENSION}/message-store/40000000001`, undefined],
    ['ReadAccounts', `${EXTENSION}/phone-number`, undefined],
    ['ReadAccounts', `${EXTENSION}/phone-number/7001/sms-configuration`, undefined],
    ['A2PSMS', `${A2P}/messages`, undefined],
  ] as const)('requires the permission %s at %s', async (permission, path, body) => {
    bench.ringCentral.permissions.delete(permission);
    const answer = await call(path, body);
    expect(answer.status).toBe(403);
    expect(await answer.json()).toMatchObject({
      errors: [{ errorCode: 'CMN-401', permissionName: permission }],
    });
  });

  test('refuses a revoked token', async () => {
    const { clientId, clientSecret } = account;
    await fetch(`${bench.ringCentral.url}/restapi/oauth/revoke`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}` },
      body: new URLSearchParams({ token }),
    });
    expect((await call(`${EXTENSION}/phone-number`)).status).toBe(401);
  });

  test('lists the numbers with their features, and each campaign', async () => {
    const { records } = await bodyOf(`${EXTENSION}/phone-number`);
    expect(records).toMatchObject([
      { id: 7001, phoneNumber: account.fromNumber, features: expect.arrayContaining(['SmsSender']) },
    ]);
    const path = `${EXTENSION}/phone-number/7001/sms-configuration`;
    expect(await bodyOf(path)).toMatchObject({ smsCampaignInfo: { status: 'Confirmed' } });
    bench.ringCentral.campaign = undefined;
    expect(await bodyOf(path)).not.toHaveProperty('smsCampaignInfo');
  });

  test('sends only from a number with the feature that the path needs', async () => {
    bench.ringCentral.numbers[0]?.features.splice(0, 9);
    expect((await bodyOf(`${EXTENSION}/sms`, sms)).errors[0].errorCode).toBe('MSG-242');
  });

  test('accepts a batch, and returns its messages by the batch and by their own ids', async () => {
    const batch = await bodyOf(`${A2P}/batches`, {
      from: account.fromNumber,
      text: TEXT,
      messages: [{ to: [PHONE] }, { to: ['+1'] }],
    });
    expect(batch).toMatchObject({
      batchSize: 2,
      status: 'Processing',
      rejected: [{ index: 1, errorCode: 'SMS-RC-410' }],
    });
    const { records } = await bodyOf(`${A2P}/messages?batchId=${batch.id}`);
    expect(records).toMatchObject([{ to: [PHONE], messageStatus: 'Queued', segmentCount: 1 }]);
    expect(await bodyOf(`${A2P}/messages/${records[0].id}`)).toMatchObject({
      text: TEXT,
      messageStatus: 'Sent',
    });
    expect((await bodyOf(`${A2P}/messages?batchId=another`)).records).toEqual([]);
  });
});
