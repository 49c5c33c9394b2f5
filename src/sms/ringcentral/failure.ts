import type { FailureReason } from '../../sms.ts';

/** The status, RingCentral's errorCode or the network's (`ECONNRESET`), and RCRequestId, as far as they are known. */
export interface CallFacts {
  status?: number | undefined;
  errorCode?: string | undefined;
  requestId?: string | undefined;
}

/** A call that failed: with a `reason` where it certainly did nothing, without where nobody knows. */
export class Failure extends Error {
  readonly reason: FailureReason | undefined;
  readonly facts: CallFacts;

  constructor(reason: FailureReason | undefined, facts: CallFacts = {}) {
    super('A call to RingCentral failed');
    this.reason = reason;
    this.facts = facts;
  }
}

// What RingCentral says of a call or of a message that did not arrive (SMS-RC its own word, SMS-UP the gateway's,
// SMS-CAR the carrier's), and the network of a connection that was never made, when nothing was sent.
const CODES: Record<Exclude<FailureReason, 'undeliverable'>, RegExp> = {
  bad_recipient: /^(MSG-(240|243|246|247|310)|SMS-(RC|UP|CAR)-41[01])$/,
  opted_out: /^SMS-(RC|UP|CAR)-413$/,
  misconfigured:
    /^(MSG-(242|245|304)|CMN-(109|120|401|406|408)|OAU-\d+|invalid_(client|grant|request|scope)|unauthorized_client|SMS-(RC|UP|CAR)-(414|461))$/,
  busy: /^(MSG-(290|305)|CMN-(30[1-4]|310)|SMS-(RC|UP|CAR)-(403|45[0-2])|ECONNREFUSED|ENOTFOUND|EAI_AGAIN)$/,
};

/**
 * Why a call did nothing, by its code or else its status; undefined where it may have done something. A refusal that
 * nothing is known of is taken to be about what was asked: one stranger's number stops nobody else's messages.
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

/** Why a message that was taken did not arrive, by its delivery error. */
export function deliveryReasonOf(errorCode: string | undefined): FailureReason {
  return reasonOf({ errorCode }) ?? 'undeliverable';
}

/** Whether the app or its user lacks a permission, so that asking again is of no use. */
export function isForbidden({ status, errorCode = '' }: CallFacts): boolean {
  return status === 403 && /^CMN-40[18]$/.test(errorCode);
}

/** Makes a Failure of anything that a call throws; of the SDK's errors, which hold the whole request, only the facts remain. */
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

/** The facts that an answer tells without its body. */
export function factsOf(response: Response): CallFacts {
  return { status: response.status, requestId: plainWord(response.headers.get('rcrequestid')) };
}

/** The fields of an answer's JSON, none where it holds no JSON. */
export async function fieldsOf(response: Response): Promise<Record<string, unknown>> {
  return Object(await response.json().catch(() => null));
}

/** Lets through a code or an id, and no sentence, in which a server might quote a number, a text or a token. */
export function plainWord(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\w-]{1,40}$/.test(value) ? value : undefined;
}
