import type { ApiCall } from './client.ts';
import { plainWord } from './failure.ts';

/** The API that sends. `standard` needs a number with the feature SmsSender, `a2p` (high volume) one with A2PSmsSender. */
export type ApiName = 'standard' | 'a2p';

/** The state of a message at RingCentral. */
export interface MessageState {
  /** The id for `statusCall`; undefined if the answer names none. */
  id: string | undefined;
  /** Undefined while the message is on its way. */
  end: 'delivered' | 'failed' | undefined;
  errorCode: string | undefined;
}

/** The calls of one API, and the readers of its answers. */
export interface SmsApi {
  /** The feature that the number needs, and the permissions that the app needs to send and to read a delivery. */
  readonly feature: string;
  readonly sendPermission: string;
  readonly readPermission: string;
  sendCall(from: string, to: string, text: string): ApiCall;
  readSent(answer: Fields): MessageState;
  statusCall(id: string): ApiCall;
  readStatus(answer: Fields): MessageState;
  /** Lists one message. The answer shows whether the app may read messages. */
  readonly listCall: ApiCall;
}

type Fields = Record<string, unknown>;

const ACCOUNT = '/restapi/v1.0/account/~';

const STANDARD: SmsApi = {
  feature: 'SmsSender',
  sendPermission: 'SMS',
  readPermission: 'ReadMessages',
  sendCall: (from, to, text) => ({
    method: 'POST',
    path: `${ACCOUNT}/extension/~/sms`,
    body: { from: { phoneNumber: from }, to: [{ phoneNumber: to }], text },
  }),
  readSent: (answer) => stateOf(answer, answer.deliveryErrorCode),
  statusCall: (id) => ({
    method: 'GET',
    path: `${ACCOUNT}/extension/~/message-store/${encodeURIComponent(id)}`,
  }),
  readStatus: (answer) => stateOf(answer, answer.deliveryErrorCode),
  listCall: { method: 'GET', path: `${ACCOUNT}/extension/~/message-store?messageType=SMS&perPage=1` },
};

// A batch of one message. The answer has the id of the batch and not of the message, so the batch's id is used.
const A2P: SmsApi = {
  feature: 'A2PSmsSender',
  sendPermission: 'A2PSMS',
  readPermission: 'A2PSMS',
  sendCall: (from, to, text) => ({
    method: 'POST',
    path: `${ACCOUNT}/a2p-sms/batches`,
    body: { from, text, messages: [{ to: [to] }] },
  }),
  readSent(answer) {
    const rejected = firstOf(answer.rejected);
    if (rejected !== undefined) return stateOf({ messageStatus: 'SendingFailed' }, rejected.errorCode);
    return stateOf({ id: answer.id }, undefined);
  },
  statusCall: (id) => ({
    method: 'GET',
    path: `${ACCOUNT}/a2p-sms/messages?batchId=${encodeURIComponent(id)}`,
  }),
  readStatus(answer) {
    const message = firstOf(answer.records) ?? {};
    return stateOf(message, message.errorCode);
  },
  listCall: { method: 'GET', path: `${ACCOUNT}/a2p-sms/messages?perPage=1` },
};

/** Returns the API of that name. */
export function smsApi(name: ApiName = 'standard'): SmsApi {
  return name === 'a2p' ? A2P : STANDARD;
}

function stateOf({ id, messageStatus }: Fields, errorCode: unknown): MessageState {
  const isNamed = typeof id === 'number' || typeof id === 'string';
  const hasFailed = messageStatus === 'SendingFailed' || messageStatus === 'DeliveryFailed';
  return {
    id: isNamed ? String(id) : undefined,
    end: hasFailed ? 'failed' : messageStatus === 'Delivered' ? 'delivered' : undefined,
    errorCode: plainWord(errorCode),
  };
}

function firstOf(list: unknown): Fields | undefined {
  return Array.isArray(list) && list.length > 0 ? Object(list[0]) : undefined;
}
