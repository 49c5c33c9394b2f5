import type { IncomingHttpHeaders } from 'node:http';
import type { RequestHandler } from 'express';
import { isLoopbackAddress, isLoopbackHost } from '../loopback.ts';

/** Passes on a POST only if it comes from a page of this site or from no page. Any other POST gets `refuse`. */
export function sameSite(publicOrigin: string, refuse: RequestHandler): RequestHandler {
  return (request, response, next) => {
    if (request.method !== 'POST' || isSameSite(request.headers, publicOrigin)) return next();
    return refuse(request, response, next);
  };
}

/**
 * True if a request comes from a page of this site or from no page. Fetch Metadata decides, or the Origin header if the
 * browser sends no Fetch Metadata.
 */
export function isSameSite(headers: IncomingHttpHeaders, publicOrigin: string): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  const { origin } = headers;
  return origin === undefined || isSameOrigin(origin, publicOrigin);
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

/** True if a request comes from this machine, names this machine in its one Host header, and passed no proxy. */
export function isLocal(request: Parameters<RequestHandler>[0]): boolean {
  const hosts = request.rawHeaders.filter((name, index) => index % 2 === 0 && /^host$/i.test(name));
  if (hosts.length !== 1) return false;
  const host = /^(\[[^\]]*\]|[^:]*)(:\d+)?$/.exec(request.headers.host ?? '')?.[1] ?? '';
  const isForwarded = Object.keys(request.headers).some((name) =>
    /^(forwarded|via|x-forwarded-.*)$/.test(name),
  );
  return isLoopbackAddress(request.socket.remoteAddress ?? '') && isLoopbackHost(host) && !isForwarded;
}
