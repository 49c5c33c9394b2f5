import type { RequestHandler } from 'express';
import { isLoopbackAddress, isLoopbackHost } from '../loopback.ts';

/**
 * Lets a POST through only where it comes from a page of this site or from no page at all (Fetch Metadata, and the
 * Origin header where a browser sends none); anything else gets `refuse`.
 */
export function sameSite(publicOrigin: string, refuse: RequestHandler): RequestHandler {
  return (request, response, next) => {
    if (request.method !== 'POST') return next();
    const site = request.headers['sec-fetch-site'];
    const { origin } = request.headers;
    const isAllowed =
      site === undefined
        ? origin === undefined || isSameOrigin(origin, publicOrigin)
        : site === 'same-origin' || site === 'none';
    return isAllowed ? next() : refuse(request, response, next);
  };
}

function isSameOrigin(origin: string, publicOrigin: string): boolean {
  if (origin === publicOrigin) return true;
  if (!URL.canParse(origin)) return false;
  const theirs = new URL(origin);
  const ours = new URL(publicOrigin);
  return (
    theirs.origin === origin &&
    theirs.protocol === ours.protocol &&
    theirs.port === ours.port &&
    isLoopbackHost(ours.hostname) &&
    isLoopbackHost(theirs.hostname)
  );
}

/** Whether a request comes from this machine, was sent to this machine's name alone, and passed no proxy on its way. */
export function isLocal(request: Parameters<RequestHandler>[0]): boolean {
  const hosts = request.rawHeaders.filter((name, index) => index % 2 === 0 && /^host$/i.test(name));
  if (hosts.length !== 1) return false;
  const host = /^(\[[^\]]*\]|[^:]*)(:\d+)?$/.exec(request.headers.host ?? '')?.[1] ?? '';
  const isForwarded = Object.keys(request.headers).some((name) =>
    /^(forwarded|via|x-forwarded-.*)$/.test(name),
  );
  return isLoopbackAddress(request.socket.remoteAddress ?? '') && isLoopbackHost(host) && !isForwarded;
}
