import type { Config } from '../config.ts';

/** The lines that the operator reads once the program listens. */
export function startupMessages(config: Config): string[] {
  const { publicOrigin, serviceName, sms, isProduction } = config;
  const messages =
    sms.sender === 'ringcentral'
      ? `Messages    are sent through RingCentral (${sms.serverUrl}), from the number ending in ${sms.fromNumber.slice(-4)}`
      : `Messages    are printed here${isProduction ? '' : `, and shown at ${publicOrigin}/dev/messages`}`;
  const lines = [
    `${serviceName} is at ${publicOrigin}`,
    `  Data        ${config.databasePath}`,
    `  ${messages}`,
  ];
  if (sms.sender === 'console') {
    lines.push('  RingCentral is not connected: docs/ringcentral.md has the five steps');
  }
  return [...lines, ...warnings(config).map((warning) => `  Note        ${warning}`)];
}

function warnings({ appSecret, hasRateLimits, publicOrigin, isProduction }: Config): string[] {
  const found: string[] = [];
  if (appSecret === undefined) {
    found.push('APP_SECRET is not set: codes do not outlive a restart, and only one process can run');
  }
  if (!hasRateLimits)
    found.push('RATE_LIMITS=off: limits per network are lifted. Use it for a load test only');
  if (isProduction && !publicOrigin.startsWith('https:')) {
    found.push('PUBLIC_ORIGIN is not https: cookies and pages can be read and changed on their way');
  }
  return found;
}

/** Returns why the program could not listen, and what to do about it. */
export function listenFault(
  error: NodeJS.ErrnoException,
  { host, port }: Pick<Config, 'host' | 'port'>,
): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return (
        `Port ${port} is in use. Choose another one: PORT=${port + 1} npm start\n` +
        '(On macOS, AirPlay Receiver holds port 5000: System Settings, General, AirDrop & Handoff.)'
      );
    case 'EACCES':
      return `Port ${port} may not be opened by this user. Choose one from 1024 up: PORT=5000 npm start`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `HOST=${host} is not an address of this machine.`;
    default:
      return `Listening on ${host}, port ${port}, failed: ${error.code ?? error.message}`;
  }
}
