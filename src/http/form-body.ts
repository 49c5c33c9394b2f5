import type { RequestHandler } from 'express';
import { isFormType } from './forms.ts';
import { replyInvalid } from './replies.ts';

const MAX_BYTES = 8 * 1024;
/** A client that ignores the refusal may send this much more before its connection is cut. */
const MAX_DISCARDED_BYTES = 2 * 1024 * 1024;

/** Reads the body of a form as bytes into `request.body`. Past 8 KiB it calls `refuse` at once, and discards the rest. */
export function formBody(refuse: RequestHandler): RequestHandler {
  return (request, response, next) => {
    const { headers } = request;
    if (request.method !== 'POST' || !isFormType(headers['content-type'])) return next();
    if ((headers['content-encoding'] ?? 'identity') !== 'identity') return replyInvalid(response, 'body');

    const chunks: Buffer[] = [];
    let size = 0;
    let isRefused = false;
    const refuseOnce = () => {
      if (isRefused) return;
      isRefused = true;
      refuse(request, response, next);
    };
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_BYTES) refuseOnce();
      else chunks.push(chunk);
      if (size > MAX_DISCARDED_BYTES) request.destroy();
    });
    request.on('end', () => {
      if (isRefused) return;
      request.body = Buffer.concat(chunks);
      next();
    });
    if (Number(headers['content-length']) > MAX_BYTES) refuseOnce();
  };
}
