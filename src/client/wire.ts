import $ from 'jquery';
import type { Answer, Refusal } from '../engine/outcomes.ts';

/** The network failed, something in between answered in the server's place, or the page refuses what was answered. */
export interface NotDone {
  status: 'not_done';
  message: string;
}

/** What may come in place of a request's own outcomes. */
export type Failure = Refusal | NotDone;

const TIMEOUT_MS = 30_000;
const UNREACHABLE = 'The server can’t be reached. Check your connection and try again.';
const UNREADABLE = 'The server’s answer can’t be read. Wait a moment and try again.';

/** Posts a form and gives back what the server answers, whatever its HTTP status; never throws. */
export async function post<Outcome>(
  url: string,
  form: Record<string, string>,
): Promise<Answer<Outcome> | Failure> {
  return $.post({ url, data: form, dataType: 'json', timeout: TIMEOUT_MS }).then(
    (answer: unknown) => readAnswer<Outcome>(answer, UNREADABLE),
    (request: JQuery.jqXHR) =>
      readAnswer<Outcome>(request.responseJSON, request.status > 0 ? UNREADABLE : UNREACHABLE),
  );
}

/** A sentence of the server's, with `more` behind it unless it says that number already. */
export function withCount(sentence: string, count: number, more: string): string {
  return new RegExp(`\\b${count}\\b`).test(sentence) ? sentence : `${sentence} ${more}`;
}

function readAnswer<Outcome>(answer: unknown, otherwise: string): Answer<Outcome> | Failure {
  return isAnswer(answer) ? (answer as Answer<Outcome>) : { status: 'not_done', message: otherwise };
}

function isAnswer(answer: unknown): answer is { status: string; message: string } {
  if (typeof answer !== 'object' || answer === null) return false;
  return 'status' in answer && typeof answer.status === 'string' && 'message' in answer;
}
