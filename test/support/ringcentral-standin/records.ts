/** An accepted message, as the user would find it on the phone. */
export interface TakenMessage {
  id: number;
  from: string;
  to: string;
  text: string;
}

/** The status of a message at one reading, with the error code of a failed delivery. */
export type Progress =
  | 'Queued'
  | 'Sent'
  | 'Delivered'
  | { failed: 'DeliveryFailed' | 'SendingFailed'; errorCode?: string };

/** A number of the user. */
export interface OwnNumber {
  id: number;
  phoneNumber: string;
  features: string[];
  paymentType: 'Local' | 'TollFree';
}

const TIME = '2025-01-01T00:00:00.000Z';
const USER = '/restapi/v1.0/account/1/extension/1';

/** Returns a message in the form of the message store. */
export function messageRecord({ id, from, to, text }: TakenMessage, progress: Progress): unknown {
  return {
    id,
    uri: `${USER}/message-store/${id}`,
    type: 'SMS',
    direction: 'Outbound',
    from: { phoneNumber: from },
    to: [{ phoneNumber: to }],
    subject: text,
    messageStatus: statusOf(progress),
    readStatus: 'Read',
    priority: 'Normal',
    availability: 'Alive',
    conversationId: 1,
    creationTime: TIME,
    lastModifiedTime: TIME,
    attachments: [],
    ...(progress !== 'Queued' && { smsDeliveryTime: TIME, smsSendingAttemptsCount: 1 }),
    ...(typeof progress === 'object' && progress.errorCode && { deliveryErrorCode: progress.errorCode }),
  };
}

/** Returns a message in the form of the high-volume API's list, which has no text. */
export function a2pRecord({ id, from, to }: TakenMessage, progress: Progress): Record<string, unknown> {
  return {
    id: String(id),
    from,
    to: [to],
    creationTime: TIME,
    lastModifiedTime: TIME,
    messageStatus: statusOf(progress),
    cost: 0.007,
    segmentCount: 1,
    ...(typeof progress === 'object' && progress.errorCode && { errorCode: progress.errorCode }),
  };
}

/** Returns a batch in the form of the high-volume API. `rejected` has the recipients that it did not accept. */
export function batchRecord(id: string, from: string, batchSize: number, rejected: unknown[]): unknown {
  const status = rejected.length === batchSize ? 'Completed' : 'Processing';
  const times = { creationTime: TIME, lastModifiedTime: TIME };
  return { id, from, batchSize, processedCount: rejected.length, status, ...times, rejected };
}

/** Returns a number in the form of the extension's list. */
export function numberRecord({ id, ...number }: OwnNumber): unknown {
  return {
    uri: `${USER}/phone-number/${id}`,
    id,
    ...number,
    type: 'VoiceFax',
    usageType: 'DirectNumber',
    status: 'Normal',
    country: { id: '1', name: 'United States' },
  };
}

/** Returns a list in the form of its only page. */
export function listOf(records: unknown[]): unknown {
  const paging = { page: 1, perPage: 100, totalPages: 1, totalElements: records.length };
  return { uri: USER, records, paging, navigation: {} };
}

function statusOf(progress: Progress): string {
  return typeof progress === 'object' ? progress.failed : progress;
}
