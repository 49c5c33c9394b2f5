import type { RequestHandler, Response } from 'express';
import type { Inbox } from '../sms.ts';
import { BOUNDS } from './bounds.ts';
import { replySlowDown } from './replies.ts';

/** A browser opens a stream that was cut again after this time. */
const RETRY_MS = 1000;

/**
 * Answers with a stream of server-sent events: one for each new message, without its text. The page then reads the inbox.
 * A stop ends all streams, because they would hold it up.
 */
export function inboxStreams({ inbox, stopping }: { inbox?: Inbox; stopping?: AbortSignal }): RequestHandler {
  const streams = new Set<Response>();
  inbox?.onMessage(() => {
    for (const stream of streams) stream.write('data: message\n\n');
  });
  stopping?.addEventListener('abort', () => {
    for (const stream of streams) end(stream);
  });

  const end = (stream: Response) => {
    streams.delete(stream);
    stream.end();
  };
  return ({ method }, response) => {
    if (streams.size >= BOUNDS.inboxStreams) return replySlowDown(response, RETRY_MS / 1000);
    // No further request of the connection is answered before the stream ends.
    response.set({ 'Content-Type': 'text/event-stream', Connection: 'close' });
    streams.add(response);
    const comments = setInterval(
      () => streams.has(response) && response.write(':\n\n'),
      BOUNDS.inboxCommentMs,
    );
    response.on('close', () => {
      streams.delete(response);
      clearInterval(comments);
    });
    response.write(`retry: ${RETRY_MS}\n\n`);
    if (method === 'HEAD' || stopping?.aborted) end(response);
  };
}
