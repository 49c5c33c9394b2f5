import type { Request, RequestHandler } from 'express';
import { isPathOfSite } from '../next-path.ts';
import { BOUNDS } from './bounds.ts';
import { reply } from './replies.ts';
import type { SignedIn } from './routes.ts';

/**
 * Answers a proxy that protects other pages of this host. A live session gets 200 with `Remote-User` and `Remote-Name`, else 401.
 * If the proxy sent `X-Forwarded-Uri` and the visitor asks for HTML, answers 303 to the sign-in page.
 */
export function proxyAuth(
  signedInOn: (request: Request) => Promise<SignedIn>,
  publicOrigin: string,
): RequestHandler {
  return async (request, response) => {
    const user = await signedInOn(request);
    if (user !== undefined) {
      response.set('Remote-User', inHeader(user.email));
      response.set('Remote-Name', encodeURIComponent(`${user.fname} ${user.lname}`));
      return reply(response, 'auth', { kind: 'ok' });
    }
    const uri = request.get('X-Forwarded-Uri');
    if (uri === undefined || request.accepts(['json', 'html']) !== 'html')
      return reply(response, 'auth', { kind: 'signed_out' });
    const isNext = uri.length <= BOUNDS.forwardedUriBytes && isPathOfSite(uri);
    response.redirect(303, `${publicOrigin}/${isNext ? `?next=${encodeURIComponent(uri)}` : ''}`);
  };
}

/** Percent-encodes what is not ASCII, and `%` itself, so that no two addresses have one form. */
function inHeader(address: string): string {
  return address.replace(/[^\x21-\x7e]|%/gu, encodeURIComponent);
}
