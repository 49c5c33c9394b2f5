import type { DeliveryResult, SmsAvailability, SmsOutcome, SmsSender, TrustLevel } from '../../src/sms.ts';

/** A sender that keeps its messages and sends none. */
export interface FakeSms extends SmsSender {
  readonly sent: { to: string; text: string }[];
  /** The trust level of each message, if there is no pacer before the sender. */
  readonly trustLevels: (TrustLevel | undefined)[];
  /** Sets the next outcome, instead of `sent`. */
  answerNext(outcome: SmsOutcome | Promise<SmsOutcome>): void;
  /** The availability for all trust levels. Tests set it. */
  availability: SmsAvailability;
  /** Sets the next delivery, instead of `delivered`. */
  endNext(result: DeliveryResult | Promise<DeliveryResult>): void;
  /** Returns the six digits of the newest message. */
  lastPasscode(): string;
}

/** Returns the six digits in a message, as a user would find them. */
export function passcodeIn(text: string | undefined): string {
  const passcode = /\b\d{6}\b/.exec(text ?? '')?.[0];
  if (passcode === undefined) throw new Error(`No passcode in the message: ${text}`);
  return passcode;
}

/** Returns six other digits. */
export function otherThan(passcode: string): string {
  return passcode === '000000' ? '111111' : '000000';
}

/** Makes a fake sender without messages. */
export function fakeSms(): FakeSms {
  const sent: FakeSms['sent'] = [];
  const trustLevels: FakeSms['trustLevels'] = [];
  const answers: (SmsOutcome | Promise<SmsOutcome>)[] = [];
  const ends: (DeliveryResult | Promise<DeliveryResult>)[] = [];
  return {
    sent,
    trustLevels,
    availability: { kind: 'clear' },
    endNext: (result) => void ends.push(result),
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
