import type { CallFacts, SmsOutcome } from '../sms.ts';
import type { Clock } from './clock.ts';

/** A line of the log about an outage. `seconds`: since its start. `users`: the numbers that asked for a message since. */
export interface OutageLine {
  readonly event: 'sms_outage_started' | 'sms_outage_continues' | 'sms_outage_ended';
  readonly reason: 'misconfigured' | 'busy' | 'unknown';
  readonly provider?: CallFacts;
  readonly seconds: number;
  readonly users: number;
}

/** An outage that the log tells about: at its start, every ten minutes, and at its end. */
export interface Outage {
  /** Notes what the newest message met. */
  learn(outcome: SmsOutcome): void;
  addUser(number: string): void;
  end(): void;
  /** Stops the reminders. */
  close(): void;
}

const REMIND_EVERY_MS = 10 * 60_000;
/** Users are counted up to here, so that their numbers take a bounded memory. */
const MAX_USERS = 10_000;

/** Starts an outage that the outcome of a message to one of the users showed. */
export function startOutage(
  outcome: SmsOutcome,
  users: Iterable<string>,
  log: (line: OutageLine) => void,
  clock: Clock,
): Outage {
  const startMs = clock.nowMs();
  const over = new AbortController();
  const numbers = new Set(users);
  let cause: Pick<OutageLine, 'reason' | 'provider'> = causeOf(outcome);

  function tell(event: OutageLine['event']): void {
    const seconds = Math.round((clock.nowMs() - startMs) / 1000);
    log({ event, ...cause, seconds, users: numbers.size });
  }

  async function remind(): Promise<void> {
    while (!over.signal.aborted) {
      await clock.sleep(REMIND_EVERY_MS, over.signal);
      if (!over.signal.aborted) tell('sms_outage_continues');
    }
  }

  tell('sms_outage_started');
  void remind();
  return {
    learn(latest) {
      if (latest.kind !== 'sent') cause = causeOf(latest);
    },
    addUser(number) {
      if (numbers.size < MAX_USERS) numbers.add(number);
    },
    end() {
      over.abort();
      tell('sms_outage_ended');
    },
    close: () => over.abort(),
  };
}

function causeOf(outcome: SmsOutcome): Pick<OutageLine, 'reason' | 'provider'> {
  const { facts } = outcome;
  const isOurs = outcome.kind === 'refused' && outcome.reason === 'misconfigured';
  const reason = outcome.kind === 'unknown' ? 'unknown' : isOurs ? 'misconfigured' : 'busy';
  return { reason, ...(facts && { provider: facts }) };
}
