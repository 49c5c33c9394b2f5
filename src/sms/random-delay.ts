import type { SmsSender } from '../sms.ts';
import { systemClock } from './clock.ts';

const MIN_DELAY_MS = 50;
const MAX_DELAY_MS = 400;
/** The number of messages whose durations are kept for decoys. */
const KEPT_DURATIONS = 20;
/** The duration of a decoy before the first message. */
const FIRST_DURATION_MS = 300;

/**
 * Delays each message by a random time, so that the sender's work doesn't slow down the request that follows. A decoy
 * waits as long, and then as long as one of the last messages took. `random` returns numbers from 0 to 1.
 */
export function randomDelaySms<Sender extends SmsSender>(
  sender: Sender,
  random: () => number = Math.random,
  { nowMs, sleep } = systemClock,
): Sender & Required<Pick<SmsSender, 'sendDecoy'>> {
  const durationsMs: number[] = [];
  const delay = () => sleep(MIN_DELAY_MS + random() * (MAX_DELAY_MS - MIN_DELAY_MS));

  return {
    ...sender,
    async send(to, text) {
      await delay();
      const startMs = nowMs();
      const outcome = await sender.send(to, text);
      durationsMs.push(nowMs() - startMs);
      if (durationsMs.length > KEPT_DURATIONS) durationsMs.shift();
      return outcome;
    },
    async sendDecoy() {
      await delay();
      await sleep(durationsMs[Math.floor(random() * durationsMs.length)] ?? FIRST_DURATION_MS);
      return { kind: 'sent', messageId: '' };
    },
  };
}
