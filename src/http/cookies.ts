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
  const ofSession = lasting(FIXED.sessionLifetimeSeconds, lax);
  const ofDevice = lasting(FIXED.deviceLifetimeSeconds, { ...common, sameSite: 'strict' });

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
      const device = `${deviceOf(email)}=${grants.device}${ofDevice()}`;
      if (grants.session === undefined) return void response.setHeader('Set-Cookie', device);
      response.setHeader('Set-Cookie', [`${session}=${grants.session}${ofSession()}`, device]);
    },
    dropSession(response) {
      response.setHeader('Set-Cookie', serialize(session, '', { ...lax, expires: new Date(1) }));
    },
  };
}

/** The attributes of a cookie that browsers keep for so many seconds, also those that know no Max-Age: made once a second. */
function lasting(seconds: number, options: SerializeOptions): () => string {
  let attributes = '';
  let madeAtSecond = 0;
  return () => {
    const nowMs = Date.now();
    if (Math.floor(nowMs / 1000) !== madeAtSecond) {
      const expires = new Date(nowMs + seconds * 1000);
      attributes = serialize('name', '', { ...options, maxAge: seconds, expires }).slice('name='.length);
      madeAtSecond = Math.floor(nowMs / 1000);
    }
    return attributes;
  };
}
