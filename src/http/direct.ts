import type { IncomingMessage, ServerResponse } from 'node:http';
import { isFormType } from './forms.ts';
import { isSameSite } from './origin.ts';

/** Answers one POST of the contract: the address that it came from, and its body. Rejects with a fault. */
export type Post = (
  request: IncomingMessage,
  response: ServerResponse,
  ip: string,
  body: Uint8Array,
) => Promise<void>;

/** What Express does before and after a route, for requests that do not pass through it. */
export interface Surroundings {
  readonly publicOrigin: string;
  readonly bodyLimitBytes: number;
  readonly ipOf: (request: IncomingMessage) => string;
  /** Sets the headers of every answer, and logs the request by its path once it is answered. */
  readonly prepare: (request: IncomingMessage, response: ServerResponse, path: string) => void;
  readonly onFault: (error: unknown, response: ServerResponse) => void;
}

/**
 * Answers a POST straight from Node's server where there is nothing to refuse or to guess about how it was sent. False
 * for every other request, which is then Express's and untouched.
 */
export function directPosts(
  posts: ReadonlyMap<string, Post>,
  { publicOrigin, bodyLimitBytes, ipOf, prepare, onFault }: Surroundings,
): (request: IncomingMessage, response: ServerResponse) => boolean {
  return (request, response) => {
    const { method, headers, url = '' } = request;
    const post = method === 'POST' ? posts.get(url) : undefined;
    if (post === undefined) return false;
    const isPlain = headers['transfer-encoding'] === undefined && headers['content-encoding'] === undefined;
    const isSmall = Number(headers['content-length']) <= bodyLimitBytes;
    if (!isPlain || !isSmall || !isFormType(headers['content-type']) || !isSameSite(headers, publicOrigin))
      return false;

    prepare(request, response, url);
    const answer = async (body: Uint8Array) => post(request, response, ipOf(request), body);
    withBody(request, (body) => void answer(body).catch((error) => onFault(error, response)));
    return true;
  };
}

/** Hands over the body once all of it is there; never, where the connection ends before. */
function withBody(request: IncomingMessage, take: (body: Uint8Array) => void): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => take(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)));
}
