import { BlockList, isIP } from 'node:net';
import { isLoopbackHost } from './loopback.ts';
import { isGsm7, messagesFit } from './passcode.ts';
import { isCountry, isE164 } from './phone.ts';
import { type Policy, STRICT, TUTORIAL } from './policy.ts';

/** Where messages go: to RingCentral, or to the terminal and /dev/messages. */
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

/** All settings of the program, read once at its start. */
export interface Config {
  readonly isProduction: boolean;
  readonly port: number;
  readonly host: string;
  /** An origin as browsers write it, e.g. `https://example.com`. */
  readonly publicOrigin: string;
  readonly serviceName: string;
  readonly databasePath: string;
  /** Undefined: the program makes one up at each start. */
  readonly appSecret: Uint8Array | undefined;
  readonly sms: SmsConfig;
  readonly policy: Policy;
  readonly smsCountries: readonly string[];
  readonly defaultCountry: string;
  /** As Express takes its setting `trust proxy`. */
  readonly trustProxy: false | number | readonly string[];
  readonly hasRateLimits: boolean;
}

/** Thrown by `readConfig`; its message names every variable that is wrong, a line each, and no value of a secret one. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const RC_NAMES = ['RC_APP_CLIENT_ID', 'RC_APP_CLIENT_SECRET', 'RC_USER_JWT', 'RC_FROM_NUMBER'] as const;

/** Every variable that the program reads, in the order of the README's table. */
export const VARIABLES = [
  'NODE_ENV',
  'PORT',
  'HOST',
  'PUBLIC_ORIGIN',
  'SERVICE_NAME',
  'DATABASE_URL',
  'APP_SECRET',
  'SMS_SENDER',
  'RC_SERVER_URL',
  ...RC_NAMES,
  'RC_SMS_API',
  'RC_MESSAGES_PER_MINUTE',
  'POLICY',
  'MAX_FAILURES',
  'CODE_LIFETIME_SECONDS',
  'CODE_RESEND_SECONDS',
  'MESSAGES_PER_DAY',
  'SMS_COUNTRIES',
  'DEFAULT_COUNTRY',
  'TRUST_PROXY',
  'RATE_LIMITS',
] as const;

type Name = (typeof VARIABLES)[number];
type Environment = Readonly<Record<string, string | undefined>>;

/** Reads one variable and remembers what is wrong with it. One that is empty counts as not set. */
interface Reader {
  raw(name: Name): string | undefined;
  /** What `parse` makes of the variable, or of `otherwise` where it is not set; a fault where it answers undefined. */
  read<Value>(name: Name, otherwise: string, parse: (text: string) => Value | undefined, form: string): Value;
  fault(name: Name, sentence: string): void;
}

/** The settings that an environment asks for, or a ConfigError that names every bad variable at once. */
export function readConfig(env: Environment): Config {
  const faults: string[] = [];
  const reader: Reader = {
    raw: (name) => env[name]?.trim() || undefined,
    fault: (name, sentence) => void faults.push(`${name} ${sentence}`),
    read: (name, otherwise, parse, form) => {
      const value = parse(reader.raw(name) ?? otherwise);
      if (value === undefined) reader.fault(name, `must be ${form}.`);
      // A fault stops the start, so nobody sees this value.
      return value as NonNullable<typeof value>;
    },
  };

  const config = readAll(reader);
  if (faults.length > 0) throw new ConfigError(`The configuration is wrong:\n  ${faults.join('\n  ')}`);
  return Object.freeze(config);
}

function readAll(reader: Reader): Config {
  const isProduction = reader.raw('NODE_ENV') === 'production';
  const port = reader.read('PORT', '5000', wholeNumber(1, 65_535), 'a port, 1 to 65535');
  const host = reader.read('HOST', 'localhost', hostName, 'a host name or an IP address to listen on');
  const publicOrigin = reader.read(
    'PUBLIC_ORIGIN',
    `http://localhost:${port ?? 5000}`,
    origin,
    'an origin such as https://example.com, without a path',
  );
  const hasRateLimits = reader.read('RATE_LIMITS', 'on', oneOf('on', 'off'), 'on or off') === 'on';
  const policy = readPolicy(reader, hasRateLimits);
  return {
    isProduction,
    port,
    host,
    publicOrigin,
    serviceName: readServiceName(reader, publicOrigin, policy),
    databasePath: reader.read(
      'DATABASE_URL',
      'file:data/users.db',
      filePath,
      'file: and the path of a SQLite database; no other kind exists yet',
    ),
    appSecret: reader.raw('APP_SECRET') === undefined ? undefined : readSecret(reader),
    sms: readSms(
      reader,
      isProduction || publicOrigin?.startsWith('https:') || !isLoopbackHost(host ?? 'localhost'),
    ),
    policy,
    smsCountries: reader.read(
      'SMS_COUNTRIES',
      'US,CA',
      countries,
      'two-letter country codes with commas between them',
    ),
    defaultCountry: reader.read('DEFAULT_COUNTRY', 'US', country, 'a two-letter country code'),
    trustProxy: reader.read(
      'TRUST_PROXY',
      '0',
      trustedProxies,
      'the number of proxies, or the networks of proxies with commas between them; `true` would believe anybody',
    ),
    hasRateLimits,
  };
}

function readServiceName(reader: Reader, publicOrigin: string, policy: Policy): string {
  const name = reader.read(
    'SERVICE_NAME',
    'Two-Factor Demo',
    (text) => (isGsm7(text) ? text : undefined),
    'of the GSM-7 alphabet, so that messages stay short',
  );
  if (name === undefined || publicOrigin === undefined) return name;
  if (!messagesFit({ serviceName: name, host: new URL(publicOrigin).hostname }, policy.codeLifetimeSeconds)) {
    reader.fault(
      'SERVICE_NAME',
      'is too long: with the host of PUBLIC_ORIGIN, a message is over 160 characters.',
    );
  }
  return name;
}

function readSecret(reader: Reader): Uint8Array {
  return reader.read(
    'APP_SECRET',
    '',
    (text) =>
      /^[\w-]{43,}$/.test(text) && text.length % 4 !== 1 ? Buffer.from(text, 'base64url') : undefined,
    '32 random bytes or more, as base64url without padding',
  );
}

function readPolicy(reader: Reader, hasRateLimits: boolean): Policy {
  const word = reader.read('POLICY', 'tutorial', oneOf('tutorial', 'strict'), 'tutorial or strict');
  const base = word === 'strict' ? STRICT : TUTORIAL;
  const number = (name: Name, otherwise: number, least: number, most: number) =>
    reader.read(name, String(otherwise), wholeNumber(least, most), `a whole number, ${least} to ${most}`);
  const policy: Policy = {
    ...base,
    messagesPerDay: number('MESSAGES_PER_DAY', base.messagesPerDay, 10, 1_000_000),
    hasSharedLimits: hasRateLimits,
    maxFailures: number('MAX_FAILURES', base.maxFailures, 1, 100),
    codeLifetimeSeconds: number('CODE_LIFETIME_SECONDS', base.codeLifetimeSeconds, 1, 86_400),
    codeResendSeconds: number('CODE_RESEND_SECONDS', base.codeResendSeconds, 0, 86_400),
  };
  return hasRateLimits ? policy : { ...policy, ...UNLIMITED };
}

const UNLIMITED = {
  maxSeedsPerNetwork: Number.POSITIVE_INFINITY,
  requestsPerMinute: Number.POSITIVE_INFINITY,
  signupsPerHour: Number.POSITIVE_INFINITY,
  failedCodesPerHour: Number.POSITIVE_INFINITY,
};

function readSms(reader: Reader, mustBeNamed: boolean): SmsConfig {
  const ringCentral = readRingCentral(reader);
  const missing = RC_NAMES.filter((name) => reader.raw(name) === undefined);
  const isAsked = reader.raw('SMS_SENDER') !== undefined;
  const sender = reader.read(
    'SMS_SENDER',
    missing.length === RC_NAMES.length ? 'console' : 'ringcentral',
    oneOf('ringcentral', 'console'),
    'ringcentral or console',
  );
  if (sender === 'console' && !isAsked && mustBeNamed) {
    reader.fault(
      'SMS_SENDER',
      'must be set here: `console`, which prints messages, is taken by itself only on this machine for development. Set the RC_ variables, or SMS_SENDER=console.',
    );
  }
  if (sender !== 'ringcentral') return { sender: 'console' };
  for (const name of missing) reader.fault(name, 'is missing: RingCentral needs all of its RC_ variables.');
  return ringCentral;
}

/** What the RC_ variables say, each looked at where it is set, whatever the sender. */
function readRingCentral(reader: Reader): SmsConfig {
  const fromNumber = reader.raw('RC_FROM_NUMBER') ?? '';
  if (fromNumber !== '' && !isE164(fromNumber)) {
    reader.fault('RC_FROM_NUMBER', 'must be a number in E.164 form, such as +12025550123.');
  }
  return {
    sender: 'ringcentral',
    serverUrl: reader.read(
      'RC_SERVER_URL',
      'https://platform.ringcentral.com',
      ringCentralUrl,
      'an https address without a path (http for this machine alone)',
    ),
    clientId: reader.raw('RC_APP_CLIENT_ID') ?? '',
    clientSecret: reader.raw('RC_APP_CLIENT_SECRET') ?? '',
    jwt: reader.raw('RC_USER_JWT') ?? '',
    fromNumber,
    api: reader.read('RC_SMS_API', 'standard', oneOf('standard', 'a2p'), 'standard or a2p'),
    messagesPerMinute: reader.read(
      'RC_MESSAGES_PER_MINUTE',
      '36',
      wholeNumber(1, 10_000),
      'a whole number, 1 to 10000',
    ),
  };
}

function wholeNumber(least: number, most: number): (text: string) => number | undefined {
  return (text) => {
    if (!/^\d{1,9}$/.test(text)) return undefined;
    const number = Number(text);
    return number >= least && number <= most ? number : undefined;
  };
}

function oneOf<Word extends string>(...words: Word[]): (text: string) => Word | undefined {
  return (text) => words.find((word) => word === text);
}

function hostName(text: string): string | undefined {
  return isIP(text) !== 0 || /^[a-z0-9.-]+$/i.test(text) ? text : undefined;
}

function origin(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) return undefined;
  return url.href === `${url.origin}/` ? url.origin : undefined;
}

function ringCentralUrl(text: string): string | undefined {
  const found = origin(text);
  if (found === undefined) return undefined;
  return found.startsWith('https:') || isLoopbackHost(new URL(found).hostname) ? found : undefined;
}

function filePath(text: string): string | undefined {
  const path = /^file:(?:\/\/(?=\/))?([^?#]+)$/.exec(text)?.[1];
  return path === undefined || path.startsWith('//') || path.includes(':memory:') ? undefined : path;
}

function country(text: string): string | undefined {
  return isCountry(text) ? text : undefined;
}

function countries(text: string): string[] | undefined {
  const codes = text.split(',').map((code) => code.trim());
  return codes.every(isCountry) ? codes : undefined;
}

function trustedProxies(text: string): false | number | string[] | undefined {
  const hops = wholeNumber(0, 32)(text);
  if (hops !== undefined) return hops === 0 ? false : hops;
  const networks = text.split(',').map((network) => network.trim());
  return networks.every(isNetwork) ? networks : undefined;
}

function isNetwork(text: string): boolean {
  if (['loopback', 'linklocal', 'uniquelocal'].includes(text)) return true;
  const [address = '', prefix, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || text.includes('%') || rest.length > 0) return false;
  if (prefix === undefined) return true;
  try {
    // Refuses a prefix that the address has no room for; /0 would believe anybody.
    new BlockList().addSubnet(address, wholeNumber(1, 128)(prefix) ?? -1, version === 6 ? 'ipv6' : 'ipv4');
    return true;
  } catch {
    return false;
  }
}
