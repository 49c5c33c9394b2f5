import { errorBody, type HeaderFields } from './answers.ts';

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
