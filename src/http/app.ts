import { randomBytes } from 'node:crypto';
import type { IncomingMessage, RequestListener } from 'node:http';
import { join } from 'node:path';
import ejs from 'ejs';
import express, { type ErrorRequestHandler, type Request, type RequestHandler, type Response } from 'express';
import type { Logger } from 'pino';
import type { Deps } from '../engine/deps.ts';
import type { LogEvent } from '../events.ts';
import { haveCallingCodes, listedDefault } from '../phone.ts';
import { StoreUnavailable } from '../store.ts';
import { readAssets } from './assets.ts';
import { sameSite } from './csrf.ts';
import { boundBodies, formBody } from './form-body.ts';
import { commonHeaders } from './headers.ts';
import { countRequests, requestLimit, requestsOf } from './rate-limit.ts';
import { type Refused, refusal, replyInvalid, sendJson, slowDown } from './replies.ts';
import { countsOf } from './request-counts.ts';
import {
  addAuth,
  addHealth,
  addInbox,
  addRoutes,
  type RouteOptions,
  type SignedIn,
  userFinder,
} from './routes.ts';

/** The settings of the app, besides the engine's dependencies. */
export interface AppOptions extends RouteOptions {
  /** The folder that holds `views` and `public/assets`. */
  readonly root: string;
  readonly trustProxy: false | number | readonly string[];
  readonly log: Pick<Logger, 'info' | 'error'>;
  /** Counts a request for the metrics, once it has ended. */
  readonly onRequest?: (request: { method: string; path: string; status?: number; ms: number }) => void;
}

/** The whole application, ready to listen with. Every request passes through it, so `app.use` reaches all of them. */
export function createApp(deps: Deps, options: AppOptions): RequestListener {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);
  app.set('trust proxy', options.trustProxy);
  app.set('case sensitive routing', true);
  app.set('strict routing', true);
  app.set('views', join(options.root, 'views'));
  app.engine('ejs', ejs.renderFile);
  app.set('view engine', 'ejs');
  const assets = readAssets(join(options.root, 'public', 'assets'));
  app.locals.asset = assets.pathOf;
  app.locals.serviceName = deps.site.serviceName;
  app.locals.passwordMinLength = deps.policy.passwordMinLength;
  app.locals.codeLifetimeSeconds = deps.policy.codeLifetimeSeconds;
  app.locals.smsCountries = deps.phones.smsCountries;
  app.locals.defaultCountry = deps.phones.defaultCountry;
  app.locals.listedDefault = listedDefault(deps.phones);
  app.locals.hasCallingCodes = haveCallingCodes(deps.phones.smsCountries);

  const countsFor = countsOf(deps.store);
  const malformed = new WeakMap<IncomingMessage, 400 | 417>();

  app.use(setHeaders(options.publicOrigin));
  // Before all that can answer. Bodies flow from here on, so no handler up to formBody may wait.
  app.use(boundBodies);
  app.use(assets.serve);
  addHealth(app, deps, options);
  const routes = new Set<string>();
  app.use(logRequests(options, routes));
  const findUser = userFinder(deps, options.publicOrigin);
  const signedInOn = signedOutIfUnreadable(options.log, findUser);
  addInbox(app, options, signedInOn);
  app.use(alertForwarded(deps, options));
  addAuth(app, options, findUser);
  app.use(
    countRequests(requestLimit(countsFor, requestsOf(deps.policy)), (request, response, seconds) =>
      refuse(request, response, slowDown(seconds)),
    ),
  );
  app.use(
    sameSite(options.publicOrigin, (request, response) => refuse(request, response, refusal('cross_site'))),
  );
  app.use(formBody((request, response) => refuse(request, response, refusal('too_large'))));
  addRoutes(app, deps, options, signedInOn, countsFor);
  for (const { route } of app.router.stack) if (route) routes.add(route.path);
  app.use(async (request, response) => {
    // Judged after the origin, as docs/api.md orders it.
    const code = malformed.get(request);
    if (code) return replyInvalid(response, 'body', undefined, code);
    const signedIn = isPageVisit(request) ? await signedInOn(request) : undefined;
    return refuse(request, response, refusal('not_found'), signedIn);
  });
  app.use(faults(options.log));

  return (request, response) => {
    const code = faultOf(request);
    if (code) {
      malformed.set(request, code);
      // Express would parse the target leniently, and Node would print it. No route has this path.
      request.url = '/*';
    }
    app(request as Request, response as Response);
  };
}

/** Returns 400 for a request without a Host or a known form of target, and 417 for an unknown expectation. */
function faultOf(request: IncomingMessage): 400 | 417 | undefined {
  const { httpVersion, headers } = request;
  if (httpVersion === '1.1' && headers.host === undefined) return 400;
  if (!toOriginForm(request)) return 400;
  return (headers.expect ?? '100-continue').toLowerCase() === '100-continue' ? undefined : 417;
}

/**
 * Brings a request target that names its host to origin form (RFC 9112, 3.2.2). That host replaces the Host header.
 * Returns false for a target that is neither.
 */
function toOriginForm(request: IncomingMessage): boolean {
  const { url = '' } = request;
  if (url.startsWith('/')) return true;
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) return false;
  const { host, pathname, search } = new URL(url);
  request.url = pathname + search;
  request.headers.host = host;
  return true;
}

/** Sets the headers of every answer. */
function setHeaders(publicOrigin: string): RequestHandler {
  const headers = commonHeaders(publicOrigin);
  return (_request, response, next) => {
    for (const [name, value] of headers) response.setHeader(name, value);
    next();
  };
}

/**
 * Logs one line for each request however it ends, except for the inbox, which programs poll. Logs a route's own path only: users type
 * the rest of a URL. `aborted`: the answer was not sent completely. There is no `status` if it was not begun.
 */
function logRequests({ log, onRequest }: AppOptions, routes: ReadonlySet<string>): RequestHandler {
  return (request, response, next) => {
    const startMs = performance.now();
    const id = randomBytes(6).toString('hex');
    response.locals.requestId = id;
    let isSent = false;
    // Node emits it for an answer that was cut, too.
    response.on('finish', () => {
      isSent = !request.socket.destroyed;
    });
    response.on('close', () => {
      const path = routes.has(request.path) ? request.path : 'unknown';
      if (path.startsWith('/dev/')) return;
      const ms = Math.round(performance.now() - startMs);
      const status = response.headersSent ? { status: response.statusCode } : {};
      const aborted = isSent ? {} : { aborted: true };
      log.info({ id, method: request.method, path, ...status, ms, ...aborted }, 'request');
      onRequest?.({ method: request.method, path, ...status, ms: performance.now() - startMs });
    });
    next();
  };
}

/** Alerts on forwarded requests if a site at https trusts no proxy. All its users count as one network. */
function alertForwarded({ alert }: Deps, { publicOrigin, trustProxy }: AppOptions): RequestHandler {
  const isForgotten = publicOrigin.startsWith('https:') && trustProxy === false;
  return ({ headers }, _response, next) => {
    if (isForgotten && headers['x-forwarded-for'] !== undefined) alert({ event: 'proxy_not_trusted' });
    next();
  };
}

/** Answers what went wrong outside of the engine's outcomes, and logs what is a fault of ours. */
function faults(log: AppOptions['log']): ErrorRequestHandler {
  return (error, request, response, next) => {
    if (response.headersSent) return next(error);
    const { status } = error as { status?: unknown };
    if (typeof status === 'number' && status >= 400 && status < 500) return replyInvalid(response, 'body');
    refuse(request, response, refusal(logFault(log, error, response.locals.requestId)));
  };
}

/** Makes pages come if the database can't be read. They then show a signed-out user, and the log has a line. */
function signedOutIfUnreadable(
  log: AppOptions['log'],
  find: (request: Request) => Promise<SignedIn>,
): (request: Request) => Promise<SignedIn> {
  return (request) =>
    find(request).catch((error) => {
      if (!(error instanceof StoreUnavailable)) throw error;
      logFault(log, error, request.res?.locals.requestId);
      return undefined;
    });
}

/** Logs what went wrong, and says what it is answered with. */
function logFault(log: AppOptions['log'], error: unknown, id: unknown): 'unavailable' | 'error' {
  if (error instanceof StoreUnavailable) {
    log.error({ event: 'store_unavailable' satisfies LogEvent, id, reason: error.message }, 'alert');
    return 'unavailable';
  }
  const { name, stack }: Partial<Error> = Object(error);
  log.error({ event: 'fault' satisfies LogEvent, id, name, stack }, 'alert');
  return 'error';
}

/** Refuses with JSON for programs, and with a page if a person's browser opened an address. */
function refuse(
  request: Request,
  response: Response,
  { code, title, body }: Refused,
  signedIn?: SignedIn,
): void {
  if (body.retryAfter !== undefined) response.set('Retry-After', String(body.retryAfter));
  if (!isPageVisit(request)) return void sendJson(response, code, body);
  const { message } = body;
  response.status(code).render('error', { page: 'error', hasInbox: false, signedIn, title, message });
}

/** True if a user's browser opened an address. */
function isPageVisit(request: Request): boolean {
  const isGet = request.method === 'GET' || request.method === 'HEAD';
  return isGet && request.accepts(['json', 'html']) === 'html';
}
