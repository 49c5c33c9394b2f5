import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Answer,
  badParameter,
  badToken,
  found,
  type HeaderFields,
  type Incoming,
  lacksFeature,
  lacksPermission,
  noSuchPath,
  noSuchResource,
  notOwnNumber,
  oauthError,
  write,
  writeHalf,
} from './ringcentral-standin/answers.ts';
import {
  a2pRecord,
  batchRecord,
  listOf,
  messageRecord,
  numberRecord,
  type OwnNumber,
  type Progress,
  type TakenMessage,
} from './ringcentral-standin/records.ts';
import type { Trouble } from './ringcentral-standin/troubles.ts';

export type { OwnNumber, Progress, TakenMessage } from './ringcentral-standin/records.ts';
export { oauthRefusal, ok, page, refusal, type Trouble, tooMany } from './ringcentral-standin/troubles.ts';

/** `messages` reads the message store, `a2pMessages` that of high volume. `batches` sends by high volume. */
export type Endpoint =
  | 'token'
  | 'revoke'
  | 'sms'
  | 'messages'
  | 'numbers'
  | 'configuration'
  | 'batches'
  | 'a2pMessages'
  | 'other';

type Permission = 'SMS' | 'ReadMessages' | 'ReadAccounts' | 'A2PSMS';

interface Route {
  method: string;
  path: RegExp;
  endpoint: Endpoint;
  /** The permission that the route requires, together with a live token. */
  permission?: Permission;
  work(request: Incoming, id: string): Answer;
}

interface Journey {
  steps: readonly Progress[];
  readings: number;
}

/** The app, the user and the number of the stand-in, in the sender's names. */
export const account = {
  clientId: 'standin-client',
  clientSecret: 'standin-client-secret',
  jwt: 'eyJhbGciOiJSUzI1NiJ9.standin-jwt-payload.standin-jwt-signature',
  fromNumber: '+12095550100',
};

const JWT_GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const ACCOUNT = '/restapi/v1.0/account/~';
const EXTENSION = `${ACCOUNT}/extension/~`;

/** RingCentral's rate limits, in requests a minute. */
const GROUPS = { auth: 5, light: 50, medium: 40 };
const GROUP_OF: Record<Endpoint, keyof typeof GROUPS> = {
  token: 'auth',
  revoke: 'auth',
  sms: 'medium',
  messages: 'light',
  numbers: 'light',
  configuration: 'light',
  batches: 'light',
  a2pMessages: 'light',
  other: 'medium',
};

/** The part of RingCentral that sends text messages, on a port of 127.0.0.1, with troubles on demand. */
export class RingCentralStandIn {
  /** Its origin, even after `close`. */
  url = '';
  /** The accepted messages, oldest first. */
  readonly messages: TakenMessage[] = [];
  /** All issued access tokens, oldest first. */
  readonly tokens: string[] = [];
  /** The requested grant types, oldest first. */
  readonly issued: string[] = [];
  /** `expires_in` of the next tokens, in seconds. */
  expiresInSeconds = 3600;
  /** The permissions of the app. */
  readonly permissions = new Set<Permission>(['SMS', 'ReadMessages', 'ReadAccounts', 'A2PSMS']);
  /** The numbers of the user. */
  readonly numbers: OwnNumber[] = [
    {
      id: 7001,
      phoneNumber: account.fromNumber,
      features: ['CallerId', 'SmsSender', 'A2PSmsSender'],
      paymentType: 'Local',
    },
  ];
  /** The campaign of the numbers, if any. */
  campaign: Record<string, unknown> | undefined = {
    id: '2008',
    status: 'Confirmed',
    registrationTier: 'LowVolume',
    useCases: ['MachineToMachine'],
  };
  /** The status of the next messages at each reading. The last one stays. */
  progress: readonly Progress[] = ['Queued', 'Sent', 'Delivered'];
  /** The recipients that high volume rejects, with the error codes. */
  readonly rejects = new Map<string, string>();
  /** X-Rate-Limit-Remaining of some groups. Other groups have used up one request. */
  readonly remaining: Partial<Record<keyof typeof GROUPS, number>> = {};
  /** Called with each accepted message. */
  onMessage: (message: TakenMessage) => void = () => undefined;

  readonly #server = createServer((request, response) => {
    this.#serve(request, response).catch(() => response.destroy());
  });
  readonly #sockets = new Set<Socket>();
  readonly #liveTokens = new Set<string>();
  readonly #counts = new Map<Endpoint, number>();
  readonly #troubles = new Map<Endpoint, Trouble[]>();
  readonly #standingTroubles = new Map<Endpoint, Trouble>();
  readonly #journeys = new Map<number, Journey>();
  readonly #batches = new Map<number, string>();
  readonly #routes: Route[] = [
    route('POST', '/restapi/oauth/token', 'token', (request) => this.#giveToken(request)),
    route('POST', '/restapi/oauth/revoke', 'revoke', (request) => this.#revokeToken(request)),
    route('POST', `${EXTENSION}/sms`, 'sms', (request) => this.#takeMessage(request), 'SMS'),
    route('GET', `${EXTENSION}/message-store`, 'messages', () => this.#listMessages(), 'ReadMessages'),
    route(
      'GET',
      `${EXTENSION}/message-store/:id`,
      'messages',
      (_, id) => this.#readMessage(id),
      'ReadMessages',
    ),
    route('GET', `${EXTENSION}/phone-number`, 'numbers', () => this.#listNumbers(), 'ReadAccounts'),
    route(
      'GET',
      `${EXTENSION}/phone-number/:id/sms-configuration`,
      'configuration',
      (_, id) => this.#readConfiguration(id),
      'ReadAccounts',
    ),
    route('POST', `${ACCOUNT}/a2p-sms/batches`, 'batches', (request) => this.#takeBatch(request), 'A2PSMS'),
    route('GET', `${ACCOUNT}/a2p-sms/messages`, 'a2pMessages', (request) => this.#listA2p(request), 'A2PSMS'),
    route('GET', `${ACCOUNT}/a2p-sms/messages/:id`, 'a2pMessages', (_, id) => this.#readA2p(id), 'A2PSMS'),
  ];

  /** Starts a stand-in. The caller closes it. */
  static async start(): Promise<RingCentralStandIn> {
    const standIn = new RingCentralStandIn();
    standIn.#server.on('connection', (socket) => {
      standIn.#sockets.add(socket);
      socket.on('close', () => standIn.#sockets.delete(socket));
    });
    await new Promise<void>((resolve) => standIn.#server.listen(0, '127.0.0.1', resolve));
    standIn.url = `http://127.0.0.1:${(standIn.#server.address() as AddressInfo).port}`;
    return standIn;
  }

  /** Returns the number of requests to an endpoint, answered or not. */
  count(endpoint: Endpoint): number {
    return this.#counts.get(endpoint) ?? 0;
  }

  /** Queues troubles for an endpoint, one for each of its next requests. */
  next(endpoint: Endpoint, ...troubles: Trouble[]): void {
    this.#troubles.set(endpoint, [...(this.#troubles.get(endpoint) ?? []), ...troubles]);
  }

  /** Sets the trouble of every request to an endpoint whose queue is empty. */
  always(endpoint: Endpoint, trouble: Trouble | undefined): void {
    if (trouble === undefined) this.#standingTroubles.delete(endpoint);
    else this.#standingTroubles.set(endpoint, trouble);
  }

  /** Revokes all tokens, like a sixth session or an administrator. */
  revokeTokens(): void {
    this.#liveTokens.clear();
  }

  /** The number of live tokens. */
  get sessions(): number {
    return this.#liveTokens.size;
  }

  /** Stops listening and ends all connections, including hung ones. */
  async close(): Promise<void> {
    const isClosed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await isClosed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request);
    const { method = '', url = '' } = request;
    const { pathname: path, searchParams: query } = new URL(url, this.url);
    const known = this.#routes.find((one) => one.method === method && one.path.test(path));
    const endpoint = known?.endpoint ?? 'other';
    this.#counts.set(endpoint, this.count(endpoint) + 1);
    const headers = this.#headersOf(endpoint);

    const trouble = this.#troubles.get(endpoint)?.shift() ?? this.#standingTroubles.get(endpoint);
    const usual = () => this.#answer(known, { method, path, query, headers: request.headers, body });
    switch (trouble?.kind) {
      case undefined:
        return write(response, usual(), headers);
      case 'answer':
        return write(response, { ...trouble, body: trouble.body(body) }, headers);
      case 'late':
        await (typeof trouble.after === 'number' ? sleep(trouble.after) : trouble.after);
        return write(response, usual(), headers);
      case 'cut':
      case 'stall':
        return writeHalf(response, usual(), headers, trouble.kind);
      case 'drop':
        if (trouble.when === 'after') usual();
        request.socket.destroy();
        return;
      case 'hang':
        return;
    }
  }

  #headersOf(endpoint: Endpoint): HeaderFields {
    const group = GROUP_OF[endpoint];
    const count = [...this.#counts.values()].reduce((sum, each) => sum + each, 0);
    return {
      rcrequestid: `standin-request-${count}`,
      'x-rate-limit-group': group,
      'x-rate-limit-limit': String(GROUPS[group]),
      'x-rate-limit-remaining': String(this.remaining[group] ?? GROUPS[group] - 1),
      'x-rate-limit-window': '60',
    };
  }

  #answer(known: Route | undefined, request: Incoming): Answer {
    if (known === undefined) return noSuchPath(request);
    if (known.permission !== undefined) {
      const token = request.headers.authorization?.replace(/^bearer /i, '') ?? '';
      if (!this.#liveTokens.has(token)) return badToken(token);
      if (!this.permissions.has(known.permission)) return lacksPermission(known.permission);
    }
    return known.work(request, decodeURIComponent(known.path.exec(request.path)?.[1] ?? ''));
  }

  #giveToken({ headers, body }: Incoming): Answer {
    const form = new URLSearchParams(body);
    this.issued.push(form.get('grant_type') ?? '');
    if (!isTheApp(headers.authorization)) return oauthError(401, 'invalid_client', 'OAU-146');
    if (form.get('grant_type') !== JWT_GRANT) return oauthError(400, 'unsupported_grant_type', 'OAU-250');
    if (form.get('assertion') !== account.jwt) return oauthError(400, 'invalid_grant', 'OAU-125');

    const token = `standin-access-token-${this.tokens.length + 1}`;
    this.tokens.push(token);
    this.#liveTokens.add(token);
    const scope = [...this.permissions].join(' ');
    const expiry = { expires_in: this.expiresInSeconds, scope, owner_id: '1', endpoint_id: 'standin' };
    return found({ access_token: token, token_type: 'bearer', ...expiry });
  }

  #revokeToken({ headers, body }: Incoming): Answer {
    if (!isTheApp(headers.authorization)) return oauthError(401, 'invalid_client', 'OAU-146');
    this.#liveTokens.delete(new URLSearchParams(body).get('token') ?? '');
    return found({});
  }

  #takeMessage({ body }: Incoming): Answer {
    const { from, to, text } = JSON.parse(body);
    const recipient = to?.[0]?.phoneNumber;
    if (!isNumber(recipient) || to.length !== 1) return badParameter('to', recipient);
    const fault = textFault(text) ?? this.#senderFault(from?.phoneNumber, 'SmsSender');
    return fault ?? found(messageRecord(this.#take(from.phoneNumber, recipient, text), 'Queued'));
  }

  #takeBatch({ body }: Incoming): Answer {
    const { from, text, messages } = JSON.parse(body);
    if (!Array.isArray(messages) || messages.length === 0) return badParameter('messages', messages);
    const fault = textFault(text) ?? this.#senderFault(from, 'A2PSmsSender');
    if (fault) return fault;
    const recipients: string[] = messages.map(({ to }: { to: string[] }) => String(to?.[0]));
    const rejected = recipients.flatMap((to, index) => {
      const errorCode = this.rejects.get(to) ?? (isNumber(to) ? undefined : 'SMS-RC-410');
      return errorCode ? [{ index, to: [to], errorCode, description: `${to} is rejected` }] : [];
    });
    const id = `batch-${this.messages.length + 1}`;
    for (const [index, to] of recipients.entries()) {
      if (!rejected.some((one) => one.index === index)) this.#batches.set(this.#take(from, to, text).id, id);
    }
    return found(batchRecord(id, from, messages.length, rejected));
  }

  #senderFault(from: unknown, feature: string): Answer | undefined {
    const number = this.numbers.find(({ phoneNumber }) => phoneNumber === from);
    if (!number) return notOwnNumber();
    return number.features.includes(feature) ? undefined : lacksFeature(feature);
  }

  #take(from: string, to: string, text: string): TakenMessage {
    // Above 2^32, like RingCentral's own.
    const message = { id: 40_000_000_001 + this.#journeys.size, from, to, text };
    this.messages.push(message);
    this.#journeys.set(message.id, { steps: this.progress, readings: 0 });
    this.onMessage(message);
    return message;
  }

  #listMessages(): Answer {
    return found(listOf(this.messages.map((message) => messageRecord(message, this.#progressOf(message)))));
  }

  #readMessage(id: string): Answer {
    const message = this.#find(id);
    return message
      ? found(messageRecord(message, this.#progressOf(message)))
      : noSuchResource('messageId', id);
  }

  #listA2p({ query }: Incoming): Answer {
    const batch = query.get('batchId');
    const chosen = this.messages.filter(({ id }) => batch === null || this.#batches.get(id) === batch);
    return found(listOf(chosen.map((message) => a2pRecord(message, this.#progressOf(message)))));
  }

  #readA2p(id: string): Answer {
    const message = this.#find(id);
    if (!message) return noSuchResource('messageId', id);
    return found({ ...a2pRecord(message, this.#progressOf(message)), text: message.text });
  }

  #find(id: string): TakenMessage | undefined {
    return this.messages.find((message) => String(message.id) === id);
  }

  #progressOf({ id }: TakenMessage): Progress {
    const journey = this.#journeys.get(id) ?? { steps: this.progress, readings: 0 };
    journey.readings += 1;
    return journey.steps[Math.min(journey.readings, journey.steps.length) - 1] ?? 'Queued';
  }

  #listNumbers(): Answer {
    return found(listOf(this.numbers.map(numberRecord)));
  }

  #readConfiguration(id: string): Answer {
    const number = this.numbers.find((own) => String(own.id) === id);
    if (!number) return noSuchResource('phoneNumberId', id);
    const { phoneNumber } = number;
    return found({
      phoneNumberId: id,
      phoneNumber,
      ...(this.campaign && {
        smsCampaignInfo: this.campaign,
        smsBrandInfo: { id: '1008', status: 'Verified' },
      }),
    });
  }
}

function route(
  method: string,
  path: string,
  endpoint: Endpoint,
  work: Route['work'],
  permission?: Permission,
): Route {
  const pattern = new RegExp(`^${path.replaceAll('.', '\\.').replace(':id', '([^/]+)')}$`);
  return { method, path: pattern, endpoint, work, ...(permission && { permission }) };
}

function isTheApp(authorization: string | undefined): boolean {
  const basic = Buffer.from(`${account.clientId}:${account.clientSecret}`).toString('base64');
  return authorization === `Basic ${basic}`;
}

function isNumber(value: unknown): value is string {
  return typeof value === 'string' && /^\+[1-9]\d{6,14}$/.test(value);
}

function textFault(text: unknown): Answer | undefined {
  const isText = typeof text === 'string' && text !== '' && text.length <= 1000;
  return isText ? undefined : badParameter('text', text);
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
