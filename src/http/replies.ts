import { type ServerResponse, STATUS_CODES } from 'node:http';
import type {
  CodeStatusOutcome,
  GetSeedOutcome,
  LoginOutcome,
  LogoutOutcome,
  Refusal,
  ResendCodeOutcome,
  ResetPwdOutcome,
  SignupOutcome,
  SlowDown,
  VerifyPasscodeOutcome,
} from '../engine/outcomes.ts';
import type { PhoneFault } from '../phone.ts';

/** The outcomes of each request, by its path. */
export interface Outcomes {
  getseed: GetSeedOutcome;
  signup: SignupOutcome;
  login: LoginOutcome;
  verifypasscode: VerifyPasscodeOutcome;
  resetpwd: ResetPwdOutcome;
  resendcode: ResendCodeOutcome;
  codestatus: CodeStatusOutcome;
  logout: LogoutOutcome;
}

type Row<Outcome> = readonly [status: number, sentence: string | ((outcome: Outcome) => string)];
type Table = {
  [Path in keyof Outcomes]: {
    [Kind in Outcomes[Path]['kind']]: Row<Extract<Outcomes[Path], { kind: Kind }>>;
  };
};

const WRONG_CODE = 'That is not a valid code here. Please ask for a new one.';
const EXPIRED_CODE = 'This code no longer works here. Please ask for a new one.';
const NOT_LOCKED = 'The account is not locked here. Please sign in.';
const codeAsked = (start: string) => (outcome: { phone: string; flow?: string; resendIn: number }) =>
  outcome.flow === undefined
    ? `${start} No further code can be had now: please ask again in ${inWords(outcome.resendIn)}.`
    : `${start} A code is on its way to ${outcome.phone}.`;

/** True for a message that was sent again, and for a request during the pause. */
const resentCode = ({ phone, resendIn }: { phone: string; resendIn: number }) =>
  `A code was sent to ${phone}.${resendIn > 0 ? ` You can ask for another in ${inWords(resendIn)}.` : ''}`;

const NO_MESSAGE: Row<SlowDown> = [
  429,
  ({ retryAfter }) => `We can't send another code right now. Try again in ${inWords(retryAfter)}.`,
];
const tooMany = ({ retryAfter }: { retryAfter: number }) =>
  `Too many requests. Try again in ${inWords(retryAfter)}.`;
const SLOW_DOWN: Row<SlowDown> = [429, tooMany];

const FAILURES: Record<NonNullable<CodeStatusOutcome['reason']>, (again: string) => string> = {
  bad_recipient: () => "This phone number can't receive texts.",
  opted_out: () => 'This phone has answered STOP, so no code can go to it. Answer START to get codes again.',
  undeliverable: (again) => `The message did not reach the phone. Please ask for a new one${again}.`,
  busy: (again) => `We can't send texts right now. Please ask for a new one${again}.`,
  misconfigured: (again) => `This service can't send texts at the moment. Please try again${again}.`,
  outage: (again) => `We can't send texts right now. If none arrives, please ask for a new one${again}.`,
};
const DELIVERIES = {
  sending: 'The message is being sent.',
  sent: 'The message is on its way.',
  delivered: 'The message has arrived.',
  failed: 'The message could not be sent.',
};

const INVALID_FIELDS: Record<string, string> = {
  username: 'This does not look like an email address.',
  email: 'This does not look like an email address.',
  fname: 'Please give your first name, of at most 100 characters.',
  lname: 'Please give your last name, of at most 100 characters.',
  passcode: 'A code has six digits.',
  body: 'The request is not a form that this service knows.',
};
const PHONE_FAULTS: Record<PhoneFault, string> = {
  no_number: 'Enter a full mobile number, such as +1 650 555 0100.',
  other_country: "This service can't text numbers of that country.",
  not_mobile: 'This is not a mobile number. Enter a number that can get texts.',
};
const invalid = (field: string, fault: PhoneFault = 'no_number') =>
  field === 'phoneno' ? PHONE_FAULTS[fault] : invalidField(field);
const invalidField = (field: string) =>
  INVALID_FIELDS[field] ?? `The field ${field} is missing or does not have its form.`;
const INVALID: Row<{ field: string; fault?: PhoneFault }> = [
  400,
  ({ field, fault }) => invalid(field, fault),
];

/** The HTTP status and the sentence of each outcome. They are nowhere else. */
const REPLIES: Table = {
  getseed: { ok: [200, 'Use the seed for one login.'] },
  signup: {
    ok: [201, 'Congratulations, your account is ready. Please sign in.'],
    taken: [409, 'There is an account with this address already. Sign in, or reset its password.'],
    invalid: INVALID,
  },
  login: {
    ok: [200, 'Welcome back.'],
    wrong: [
      401,
      ({ triesLeft }) =>
        `The address and the password do not match. ${triesLeft} ${triesLeft === 1 ? 'try' : 'tries'} left.`,
    ],
    locked: [423, codeAsked('The account is locked for now.')],
    bad_seed: [400, 'The seed is used or expired. Please ask for a new one.'],
  },
  verifypasscode: {
    ok: [200, 'The account is unlocked. Please sign in.'],
    wrong_code: [401, WRONG_CODE],
    expired_code: [410, EXPIRED_CODE],
    not_locked: [409, NOT_LOCKED],
    slow_down: SLOW_DOWN,
  },
  resetpwd: {
    ok: [200, 'Your password is changed. Please sign in with the new one.'],
    code_sent: [200, codeAsked('To set a new password you need a code.')],
    slow_down: NO_MESSAGE,
    wrong_code: [401, WRONG_CODE],
    expired_code: [410, EXPIRED_CODE],
    invalid: INVALID,
  },
  resendcode: {
    code_sent: [200, resentCode],
    slow_down: NO_MESSAGE,
    not_locked: [409, NOT_LOCKED],
    expired_code: [410, 'This request is done or no longer known. Please start over.'],
  },
  codestatus: {
    ok: [
      200,
      ({ delivery, reason, resendIn }) =>
        reason ? FAILURES[reason](resendIn ? ` in ${inWords(resendIn)}` : '') : DELIVERIES[delivery],
    ],
  },
  logout: {
    ok: [
      200,
      ({ isOtherSignedIn }) =>
        isOtherSignedIn
          ? 'You were signed out before. Another user is signed in here now.'
          : 'You are signed out.',
    ],
  },
};

/** The refusals without an outcome of the engine: HTTP status, title of the page, sentence. */
const REFUSALS = {
  cross_site: [403, 'Not allowed', 'This request came from another site.'],
  not_found: [404, 'Page not found', 'There is nothing here.'],
  too_large: [413, 'Too large', 'The request is larger than 8 KiB.'],
  unavailable: [
    503,
    'Not available right now',
    "We can't save changes right now. Nothing was changed. Try again in a few minutes.",
  ],
  error: [500, 'Something went wrong', 'Something went wrong here. Please try again.'],
} as const satisfies Partial<Record<Refusal['status'], readonly [number, string, string]>>;

/** An answer, also without Express. `waitSeconds` is above 0 past the limit of requests. */
type Reply = ServerResponse & { readonly locals?: { readonly counted?: { readonly waitSeconds: number } } };

const JSON_TYPE = 'application/json; charset=utf-8';

/** Answers with an outcome: HTTP status, `status`, `message`, and the outcome's own fields without its tokens. */
export function reply<Path extends keyof Outcomes>(
  response: ServerResponse,
  path: Path,
  outcome: Outcomes[Path],
): void {
  const rows = REPLIES[path] as Record<string, Row<Outcomes[Path]>>;
  send(response, rows[outcome.kind] as Row<Outcomes[Path]>, outcome);
}

/** The fields of an outcome that have a meaning here. Tokens and faults are not part of an answer's body. */
type WireFields = { kind: string; issued?: unknown; fault?: unknown; retryAfter?: number };

function send<Outcome extends { kind: string }>(
  response: ServerResponse,
  [status, sentence]: Row<Outcome>,
  outcome: Outcome,
): void {
  const message = typeof sentence === 'function' ? sentence(outcome) : sentence;
  const { kind, issued, fault, ...fields } = outcome as Outcome & WireFields;
  if (fields.retryAfter !== undefined) response.setHeader('Retry-After', String(fields.retryAfter));
  sendJson(response, status, { status: kind, message, ...fields });
}

/** Sends every answer in JSON. A form that is refused past the limit of requests ends its connection. */
export function sendJson(response: Reply, status: number, body: object): void {
  const text = JSON.stringify(body);
  if (status !== 429 && response.locals?.counted?.waitSeconds) response.setHeader('Connection', 'close');
  response.writeHead(status, { 'Content-Type': JSON_TYPE, 'Content-Length': Buffer.byteLength(text) });
  response.end(text);
}

/** Answers that a field (`body` if no single field is wrong) does not have its form. */
export function replyInvalid(
  response: ServerResponse,
  field: string,
  sentence = invalid(field),
  code: 400 | 417 = 400,
): void {
  sendJson(response, code, { status: 'invalid', message: sentence, field });
}

/** Answers that too many requests came, and when the next one is accepted. */
export function replySlowDown(response: ServerResponse, retryAfter: number): void {
  send(response, SLOW_DOWN, { kind: 'slow_down', retryAfter });
}

/**
 * Returns the bytes of an answer to a request that Node's parser refuses, with these headers. `invalid` of the body, or
 * `too_large`.
 */
export function malformedAnswer(code: number, headers: readonly (readonly [string, string])[]): string {
  const isTooLarge = code === 413 || code === 431;
  const body = isTooLarge
    ? { status: 'too_large', message: 'The request is too large.' }
    : { status: 'invalid', message: invalid('body'), field: 'body' };
  const text = JSON.stringify(body);
  return [
    `HTTP/1.1 ${code} ${STATUS_CODES[code]}`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
    `Content-Type: ${JSON_TYPE}`,
    `Content-Length: ${Buffer.byteLength(text)}`,
    'Connection: close',
    '',
    text,
  ].join('\r\n');
}

/** A refusal: its HTTP status, its title for a page, and its JSON body. */
export interface Refused {
  readonly code: number;
  readonly title: string;
  readonly body: { readonly status: string; readonly message: string; readonly retryAfter?: number };
}

export function refusal(status: keyof typeof REFUSALS): Refused {
  const [code, title, message] = REFUSALS[status];
  return { code, title, body: { status, message } };
}

/** Returns the refusal of a request past a limit. */
export function slowDown(retryAfter: number): Refused {
  const body = { status: 'slow_down', message: tooMany({ retryAfter }), retryAfter };
  return { code: 429, title: 'Too many requests', body };
}

/** Seconds as people say them, rounded up: `45 seconds`, `12 minutes`, `3 hours`. */
function inWords(seconds: number): string {
  if (seconds > 7200) return `${Math.ceil(seconds / 3600)} hours`;
  if (seconds > 120) return `${Math.ceil(seconds / 60)} minutes`;
  return `${seconds} second${seconds === 1 ? '' : 's'}`;
}
