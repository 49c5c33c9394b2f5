import { isIP } from 'node:net';
import { resolve } from 'node:path';
import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { isLoopbackHost } from './loopback.ts';
import { type AppSecrets, isGsm7, messagesFit } from './passcode.ts';
import { countryIn, isCountry, isE164, phoneIn, sharesCallingCode } from './phone.ts';
import { type Policy, STRICT, TUTORIAL } from './policy.ts';

/** The SMS sender: RingCentral, or the console, which prints messages and shows them at /dev/messages. */
export type SmsConfig =
  | { sender: 'console' }
  | {
      sender: 'ringcentral';
      serverUrl: string;
      clientId: string;
      clientSecret: string;
      jwt: string;
      fromNumber: string;
      api: 'standard' | 'a2p';
      messagesPerMinute: number;
    };

/** A SQLite file by its absolute path, or the URL of a PostgreSQL database. The URL may contain a password. */
export type DatabaseConfig =
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'postgres'; readonly url: string };

/** The settings of the program. They are read once, at the start. */
export interface Config {
  readonly isProduction: boolean;
  readonly port: number;
  readonly host: string;
  /** An origin as browsers write it, e.g. `https://example.com`. */
  readonly publicOrigin: string;
  readonly serviceName: string;
  readonly database: DatabaseConfig;
  /** If undefined, the program generates a random secret at each start. */
  readonly appSecrets: AppSecrets | undefined;
  /** True if a secret is not random, so that an attacker could guess it. Production refuses it. */
  readonly hasWeakSecret: boolean;
  readonly sms: SmsConfig;
  readonly policy: Policy;
  readonly smsCountries: readonly string[];
  readonly defaultCountry: string;
  /** A value for Express's setting `trust proxy`. */
  readonly trustProxy: false | number | readonly string[];
  readonly hasRateLimits: boolean;
  /** The address of the metrics. Undefined if they are off. */
  readonly metrics: { readonly host: string; readonly port: number } | undefined;
}

/** Thrown by `readConfig`. The message has a line for each bad variable and never contains a secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const SECRET_FORM =
  'must be 32 random bytes or more, as base64url without padding. ' +
  `Make one: node -p "require('node:crypto').randomBytes(32).toString('base64url')".`;
/** A change needs two. One more is for a change that begins before the last one has ended. */
const MAX_SECRETS = 3;
/** Random secrets have more different characters, even in hexadecimal. Fewer are a placeholder, such as xxxx. */
const MIN_SECRET_CHARACTERS = 10;

const Variables = z.object({
  NODE_ENV: z
    .enum(['production', 'development', 'test'], 'must be production, development or test.')
    .optional(),
  PORT: wholeNumber(1, 65_535).default(5000),
  HOST: text(isHost, 'must be a host name or an IP address to listen on.').default('localhost'),
  PUBLIC_ORIGIN: origin('must be an origin without a path, such as https://example.com.').optional(),
  SERVICE_NAME: text(isGsm7, 'must use only the GSM-7 alphabet.').default('Two-Factor Demo'),
  DATABASE_URL: text(
    (url) => isFileUrl(url) || isPostgresUrl(url),
    'must be file: and the path of a SQLite database, or postgres://user:password@host/database. ' +
      'A path has no blank, ~ or $ at its start, and no / at its end.',
  ).default('file:data/users.db'),
  APP_SECRET: z
    .string()
    .transform(partsOf)
    .pipe(z.array(z.base64url(SECRET_FORM).min(43, SECRET_FORM)))
    .refine(({ length }) => length <= MAX_SECRETS, `must name ${MAX_SECRETS} secrets at most.`)
    .transform((secrets) => secrets.map((secret) => Buffer.from(secret, 'base64url')))
    .optional(),
  SMS_SENDER: z.enum(['ringcentral', 'console'], 'must be ringcentral or console.').optional(),
  RC_SERVER_URL: origin(
    'must be an https origin without a path (http is for this machine only).',
    ({ protocol, hostname }) => protocol === 'https:' || isLoopbackHost(hostname),
  ).default('https://platform.ringcentral.com'),
  RC_APP_CLIENT_ID: credential(),
  RC_APP_CLIENT_SECRET: credential(),
  RC_USER_JWT: credential(),
  RC_FROM_NUMBER: z
    .string()
    .transform(phoneIn)
    .pipe(text(isE164, 'must be a number in E.164 form, such as +12025550123.'))
    .default(''),
  RC_SMS_API: z.enum(['standard', 'a2p'], 'must be standard or a2p.').default('standard'),
  RC_MESSAGES_PER_MINUTE: wholeNumber(1, 10_000).default(36),
  POLICY: z.enum(['tutorial', 'strict'], 'must be tutorial or strict.').default('tutorial'),
  SECOND_FACTOR: z
    .enum(['never', 'unknown_device', 'always'], 'must be never, unknown_device or always.')
    .optional(),
  MAX_FAILURES: wholeNumber(1, 100).optional(),
  CODE_LIFETIME_SECONDS: wholeNumber(1, 86_400).optional(),
  CODE_RESEND_SECONDS: wholeNumber(0, 86_400).optional(),
  MESSAGES_PER_DAY: wholeNumber(10, 1_000_000).default(TUTORIAL.messagesPerDay),
  SMS_COUNTRIES: z
    .string()
    .transform(countryIn)
    .pipe(list(isCountry, 'must be two-letter country codes with commas between.'))
    .prefault('US,CA'),
  DEFAULT_COUNTRY: z
    .string()
    .transform(countryIn)
    .pipe(text(isCountry, 'must be a two-letter country code.'))
    .optional(),
  TRUST_PROXY: z
    .union([
      wholeNumber(0, 32).transform((hops) => (hops === 0 ? false : hops)),
      list(
        isNetwork,
        'must be the number of proxies, or their networks (IPv4 from /8, IPv6 from /16) separated by commas.',
      ),
    ])
    .default(false),
  RATE_LIMITS: z.enum(['on', 'off'], 'must be on or off.').default('on'),
  METRICS_PORT: wholeNumber(1, 65_535).optional(),
  METRICS_HOST: text(isHost, 'must be a host name or an IP address to listen on.').default('127.0.0.1'),
});

type Values = z.infer<typeof Variables>;
type Name = keyof Values;
/** A text per variable: its value, or what is wrong with it. */
type Texts = Partial<Record<Name, string>>;

/** The names of the variables that the program reads, in the order of docs/configuration.md. */
export const VARIABLES: readonly Name[] = Variables.keyof().options;

const RC_NAMES = ['RC_APP_CLIENT_ID', 'RC_APP_CLIENT_SECRET', 'RC_USER_JWT', 'RC_FROM_NUMBER'] as const;

/** The source of the variables, as far as the configuration needs it. */
export interface ConfigSource {
  /** The folder that a relative DATABASE_URL starts at. By default the working folder. */
  readonly databaseFolder?: string;
  /** Faults of the file that the variables come from. They stop the start. */
  readonly faults?: readonly string[];
  /** Further lines for the error, if there is one. */
  readonly notes?: readonly string[];
}

/** Returns the settings in `env`, or throws a ConfigError that names every fault. An empty variable counts as unset. */
export function readConfig(
  env: Readonly<Record<string, string | undefined>>,
  { databaseFolder = '', faults: sourceFaults = [], notes = [] }: ConfigSource = {},
): Config {
  const given: Texts = Object.fromEntries(
    VARIABLES.map((name) => [name, env[name]?.trim()]).filter(([, text]) => text),
  );
  const issues = Variables.safeParse(given).error?.issues ?? [];
  const faults: Texts = Object.fromEntries(
    issues.map(({ path: [name], message }) => [name, withHint(message, given[name as Name])]),
  );
  // Defaults replace the bad values, so the checks across variables run too and one error names everything.
  const sound = Object.fromEntries(Object.entries(given).filter(([name]) => !(name in faults)));
  const config = toConfig(Variables.parse(sound), given, databaseFolder);

  const all = { ...faultsAcross(config, given), ...countryFault(config, given, faults), ...faults };
  const lines = VARIABLES.filter((name) => all[name]).map((name) => `${name} ${all[name]}`);
  if (lines.length + sourceFaults.length > 0) {
    const text = [...sourceFaults, ...lines, ...notes].join('\n  ');
    throw new ConfigError(`The configuration is wrong:\n  ${text}`);
  }
  return Object.freeze(config);
}

const INVISIBLE = /[\p{Cf}\p{Zl}\p{Zp}\u2800\ufffc]|(?! )\p{Zs}/u;

/** Adds the reason for a fault that the operator can't see, unless the message names it. */
function withHint(message: string, value = ''): string {
  if (!INVISIBLE.test(value) || message.startsWith('has ')) return message;
  return `${message} It has an invisible character: type it again.`;
}

function toConfig(values: Values, given: Texts, databaseFolder: string): Config {
  return {
    isProduction: values.NODE_ENV === 'production',
    port: values.PORT,
    host: values.HOST,
    publicOrigin: values.PUBLIC_ORIGIN ?? new URL(`http://localhost:${values.PORT}`).origin,
    serviceName: values.SERVICE_NAME,
    database: readDatabase(values.DATABASE_URL, databaseFolder),
    appSecrets: values.APP_SECRET as AppSecrets | undefined,
    hasWeakSecret: partsOf(given.APP_SECRET).some((secret) => new Set(secret).size < MIN_SECRET_CHARACTERS),
    sms: readSms(values, given),
    policy: readPolicy(values),
    smsCountries: values.SMS_COUNTRIES,
    defaultCountry: values.DEFAULT_COUNTRY ?? defaultCountryOf(values.SMS_COUNTRIES),
    trustProxy: values.TRUST_PROXY,
    hasRateLimits: values.RATE_LIMITS === 'on',
    metrics:
      values.METRICS_PORT === undefined
        ? undefined
        : { host: values.METRICS_HOST, port: values.METRICS_PORT },
  };
}

/** Returns the database that a DATABASE_URL names, or undefined if the URL is wrong. A relative path starts at `folder`. */
export function databaseAt(url: string, folder: string): DatabaseConfig | undefined {
  return isFileUrl(url) || isPostgresUrl(url) ? readDatabase(url, folder) : undefined;
}

function readDatabase(url: string, folder: string): DatabaseConfig {
  if (isPostgresUrl(url)) return { kind: 'postgres', url };
  return { kind: 'sqlite', path: resolve(folder, url.replace(/^file:(\/\/(?=\/))?/, '')) };
}

/** Without the United States in the list, a number without `+` is of the first country in it. */
function defaultCountryOf([first = 'US', ...others]: readonly string[]): string {
  return others.includes('US') ? 'US' : first;
}

function readSms(values: Values, given: Texts): SmsConfig {
  if (senderOf(given) !== 'ringcentral') return { sender: 'console' };
  return {
    sender: 'ringcentral',
    serverUrl: values.RC_SERVER_URL,
    clientId: values.RC_APP_CLIENT_ID,
    clientSecret: values.RC_APP_CLIENT_SECRET,
    jwt: values.RC_USER_JWT,
    fromNumber: values.RC_FROM_NUMBER,
    api: values.RC_SMS_API,
    messagesPerMinute: values.RC_MESSAGES_PER_MINUTE,
  };
}

function senderOf(given: Texts): string {
  return given.SMS_SENDER ?? (RC_NAMES.some((name) => given[name]) ? 'ringcentral' : 'console');
}

const NO_RATE_LIMITS = {
  maxSeedsPerNetwork: Number.POSITIVE_INFINITY,
  requestsPerMinute: Number.POSITIVE_INFINITY,
  signupsPerHour: Number.POSITIVE_INFINITY,
  failedCodesPerHour: Number.POSITIVE_INFINITY,
};

function readPolicy(values: Values): Policy {
  const base = values.POLICY === 'strict' ? STRICT : TUTORIAL;
  const hasRateLimits = values.RATE_LIMITS === 'on';
  return {
    ...base,
    messagesPerDay: values.MESSAGES_PER_DAY,
    hasSharedLimits: hasRateLimits,
    secondFactor: values.SECOND_FACTOR ?? base.secondFactor,
    maxFailures: values.MAX_FAILURES ?? base.maxFailures,
    codeLifetimeSeconds: values.CODE_LIFETIME_SECONDS ?? base.codeLifetimeSeconds,
    codeResendSeconds: values.CODE_RESEND_SECONDS ?? base.codeResendSeconds,
    ...(!hasRateLimits && NO_RATE_LIMITS),
  };
}

/** The faults of variables that don't fit together, although each is valid by itself. */
function faultsAcross(
  { isProduction, host, publicOrigin, serviceName, policy, hasWeakSecret, database, appSecrets }: Config,
  given: Texts,
): Texts {
  const faults: Texts = {};
  if (isProduction && hasWeakSecret) faults.APP_SECRET = SECRET_FORM;
  if (database.kind === 'postgres' && appSecrets === undefined) {
    faults.APP_SECRET = `is missing: all processes on one PostgreSQL need the same one. It ${SECRET_FORM}`;
  }
  if (!messagesFit({ serviceName, host: new URL(publicOrigin).hostname }, policy.codeLifetimeSeconds)) {
    faults.SERVICE_NAME = 'is too long: with the host of PUBLIC_ORIGIN, a message is over 160 characters.';
  }
  const sender = senderOf(given);
  const isPublic = isProduction || publicOrigin.startsWith('https:') || !isLoopbackHost(host);
  if (sender === 'console' && given.SMS_SENDER === undefined && isPublic) {
    faults.SMS_SENDER =
      'must be set here, because `console` prints the messages. Set the RC_ variables, or SMS_SENDER=console.';
  }
  for (const name of RC_NAMES) {
    if (sender === 'ringcentral' && given[name] === undefined) {
      faults[name] = 'is missing: RingCentral needs all of its RC_ variables.';
    }
  }
  return faults;
}

/** Without a country in common, every number that is typed without `+` would be refused. */
function countryFault({ smsCountries, defaultCountry }: Config, given: Texts, faults: Texts): Texts {
  if (given.DEFAULT_COUNTRY === undefined || faults.SMS_COUNTRIES !== undefined) return {};
  if (sharesCallingCode(defaultCountry, smsCountries)) return {};
  return { DEFAULT_COUNTRY: 'must be one of SMS_COUNTRIES.' };
}

function text(isValid: (text: string) => boolean, error: string) {
  return z.string().refine(isValid, error);
}

function credential() {
  const error = ({ input }: { input: unknown }) =>
    `has ${strayIn(String(input))}, which RingCentral never uses. Copy it again.`;
  return z
    .string()
    .refine((value) => strayIn(value) === undefined, { error })
    .default('');
}

/** Returns the first character that no credential has, and its place. Returns undefined for a clean text. */
function strayIn(text: string): string | undefined {
  const found = /[^!-~]|["'`]/u.exec(text);
  if (found === null) return undefined;
  const [stray] = found;
  const kinds: [RegExp, string][] = [
    [/[\r\n]/, 'a line break'],
    [/\s/, 'a blank'],
    [/["'`\p{Quotation_Mark}]/u, 'a quotation mark'],
    [/\p{L}/u, 'a letter that is not ASCII'],
    [/[\p{C}\p{M}]/u, 'an invisible character'],
  ];
  const kind = kinds.find(([pattern]) => pattern.test(stray))?.[1] ?? 'a character that is not ASCII';
  const code = (stray.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  return `${kind} (U+${code}, place ${found.index + 1})`;
}

function wholeNumber(least: number, most: number) {
  const isInRange = (digits: string) =>
    /^\d{1,9}$/.test(digits) && Number(digits) >= least && Number(digits) <= most;
  return text(isInRange, `must be a whole number from ${least} to ${most}.`).transform(Number);
}

/** Returns the parts of a list with commas. An unset one has no parts. */
function partsOf(commas?: string): string[] {
  return commas?.split(',').map((item) => item.trim()) ?? [];
}

function list(isItem: (text: string) => boolean, error: string) {
  const items = z.string().transform(partsOf);
  return items.pipe(z.array(text(isItem, error)));
}

function origin(error: string, isAllowed: (url: URL) => boolean = () => true) {
  const isOrigin = (text: string) => {
    if (!URL.canParse(text)) return false;
    const url = new URL(text);
    return /^https?:$/.test(url.protocol) && url.href === `${url.origin}/` && isAllowed(url);
  };
  return text(isOrigin, error).transform((url) => new URL(url).origin);
}

function isHost(text: string): boolean {
  return isIP(text) !== 0 || z.regexes.hostname.test(text);
}

/**
 * Accepts file:path and file:///path, but no host, no query and no database in memory. No shell expands ~ or $HOME here, so they
 * would be names of folders. So would a blank.
 */
function isFileUrl(text: string): boolean {
  const isFile = /^file:(\/\/(?=\/))?(?!\/\/)(?![~$\s\p{Cf}])[^?#]+$/u.test(text);
  const isFolder = /(?:^file:|\/)\.{0,2}$/.test(text);
  return isFile && !isFolder && !text.includes(':memory:');
}

const SSL_MODES = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'];

/** Accepts a URL with a database's name. Its parts must be well encoded, or the driver fails on them later. */
function isPostgresUrl(text: string): boolean {
  if (!/^postgres(ql)?:\/\//.test(text) || !URL.canParse(text)) return false;
  const { username, password, pathname, searchParams } = new URL(text);
  try {
    for (const part of [username, password, pathname]) decodeURIComponent(part);
  } catch {
    return false;
  }
  return pathname.length > 1 && SSL_MODES.includes(searchParams.get('sslmode') ?? 'disable');
}

const NETWORKS = z.union([
  z.enum(['loopback', 'linklocal', 'uniquelocal']),
  z.ipv4(),
  z.ipv6(),
  z.cidrv4(),
  z.cidrv6(),
]);

/** Shorter prefixes would trust strangers. An operator's own networks are smaller, except for fc00::/7. */
const MIN_PREFIX = { ipv4: 8, ipv6: 16 };
const UNIQUE_LOCAL = ipaddr.IPv6.parseCIDR('fc00::/7');
const IPV4_MAPPED = ipaddr.IPv6.parse('::ffff:0:0');
/** The bits before the IPv4 address in a mapped one. */
const MAPPED_BITS = 96;

/** Refuses networks that are too broad, also as IPv4 addresses mapped into IPv6. */
function isNetwork(text: string): boolean {
  if (!NETWORKS.safeParse(text).success) return false;
  if (!text.includes('/')) return true;
  const [address, prefix] = ipaddr.parseCIDR(text);
  if (!(address instanceof ipaddr.IPv6)) return prefix >= MIN_PREFIX.ipv4;
  if (address.isIPv4MappedAddress()) return prefix >= MAPPED_BITS + MIN_PREFIX.ipv4;
  if (IPV4_MAPPED.match([address, prefix])) return false;
  return prefix >= MIN_PREFIX.ipv6 || (prefix >= UNIQUE_LOCAL[1] && address.match(UNIQUE_LOCAL));
}
