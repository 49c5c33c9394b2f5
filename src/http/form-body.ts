import type { RequestHandler } from 'express';
import { BOUNDS } from './bounds.ts';
import { isFormType } from './forms.ts';
import { replyInvalid } from './replies.ts';

/** Cuts the connection of a client whose body never ends, also if no route reads the body. */
export const boundBodies: RequestHandler = (request, _response, next) => {
  let size = 0;
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > BOUNDS.discardedBytes) request.destroy();
  });
  next();
};

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
      if (size > BOUNDS.formBytes) refuseOnce();
      else chunks.push(chunk);
    });
    request.on('end', () => {
      if (isRefused) return;
      request.body = Buffer.concat(chunks);
      next();
    });
    if (Number(headers['content-length']) > BOUNDS.formBytes) refuseOnce();
  };
}
