import type { Config, DatabaseConfig } from '../config.ts';
import { isLoopbackHost } from '../loopback.ts';

/** The findings of the start, besides the configuration. */
export interface StartFindings {
  /** The absolute path of the `.env` that was read. Undefined without a file. */
  readonly file: string | undefined;
  readonly isNewDatabase: boolean;
  /** Sentences for the operator. */
  readonly notes: readonly string[];
}

/** The lines that the operator reads once the program listens. */
export function startupMessages(config: Config, { file, isNewDatabase, notes }: StartFindings): string[] {
  const { publicOrigin, serviceName, sms, database } = config;
  const lines = [
    `${serviceName} is at ${publicOrigin}`,
    `  Settings    ${file ?? 'the environment, without a .env'}`,
    `  Data        ${nameOf(database)}${isNewDatabase ? ' (a new database)' : ''}`,
    `  Messages    ${messagesLine(config)}`,
  ];
  if (sms.sender === 'console') {
    lines.push('  RingCentral is not connected: docs/ringcentral.md has the five steps');
  }
  return [...lines, ...[...notes, ...warnings(config)].map((note) => `  Note        ${note}`)];
}

/** Never contains the user or the password. */
function nameOf(database: DatabaseConfig): string {
  if (database.kind === 'sqlite') return database.path;
  const { host, pathname } = new URL(database.url);
  return `PostgreSQL at ${host || 'a socket'}, database ${decodeURIComponent(pathname.slice(1))}`;
}

function messagesLine({ sms, isProduction, host, port }: Config): string {
  if (sms.sender === 'ringcentral') {
    return `are sent through RingCentral (${sms.serverUrl}), from the number ending in ${sms.fromNumber.slice(-4)}`;
  }
  const inboxHost = isProduction ? undefined : localHostOf(host);
  return `are printed here${inboxHost ? `, and shown at http://${inboxHost}:${port}/dev/messages` : ''}`;
}

/** Returns the host of a URL by which this machine reaches the program. Undefined if no loopback address does. */
function localHostOf(host: string): string | undefined {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  if (!isLoopbackHost(host)) return undefined;
  return host.includes(':') ? `[${host}]` : host;
}

function warnings({
  appSecrets,
  hasWeakSecret,
  hasRateLimits,
  publicOrigin,
  isProduction,
  trustProxy,
}: Config): string[] {
  const found: string[] = [];
  if (appSecrets === undefined) {
    found.push('APP_SECRET is not set: codes do not outlive a restart, and only one process can run');
  }
  if (hasWeakSecret) found.push('APP_SECRET is not random: an attacker could guess the codes');
  if (!hasRateLimits)
    found.push('RATE_LIMITS=off: limits per network are lifted. Use it for a load test only');
  if (isProduction && !publicOrigin.startsWith('https:')) {
    found.push('PUBLIC_ORIGIN is not https: cookies and pages can be read and changed on their way');
  }
  // The program itself speaks only http, so with https a proxy is in front.
  if (publicOrigin.startsWith('https:') && trustProxy === false) {
    found.push('TRUST_PROXY names no proxy: behind one, all users count as one network, with one limit');
  }
  return found;
}

const MAX_PORT = 65_535;
const AIRPLAY_PORT = 5000;
const AIRPLAY = '(On macOS, AirPlay Receiver holds port 5000: System Settings, General, AirDrop & Handoff.)';

/** Returns why the program could not listen, and what to do about it. */
export function listenFault(
  error: NodeJS.ErrnoException,
  { host, port }: Pick<Config, 'host' | 'port'>,
): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return (
        `Port ${port} is in use. Choose another one: PORT=${port < MAX_PORT ? port + 1 : port - 1} npm start` +
        (port === AIRPLAY_PORT ? `\n${AIRPLAY}` : '')
      );
    case 'EACCES':
      return `Port ${port} may not be opened by this user. Choose one from 1024 up: PORT=5000 npm start`;
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
    case 'EAI_AGAIN':
    case 'EINVAL':
    case 'ENOTFOUND':
      return `HOST=${host} is not an address of this machine.`;
    default:
      return `Listening on ${host}, port ${port}, failed: ${error.code ?? error.message}`;
  }
}
