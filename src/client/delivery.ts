/** What became of a code's message: asked a few times while the person waits for it. */
import type { CodeStatusOutcome } from '../outcome.ts';
import { post } from './wire.ts';

/** Waits before each look, in milliseconds: a message takes seconds, and a person looks at the phone after some. */
const LOOKS_MS = [1_000, 2_500, 5_000, 10_000, 20_000, 30_000];

/** What a look told: the sentence to show, and in how many seconds another code may be asked for. */
export interface News {
  message: string;
  hasFailed: boolean;
  resendIn: number | undefined;
}

/** Tells `show` the news of a flow's message until its end is known, or `isWanted` says no. A look that fails ends it. */
export async function watchDelivery(
  flow: string,
  isWanted: () => boolean,
  show: (news: News) => void,
): Promise<void> {
  for (const waitMs of LOOKS_MS) {
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    if (!isWanted()) return;
    const answer = await post<CodeStatusOutcome>('/codestatus', { flow });
    if (answer.status !== 'ok' || !isWanted()) return;
    const { message, delivery, resendIn } = answer;
    show({ message, hasFailed: delivery === 'failed', resendIn });
    if (delivery === 'delivered' || delivery === 'failed') return;
  }
}
