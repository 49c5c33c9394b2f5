/** What became of a code's message: asked a few times while the person waits for it. */
import type { CodeStatusOutcome } from '../engine/outcomes.ts';
import { post } from './wire.ts';

/** Waits before each look, in milliseconds: a message takes seconds, and a person looks at the phone after some. */
const LOOKS_MS = [1_500, 3_000, 6_000, 12_000, 24_000];

/** What a look told: the sentence to show, and in how many seconds another code may be asked for. */
export interface News {
  message: string;
  hasFailed: boolean;
  resendIn: number | undefined;
}

/**
 * Tells `show` the news of a flow's message until its end is known, or `isWanted` says no. A look that fails ends it, and
 * none is taken while nobody sees the page.
 */
export async function watchDelivery(
  flow: string,
  isWanted: () => boolean,
  show: (news: News) => void,
): Promise<void> {
  for (const waitMs of LOOKS_MS) {
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    await inSight();
    if (!isWanted()) return;
    const answer = await post<CodeStatusOutcome>('/codestatus', { flow });
    if (answer.status !== 'ok' || !isWanted()) return;
    const { message, delivery, resendIn } = answer;
    show({ message, hasFailed: delivery === 'failed', resendIn });
    if (delivery === 'delivered' || delivery === 'failed') return;
  }
}

/** Waits until the page is seen: people go to the message and come back. */
async function inSight(): Promise<void> {
  if (!document.hidden) return;
  await new Promise((resolve) => document.addEventListener('visibilitychange', resolve, { once: true }));
}
