import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What may be made to go wrong, in the order in which requests come; without one, a request gets its usual answer. */
export type Trouble =
  /** This answer instead; `body` sees the request's body, to be as indiscreet as real servers are. */
  | { kind: 'answer'; status: number; headers?: HeaderFields; body: (sent: string) => unknown }
  /** The usual work is done, and its answer breaks off: `cut` ends the connection midway, `stall` leaves it open. */
  | { kind: 'cut' | 'stall' }
  /** No answer ever, and nothing is done. */
  | { kind: 'hang' }
  /** The connection ends without an answer, before or after the usual work. */
  | { kind: 'drop'; when: 'before' | 'after' }
  /** The usual answer, once the promise is fulfilled or the milliseconds are over. */
  | { kind: 'late'; after: Promise<unknown> | number };

/** A message that the stand-in took, as a person would find it on the phone. */
export interface TakenMessage {
  id: number;
  from: string;
  to: string;
  text: string;
}

type HeaderFields = Record<string, string>;
type Endpoint = 'token' | 'sms' | 'other';

interface Answer {
  status: number;
  headers?: HeaderFields;
  body: unknown;
}

interface Incoming {
  method: string;
  path: string;
  headers: IncomingMessage['headers'];
  body: string;
}

/** The app, the user and the number that the stand-in knows, in the adapter's names. */
export const account = {
  clientId: 'standin-client',
  clientSecret: 'standin-client-secret',
  jwt: 'eyJhbGciOiJSUzI1NiJ9.standin-jwt-payload.standin-jwt-signature',
  fromNumber: '+12095550100',
};

const JSON_TYPE = 'application/json;charset=utf-8';
const JWT_GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

/** An error as RingCentral words it: a code for programs in `errors`, a vaguer word above, and the request in the message. */
export function refusal(status: number, errorCode: string, parameterName?: string): Trouble {
  return {
    kind: 'answer',
    status,
    body: (sent) => errorBody('InvalidParameter', errorCode, `The request ${sent} is refused`, parameterName),
  };
}

/** A refused login, in OAuth's form. */
export function oauthRefusal(status: number, error: string, errorCode: string): Trouble {
  return {
    kind: 'answer',
    status,
    body: (sent) => ({
      error,
      error_description: `Refused: ${sent}`,
      errors: [{ errorCode, message: sent }],
    }),
  };
}

/** A 429 whose Retry-After is taken as it is, and left out where it isn't given. */
export function tooMany(retryAfter?: string): Trouble {
  return {
    kind: 'answer',
    status: 429,
    ...(retryAfter !== undefined && { headers: { 'retry-after': retryAfter } }),
    body: (sent) => errorBody('CMN-301', 'CMN-301', `Request rate exceeded: ${sent}`),
  };
}

/** An HTML page of `size` bytes, as gateways put in RingCentral's place. */
export function page(status: number, size = 200): Trouble {
  return {
    kind: 'answer',
    status,
    headers: { 'content-type': 'text/html' },
    body: () => `<html>${'.'.repeat(size)}</html>`,
  };
}

/** A 200 with this JSON. */
export function ok(body: unknown): Trouble {
  return { kind: 'answer', status: 200, body: () => body };
}

function errorBody(word: string, errorCode: string, message: string, parameterName?: string): unknown {
  const parameter = parameterName === undefined ? {} : { parameterName };
  return { errorCode: word, message, errors: [{ errorCode, message, ...parameter }], ...parameter };
}

/** The part of RingCentral that sends text messages, on a port of its own on 127.0.0.1, with troubles on demand. */
export class RingCentralStandIn {
  /** The messages taken, oldest first. */
  readonly messages: TakenMessage[] = [];
  /** Every access token that was ever given out. */
  readonly tokens: string[] = [];
  /** The grant types asked for, in order. */
  readonly grants: string[] = [];
  /** `expires_in` of the tokens from here on, in seconds. */
  expiresInSeconds = 3600;

  readonly #server = createServer((request, response) => {
    this.#serve(request, response).catch(() => response.destroy());
  });
  readonly #sockets = new Set<Socket>();
  readonly #liveTokens = new Set<string>();
  readonly #counts = { token: 0, sms: 0, other: 0 };
  readonly #troubles: Record<Endpoint, Trouble[]> = { token: [], sms: [], other: [] };
  readonly #standing: Partial<Record<Endpoint, Trouble>> = {};
  readonly #routes: Record<string, [Endpoint, (request: Incoming) => Answer]> = {
    'POST /restapi/oauth/token': ['token', (request) => this.#giveToken(request)],
    'POST /restapi/v1.0/account/~/extension/~/sms': ['sms', (request) => this.#takeMessage(request)],
  };

  /** Starts a stand-in; whoever starts it closes it. */
  static async start(): Promise<RingCentralStandIn> {
    const standIn = new RingCentralStandIn();
    standIn.#server.on('connection', (socket) => {
      standIn.#sockets.add(socket);
      socket.on('close', () => standIn.#sockets.delete(socket));
    });
    await new Promise<void>((resolve) => standIn.#server.listen(0, '127.0.0.1', resolve));
    return standIn;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** How many requests have come to an endpoint, answered or not. */
  count(endpoint: Endpoint): number {
    return this.#counts[endpoint];
  }

  /** Puts troubles in the queue of an endpoint: one for each of its next requests. */
  next(endpoint: Endpoint, ...troubles: Trouble[]): void {
    this.#troubles[endpoint].push(...troubles);
  }

  /** One trouble for every request of an endpoint whose queue is empty. */
  always(endpoint: Endpoint, trouble: Trouble): void {
    this.#standing[endpoint] = trouble;
  }

  /** Makes all tokens given out so far worthless, as a sixth session or an administrator does. */
  revokeTokens(): void {
    this.#liveTokens.clear();
  }

  /** Stops listening and ends all connections, hung ones too. */
  async close(): Promise<void> {
    const isClosed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await isClosed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request);
    const { method = '', url: path = '' } = request;
    const [endpoint, work] = this.#routes[`${method} ${path}`] ?? ['other' as const, notFound];
    this.#counts[endpoint] += 1;
    const count = this.#counts.token + this.#counts.sms + this.#counts.other;
    const headers = { rcrequestid: `standin-request-${count}`, ...rateLimit(endpoint) };

    const trouble = this.#troubles[endpoint].shift() ?? this.#standing[endpoint];
    const usual = () => work({ method, path, headers: request.headers, body });
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

  #giveToken({ headers, body }: Incoming): Answer {
    const form = new URLSearchParams(body);
    this.grants.push(form.get('grant_type') ?? '');
    const basic = Buffer.from(`${account.clientId}:${account.clientSecret}`).toString('base64');
    if (headers.authorization !== `Basic ${basic}`) return oauthError(401, 'invalid_client', 'OAU-146');
    if (form.get('grant_type') !== JWT_GRANT) return oauthError(400, 'unsupported_grant_type', 'OAU-250');
    if (form.get('assertion') !== account.jwt) return oauthError(400, 'invalid_grant', 'OAU-125');

    const token = `standin-access-token-${this.tokens.length + 1}`;
    this.tokens.push(token);
    this.#liveTokens.add(token);
    const expiry = { expires_in: this.expiresInSeconds, scope: 'SMS', owner_id: '1', endpoint_id: 'standin' };
    return { status: 200, body: { access_token: token, token_type: 'bearer', ...expiry } };
  }

  #takeMessage({ headers, body }: Incoming): Answer {
    const token = headers.authorization?.replace(/^bearer /i, '') ?? '';
    if (!this.#liveTokens.has(token)) {
      return { status: 401, body: errorBody('TokenInvalid', 'OAU-128', `Access token ${token} is refused`) };
    }
    const { from, to, text } = JSON.parse(body);
    const recipient = to?.[0]?.phoneNumber;
    if (!/^\+[1-9]\d{6,14}$/.test(recipient) || to.length !== 1) return badParameter('to', recipient);
    if (typeof text !== 'string' || text === '' || text.length > 1000) return badParameter('text', text);
    if (from?.phoneNumber !== account.fromNumber) {
      return {
        status: 400,
        body: errorBody('InvalidParameter', 'MSG-245', 'Not a number of this user', 'from'),
      };
    }

    // Past 2^32, as RingCentral's own.
    const message = {
      id: 40_000_000_001 + this.messages.length,
      from: account.fromNumber,
      to: recipient,
      text,
    };
    this.messages.push(message);
    return { status: 200, body: messageRecord(message) };
  }
}

function messageRecord({ id, from, to, text }: TakenMessage): unknown {
  const time = '2025-01-01T00:00:00.000Z';
  return {
    id,
    uri: `/restapi/v1.0/account/1/extension/1/message-store/${id}`,
    type: 'SMS',
    direction: 'Outbound',
    from: { phoneNumber: from },
    to: [{ phoneNumber: to }],
    subject: text,
    messageStatus: 'Queued',
    readStatus: 'Read',
    priority: 'Normal',
    availability: 'Alive',
    conversationId: 1,
    creationTime: time,
    lastModifiedTime: time,
    attachments: [],
  };
}

function badParameter(name: string, value: unknown): Answer {
  return {
    status: 400,
    body: errorBody('InvalidParameter', 'CMN-101', `Parameter [${name}] value [${value}] is invalid`, name),
  };
}

function oauthError(status: number, error: string, errorCode: string): Answer {
  return { status, body: { error, error_description: error, errors: [{ errorCode, message: error }] } };
}

function notFound({ path }: Incoming): Answer {
  return { status: 404, body: errorBody('CMN-120', 'CMN-120', `Invalid URI ${path}`) };
}

function rateLimit(endpoint: Endpoint): HeaderFields {
  const [group, limit] = endpoint === 'token' ? ['auth', '5'] : ['medium', '40'];
  return {
    'x-rate-limit-group': group,
    'x-rate-limit-limit': limit,
    'x-rate-limit-remaining': String(Number(limit) - 1),
    'x-rate-limit-window': '60',
  };
}

function bytesOf({ body }: Answer): Buffer {
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}

function write(response: ServerResponse, answer: Answer, headers: HeaderFields): void {
  response.writeHead(answer.status, { 'content-type': JSON_TYPE, ...headers, ...answer.headers });
  response.end(bytesOf(answer));
}

function writeHalf(
  response: ServerResponse,
  answer: Answer,
  headers: HeaderFields,
  then: 'cut' | 'stall',
): void {
  const bytes = bytesOf(answer);
  response.writeHead(answer.status, {
    'content-type': JSON_TYPE,
    ...headers,
    'content-length': bytes.length,
  });
  response.write(bytes.subarray(0, bytes.length / 2), () => then === 'cut' && response.destroy());
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
