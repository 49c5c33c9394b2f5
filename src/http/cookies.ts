import { hash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { parse, type SerializeOptions, serialize } from 'cookie';
import type { Grants } from '../outcome.ts';
import { FIXED } from '../policy.ts';

/** The tokens that a browser sent: of its session, and of the account's device. */
export type Tokens = { session?: string; device?: string };

/** Sets and reads the cookies of the contract; under https they are `Secure` and have the prefix `__Host-`. */
export interface Cookies {
  read(request: IncomingMessage, email?: string): Tokens;
  grant(response: ServerResponse, email: string, grants: Grants): void;
  dropSession(response: ServerResponse): void;
}

/** The cookies of a site at `publicOrigin`. */
export function cookiesFor(publicOrigin: string): Cookies {
  const secure = publicOrigin.startsWith('https:');
  const prefix = secure ? '__Host-' : '';
  const session = `${prefix}sid`;
  const deviceOf = (email: string) => {
    return `${prefix}device-${hash('sha256', email, 'hex').slice(0, 8)}`;
  };
  const common: SerializeOptions = { httpOnly: true, path: '/', secure };
  const lax: SerializeOptions = { ...common, sameSite: 'lax' };
  const strict: SerializeOptions = { ...common, sameSite: 'strict' };

  return {
    read(request, email) {
      const { cookie } = request.headers;
      if (cookie === undefined) return {};
      const sent = parse(cookie);
      const device = email === undefined ? undefined : sent[deviceOf(email)];
      return {
        ...(sent[session] && { session: sent[session] }),
        ...(device && { device }),
      };
    },
    grant(response, email, grants) {
      const device = lasting(deviceOf(email), grants.device, FIXED.deviceLifetimeSeconds, strict);
      if (grants.session === undefined) return void response.setHeader('Set-Cookie', device);
      const own = lasting(session, grants.session, FIXED.sessionLifetimeSeconds, lax);
      response.setHeader('Set-Cookie', [own, device]);
    },
    dropSession(response) {
      response.setHeader('Set-Cookie', serialize(session, '', { ...lax, expires: new Date(1) }));
    },
  };
}

/** A cookie that a browser keeps for so many seconds, also one that knows no Max-Age. */
function lasting(name: string, value: string, seconds: number, options: SerializeOptions): string {
  return serialize(name, value, {
    ...options,
    maxAge: seconds,
    expires: new Date(Date.now() + seconds * 1000),
  });
}
