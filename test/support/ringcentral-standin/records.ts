/** A message that the stand-in took, as a person would find it on the phone. */
export interface TakenMessage {
  id: number;
  from: string;
  to: string;
  text: string;
}

/** What is said of a message at one reading, with the delivery error where it failed. */
export type Progress =
  | 'Queued'
  | 'Sent'
  | 'Delivered'
  | { failed: 'DeliveryFailed' | 'SendingFailed'; errorCode?: string };

/** A number of the stand-in's user. */
export interface OwnNumber {
  id: number;
  phoneNumber: string;
  features: string[];
  paymentType: 'Local' | 'TollFree';
}

const TIME = '2025-01-01T00:00:00.000Z';
const USER = '/restapi/v1.0/account/1/extension/1';

/** A message as the message store shows it. */
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

/** A message as the high-volume API lists it; its text is told by its own reading alone. */
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

/** A batch as the high-volume API answers it; `rejected` holds the recipients that it did not take. */
export function batchRecord(id: string, from: string, batchSize: number, rejected: unknown[]): unknown {
  const status = rejected.length === batchSize ? 'Completed' : 'Processing';
  const times = { creationTime: TIME, lastModifiedTime: TIME };
  return { id, from, batchSize, processedCount: rejected.length, status, ...times, rejected };
}

/** A number as the extension's list shows it. */
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

/** A page of a list that has one page. */
export function listOf(records: unknown[]): unknown {
  const paging = { page: 1, perPage: 100, totalPages: 1, totalElements: records.length };
  return { uri: USER, records, paging, navigation: {} };
}

function statusOf(progress: Progress): string {
  return typeof progress === 'object' ? progress.failed : progress;
}
