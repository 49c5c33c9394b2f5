import type { IncomingMessage, ServerResponse } from 'node:http';

export type HeaderFields = Record<string, string>;

/** A complete request. */
export interface Incoming {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
  body: string;
}

/** An answer that is not written yet. A `body` other than a string is written as JSON. */
export interface Answer {
  status: number;
  headers?: HeaderFields;
  body: unknown;
}

const JSON_TYPE = 'application/json;charset=utf-8';

/** Returns an error body like RingCentral's. Programs read `errors`. */
export function errorBody(
  word: string,
  errorCode: string,
  message: string,
  parameterName?: string,
): Record<string, unknown> {
  const parameter = parameterName === undefined ? {} : { parameterName };
  return { errorCode: word, message, errors: [{ errorCode, message, ...parameter }], ...parameter };
}

export function found(body: unknown): Answer {
  return { status: 200, body };
}

export function badParameter(name: string, value: unknown): Answer {
  return {
    status: 400,
    body: errorBody('InvalidParameter', 'CMN-101', `Parameter [${name}] value [${value}] is invalid`, name),
  };
}

export function badToken(token: string): Answer {
  return { status: 401, body: errorBody('TokenInvalid', 'OAU-128', `Access token ${token} is refused`) };
}

export function lacksPermission(permissionName: string): Answer {
  const message = `In order to call this API endpoint, application needs to have [${permissionName}] permission`;
  const error = { errorCode: 'CMN-401', message, permissionName };
  return {
    status: 403,
    body: { errorCode: 'InsufficientPermissions', message, errors: [error], permissionName },
  };
}

export function lacksFeature(feature: string): Answer {
  return {
    status: 403,
    body: errorBody('FeatureNotAvailable', 'MSG-242', `The number lacks the feature [${feature}]`),
  };
}

export function notOwnNumber(): Answer {
  return { status: 400, body: errorBody('InvalidParameter', 'MSG-245', 'Not a number of this user', 'from') };
}

export function noSuchResource(name: string, id: string): Answer {
  return {
    status: 404,
    body: errorBody('CMN-102', 'CMN-102', `Resource for parameter [${name}] is not found: ${id}`, name),
  };
}

export function noSuchPath({ path }: Incoming): Answer {
  return { status: 404, body: errorBody('CMN-120', 'CMN-120', `Invalid URI ${path}`) };
}

export function oauthError(status: number, error: string, errorCode: string): Answer {
  return { status, body: { error, error_description: error, errors: [{ errorCode, message: error }] } };
}

export function write(response: ServerResponse, answer: Answer, headers: HeaderFields): void {
  response.writeHead(answer.status, { 'content-type': JSON_TYPE, ...headers, ...answer.headers });
  response.end(bytesOf(answer));
}

/** Writes half of the answer. Then ends the connection or keeps it open. */
export function writeHalf(
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

function bytesOf({ body }: Answer): Buffer {
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}
