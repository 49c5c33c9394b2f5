import { type Request, type RequestHandler, type Response, Router } from 'express';
import type { ZodType } from 'zod';
import {
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
import type { Origin } from '../form.ts';
import type { Grants } from '../outcome.ts';
import type { Ports } from '../ports.ts';
import { originOf } from './address.ts';
import { cookiesFor, type Tokens } from './cookies.ts';
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
import { requestLimit } from './limits.ts';
import { isLocal } from './origin.ts';
import { type Outcomes, reply, replyInvalid, replySlowDown } from './replies.ts';

/** What the routes need to know besides the engine's ports. */
export interface RouteOptions {
  readonly publicOrigin: string;
  readonly isProduction: boolean;
  /** The messages of the console sender, newest first; without it there is no inbox. */
  readonly inbox?: () => readonly { to: string; text: string; at: string }[];
}

/** What is known of who sent a form, besides its fields. */
type Sender = Tokens & Origin & { deviceOf: (email: string) => string | undefined };

/** The pages and the requests of the API, in the tutorial's order. `notFound` answers what no route answers. */
export function routes(
  ports: Ports,
  { publicOrigin, isProduction, inbox }: RouteOptions,
  notFound: RequestHandler,
): Router {
  const router = Router({ caseSensitive: true, strict: true });
  const cookies = cookiesFor(publicOrigin);
  const { requestsPerMinute, signupsPerHour } = ports.policy;
  const limit = requestLimit(requestsPerMinute, 60);
  const signupLimit = requestLimit(signupsPerHour, 3600);

  const hasInbox = (request: Request) => inbox !== undefined && !isProduction && isLocal(request);
  const page = (name: string): RequestHandler => {
    return async (request, response) => {
      const signedIn = await whoIsSignedIn(ports, cookies.read(request));
      response.render(name, { page: name, hasInbox: hasInbox(request), signedIn });
    };
  };

  // Express would answer OPTIONS by itself, with the methods of a route.
  router.options('/{*path}', notFound);

  post('getseed', getSeedForm, getSeed);
  post('signup', signupForm, signup);
  post('login', loginForm, login);
  post('verifypasscode', verifyPasscodeForm, verifyPasscode);
  post('resetpwd', resetPwdForm, resetPwd);
  post('resendcode', resendCodeForm, resendCode);
  post('codestatus', codeStatusForm, codeStatus);
  post('logout', logoutForm, logout, cookies.dropSession);

  router.get('/', page('index'));
  router.get('/signup', page('signup'));
  router.get('/about', page('about'));

  const toInbox: RequestHandler = (request, _response, next) => next(hasInbox(request) ? undefined : 'route');
  router.get('/dev/messages', toInbox, (_request, response) => {
    response.render('messages', { page: 'messages', hasInbox: true, messages: inbox?.() });
  });
  router.get('/dev/messages.json', toInbox, (_request, response) => void response.json(inbox?.()));
  return router;

  /** One request: its form, its limits, the engine's answer, and the cookies that the answer grants. */
  function post<Path extends keyof Outcomes, Form extends object>(
    path: Path,
    schema: FormSchema<Form>,
    answer: (ports: Ports, form: Form & Sender) => Promise<Outcomes[Path]>,
    alsoOnAnswer?: (response: Response) => void,
  ): void {
    router.post(`/${path}`, async (request, response) => {
      const parsed = parse(request, schema);
      if ('field' in parsed) return replyInvalid(response, parsed.field);

      const origin = originOf(request.ip ?? '');
      const waitSeconds = (await limit(origin)) || (path === 'signup' ? await signupLimit(origin) : 0);
      if (waitSeconds > 0) return replySlowDown(response, waitSeconds);

      const { email } = parsed.form as { email?: string };
      const outcome = await answer(ports, {
        ...parsed.form,
        ...cookies.read(request, email),
        deviceOf: (account) => cookies.read(request, account).device,
        ...origin,
      });

      const { grants } = outcome as { grants?: Grants };
      if (grants !== undefined && email !== undefined) cookies.grant(response, email, grants);
      alsoOnAnswer?.(response);
      reply(response, path, outcome);
    });
  }
}

/** A form's schema, or how to choose it by the fields that came. */
type FormSchema<Form> = ZodType<Form> | ((fields: Map<string, string>) => ZodType<Form>);

function parse<Form>(request: Request, schema: FormSchema<Form>): Parsed<Form> {
  const body = readBody(request.headers['content-type'], request.body ?? Buffer.alloc(0));
  if ('field' in body) return body;
  return readForm(typeof schema === 'function' ? schema(body.form) : schema, body.form);
}
