import type { Express, Request, RequestHandler, Response } from 'express';
import type { ZodType } from 'zod';
import {
  accountData,
  accountPage,
  changeName,
  changePhone,
  changePwd,
  deleteAccount,
  endSession,
  forgetDevice,
  prove,
} from '../account-page.ts';
import type { Deps } from '../engine/deps.ts';
import type { Dropped, IssuedTokens } from '../engine/outcomes.ts';
import type { Client } from '../engine/requests.ts';
import {
  accountAddress,
  codeStatus,
  getSeed,
  login,
  logout,
  resendCode,
  resetPwd,
  signup,
  verifyPasscode,
  whoIsSignedIn,
} from '../engine.ts';
import { nextPath } from '../next-path.ts';
import type { Inbox } from '../sms.ts';
import {
  changeNameForm,
  changePhoneForm,
  changePwdForm,
  endSessionForm,
  forgetDeviceForm,
  noForm,
  proveForm,
} from './account-forms.ts';
import { browserLabel } from './browser-label.ts';
import { cookiesFor, type Tokens } from './cookies.ts';
import { isLocal } from './csrf.ts';
import {
  codeStatusForm,
  getSeedForm,
  loginForm,
  logoutForm,
  type Parsed,
  readBody,
  readForm,
  resendCodeForm,
  resetPwdForm,
  signupForm,
  verifyPasscodeForm,
} from './forms.ts';
import { inboxStreams } from './inbox-streams.ts';
import { proxyAuth } from './proxy-auth.ts';
import { type Counted, requestLimit, signupsOf } from './rate-limit.ts';
import { readiness } from './readiness.ts';
import { type Outcomes, refusal, reply, replyInvalid, replySlowDown, sendJson } from './replies.ts';
import type { CountsFor } from './request-counts.ts';

/** The settings of the routes, besides the engine's dependencies. */
export interface RouteOptions {
  readonly publicOrigin: string;
  readonly isProduction: boolean;
  /** The messages of the console sender. Without it there is no inbox. */
  readonly inbox?: Inbox;
  /** Counts an outcome of the engine for the metrics. */
  readonly onOutcome?: (path: keyof Outcomes, outcome: { kind: string }) => void;
  /** Aborts when the program stops. */
  readonly stopping?: AbortSignal;
}

/** The cookies that came with a form. `deviceOf` returns the device token for an account's address. */
type Cookies = Tokens & { deviceOf: (email: string) => string | undefined };

/** Adds the two routes for monitors. They have no limit and no line in the log. */
export function addHealth(app: Express, deps: Deps, { stopping }: RouteOptions): void {
  const isReady = readiness(deps);
  app.get('/healthz', (_request, response) => sendJson(response, 200, { status: 'ok' }));
  app.get('/readyz', async (_request, response) => {
    const isUp = !stopping?.aborted && (await isReady()) && !stopping?.aborted;
    const { code, body } = isUp ? { code: 200, body: { status: 'ok' } } : refusal('unavailable');
    sendJson(response, code, body);
  });
}

/** Adds the route for proxies that protect other pages of this host. It has no limit, because each of their requests asks it. */
export function addAuth(
  app: Express,
  { publicOrigin }: RouteOptions,
  signedInOn: (request: Request) => Promise<SignedIn>,
): void {
  app.get('/auth', proxyAuth(signedInOn, publicOrigin));
}

/** Adds the inbox of the console sender, for requests from this machine only. */
export function addInbox(
  app: Express,
  options: RouteOptions,
  signedInOn: (request: Request) => Promise<SignedIn>,
): void {
  const toInbox: RequestHandler = (request, _response, next) =>
    next(hasInbox(request, options) ? undefined : 'route');
  app.get('/dev/messages', toInbox, async (request, response) => {
    const signedIn = await signedInOn(request);
    response.render('messages', {
      page: 'messages',
      hasInbox: true,
      signedIn,
      messages: options.inbox?.messages(),
    });
  });
  app.get('/dev/messages.json', toInbox, (_request, response) => {
    response.json(options.inbox?.messages());
  });
  app.get('/dev/messages/events', toInbox, inboxStreams(options));
}

function hasInbox(request: Request, { inbox, isProduction }: RouteOptions): boolean {
  return inbox !== undefined && !isProduction && isLocal(request);
}

/** The user of the session that a request belongs to. */
export type SignedIn = Awaited<ReturnType<typeof whoIsSignedIn>>;

/** Returns a function that finds the user who is signed in. */
export function userFinder(deps: Deps, publicOrigin: string): (request: Request) => Promise<SignedIn> {
  const cookies = cookiesFor(publicOrigin);
  return (request) => {
    const deviceOf = (email: string) => cookies.read(request, email).device;
    return whoIsSignedIn(deps, { ...cookies.read(request), deviceOf });
  };
}

/** Adds the pages and the requests of the API to the app, in the tutorial's order. */
export function addRoutes(
  app: Express,
  deps: Deps,
  options: RouteOptions,
  signedInOn: (request: Request) => Promise<SignedIn>,
  countsFor: CountsFor,
): void {
  const cookies = cookiesFor(options.publicOrigin);
  const signupLimit = requestLimit(countsFor, signupsOf(deps.policy));

  const clientOf = (request: Request, response: Response) => ({
    ...cookies.read(request),
    ...(response.locals.counted as Counted).client,
  });
  const page = (name: string): RequestHandler => {
    return async (request, response) => {
      const signedIn = await signedInOn(request);
      response.render(name, { page: name, hasInbox: hasInbox(request, options), signedIn });
    };
  };
  /** Sends a signed-in browser on. With a query, as in `/?reset`, the user asks for this page itself. */
  const unlessSignedIn: RequestHandler = async (request, response, next) => {
    const search = /\?.*$/s.exec(request.originalUrl)?.[0];
    const asksForIt = search !== undefined && !/[?&]next=/.test(search);
    if (asksForIt || (await signedInOn(request)) === undefined) return next();
    response.redirect(303, nextPath(search ?? ''));
  };

  post('getseed', getSeedForm, getSeed);
  post('signup', signupForm, signup);
  post('login', loginForm, login);
  post('verifypasscode', verifyPasscodeForm, verifyPasscode);
  post('resetpwd', resetPwdForm, resetPwd);
  post('resendcode', resendCodeForm, resendCode);
  post('codestatus', codeStatusForm, codeStatus);
  post('logout', logoutForm, logout, (response, { isOtherSignedIn }) => {
    if (!isOtherSignedIn) cookies.drop(response);
  });
  post('prove', proveForm, prove);
  post('changename', changeNameForm, changeName);
  post('changepwd', changePwdForm, changePwd);
  post('changephone', changePhoneForm, changePhone);
  post('endsession', endSessionForm, endSession);
  post('forgetdevice', forgetDeviceForm, forgetDevice);
  post('deleteaccount', noForm, deleteAccount);

  app.get('/', unlessSignedIn, page('index'));
  app.get('/signup', unlessSignedIn, page('signup'));
  app.get('/about', page('about'));
  app.get('/account', async (request, response) => {
    const account = await accountPage(deps, clientOf(request, response));
    if (account.kind === 'signed_out') return response.redirect(303, '/?next=/account');
    const { fname, email } = account;
    return response.render('account', {
      page: 'account',
      hasInbox: hasInbox(request, options),
      signedIn: { fname, email },
      account,
    });
  });
  app.get('/account.json', async (request, response) =>
    reply(response, 'account.json', await accountPage(deps, clientOf(request, response))),
  );
  app.get('/account/data', async (request, response) =>
    reply(response, 'account/data', await accountData(deps, clientOf(request, response))),
  );

  /** One request: its form, its limits, the engine's answer, and the cookies that the answer issued. */
  function post<Path extends keyof Outcomes, Form extends object>(
    path: Path,
    schema: FormSchema<Form>,
    answer: (deps: Deps, form: Form & Cookies & Client) => Promise<Outcomes[Path]>,
    alsoOnAnswer?: (response: Response, outcome: Outcomes[Path]) => void,
  ): void {
    app.post(`/${path}`, async (request, response) => {
      const parsed = parse(request, schema);
      if ('field' in parsed) return replyInvalid(response, parsed.field, parsed.sentence);

      const { client, waitSeconds: wait } = response.locals.counted as Counted;
      const waitSeconds = (await wait) || (path === 'signup' ? await signupLimit(client) : 0);
      if (waitSeconds > 0) return replySlowDown(response, waitSeconds);

      const form = await withAccountAddress(deps, parsed.form);
      const { email } = form as { email?: string };
      const outcome = await answer(deps, {
        ...form,
        ...cookies.read(request, email),
        deviceOf: (account) => cookies.read(request, account).device,
        ...client,
        requestId: response.locals.requestId,
        // The label is parsed only when a device or a session gets it.
        browserOf: () => browserLabel(request.headers['user-agent']),
      });

      options.onOutcome?.(path, outcome);
      const { issued, dropped } = outcome as { issued?: IssuedTokens } & Dropped;
      const owner = email ?? issued?.email;
      if (issued !== undefined && owner !== undefined) cookies.grant(request, response, owner, issued);
      if (dropped !== undefined) cookies.drop(response, dropped.deviceOf);
      alsoOnAnswer?.(response, outcome);
      reply(response, path, outcome);
    });
  }
}

/** Returns the form with the address that its account is stored under. */
async function withAccountAddress<Form extends object>(deps: Deps, form: Form): Promise<Form> {
  const { email, formerEmail } = form as { email?: string; formerEmail?: string };
  if (email === undefined || formerEmail === undefined) return form;
  return { ...form, email: await accountAddress(deps, email, formerEmail) };
}

/** A form's schema, or how to choose it by the fields that came. */
type FormSchema<Form> = ZodType<Form> | ((fields: Map<string, string>) => ZodType<Form>);

function parse<Form>(request: Request, schema: FormSchema<Form>): Parsed<Form> {
  const body = readBody(request.headers['content-type'], request.body ?? Buffer.alloc(0));
  if ('field' in body) return body;
  return readForm(typeof schema === 'function' ? schema(body.form) : schema, body.form);
}
