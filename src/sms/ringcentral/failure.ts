import type { CallFacts, FailureReason } from '../../sms.ts';

/** A failed call. With a `reason` it certainly had no effect. Without one its effect is unknown. */
export class Failure extends Error {
  readonly reason: FailureReason | undefined;
  readonly facts: CallFacts;

  constructor(reason: FailureReason | undefined, facts: CallFacts = {}) {
    super('A call to RingCentral failed');
    this.reason = reason;
    this.facts = facts;
  }
}

// SMS-RC codes come from RingCentral, SMS-UP from the gateway, and SMS-CAR from the carrier. BIL codes are about what the
// account may use, EXT codes about the state of its users.
const CODES: Record<Exclude<FailureReason, 'undeliverable'>, RegExp> = {
  bad_recipient: /^(MSG-(240|243|246|247|310|388)|SMS-(RC|UP|CAR)-41[01])$/,
  opted_out: /^SMS-(RC|UP|CAR)-413$/,
  misconfigured:
    /^(MSG-(24[125]|304|314|367)|CMN-(109|120|40[12568]|419)|(BIL|EXT)-\d+|OAU-\d+|invalid_(client|grant|request|scope)|unauthorized_client|SMS-(RC|UP|CAR)-(414|461))$/,
  busy: /^(MSG-(290|305|384)|CMN-(30[1-4]|310)|SMS-(RC|UP|CAR)-(403|45[0-2]))$/,
};

// Node's codes of a certificate that is not trusted, and its code of a server without TLS.
const TLS_FAULT =
  /CERT|^(CRL_|UNABLE_TO_|INVALID_(CA|PURPOSE)$|PATH_LENGTH_EXCEEDED|HOSTNAME_MISMATCH|ERR_SSL_WRONG_VERSION)/;

/** Returns whether the code is of a TLS connection that can't be set up. That is a fault of the configuration. */
export function isTlsFault(errorCode = ''): boolean {
  return TLS_FAULT.test(errorCode);
}

/** Makes a Failure of a `fetch` that got no answer. Without a connection the call certainly had no effect. */
export function networkFailure(error: unknown): Failure {
  const { name, cause }: Partial<Error> = Object(error);
  const { code, message, errors = [cause] } = Object(cause);
  const facts = { errorCode: plainWord(code) ?? name };
  if (isTlsFault(facts.errorCode)) return new Failure('misconfigured', facts);
  // With several addresses of the server there is an error for each.
  const wasNeverMade = [errors].flat().every((one) => /^(connect|getaddrinfo)$/.test(Object(one).syscall));
  const wasNeverSecure = /before secure TLS connection/.test(message);
  return new Failure(wasNeverMade || wasNeverSecure ? 'busy' : undefined, facts);
}

/**
 * Returns why a call had no effect, by its code or else its status. Returns undefined if it may have had one. An unknown
 * refusal counts as `undeliverable`, so that one number can't stop the messages to others.
 */
export function reasonOf({ status = 0, errorCode = '' }: CallFacts): FailureReason | undefined {
  if (status === 429) return 'busy';
  const reasons = Object.keys(CODES) as (keyof typeof CODES)[];
  const known = reasons.find((reason) => CODES[reason].test(errorCode));
  if (known !== undefined || status < 300 || status >= 500) return known;
  const isAboutUs =
    status < 400 || [401, 405].includes(status) || ([403, 404].includes(status) && !errorCode);
  return isAboutUs ? 'misconfigured' : 'undeliverable';
}

/** Returns why an accepted message was not delivered, by its error code. */
export function deliveryReasonOf(errorCode: string | undefined): FailureReason {
  return reasonOf({ errorCode }) ?? 'undeliverable';
}

/** Returns whether the app or its user lacks a permission, so that repeating the call is useless. */
export function isForbidden({ status, errorCode = '' }: CallFacts): boolean {
  return status === 403 && /^CMN-(40[18]|419)$/.test(errorCode);
}

/** Makes a Failure of any error. Of the SDK's errors, which hold the whole request, it keeps only the facts. */
export async function failureOf(error: unknown): Promise<Failure> {
  if (error instanceof Failure) return error;
  const { name, response }: Partial<Error & { response: Response }> = Object(error);
  if (!response) return new Failure(undefined, { errorCode: name });
  const body = await fieldsOf(response);
  const detail = Object([body.errors].flat()[0]);
  const errorCode = [detail.errorCode, body.errorCode, body.error].map(plainWord).find(Boolean);
  const facts = { ...factsOf(response), errorCode };
  const parameter: unknown = detail.parameterName ?? body.parameterName;
  if (errorCode !== 'CMN-101' || typeof parameter !== 'string') return new Failure(reasonOf(facts), facts);
  return new Failure(/^to\b/.test(parameter) ? 'bad_recipient' : 'misconfigured', facts);
}

/** Returns the facts that don't need the body. */
export function factsOf(response: Response): CallFacts {
  return { status: response.status, requestId: plainWord(response.headers.get('rcrequestid')) };
}

/** Returns the fields of the JSON body; empty if the body is not JSON. */
export async function fieldsOf(response: Response): Promise<Record<string, unknown>> {
  return Object(await response.json().catch(() => null));
}

/** Returns a code or an id. Drops any sentence, because a server may quote a number, a text or a token in it. */
export function plainWord(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\w-]{1,40}$/.test(value) ? value : undefined;
}
