import type { Deps } from '../engine/deps.ts';

/** The operator gets an alert if messages to this many numbers in a row fail. */
const MAX_FAILED_NUMBERS = 5;

/** Alerts if messages to several numbers in a row fail. Each failure by itself looks like the fault of its number. */
export function watchDeliveries(alert: Deps['alert']): Deps['log'] {
  const numbers = new Set<string>();
  return ({ event, number, provider, reason }) => {
    // A fault of the sender is an outage, which has its own alert.
    const isOutage = reason === 'misconfigured' || reason === 'busy';
    const isRefused = event === 'sms_refused' && provider !== undefined;
    const hasFailed = !isOutage && (event === 'delivery_failed' || isRefused);
    if (event === 'delivery_delivered' || event === 'delivery_unknown') numbers.clear();
    if (!hasFailed) return;
    if (numbers.size < MAX_FAILED_NUMBERS) numbers.add(number);
    if (numbers.size === MAX_FAILED_NUMBERS) alert({ event: 'deliveries_failing' });
  };
}
