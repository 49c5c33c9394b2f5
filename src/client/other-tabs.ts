/** Tells the other tabs of this browser what happened in this one. */

/** A sign-in or sign-out, or the end of a code with a sentence about it. */
export type News = { kind: 'session' } | { kind: 'code'; key: string; message: string };

const channel = openChannel();

/** Tells all other tabs. */
export function tellOtherTabs(news: News): void {
  channel?.postMessage(news);
}

/** Calls `take` for what other tabs tell. */
export function onNews(take: (news: News) => void): void {
  channel?.addEventListener('message', ({ data }: MessageEvent<News>) => take(data));
}

/** Returns undefined in browsers that have no channel, or that block it with storage. */
function openChannel(): BroadcastChannel | undefined {
  try {
    return new BroadcastChannel('two-factor');
  } catch {
    return undefined;
  }
}
