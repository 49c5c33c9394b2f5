import type { DeliveryResult, SmsAvailability, SmsOutcome, SmsSender, TrustLevel } from '../../src/sms.ts';

/** A sender that keeps what it was given, in place of sending it. */
export interface FakeSms extends SmsSender {
  readonly sent: { to: string; text: string }[];
  /** Who asked for each of them, where the queue does not stand before it. */
  readonly trustLevels: (TrustLevel | undefined)[];
  /** What the next message answers, in place of `sent`. */
  answerNext(outcome: SmsOutcome | Promise<SmsOutcome>): void;
  /** What anybody's message can expect; a test sets it. */
  availability: SmsAvailability;
  /** What the next message that was sent comes to, in place of `delivered`. */
  endNext(fate: DeliveryResult | Promise<DeliveryResult>): void;
  /** The six digits of the newest message. */
  lastPasscode(): string;
}

/** The six digits in a message, read where a person reads them. */
export function passcodeIn(text: string | undefined): string {
  const passcode = /\b\d{6}\b/.exec(text ?? '')?.[0];
  if (passcode === undefined) throw new Error(`No passcode in the message: ${text}`);
  return passcode;
}

/** Six digits that are not those. */
export function otherThan(passcode: string): string {
  return passcode === '000000' ? '111111' : '000000';
}

/** A sender with nothing sent yet. */
export function fakeSms(): FakeSms {
  const sent: FakeSms['sent'] = [];
  const trustLevels: FakeSms['trustLevels'] = [];
  const answers: (SmsOutcome | Promise<SmsOutcome>)[] = [];
  const ends: (DeliveryResult | Promise<DeliveryResult>)[] = [];
  return {
    sent,
    trustLevels,
    availability: { kind: 'clear' },
    endNext: (fate) => void ends.push(fate),
    answerNext: (outcome) => void answers.push(outcome),
    lastPasscode: () => passcodeIn(sent.at(-1)?.text),
    async send(to: string, text: string, trust?: TrustLevel) {
      sent.push({ to, text });
      trustLevels.push(trust);
      return answers.shift() ?? { kind: 'sent', messageId: String(sent.length) };
    },
    trackDelivery: async () => ends.shift() ?? { kind: 'delivered' },
  };
}
