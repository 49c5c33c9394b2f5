import { createHash } from 'node:crypto';
import { parse } from 'cookie';
import type { CookieOptions, Request, Response } from 'express';
import type { Grants } from '../outcome.ts';
import { FIXED } from '../policy.ts';

/** The tokens that a browser sent: of its session, and of the account's device. */
export type Tokens = { session?: string; device?: string };

/** Sets and reads the cookies of the contract; under https they are `Secure` and have the prefix `__Host-`. */
export interface Cookies {
  read(request: Request, email?: string): Tokens;
  grant(response: Response, email: string, grants: Grants): void;
  dropSession(response: Response): void;
}

/** The cookies of a site at `publicOrigin`. */
export function cookiesFor(publicOrigin: string): Cookies {
  const secure = publicOrigin.startsWith('https:');
  const prefix = secure ? '__Host-' : '';
  const session = `${prefix}sid`;
  const deviceOf = (email: string) => {
    return `${prefix}device-${createHash('sha256').update(email).digest('hex').slice(0, 8)}`;
  };
  const common: CookieOptions = { httpOnly: true, path: '/', secure };
  const lax: CookieOptions = { ...common, sameSite: 'lax' };

  return {
    read(request, email) {
      const sent = parse(request.headers.cookie ?? '');
      const device = email === undefined ? undefined : sent[deviceOf(email)];
      return {
        ...(sent[session] && { session: sent[session] }),
        ...(device && { device }),
      };
    },
    grant(response, email, grants) {
      if (grants.session !== undefined) {
        response.cookie(session, grants.session, { ...lax, maxAge: FIXED.sessionLifetimeSeconds * 1000 });
      }
      response.cookie(deviceOf(email), grants.device, {
        ...common,
        sameSite: 'strict',
        maxAge: FIXED.deviceLifetimeSeconds * 1000,
      });
    },
    dropSession(response) {
      response.clearCookie(session, lax);
    },
  };
}
