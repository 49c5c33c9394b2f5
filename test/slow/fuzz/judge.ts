import type { Answer } from './connection.ts';
import type { FuzzRequest } from './requests.ts';
import type { Route } from './story.ts';

type Words = Readonly<Record<string, number>>;

/** The API's table: the words that each request may be answered with, and their HTTP status. */
const WORDS: Readonly<Record<Route, Words>> = {
  getseed: { ok: 200 },
  signup: { ok: 201, taken: 409 },
  login: { ok: 200, wrong: 401, locked: 423, bad_seed: 400 },
  verifypasscode: { ok: 200, wrong_code: 401, expired_code: 410, not_locked: 409 },
  resetpwd: { ok: 200, code_sent: 200, wrong_code: 401, expired_code: 410 },
  resendcode: { code_sent: 200, not_locked: 409, expired_code: 410 },
  codestatus: { ok: 200 },
  logout: { ok: 200 },
};
const REFUSALS: Words = { invalid: 400, cross_site: 403, too_large: 413, slow_down: 429 };
const ELSEWHERE: Words = { ...REFUSALS, not_found: 404 };

/** The fields that come with a word. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  invalid: ['field'],
  slow_down: ['retryAfter'],
  wrong: ['triesLeft'],
  locked: ['phone', 'resendIn'],
  code_sent: ['phone', 'resendIn'],
  'getseed ok': ['id', 'seed', 'salt', 'kdf'],
  'login ok': ['signature'],
  'codestatus ok': ['delivery'],
};

/** Internals that an answer must not show: stack traces, files, SQL. */
const INSIDE =
  /\n +at |node_modules|file:\/\/|\/(?:dist|src)\/|\.[jt]s:\d|sqlite|SQL logic|constraint failed/i;
const COOKIE = /^(sid|device-[0-9a-f]{8})=[^;]*; (?=.*HttpOnly)(?=.*Path=\/)/;

/** Every answer of the API as `route word`, except `slow_down`, and `not_found`, which belongs to no route. */
export const ANSWERS: readonly string[] = [
  ...Object.entries(WORDS).flatMap(([route, words]) =>
    [...Object.keys(words), 'invalid', 'cross_site', 'too_large'].map((word) => `${route} ${word}`),
  ),
  'not_found',
];

/** The answers that random requests seldom get. */
export const RARE_ANSWERS: readonly string[] = ['verifypasscode not_locked', 'resendcode not_locked'];

/** Returns the fault of an answer, or undefined. `parsed` is its JSON if that is an object. */
export function faultOf(
  request: FuzzRequest,
  { code, head, body }: Answer,
  parsed: Record<string, unknown> | undefined,
): string | undefined {
  if (!(code >= 200 && code < 500)) return `the HTTP status ${code}`;
  if (!request.isFile && INSIDE.test(body.toString('latin1'))) return 'internals in the body';
  if (cookieLines(head).some((line) => !COOKIE.test(line))) return 'a cookie that the API does not have';
  if (request.manner !== 'shared' || request.method !== 'POST') return undefined;
  if (parsed === undefined) return 'no JSON';
  if (!/\r\ncache-control: no-store(\r|$)/i.test(head)) return 'no Cache-Control: no-store';
  return faultOfJson(request, code, parsed);
}

function faultOfJson(
  { route, expected }: FuzzRequest,
  code: number,
  answer: Record<string, unknown>,
): string | undefined {
  const { status, message } = answer;
  if (typeof status !== 'string' || typeof message !== 'string' || message === '')
    return 'no status or message';
  const words = route === undefined ? ELSEWHERE : { ...WORDS[route], ...REFUSALS };
  const isAnyRoutes = route === undefined && Object.values(WORDS).some((row) => row[status] === code);
  if (words[status] !== code && !isAnyRoutes) return `${status} with ${code}`;
  const missing = [...(FIELDS[status] ?? []), ...(FIELDS[`${route} ${status}`] ?? [])].filter(
    (field) => answer[field] === undefined,
  );
  if (missing.length > 0) return `${status} without ${missing}`;
  if (status === 'slow_down' || expected === 'any') return undefined;
  const isExpected = expected === 'taken up' ? !(status in REFUSALS) : status === expected;
  return isExpected ? undefined : `${status} in place of: ${expected}`;
}

/** Returns the JSON of an answer if it is an object. */
export function jsonOf({ head, body }: Answer): Record<string, unknown> | undefined {
  if (!/\r\ncontent-type: application\/json/i.test(head)) return undefined;
  try {
    const parsed: unknown = JSON.parse(body.toString());
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Returns the names and values of the cookies that an answer sets. */
export function cookiesOf({ head }: Answer): Map<string, string> {
  return new Map(
    cookieLines(head).map((line) => {
      const [name = '', value = ''] = (line.split(';')[0] ?? '').split('=');
      return [name, value] as const;
    }),
  );
}

function cookieLines(head: string): string[] {
  if (!head.includes('Set-Cookie')) return [];
  return head.split('\r\n').flatMap((line) => (line.startsWith('Set-Cookie: ') ? [line.slice(12)] : []));
}

/** The console sender's line for a message that is not sent. */
const NO_MESSAGE = /^No text message: /;

/** Fields with random hexadecimal digits. Six of them in a row may look like a code. */
const RANDOM_FIELDS = /"(id|account|number)":"[0-9a-f]+"/g;

/** Returns the log lines that must not be there: faults, codes and tokens. The console sender's frames may hold codes. */
export function badLines(output: string): string[] {
  const bad: string[] = [];
  let isFramed = false;
  let hasStarted = false;
  for (const line of output.split('\n')) {
    if (line.startsWith('┌')) isFramed = true;
    if (NO_MESSAGE.test(line)) continue;
    const isUsual = /^\{"level":30,.*"msg":"(request|message)"\}$/.test(line);
    hasStarted ||= isUsual;
    const isSecret = /(?<!\d)\d{6}(?!\d)|[\w-]{22}/.test(line.replace(RANDOM_FIELDS, ''));
    if (!isFramed && hasStarted && line !== '' && (!isUsual || isSecret)) bad.push(line);
    if (line.startsWith('└')) isFramed = false;
  }
  return bad;
}
