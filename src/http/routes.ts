import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Request, type RequestHandler, Router } from 'express';
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
import type { Post } from './direct.ts';
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
import { createLanes } from './lanes.ts';
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

/** The pages and the requests of the contract, in the tutorial's order; and the POSTs by their paths once more. */
export function routes(
  ports: Ports,
  { publicOrigin, isProduction, inbox }: RouteOptions,
): { router: Router; posts: ReadonlyMap<string, Post> } {
  const router = Router({ caseSensitive: true, strict: true });
  const posts = new Map<string, Post>();
  const cookies = cookiesFor(publicOrigin);
  const { requestsPerMinute, signupsPerHour } = ports.policy;
  const limit = requestLimit(requestsPerMinute, 60);
  const signupLimit = requestLimit(signupsPerHour, 3600);
  const isLimited = requestsPerMinute < Number.POSITIVE_INFINITY;
  const lanes = createLanes(() => performance.now(), isLimited ? MOST_WAITING : Number.POSITIVE_INFINITY);

  const hasInbox = (request: Request) => inbox !== undefined && !isProduction && isLocal(request);
  const page = (name: string): RequestHandler => {
    return async (request, response) => {
      const signedIn = await whoIsSignedIn(ports, cookies.read(request));
      response.render(name, { page: name, hasInbox: hasInbox(request), signedIn });
    };
  };

  router.get('/', page('index'));
  router.get('/signup', page('signup'));
  router.get('/about', page('about'));

  post('getseed', getSeedForm, getSeed);
  post('signup', signupForm, signup);
  post('login', loginForm, login);
  post('verifypasscode', verifyPasscodeForm, verifyPasscode);
  post('resetpwd', resetPwdForm, resetPwd);
  post('resendcode', resendCodeForm, resendCode);
  post('codestatus', codeStatusForm, codeStatus);
  post('logout', logoutForm, logout, cookies.dropSession);

  const toInbox: RequestHandler = (request, _response, next) => next(hasInbox(request) ? undefined : 'route');
  router.get('/dev/messages', toInbox, (_request, response) => {
    response.render('messages', { page: 'messages', hasInbox: true, messages: inbox?.() });
  });
  router.get('/dev/messages.json', toInbox, (_request, response) => void response.json(inbox?.()));
  return { router, posts };

  /** One request: its form, the engine's answer to it, and the cookies that the answer grants. */
  function post<Path extends keyof Outcomes, Form extends object>(
    path: Path,
    schema: ZodType<Form> | ((fields: Map<string, string>) => ZodType<Form>),
    answer: (ports: Ports, form: Form & Sender) => Promise<Outcomes[Path]>,
    alsoOnAnswer?: (response: ServerResponse) => void,
  ): void {
    const answerPost: Post = async (request, response, ip, body) => {
      const parsed = parse(request, body, schema);
      if ('field' in parsed) return replyInvalid(response, parsed.field);

      const origin = originOf(ip);
      const waitSeconds = (await limit(origin)) || (path === 'signup' ? await signupLimit(origin) : 0);
      if (waitSeconds > 0) return replySlowDown(response, waitSeconds);

      const { email } = parsed.form as { email?: string };
      const outcome = await lanes.run(origin, email, () =>
        answer(ports, {
          ...parsed.form,
          ...cookies.read(request, email),
          deviceOf: (account) => cookies.read(request, account).device,
          ...origin,
        }),
      );
      if (outcome === undefined) return replySlowDown(response, CROWDED_SECONDS);
      if (WRONG_GUESSES.has(outcome.kind)) lanes.noteGuess(origin, email);

      const { grants } = outcome as { grants?: Grants };
      if (grants !== undefined && email !== undefined) cookies.grant(response, email, grants);
      alsoOnAnswer?.(response);
      reply(response, path, outcome);
    };
    posts.set(`/${path}`, answerPost);
    router.post(`/${path}`, (request, response) =>
      answerPost(request, response, request.ip ?? '', request.body ?? NO_BODY),
    );
  }
}

/** Requests of networks that guess which may wait; past them such requests are put off for so long. */
const MOST_WAITING = 256;
const CROWDED_SECONDS = 5;
/** What a wrong password or code is answered with, whether or not there is such an account. */
const WRONG_GUESSES: ReadonlySet<string> = new Set(['wrong', 'locked', 'wrong_code']);

const NO_BODY = Buffer.alloc(0);

function parse<Form>(
  request: IncomingMessage,
  bytes: Uint8Array,
  schema: ZodType<Form> | ((fields: Map<string, string>) => ZodType<Form>),
): Parsed<Form> {
  const body = readBody(request.headers['content-type'], bytes);
  if ('field' in body) return body;
  return readForm(typeof schema === 'function' ? schema(body.form) : schema, body.form);
}
