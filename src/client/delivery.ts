import type { Answer, CodeStatusOutcome } from '../engine/outcomes.ts';
import { post } from './api.ts';

// A text message takes seconds to arrive, and users look at their phone after some more.
const POLL_DELAYS_MS = [1_500, 3_000, 6_000, 12_000, 24_000];

/**
 * Asks a few times for the delivery status of a flow's message, and passes each answer to `show`.
 * Stops when the status is final, a request fails, or `signal` is aborted. Pauses while the page is hidden.
 */
export async function watchDelivery(
  flow: string,
  signal: AbortSignal,
  show: (answer: Answer<CodeStatusOutcome>) => void,
): Promise<void> {
  for (const delayMs of POLL_DELAYS_MS) {
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    await pageVisible();
    if (signal.aborted) return;
    const answer = await post<CodeStatusOutcome>('/codestatus', { flow });
    if (answer.status !== 'ok' || signal.aborted) return;
    show(answer);
    if (answer.delivery === 'delivered' || answer.delivery === 'failed') return;
  }
}

async function pageVisible(): Promise<void> {
  if (!document.hidden) return;
  await new Promise((resolve) => document.addEventListener('visibilitychange', resolve, { once: true }));
}
