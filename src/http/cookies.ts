import { hash } from 'node:crypto';
import { parse } from 'cookie';
import type { CookieOptions, Request, Response } from 'express';
import type { IssuedTokens } from '../engine/outcomes.ts';
import { CONSTANTS } from '../policy.ts';
import { madeAtMs } from '../token.ts';

/** The tokens that a browser sent: of its session, and of the account's device. */
export type Tokens = { session?: string; device?: string };

const TOKEN = /^[\w.-]*$/;
const DEVICE_NAME = /^device-[0-9a-f]{8}$/;

/** Sets and reads the cookies. Under https they are `Secure` and have the prefix `__Host-`. */
export interface Cookies {
  read(request: Request, email?: string): Tokens;
  /** Sets the cookies of an account. Drops the oldest devices of other accounts if the browser has too many. */
  grant(request: Request, response: Response, email: string, issued: IssuedTokens): void;
  /** Deletes the session's cookie, and the device's cookie of an address. */
  drop(response: Response, deviceOf?: string): void;
}

/** The cookies of a site at `publicOrigin`. */
export function cookiesFor(publicOrigin: string): Cookies {
  const secure = publicOrigin.startsWith('https:');
  const prefix = secure ? '__Host-' : '';
  const session = `${prefix}sid`;
  const deviceOf = (email: string) => `${prefix}device-${hash('sha256', email, 'hex').slice(0, 8)}`;
  const isDevice = (name: string) => name.startsWith(prefix) && DEVICE_NAME.test(name.slice(prefix.length));
  const common: CookieOptions = { httpOnly: true, path: '/', secure };
  const ofSession: CookieOptions = {
    ...common,
    sameSite: 'lax',
    maxAge: CONSTANTS.sessionLifetimeSeconds * 1000,
  };
  const anyDevice: CookieOptions = { ...common, sameSite: 'strict' };
  const ofDevice: CookieOptions = { ...anyDevice, maxAge: CONSTANTS.deviceLifetimeSeconds * 1000 };
  // No cookie of ours has other characters. Some of them, such as NUL, fit no database.
  const sentBy = ({ headers }: Request) =>
    parse(headers.cookie ?? '', { decode: (text) => (TOKEN.test(text) ? text : '') });

  return {
    read(request, email) {
      const sent = sentBy(request);
      const device = email === undefined ? undefined : sent[deviceOf(email)];
      return {
        ...(sent[session] && { session: sent[session] }),
        ...(device && { device }),
      };
    },
    grant(request, response, email, issued) {
      const own = deviceOf(email);
      if (issued.session !== undefined) response.cookie(session, issued.session, ofSession);
      response.cookie(own, issued.device, ofDevice);
      const others = Object.entries(sentBy(request)).filter(([name]) => isDevice(name) && name !== own);
      for (const name of oldestOf(others)) response.clearCookie(name, anyDevice);
    },
    drop(response, email) {
      response.clearCookie(session, { ...common, sameSite: 'lax' });
      if (email !== undefined) response.clearCookie(deviceOf(email), { ...common, sameSite: 'strict' });
    },
  };
}

/** Returns the names of the device cookies to drop, the oldest first, so that there is room for one more. */
function oldestOf(devices: [name: string, token: string | undefined][]): string[] {
  const tooMany = Math.max(0, devices.length + 1 - CONSTANTS.maxDeviceCookies);
  return devices
    .map(([name, token]) => ({ name, madeAtMs: madeAtMs(token ?? '') }))
    .sort((left, right) => left.madeAtMs - right.madeAtMs)
    .slice(0, Math.min(tooMany, CONSTANTS.maxDroppedCookies))
    .map(({ name }) => name);
}
