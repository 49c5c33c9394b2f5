import { randomBytes } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { join } from 'node:path';
import ejs from 'ejs';
import express, { type ErrorRequestHandler, type Request, type RequestHandler, type Response } from 'express';
import helmet from 'helmet';
import type { Logger } from 'pino';
import type { Deps } from '../engine/deps.ts';
import type { LogEvent } from '../events.ts';
import { StoreUnavailable } from '../store.ts';
import { readAssets } from './assets.ts';
import { sameSite } from './csrf.ts';
import { formBody } from './form-body.ts';
import { refusal, replyInvalid, sendJson } from './replies.ts';
import { addRoutes, type RouteOptions } from './routes.ts';

/** The settings of the app, besides the engine's dependencies. */
export interface AppOptions extends RouteOptions {
  /** The folder that holds `views` and `public/assets`. */
  readonly root: string;
  readonly trustProxy: false | number | readonly string[];
  readonly log: Pick<Logger, 'info' | 'error'>;
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
  app.locals.smsCountries = deps.phones.smsCountries;
  app.locals.defaultCountry = deps.phones.defaultCountry;

  const malformed = new WeakSet<IncomingMessage>();

  app.use(commonHeaders(options.publicOrigin));
  app.use(assets.serve);
  app.use(logRequests(options.log));
  app.use(sameSite(options.publicOrigin, (request, response) => refuse(request, response, 'cross_site')));
  app.use(formBody((request, response) => refuse(request, response, 'too_large')));
  addRoutes(app, deps, options);
  app.use((request, response) => {
    // Judged after the origin, as docs/api.md orders it.
    if (malformed.has(request)) return replyInvalid(response, 'body');
    return refuse(request, response, 'not_found');
  });
  app.use(faults(options.log));

  return (request, response) => {
    if (!toOriginForm(request)) malformed.add(request);
    app(request as Request, response as Response);
  };
}

/**
 * Brings a request target that names its host to origin form (RFC 9112, 3.2.2). That host replaces the Host header.
 * Returns false for a target that is neither, and replaces it by a path that no route has. Express would parse it leniently,
 * and Node would print it.
 */
function toOriginForm(request: IncomingMessage): boolean {
  const { url = '' } = request;
  if (url.startsWith('/')) return true;
  request.url = '/*';
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) return false;
  const { host, pathname, search } = new URL(url);
  request.url = pathname + search;
  request.headers.host = host;
  return true;
}

/** Sets the headers of every answer: helmet's, and no-store. They never differ, so helmet runs once. */
function commonHeaders(publicOrigin: string): RequestHandler {
  const isHttps = publicOrigin.startsWith('https:');
  const headers: [name: string, value: string][] = [['Cache-Control', 'no-store']];
  const collect = helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        // Argon2id is WebAssembly. No other code is made at run time.
        scriptSrc: ["'self'", "'wasm-unsafe-eval'"],
        workerSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        connectSrc: ["'self'"],
        formAction: ["'self'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    // With helmet's default, `no-referrer`, browsers send `Origin: null` with a form.
    referrerPolicy: { policy: 'same-origin' },
    frameguard: { action: 'deny' },
    // This program doesn't decide about subdomains.
    strictTransportSecurity: isHttps && { includeSubDomains: false },
  });
  const sample = {
    setHeader: (name: string, value: string) => headers.push([name, value]),
    removeHeader: () => undefined,
  };
  collect({} as IncomingMessage, sample as unknown as ServerResponse, () => undefined);
  return (_request, response, next) => {
    for (const [name, value] of headers) response.setHeader(name, value);
    next();
  };
}

/** Logs one line for each request, except for the inbox, which polls. Logs a route's own path only: users type the rest of a URL. */
function logRequests(log: AppOptions['log']): RequestHandler {
  return (request, response, next) => {
    const startMs = performance.now();
    const id = randomBytes(6).toString('hex');
    response.locals.requestId = id;
    response.on('finish', () => {
      const path = (request.route as { path?: string } | undefined)?.path ?? 'unknown';
      if (path.startsWith('/dev/')) return;
      const ms = Math.round(performance.now() - startMs);
      log.info({ id, method: request.method, path, status: response.statusCode, ms }, 'request');
    });
    next();
  };
}

/** Answers what went wrong outside of the engine's outcomes, and logs what is a fault of ours. */
function faults(log: AppOptions['log']): ErrorRequestHandler {
  return (error, request, response, next) => {
    if (response.headersSent) return next(error);
    const { status } = error as { status?: unknown };
    if (typeof status === 'number' && status >= 400 && status < 500) return replyInvalid(response, 'body');
    refuse(request, response, logFault(log, error, response.locals.requestId));
  };
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
function refuse(request: Request, response: Response, status: Parameters<typeof refusal>[0]): void {
  const { code, title, body } = refusal(status);
  const isPageVisit = request.method === 'GET' && request.accepts(['json', 'html']) === 'html';
  if (!isPageVisit) return void sendJson(response, code, body);
  const { message } = body;
  response
    .status(code)
    .render('error', { page: 'error', hasInbox: false, signedIn: undefined, title, message });
}
