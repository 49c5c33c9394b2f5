import type { ApiCall } from './client.ts';
import { plainWord } from './failure.ts';

/** Which of RingCentral's APIs a number sends by: `standard` needs its feature SmsSender, `a2p` (high volume) A2PSmsSender. */
export type ApiName = 'standard' | 'a2p';

/** What RingCentral says of a message: `end` is undefined while it is on its way. */
export interface MessageState {
  /** By what the message is asked after; undefined where the answer names none. */
  id: string | undefined;
  end: 'delivered' | 'failed' | undefined;
  errorCode: string | undefined;
}

/** One of the APIs: what is asked of it, and how its answers are read. */
export interface SmsApi {
  /** The number's feature, and the app's permissions to send and to read what became of it. */
  readonly feature: string;
  readonly sendPermission: string;
  readonly readPermission: string;
  sendCall(from: string, to: string, text: string): ApiCall;
  readSent(answer: Fields): MessageState;
  statusCall(id: string): ApiCall;
  readStatus(answer: Fields): MessageState;
  /** A call that lists one message, to see whether messages may be read. */
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

// A batch of one. Its answer names the batch and not the message, which therefore is asked after by the batch's id.
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

/** The API of that name. */
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
