import { errorBody, type HeaderFields } from './answers.ts';

/** A trouble with one request. */
export type Trouble =
  /** Gives another answer. `body` gets the request's body, because real servers quote it. */
  | { kind: 'answer'; status: number; headers?: HeaderFields; body: (sent: string) => unknown }
  /** Does the usual work, but writes only half of the answer. `cut` ends the connection, `stall` keeps it open. */
  | { kind: 'cut' | 'stall' }
  /** Never answers, and does nothing. */
  | { kind: 'hang' }
  /** Ends the connection without an answer, before or after the usual work. */
  | { kind: 'drop'; when: 'before' | 'after' }
  /** Gives the usual answer after the promise or the milliseconds. */
  | { kind: 'late'; after: Promise<unknown> | number };

/** Returns an error in RingCentral's form. `errors` has the code, and the message quotes the request. */
export function refusal(status: number, errorCode: string, parameterName?: string): Trouble {
  return {
    kind: 'answer',
    status,
    body: (sent) => errorBody('InvalidParameter', errorCode, `The request ${sent} is refused`, parameterName),
  };
}

/** Returns a refused login in OAuth's form. */
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

/** Returns a 429 with this Retry-After, if any. */
export function tooMany(retryAfter?: string): Trouble {
  return {
    kind: 'answer',
    status: 429,
    ...(retryAfter !== undefined && { headers: { 'retry-after': retryAfter } }),
    body: (sent) => errorBody('CMN-301', 'CMN-301', `Request rate exceeded: ${sent}`),
  };
}

/** Returns an HTML page of about `size` bytes, like those of gateways. */
export function page(status: number, size = 200): Trouble {
  return {
    kind: 'answer',
    status,
    headers: { 'content-type': 'text/html' },
    body: () => `<html>${'.'.repeat(size)}</html>`,
  };
}

/** Returns a 200 with this JSON. */
export function ok(body: unknown): Trouble {
  return { kind: 'answer', status: 200, body: () => body };
}
