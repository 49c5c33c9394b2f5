import { type ServerResponse, STATUS_CODES } from 'node:http';
import type {
  AccountDataOutcome,
  AccountPageOutcome,
  ChangeNameOutcome,
  ChangePhoneOutcome,
  ChangePwdOutcome,
  CodeStatusOutcome,
  DeleteAccountOutcome,
  EndSessionOutcome,
  ForgetDeviceOutcome,
  GetSeedOutcome,
  LoginOutcome,
  LogoutOutcome,
  ProveOutcome,
  Refusal,
  ResendCodeOutcome,
  ResetPwdOutcome,
  SignedOut,
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
  prove: ProveOutcome;
  changename: ChangeNameOutcome;
  changepwd: ChangePwdOutcome;
  changephone: ChangePhoneOutcome;
  endsession: EndSessionOutcome;
  forgetdevice: ForgetDeviceOutcome;
  deleteaccount: DeleteAccountOutcome;
  auth: SignedOut | { kind: 'ok' };
  'account.json': AccountPageOutcome;
  'account/data': AccountDataOutcome;
}

type Row<Outcome> = readonly [status: number, sentence: string | ((outcome: Outcome) => string)];
type Table = {
  [Path in keyof Outcomes]: {
    [Kind in Outcomes[Path]['kind']]: Row<Extract<Outcomes[Path], { kind: Kind }>>;
  };
};

const WRONG_CODE = 'That code is wrong. Ask for a new one.';
const EXPIRED_CODE = 'This code has expired or was already used. Ask for a new one.';
const NOT_LOCKED = "Your account isn't locked on this device. Sign in to continue.";
const codeAsked = (start: string) => (outcome: { phone: string; flow?: string; resendIn: number }) =>
  outcome.flow === undefined
    ? `${start} We can't send another code yet. Try again in ${inWords(outcome.resendIn)}.`
    : `${start} We're texting the code to ${outcome.phone}. You have one try.`;

const SAME_PASSWORD =
  'You had this password before, so it stays the same. If another person may know it, choose a new one.';

/** True for a message that was sent again, and for a request during the pause. */
const resentCode = ({ phone, resendIn }: { phone: string; resendIn: number }) =>
  `We texted a code to ${phone}.${resendIn > 0 ? ` You can ask for another in ${inWords(resendIn)}.` : ''}`;

const NO_MESSAGE: Row<SlowDown> = [
  429,
  ({ retryAfter }) => `We can't send another code right now. Try again in ${inWords(retryAfter)}.`,
];
const tooMany = ({ retryAfter }: { retryAfter: number }) =>
  `Too many requests. Try again in ${inWords(retryAfter)}.`;
const SLOW_DOWN: Row<SlowDown> = [429, tooMany];

const FAILURES: Record<NonNullable<CodeStatusOutcome['reason']>, (again: string) => string> = {
  bad_recipient: () =>
    "This phone number can't receive texts. Ask the people who run this site to change your number.",
  opted_out: () =>
    'This phone opted out with STOP. Reply START to one of our texts, then ask for a new code.',
  undeliverable: (again) =>
    `The text didn't reach your phone. Check that it has a signal, then ask for a new code${again}.`,
  busy: (again) => `We can't send texts right now. Ask for a new code${again}.`,
  misconfigured: (again) => `This site can't send texts right now. Ask for a new code${again || ' later'}.`,
  outage: (again) => `We're having trouble sending texts. If none arrives, ask for a new code${again}.`,
};
const DELIVERIES = {
  sending: 'Sending the text…',
  sent: 'Sent. It can take a minute.',
  delivered: 'Delivered to your phone.',
  failed: "We couldn't send the text. Ask for a new code.",
};

const NO_EMAIL = 'Enter an email address like name@example.com.';
const INVALID_FIELDS: Record<string, string> = {
  username: NO_EMAIL,
  email: NO_EMAIL,
  fname: 'Enter your first name, in 100 characters or fewer.',
  lname: 'Enter your last name, in 100 characters or fewer.',
  passcode: 'Enter the six digits from the text message.',
  body: "We can't read this form. Reload the page and try again.",
};
const PHONE_FAULTS: Record<PhoneFault, string> = {
  no_number: 'Enter a full mobile number, such as +1 650 555 0100.',
  other_country: "We can't text numbers in that country.",
  not_mobile: 'This is not a mobile number. Enter a number that can get texts.',
};
const invalid = (field: string, fault: PhoneFault = 'no_number') =>
  field === 'phoneno' ? PHONE_FAULTS[fault] : invalidField(field);
const invalidField = (field: string) =>
  INVALID_FIELDS[field] ?? `The field ${field} is missing or has the wrong form.`;
const INVALID: Row<{ field: string; fault?: PhoneFault }> = [
  400,
  ({ field, fault }) => invalid(field, fault),
];

const SIGNED_OUT = { signed_out: [401, 'You are signed out. Sign in to continue.'] } as const;
const PROVE_AGAIN = { prove_again: [403, 'Enter your password to continue.'] } as const;

/** The HTTP status and the sentence of each outcome. They are nowhere else. */
const REPLIES: Table = {
  getseed: { ok: [200, 'Use the seed for one login.'] },
  signup: {
    ok: [201, 'Your account is ready. Sign in to continue.'],
    taken: [409, 'This email address already has an account. Sign in, or reset the password.'],
    invalid: INVALID,
  },
  login: {
    ok: [200, 'Welcome back.'],
    wrong: [
      401,
      ({ triesLeft }) =>
        `Wrong email address or password. ${triesLeft} ${triesLeft === 1 ? 'try' : 'tries'} left before the account locks.`,
    ],
    code_required: [200, codeAsked('Your password is right. You also need a code to sign in here.')],
    locked: [
      423,
      codeAsked('Too many wrong passwords, so we locked the account. You need a code to unlock it.'),
    ],
    bad_seed: [400, 'The seed has expired or was already used. Ask for a new one.'],
  },
  verifypasscode: {
    ok: [
      200,
      ({ issued }) =>
        issued.session === undefined ? 'Your account is unlocked. Sign in to continue.' : 'Welcome back.',
    ],
    wrong_code: [401, WRONG_CODE],
    expired_code: [410, EXPIRED_CODE],
    not_locked: [409, NOT_LOCKED],
    slow_down: SLOW_DOWN,
  },
  resetpwd: {
    ok: [
      200,
      ({ isSamePassword }) =>
        isSamePassword ? SAME_PASSWORD : 'Your password has been changed. Sign in with the new one.',
    ],
    code_sent: [200, codeAsked('You need a code to set a new password.')],
    slow_down: NO_MESSAGE,
    wrong_code: [401, WRONG_CODE],
    expired_code: [410, EXPIRED_CODE],
    invalid: INVALID,
  },
  resendcode: {
    code_sent: [200, resentCode],
    slow_down: NO_MESSAGE,
    not_locked: [409, NOT_LOCKED],
    expired_code: [410, 'This request is no longer active. Sign in, or start again.'],
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
  prove: {
    ...SIGNED_OUT,
    ok: [200, 'Your password is confirmed.'],
    wrong: [
      401,
      ({ triesLeft }) =>
        `Wrong password. ${triesLeft} ${triesLeft === 1 ? 'try' : 'tries'} left before the account locks.`,
    ],
    locked: [423, codeAsked('Too many wrong passwords, so we locked your account and signed you out.')],
    bad_seed: [400, 'The seed has expired or was already used. Ask for a new one.'],
  },
  changename: { ...SIGNED_OUT, ok: [200, 'Your name has been changed.'] },
  changepwd: {
    ...SIGNED_OUT,
    ...PROVE_AGAIN,
    ok: [
      200,
      ({ isSamePassword }) =>
        `${isSamePassword ? SAME_PASSWORD : 'Your password has been changed.'} All other browsers are signed out.`,
    ],
    invalid: INVALID,
  },
  changephone: {
    ...SIGNED_OUT,
    ...PROVE_AGAIN,
    code_sent: [200, codeAsked('To change your phone number you need a code.')],
    ok: [200, 'Your phone number has been changed.'],
    wrong_code: [401, WRONG_CODE],
    expired_code: [410, EXPIRED_CODE],
    slow_down: NO_MESSAGE,
    invalid: INVALID,
  },
  endsession: { ...SIGNED_OUT, ok: [200, 'Done. Ended sessions are signed out.'] },
  forgetdevice: { ...SIGNED_OUT, ok: [200, 'Done. Forgotten devices are signed out.'] },
  deleteaccount: { ...SIGNED_OUT, ...PROVE_AGAIN, ok: [200, 'Your account has been deleted.'] },
  auth: { ...SIGNED_OUT, ok: [200, 'You are signed in.'] },
  'account.json': { ...SIGNED_OUT, ok: [200, 'This is your account.'] },
  'account/data': { ...SIGNED_OUT, ...PROVE_AGAIN, ok: [200, 'This is all that we keep about you.'] },
};

/** The refusals without an outcome of the engine: HTTP status, title of the page, sentence. */
const REFUSALS = {
  cross_site: [403, 'Not allowed', 'This request came from another site, so we refused it.'],
  not_found: [404, 'Page not found', "We can't find that page."],
  too_large: [413, 'Too large', 'This request is too large. The limit is 8 KiB.'],
  unavailable: [
    503,
    'Not available right now',
    "We can't save changes right now. Nothing was changed. Try again in a few minutes.",
  ],
  error: [500, 'Something went wrong', 'Something went wrong on our side. Try again in a few minutes.'],
} as const satisfies Partial<Record<Refusal['status'], readonly [number, string, string]>>;

/** An answer, also without Express. `waitSeconds` is above 0 past the limit of requests, and a promise while that is asked. */
type Reply = ServerResponse & { readonly locals?: { readonly counted?: { readonly waitSeconds: unknown } } };

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

/** The fields of an outcome that have a meaning here. Tokens, cookies and faults are not part of an answer's body. */
type WireFields = {
  kind: string;
  issued?: unknown;
  dropped?: unknown;
  fault?: unknown;
  retryAfter?: number;
};

function send<Outcome extends { kind: string }>(
  response: ServerResponse,
  [status, sentence]: Row<Outcome>,
  outcome: Outcome,
): void {
  const message = typeof sentence === 'function' ? sentence(outcome) : sentence;
  const { kind, issued, dropped, fault, ...fields } = outcome as Outcome & WireFields;
  if (fields.retryAfter !== undefined) response.setHeader('Retry-After', String(fields.retryAfter));
  sendJson(response, status, { status: kind, message, ...fields });
}

/** Sends every answer in JSON. A form that is refused past the limit of requests ends its connection. */
export function sendJson(response: Reply, status: number, body: object): void {
  const text = JSON.stringify(body);
  const waitSeconds = response.locals?.counted?.waitSeconds;
  if (status !== 429 && typeof waitSeconds === 'number' && waitSeconds > 0)
    response.setHeader('Connection', 'close');
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
