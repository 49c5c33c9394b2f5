import type { FailureReason, SmsOutcome, SmsSender } from '../../sms.ts';
import type { SmsApi } from './api.ts';
import type { Progress, RingCentralClient } from './client.ts';
import { type CallFacts, deliveryReasonOf, factsOf, failureOf, fieldsOf } from './failure.ts';
import type { Log } from './log.ts';

interface Report {
  outcome: SmsOutcome;
  facts: CallFacts;
}

/** A `send` that settles within `deadlineMs`: `unknown` where the message may have left by then, else refused as `busy`. */
export function sendBy(
  client: RingCentralClient,
  api: SmsApi,
  { fromNumber, deadlineMs, log }: { fromNumber: string; deadlineMs: number; log: Log },
): SmsSender['send'] {
  async function deliver(progress: Progress, to: string, text: string): Promise<Report> {
    try {
      const answer = await client.call(api.sendCall(fromNumber, to, text), progress);
      const { id, end, errorCode } = api.readSent(await fieldsOf(answer));
      const facts = { ...factsOf(answer), errorCode };
      if (end === 'failed') return { outcome: failedAtOnce(errorCode), facts };
      return { outcome: id === undefined ? { kind: 'unknown' } : { kind: 'sent', messageId: id }, facts };
    } catch (error) {
      const { reason, facts } = await failureOf(error);
      return { outcome: reason ? refused(reason) : outcomeSoFar(progress), facts };
    }
  }

  /** Carriers refuse one message and take the next: it stops nobody else's. */
  function failedAtOnce(errorCode: string | undefined): SmsOutcome {
    return { kind: 'refused', reason: deliveryReasonOf(errorCode), scope: 'message' };
  }

  function outcomeSoFar(progress: Progress): SmsOutcome {
    return progress.hasLeft ? { kind: 'unknown' } : refused('busy');
  }

  function refused(reason: FailureReason): SmsOutcome {
    const waitMs = client.pauseMs();
    if (reason !== 'busy' || waitMs <= 0) return { kind: 'refused', reason };
    return { kind: 'refused', reason, retryAfterSeconds: Math.ceil(waitMs / 1000) };
  }

  function logReport(progress: Progress, to: string, { outcome, facts }: Report): void {
    const stage = progress.hasLeft ? 'sms' : 'login';
    const event =
      outcome.kind === 'refused' ? (`${stage}_${outcome.reason}` as const) : (`sms_${outcome.kind}` as const);
    const name = outcome.kind === 'sent' ? { messageId: outcome.messageId } : {};
    log({ event, ...facts, ...name, to: to.replace(/\d(?=\d{4})/g, 'X') });
  }

  return async function send(to, text) {
    const progress: Progress = { isOver: false, hasLeft: false };
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<Report>((resolve) => {
      timer = setTimeout(() => {
        progress.isOver = true;
        resolve({ outcome: outcomeSoFar(progress), facts: { errorCode: 'Deadline' } });
      }, deadlineMs);
    });
    const report = await Promise.race([deliver(progress, to, text), deadline]);
    clearTimeout(timer);
    logReport(progress, to, report);
    return report.outcome;
  };
}
