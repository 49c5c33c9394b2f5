import $ from 'jquery';
import type { Answer, Refusal } from '../engine/outcomes.ts';

/** The server couldn't be reached, its answer couldn't be read, or the page refuses the answer. */
export interface NotDone {
  status: 'not_done';
  message: string;
}

/** The answers that can come in place of a request's own outcomes. */
export type Failure = Refusal | NotDone;

const TIMEOUT_MS = 30_000;
const UNREACHABLE = 'We can’t reach the server. Check your connection and try again.';
const UNREADABLE = 'We got an unexpected answer from the server. Wait a moment and try again.';

/** Posts a form and returns the server's answer, with any HTTP status; never throws. */
export async function post<Outcome>(
  url: string,
  fields: Record<string, string>,
): Promise<Answer<Outcome> | Failure> {
  return send<Outcome>({ url, method: 'POST', data: fields });
}

/** Gets JSON, and returns the server's answer in the same way. */
export async function get<Outcome>(url: string): Promise<Answer<Outcome> | Failure> {
  return send<Outcome>({ url });
}

async function send<Outcome>(request: JQuery.AjaxSettings): Promise<Answer<Outcome> | Failure> {
  return $.ajax({ ...request, dataType: 'json', timeout: TIMEOUT_MS }).then(
    (body: unknown) => readAnswer<Outcome>(body, UNREADABLE),
    ({ responseJSON, status }: JQuery.jqXHR) =>
      readAnswer<Outcome>(responseJSON, status > 0 ? UNREADABLE : UNREACHABLE),
  );
}

function readAnswer<Outcome>(body: unknown, otherwise: string): Answer<Outcome> | Failure {
  const { status, message } = (body ?? {}) as { status?: unknown; message?: unknown };
  if (typeof status === 'string' && typeof message === 'string') return body as Answer<Outcome>;
  return { status: 'not_done', message: otherwise };
}
