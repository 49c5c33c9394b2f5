import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { join } from 'node:path';
import ejs from 'ejs';
import express, { type ErrorRequestHandler, type Request, type RequestHandler, type Response } from 'express';
import helmet from 'helmet';
import type { Logger } from 'pino';
import type { Ports } from '../ports.ts';
import { StoreUnavailable } from '../store.ts';
import { readAssets } from './assets.ts';
import { directPosts } from './direct.ts';
import { isFormType } from './forms.ts';
import { sameSite } from './origin.ts';
import { refusal, replyInvalid, replyRefused } from './replies.ts';
import { type RouteOptions, routes } from './routes.ts';

/** What the app needs to know besides the engine's ports. */
export interface AppOptions extends RouteOptions {
  /** The folder that holds `views` and `public/assets`. */
  readonly root: string;
  readonly trustProxy: false | number | readonly string[];
  readonly log: Pick<Logger, 'info' | 'error'>;
}

const BODY_LIMIT_BYTES = 8 * 1024;

/** The whole application, ready to be listened with. It never listens by itself. */
export function createApp(ports: Ports, options: AppOptions): RequestListener {
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
  app.locals.serviceName = ports.site.serviceName;
  app.locals.passwordMinLength = ports.policy.passwordMinLength;
  app.locals.smsCountries = ports.phones.smsCountries;
  app.locals.defaultCountry = ports.phones.defaultCountry;

  const setSecurity = securityHeaders(options.publicOrigin);
  app.use(alsoOn(setSecurity));
  app.use(assets.serve);
  app.use(alsoOn(setNoStore));
  app.use((request, response, next) => {
    logOnceAnswered(
      options.log,
      request,
      response,
      () => (request.route as { path?: string } | undefined)?.path,
    );
    next();
  });
  app.use(sameSite(options.publicOrigin, (request, response) => refuse(request, response, 'cross_site')));
  app.use(
    express.raw({
      type: (request) => isFormType(request.headers['content-type']),
      limit: BODY_LIMIT_BYTES,
      inflate: false,
    }),
  );
  const notFound: RequestHandler = (request, response) => refuse(request, response, 'not_found');
  // Express would list a route's methods by itself.
  app.use((request, response, next) =>
    request.method === 'OPTIONS' ? notFound(request, response, next) : next(),
  );
  const { router, posts } = routes(ports, options);
  app.use(router);
  app.use(notFound);
  app.use(faults(options.log));
  const isAnswered = directPosts(posts, {
    publicOrigin: options.publicOrigin,
    bodyLimitBytes: BODY_LIMIT_BYTES,
    // Express's own reading of X-Forwarded-For.
    ipOf: ({ headers, socket }) => Reflect.get(app.request, 'ip', { app, headers, socket }) ?? '',
    prepare(request, response, path) {
      setSecurity(response);
      setNoStore(response);
      logOnceAnswered(options.log, request, response, () => path);
    },
    onFault(error, response) {
      if (response.headersSent) response.destroy();
      else replyRefused(response, logFault(options.log, error));
    },
  });
  return (request, response) => {
    if (isAnswered(request, response)) return;
    const invalid = () => replyInvalid(response, 'body');
    // A request target that Express can't parse passes by all of the above.
    return toOriginForm(request) ? app(request as Request, response as Response, invalid) : invalid();
  };
}

/**
 * Brings a target that names its host to the form that routes have, with that host in place of the header's (RFC 9112,
 * 3.2.2). False where the target is none: Express and Node would parse it leniently, and write it to the terminal.
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

/** Sets what helmet sets, which is the same for every answer: it is asked once. */
function securityHeaders(publicOrigin: string): (response: ServerResponse) => void {
  const isHttps = publicOrigin.startsWith('https:');
  const headers: [name: string, value: string][] = [];
  const setOnce = helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        // Argon2id is WebAssembly; no other code is made at run time.
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
    // Helmet's own default, `no-referrer`, makes browsers send `Origin: null` with a form.
    referrerPolicy: { policy: 'same-origin' },
    frameguard: { action: 'deny' },
    // Other hosts below this one's name are not this program's to decide about.
    strictTransportSecurity: isHttps && { includeSubDomains: false },
  });
  const sample = {
    setHeader: (name: string, value: string) => headers.push([name, value]),
    removeHeader: () => undefined,
  };
  setOnce({} as IncomingMessage, sample as unknown as ServerResponse, () => undefined);
  return (response) => {
    for (const [name, value] of headers) response.setHeader(name, value);
  };
}

function setNoStore(response: ServerResponse): void {
  response.setHeader('Cache-Control', 'no-store');
}

function alsoOn(step: (response: ServerResponse) => void): RequestHandler {
  return (_request, response, next) => {
    step(response);
    next();
  };
}

/** One line a request, but for the inbox, which polls. Only a route's own path is written: the rest of a URL is whatever somebody typed. */
function logOnceAnswered(
  log: AppOptions['log'],
  request: IncomingMessage,
  response: ServerResponse,
  pathOf: () => string | undefined,
): void {
  const startedAtMs = performance.now();
  response.on('finish', () => {
    const path = pathOf() ?? 'unknown';
    if (path.startsWith('/dev/')) return;
    const ms = Math.round(performance.now() - startedAtMs);
    log.info({ method: request.method, path, status: response.statusCode, ms }, 'request');
  });
}

/** Answers what went wrong outside of the engine's outcomes, and logs what is a fault of ours. */
function faults(log: AppOptions['log']): ErrorRequestHandler {
  return (error, request, response, next) => {
    if (response.headersSent) return next(error);
    const { status } = error as { status?: unknown };
    if (status === 413) return refuse(request, response, 'too_large');
    if (typeof status === 'number' && status >= 400 && status < 500) return replyInvalid(response, 'body');
    refuse(request, response, logFault(log, error));
  };
}

/** Logs what went wrong, and says what it is answered with. */
function logFault(log: AppOptions['log'], error: unknown): 'unavailable' | 'error' {
  if (error instanceof StoreUnavailable) {
    log.error({ reason: error.message }, 'store unavailable');
    return 'unavailable';
  }
  log.error({ name: (error as Error)?.name, stack: (error as Error)?.stack }, 'fault');
  return 'error';
}

/** JSON for programs, a page for a person whose browser opened an address. */
function refuse(request: Request, response: Response, status: Parameters<typeof refusal>[0]): void {
  const { code, title, body } = refusal(status);
  response.status(code).set('Cache-Control', 'no-store');
  const isPageVisit = request.method === 'GET' && request.accepts(['json', 'html']) === 'html';
  if (!isPageVisit) return void response.type('json').json(body);
  response.render('error', {
    page: 'error',
    hasInbox: false,
    signedIn: undefined,
    title,
    message: body.message,
  });
}
