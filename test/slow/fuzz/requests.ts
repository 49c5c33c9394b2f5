import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { readAssets } from '../../../src/http/assets.ts';
import type { Random } from '../../../tools/random.ts';
import { ROOT } from '../../support/site.ts';
import { type Form, newPerson, nextForm, type Person, type Phonebook, type Route } from './story.ts';

/** The answer that the API prescribes; `any` if it allows more than one. `taken up` is any answer but a refusal. */
export type Expected = 'taken up' | 'invalid' | 'too_large' | 'cross_site' | 'any';

/** One request as bytes, with what to expect of its answer. */
export interface FuzzRequest {
  readonly bytes: Buffer;
  readonly method: string;
  /** The API's POST request that it reaches. */
  readonly route?: Route;
  readonly expected: Expected;
  /** True if its answer is a file of `public/assets`. */
  readonly isFile: boolean;
  /** `shared` with other requests on a connection, or on its own connection as `sendAlone` says. */
  readonly manner: 'shared' | 'alone' | 'ended' | 'cut';
  /** Takes the answer's JSON and the cookies that it sets. */
  readonly learn?: (answer: Record<string, unknown>, cookies: ReadonlyMap<string, string>) => void;
}

/** The users of one connection. */
export interface Cast {
  readonly port: number;
  readonly codes: Phonebook;
  /** Returns a number that is unique in the run. */
  readonly nextCount: () => number;
  readonly people: Person[];
}

const PEOPLE_AT_ONCE = 6;
const BODY_LIMIT_BYTES = 8 * 1024;
const FORM_TYPE = 'application/x-www-form-urlencoded';

/** Returns the next request of a connection: a form, a page, a file, or something that is not sound HTTP. */
export function nextRequest(random: Random, cast: Cast): FuzzRequest {
  while (cast.people.length < PEOPLE_AT_ONCE) cast.people.push(newPerson(random, cast.nextCount()));
  if (random.happens(1 / 400)) cast.people.splice(random.below(PEOPLE_AT_ONCE - 1), 1);
  const at = random.below(1000);
  if (at < 400) return formRequest(random, cast, { isMutated: false });
  if (at < 790) return formRequest(random, cast, { isMutated: true });
  if (at < 812) return pageRequest(random, cast);
  if (at < 870) return fileRequest(random, cast);
  if (at < 965) return strangeRequest(random, cast);
  return brokenRequest(random, cast);
}

/** Returns a POST with the next form of a user, sound or mutated. */
function formRequest(random: Random, cast: Cast, { isMutated }: { isMutated: boolean }): FuzzRequest {
  const person = random.pick(cast.people);
  const form = nextForm(random, person, cast.people, cast.codes);
  const body = isMutated
    ? mutated(random, form)
    : { bytes: encoded(random, form.fields), expected: 'taken up' as const };
  const headers = [
    `Host: localhost:${cast.port}`,
    ...typeHeaders(body.type),
    ...cookieHeaders(random, cast, person),
  ];
  const origin = random.happens(isMutated ? 0.3 : 0.1) ? random.pick(ORIGINS) : undefined;
  if (origin !== undefined) headers.push(...origin.headers(cast.port));
  if (random.happens(0.3)) headers.push(...noise(random));
  const method = isMutated && random.happens(0.06) ? random.pick(ODD_METHODS) : 'POST';
  const query = random.happens(0.05)
    ? random.pick(['?', '?username=a&username=b', '?x[]=%', '?__proto__=1'])
    : '';
  const requestedByKnownDevice = method === 'POST';
  return {
    bytes: message(random, `${method} /${form.route}${query}`, headers, body.bytes),
    method,
    ...(requestedByKnownDevice && { route: form.route }),
    expected: requestedByKnownDevice ? (origin?.expected ?? body.expected) : 'any',
    isFile: false,
    manner: 'shared',
    learn(answer, cookies) {
      for (const [name, value] of cookies) person.cookies.set(name, value);
      if (requestedByKnownDevice && !isMutated) form.learn(answer);
    },
  };
}

type Fields = readonly (readonly [name: string, value: string])[];

function encoded(random: Random, fields: Fields): Buffer {
  const isLower = random.happens(0.1);
  const part = (text: string) => {
    const escaped = encodeURIComponent(text).replaceAll('%20', '+');
    return isLower ? escaped.replace(/%../g, (byte) => byte.toLowerCase()) : escaped;
  };
  return Buffer.from(fields.map(([name, value]) => `${part(name)}=${part(value)}`).join('&'));
}

interface Body {
  readonly bytes: Buffer;
  readonly expected: Expected;
  /** The Content-Type lines; those of a form by default. */
  readonly type?: readonly string[];
}

const EXTRA_NAMES = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'prototype',
  'extra',
  'status',
  '',
];
const BRACKET_NAMES = [
  'username[]',
  'x[0]',
  '__proto__[polluted]',
  'constructor[prototype][polluted]',
  '[',
  ']',
];
const NASTY_VALUES = [
  '',
  ' ',
  '\0',
  'a\0@example.com',
  '\u0007\u001b[31m',
  'a\r\nSet-Cookie: sid=1',
  '\u2028',
  '\u202e',
  '\ufeff',
  '\ud83d\ude00'.repeat(300),
  'x'.repeat(255),
  'x'.repeat(5000),
  '0',
  '-1',
  'null',
  '[object Object]',
  "' OR '1'='1",
  '"; DROP TABLE users; --',
  '../../etc/passwd',
  '<script>alert(1)</script>',
  '%00',
  '%',
  '१२३४५६',
  '１２３４５６',
  '123456\n',
  'argon2id$m=1,t=1,p=1',
  'AAAAAAAAAAAAAAAAAAAAAA==',
  'AAAAAAAAAAAAAAAAAAAAAB',
  'e\u0301'.repeat(100),
  'ß@ẞ.example',
  '+1 202 555 0123 ext. 9',
  '+4915112345678',
  'tel:+12025550123;phone-context=+1',
];
const BROKEN_ENDS = ['%', '%z1', '%e', '%e9', '%c0%80', '%ed%a0%80', '%f5%80%80%80', '%ff', '%80'];
const WHOLE_BODIES = [
  '',
  '&',
  '=',
  '&&&&',
  '==',
  '=&=',
  '{}',
  '[]',
  'null',
  '\0',
  '\ufeff',
  'username',
  '+',
  '%20',
  ';',
];

/** Returns a form's body with one fault, or with a change that must not matter. */
function mutated(random: Random, { fields }: Form): Body {
  const at = fields.length === 0 ? 0 : random.below(fields.length);
  const [name, value] = fields[at] ?? ['x', ''];
  const body = encoded(random, fields);
  const extended = (extra: string | Buffer, expected: Expected) => {
    const parts = body.length === 0 ? [] : [body, Buffer.from('&')];
    return { bytes: Buffer.concat([...parts, Buffer.from(extra as string)]), expected };
  };
  const changed = (other: Fields, expected: Expected) => ({ bytes: encoded(random, other), expected });
  const unlessEmpty = (expected: Expected) => (fields.length === 0 ? 'any' : expected);
  switch (random.below(18)) {
    case 0:
      return changed(fields.toSpliced(at, 1), unlessEmpty('invalid'));
    case 1:
      return changed([...fields, [name, random.pick([value, '', 'other'])]], unlessEmpty('invalid'));
    case 2: {
      if (fields.length === 0) return { bytes: body, expected: 'taken up' };
      const other = random.pick([`${name.toUpperCase()}2`, `${name} `, ` ${name}`, `${name}\0`, '__proto__']);
      return changed(fields.with(at, [other, value]), 'invalid');
    }
    case 3:
      return changed([...fields, [random.pick(EXTRA_NAMES), random.pick(NASTY_VALUES)]], 'taken up');
    case 4:
      return changed([...fields, [random.pick(BRACKET_NAMES), 'x']], 'invalid');
    case 5:
    case 6:
      return fields.length === 0
        ? { bytes: body, expected: 'taken up' }
        : changed(fields.with(at, [name, random.pick(NASTY_VALUES)]), 'any');
    case 7:
      return extended(`x=${random.pick(BROKEN_ENDS)}`, 'invalid');
    case 8:
      return extended(Buffer.from([0x78, 0x3d, random.pick([0x80, 0xc0, 0xff, 0xfe])]), 'invalid');
    case 9: {
      const bytes = Buffer.from(body);
      for (let flips = random.below(4); flips >= 0 && bytes.length > 0; flips -= 1) {
        bytes[random.below(bytes.length)] = random.below(256);
      }
      return { bytes, expected: 'any' };
    }
    case 10:
      return { bytes: body.subarray(0, random.below(body.length + 1)), expected: 'any' };
    case 11:
      return {
        bytes: random.happens(0.5) ? random.bytes(random.below(300)) : Buffer.from(random.pick(WHOLE_BODIES)),
        expected: 'any',
      };
    case 12: {
      const over = random.pick([-1, 0, 0, 1, 1, 2, 5000, 60_000]);
      const size = BODY_LIMIT_BYTES + over - body.length - (body.length === 0 ? 0 : 1);
      return extended('z='.padEnd(size, 'z'), over > 0 ? 'too_large' : 'taken up');
    }
    case 13:
      return extended(random.pick(['&&&', '=', 'x', 'x=y=z', '%5F=', 'i+j=%E2%82%AC']), 'taken up');
    case 14: {
      const bytes = Buffer.from(JSON.stringify(Object.fromEntries(fields)));
      const type = random.pick([
        'application/json',
        'application/json; charset=utf-8',
        'text/plain',
        '*/*',
        '',
        'a/b;c=d',
      ]);
      return { bytes, expected: 'invalid', type: [`Content-Type: ${type}`] };
    }
    case 15: {
      const parts = fields.map(
        ([key, text]) => `--b\r\nContent-Disposition: form-data; name="${key}"\r\n\r\n${text}\r\n`,
      );
      return {
        bytes: Buffer.from(`${parts.join('')}--b--\r\n`),
        expected: 'invalid',
        type: ['Content-Type: multipart/form-data; boundary=b'],
      };
    }
    case 16: {
      const coding = random.pick(['gzip', 'deflate', 'br', 'gzip, gzip', 'nonsense']);
      const bytes = random.happens(0.7) ? gzipSync(body.length === 0 ? 'x' : body) : body;
      return {
        bytes,
        expected: bytes.length === 0 ? 'any' : 'invalid',
        type: [`Content-Type: ${FORM_TYPE}`, `Content-Encoding: ${coding}`],
      };
    }
    default: {
      const charset = random.pick(['utf-8', 'UTF-8', '"utf-8"', 'iso-8859-1', 'utf-16', 'x'.repeat(200), '']);
      return { bytes: body, expected: 'any', type: [`Content-Type: ${FORM_TYPE}; charset=${charset}`] };
    }
  }
}

function typeHeaders(type: readonly string[] | undefined): readonly string[] {
  return type ?? [`Content-Type: ${FORM_TYPE}`];
}

/** The origins that a request may claim, each with the answer that the API prescribes. */
const ORIGINS: readonly { headers: (port: number) => string[]; expected?: Expected }[] = [
  { headers: () => ['Sec-Fetch-Site: same-origin'] },
  { headers: () => ['Sec-Fetch-Site: none', 'Origin: null'] },
  { headers: (port) => [`Origin: http://localhost:${port}`] },
  { headers: (port) => [`Origin: http://127.0.0.1:${port}`] },
  ...['cross-site', 'same-site', '', 'SAME-ORIGIN', 'same-origin, same-origin'].map((site) => ({
    headers: () => [`Sec-Fetch-Site: ${site}`],
    expected: 'cross_site' as const,
  })),
  ...[
    'null',
    'https://evil.example',
    'http://localhost',
    'http://localhost:1',
    '//',
    'http://[',
    '%',
    '\xff',
  ].map((origin) => ({ headers: () => [`Origin: ${origin}`], expected: 'cross_site' as const })),
  {
    headers: (port) => [`Origin: http://localhost:${port}`, 'Origin: https://evil.example'],
    expected: 'cross_site',
  },
  {
    headers: () => ['Sec-Fetch-Site: same-origin', 'Sec-Fetch-Site: cross-site'],
    expected: 'cross_site',
  },
];

function cookieHeaders(random: Random, cast: Cast, person: Person): string[] {
  if (random.happens(0.3)) return [];
  const line = (cookies: Iterable<readonly [string, string]>) =>
    `Cookie: ${[...cookies].map(([name, value]) => `${name}=${value}`).join('; ')}`;
  if (random.happens(0.8)) return person.cookies.size === 0 ? [] : [line(person.cookies)];
  const names = [...person.cookies.keys(), 'sid', 'device-00000000', '__proto__', 'a b', ''];
  const values = [
    '',
    '%',
    '%E0%A4%A',
    '"',
    '"x"',
    'x'.repeat(3000),
    random.token(32),
    '\xff\xfe',
    '=;=',
    ',',
    '%00',
  ];
  switch (random.below(4)) {
    case 0:
      return [line([...person.cookies, [random.pick(names), random.pick(values)]])];
    case 1:
      return [line([[random.pick(names), random.pick(values)], ...person.cookies])];
    case 2:
      return [line(random.pick(cast.people).cookies), line(person.cookies)];
    default:
      return [
        `Cookie: ${random.pick([';', '=', ';;;=;', 'sid', 'sid=', 'sid==', ' ', 'a=b;'.repeat(700), '\xe9=\xe9', '%=%'])}`,
      ];
  }
}

const NOISE: readonly string[] = [
  'X-Forwarded-For: 203.0.113.9',
  'X-Forwarded-For: not an address, , ::1',
  'X-Forwarded-Host: evil.example',
  'X-Forwarded-Proto: https',
  'X-Forwarded-Prefix: /..',
  'Forwarded: for="[2001:db8::1]:80";host=evil.example;proto=https',
  'Forwarded: ;;=,',
  'Via: 1.1 proxy',
  'X-HTTP-Method-Override: DELETE',
  'X-Requested-With: XMLHttpRequest',
  'X-Original-URL: /dev/messages',
  'Accept: text/html',
  'Accept: application/json;q=0, text/html;q=x',
  'Accept: \xff/*',
  'Accept-Encoding: br, gzip;q=0, *;q=9',
  'Accept-Language: de-\xe4',
  'If-None-Match: *',
  'If-None-Match: "\xff", W/',
  'If-Modified-Since: never',
  'If-Modified-Since: Fri, 31 Dec 9999 23:59:59 GMT',
  'If-Match: "x"',
  'If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT',
  'Range: bytes=0-,-1,5-2',
  'Authorization: Basic %%%',
  'Referer: javascript:alert(1)',
  'User-Agent:',
  `User-Agent: ${'x'.repeat(500)}`,
  'Content-Language: \xa0',
  'Content-Range: bytes 0-1/2',
  'Content-MD5: x',
  'Trailer: Expires',
  'TE: trailers, deflate;q=0.5',
  'Pragma: no-cache',
  'Cache-Control: max-age=\xb9',
  '__proto__: polluted',
  'constructor: polluted',
  'Keep-Alive: timeout=-1',
  'Connection: keep-alive',
];

function noise(random: Random): string[] {
  const lines = Array.from({ length: 1 + random.below(4) }, () => random.pick(NOISE));
  return random.happens(0.1) ? [...lines, ...lines] : lines;
}

const ODD_METHODS = [
  'HEAD',
  'PUT',
  'OPTIONS',
  'TRACE',
  'PATCH',
  'DELETE',
  'PROPFIND',
  'GET',
  'MKCOL',
  'M-SEARCH',
];

/** Returns a request for a page or the inbox. Some Host and proxy headers turn the inbox off. */
function pageRequest(random: Random, cast: Cast): FuzzRequest {
  const isInbox = random.happens(0.15);
  const path = isInbox
    ? random.pick(['/dev/messages', '/dev/messages.json'])
    : random.pick(['/', '/signup', '/about']);
  const method = random.happens(0.85) ? 'GET' : 'HEAD';
  const host = random.happens(0.7) ? `localhost:${cast.port}` : random.pick(HOSTS);
  const headers = [`Host: ${host}`, ...cookieHeaders(random, cast, random.pick(cast.people))];
  if (random.happens(0.4)) headers.push(...noise(random));
  const query = random.happens(0.2) ? '?q=%&q[]=1' : '';
  return plain(`${method} ${path}${query}`, method, headers);
}

const HOSTS = [
  '',
  'evil.example',
  '127.0.0.1',
  '[::1]:80',
  '[',
  'localhost:99999',
  'a b',
  '\xff',
  'localhost, x',
  '%00',
  'x'.repeat(1000),
];

const ASSETS = readAssets(join(ROOT, 'public', 'assets'));
const STYLES = ASSETS.pathOf('main.css');

const FILES = [
  STYLES,
  ASSETS.pathOf('favicon.svg'),
  '/assets/',
  '/assets',
  '/assets/manifest.json',
  `${STYLES}.br`,
  `${STYLES}?x=%`,
  STYLES.replace('/assets/', '/assets/./'),
  STYLES.replace('main', '%6dain'),
];

const CODINGS = ['br', 'gzip', 'gzip, deflate, br', 'br;q=0', '*', 'identity;q=0', ';q=', 'br;q=x', ',,'];

function fileRequest(random: Random, cast: Cast): FuzzRequest {
  const isScript = random.happens(0.01);
  const method = random.happens(0.7) ? 'GET' : random.pick(['HEAD', ...ODD_METHODS]);
  const headers = [`Host: localhost:${cast.port}`, ...(random.happens(0.6) ? noise(random) : [])];
  if (random.happens(0.5)) headers.push(`Accept-Encoding: ${random.pick(CODINGS)}`);
  const path = isScript ? ASSETS.pathOf('jquery.js') : random.pick(FILES);
  return { ...plain(`${method} ${path}`, method, headers), isFile: true };
}

const STRANGE_TARGETS = [
  '//',
  '//evil.example/',
  '//login',
  '/../../../../etc/passwd',
  '/%2e%2e/%2e%2e/%2e%2e/etc/passwd',
  '/assets/..%2f..%2fpackage.json',
  '/assets/..%5c..%5cpackage.json',
  '/assets/../../package.json',
  '/%00',
  `${STYLES}%00.html`,
  '/login%00',
  '/%',
  '/%zz',
  '/%ff',
  '/%E0%A4%A',
  '/assets/%',
  '/login/',
  '/Login',
  '/login;x=1',
  '/login%2f',
  '/dev',
  '/dev/messages/',
  '/dev/messages.json/..',
  '/.env',
  '/data/users.db',
  '/views/index.ejs',
  '/assets/main.js.map.map',
  '/__proto__',
  '/constructor',
  '/[x](y){z}|^`"<>',
  '/?',
  '/#x',
  '/?__proto__[x]=1&constructor[prototype][y]=2',
  '/\\..\\..\\etc\\passwd',
  'http://evil.example/',
  'http://evil.example/dev/messages.json',
  'http://localhost/login',
  'http://[::1',
  'http://[::1/%',
  'https://user:pass@host:99999/login?x',
  'http:///',
  `/${'a'.repeat(5000)}`,
  `/${'%41'.repeat(1500)}`,
  `/${'../'.repeat(1000)}`,
  `/${'/'.repeat(2000)}`,
  `/?${'a=b&'.repeat(1200)}`,
];

/** Returns a request with a target, method or host that a page never sends. */
function strangeRequest(random: Random, cast: Cast): FuzzRequest {
  const method = random.pick(['GET', 'GET', 'POST', 'POST', ...ODD_METHODS]);
  const target = method === 'OPTIONS' && random.happens(0.2) ? '*' : random.pick(STRANGE_TARGETS);
  const headers = [`Host: ${random.happens(0.7) ? `localhost:${cast.port}` : random.pick(HOSTS)}`];
  if (random.happens(0.5)) headers.push(...noise(random));
  if (random.happens(0.2)) headers.push(...random.pick(ORIGINS).headers(cast.port));
  if (random.happens(0.2)) headers.push(...cookieHeaders(random, cast, random.pick(cast.people)));
  if (method === 'GET' && random.happens(0.7)) return plain(`${method} ${target}`, method, headers);
  const { bytes, type } = mutated(
    random,
    nextForm(random, random.pick(cast.people), cast.people, cast.codes),
  );
  const line = `${method} ${target}`;
  return {
    ...plain(line, method, headers),
    bytes: message(random, line, [...headers, ...typeHeaders(type)], bytes),
  };
}

function plain(line: string, method: string, headers: readonly string[]): FuzzRequest {
  const bytes = Buffer.from(`${line} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`, 'latin1');
  return { bytes, method, expected: 'any', isFile: false, manner: 'shared' };
}

/** Returns a request with a body, with Content-Length or in chunks. */
function message(random: Random, line: string, headers: readonly string[], body: Buffer): Buffer {
  const isChunked = random.happens(0.1);
  const lines = [...headers, isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`];
  const head = Buffer.from(`${line} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  return Buffer.concat([head, isChunked ? inChunks(random, body) : body]);
}

function inChunks(random: Random, body: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; ) {
    const chunk = body.subarray(at, at + 1 + random.below(body.length > 500 ? body.length : 40));
    const extension = random.happens(0.1) ? ';x="y"' : '';
    parts.push(Buffer.from(`${chunk.length.toString(16)}${extension}\r\n`), chunk, Buffer.from('\r\n'));
    at += chunk.length;
  }
  const trailer = random.happens(0.1) ? 'X-Trailer: x\r\n' : '';
  return Buffer.concat([...parts, Buffer.from(`0\r\n${trailer}\r\n`)]);
}

const POST_HEAD = `POST /getseed HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${FORM_TYPE}\r\n`;
const GET_HEAD = 'GET / HTTP/1.1\r\nHost: localhost\r\n';

/** Whole requests. The server may close the connection after its answer. */
const COMPLETE: readonly ((random: Random) => string | Buffer)[] = [
  () => `${POST_HEAD}Content-Length: 3\r\n\r\nusername=a`,
  () => `${POST_HEAD}Content-Length: -1\r\n\r\nusername=a`,
  () => `${POST_HEAD}Content-Length: +10\r\n\r\nusername=a`,
  () => `${POST_HEAD}Content-Length: 0x0a\r\n\r\nusername=a`,
  () => `${POST_HEAD}Content-Length: 99999999999999999999\r\n\r\nusername=a`,
  () => `${POST_HEAD}Content-Length: 10\r\nContent-Length: 11\r\n\r\nusername=a`,
  () => `${POST_HEAD}Content-Length: 10\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  () => `${POST_HEAD}Transfer-Encoding: gzip\r\n\r\nusername=a`,
  () => `${POST_HEAD}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
  () => `${POST_HEAD}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
  () => `${POST_HEAD}Transfer-Encoding: chunked\r\n\r\nzz\r\nusername=a\r\n0\r\n\r\n`,
  () => `${POST_HEAD}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nusername=a\r\n0\r\n\r\n`,
  () => `${POST_HEAD}Transfer-Encoding: chunked\r\n\r\n3\r\nusername=a\r\n0\r\n\r\n`,
  () => `${POST_HEAD}Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n`,
  () => `${POST_HEAD}Expect: 100-continue\r\nContent-Length: 10\r\n\r\nusername=a`,
  () => `${POST_HEAD}Expect: nonsense\r\nContent-Length: 10\r\n\r\nusername=a`,
  () => `${POST_HEAD}Connection: close\r\nContent-Length: 10\r\n\r\nusername=a`,
  () => `${POST_HEAD}Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 10\r\n\r\nusername=a`,
  () => `${GET_HEAD}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n`,
  () => `${GET_HEAD}Host: evil.example\r\n\r\n`,
  () => `${GET_HEAD}Bad Name: x\r\n\r\n`,
  () => `${GET_HEAD}No colon\r\n\r\n`,
  () => `${GET_HEAD}: x\r\n\r\n`,
  () => `${GET_HEAD}X: a\0b\r\n\r\n`,
  () => `${GET_HEAD}X: a\x01\x7fb\r\n\r\n`,
  () => `${GET_HEAD}X: a\r\n folded\r\n\r\n`,
  () => `${GET_HEAD}X: a\rb\r\n\r\n`,
  () => `${GET_HEAD}X: a\nY: b\n\n\r\n\r\n`,
  () => `${GET_HEAD}X: ${'x'.repeat(20_000)}\r\n\r\n`,
  () => `${GET_HEAD}Cookie: ${'sid=%;'.repeat(4000)}\r\n\r\n`,
  () => `${GET_HEAD}${'X: y\r\n'.repeat(3000)}\r\n`,
  () => `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
  () => 'GET / HTTP/1.1\r\n\r\n',
  () => 'GET / HTTP/1.0\r\n\r\n',
  () => 'GET / HTTP/9.9\r\nHost: localhost\r\n\r\n',
  () => 'GET /\r\n\r\n',
  () => 'GET relative HTTP/1.1\r\nHost: localhost\r\n\r\n',
  () => 'GET  / HTTP/1.1\r\nHost: localhost\r\n\r\n',
  () => 'GET /\x01 HTTP/1.1\r\nHost: localhost\r\n\r\n',
  () => 'GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n',
  () => 'get / HTTP/1.1\r\nHost: localhost\r\n\r\n',
  () => 'NONSENSE / HTTP/1.1\r\nHost: localhost\r\n\r\n',
  () => 'CONNECT localhost:22 HTTP/1.1\r\nHost: localhost:22\r\n\r\n',
  () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  () => 'POST http://[::1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n',
];

/** Bytes that are not a whole request. */
const INCOMPLETE: readonly ((random: Random) => string | Buffer)[] = [
  (random) => random.bytes(1 + random.below(400)),
  (random) =>
    Buffer.concat([Buffer.from('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 'latin1'), random.bytes(100)]),
  () => '',
  () => '\r\n\r\n\r\n',
  () => 'GET',
  () => 'GET / HTTP/1.1\r\nHo',
  () => `${GET_HEAD}X: y`,
  () => `${POST_HEAD}Content-Length: 100\r\n\r\nusername=a`,
  () => `${POST_HEAD}Content-Length: 20000\r\n\r\n${'x'.repeat(9000)}`,
  () => `${POST_HEAD}Transfer-Encoding: chunked\r\n\r\na\r\nusername=a\r\n`,
  () => `${POST_HEAD}Transfer-Encoding: chunked\r\n\r\nff\r\nusername=a`,
  () => `${POST_HEAD}Content-Length: 10\r\n\r\nusername=a`,
  () => `${GET_HEAD}\r\n`,
];

/** Returns bytes that are not sound HTTP or that may end the connection. */
function brokenRequest(random: Random, cast: Cast): FuzzRequest {
  const isComplete = random.happens(0.6);
  const made = random.pick(isComplete ? COMPLETE : INCOMPLETE)(random);
  const bytes = typeof made === 'string' ? Buffer.from(made, 'latin1') : made;
  const manner = isComplete ? 'alone' : random.pick(['ended', 'ended', 'cut'] as const);
  if (isComplete || random.happens(0.8)) return { bytes, method: '', expected: 'any', isFile: false, manner };
  // The first part of a sound request.
  const sound = formRequest(random, cast, { isMutated: true }).bytes;
  return {
    bytes: sound.subarray(0, 1 + random.below(sound.length)),
    method: '',
    expected: 'any',
    isFile: false,
    manner,
  };
}
