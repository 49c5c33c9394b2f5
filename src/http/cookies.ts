import { hash } from 'node:crypto';
import { parse } from 'cookie';
import type { CookieOptions, Request, Response } from 'express';
import type { IssuedTokens } from '../engine/outcomes.ts';
import { CONSTANTS } from '../policy.ts';

/** The tokens that a browser sent: of its session, and of the account's device. */
export type Tokens = { session?: string; device?: string };

/** Sets and reads the cookies. Under https they are `Secure` and have the prefix `__Host-`. */
export interface Cookies {
  read(request: Request, email?: string): Tokens;
  grant(response: Response, email: string, issued: IssuedTokens): void;
  dropSession(response: Response): void;
}

/** The cookies of a site at `publicOrigin`. */
export function cookiesFor(publicOrigin: string): Cookies {
  const secure = publicOrigin.startsWith('https:');
  const prefix = secure ? '__Host-' : '';
  const session = `${prefix}sid`;
  const deviceOf = (email: string) => `${prefix}device-${hash('sha256', email, 'hex').slice(0, 8)}`;
  const common: CookieOptions = { httpOnly: true, path: '/', secure };
  const ofSession: CookieOptions = {
    ...common,
    sameSite: 'lax',
    maxAge: CONSTANTS.sessionLifetimeSeconds * 1000,
  };
  const ofDevice: CookieOptions = {
    ...common,
    sameSite: 'strict',
    maxAge: CONSTANTS.deviceLifetimeSeconds * 1000,
  };

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
    grant(response, email, issued) {
      if (issued.session !== undefined) response.cookie(session, issued.session, ofSession);
      response.cookie(deviceOf(email), issued.device, ofDevice);
    },
    dropSession(response) {
      response.clearCookie(session, { ...common, sameSite: 'lax' });
    },
  };
}
