import type { BreakerOptions } from '../../src/sms/circuit-breaker.ts';
import type { OutageLine } from '../../src/sms/outage.ts';
import type { PacerOptions } from '../../src/sms/pacer.ts';
import { createSmsPort } from '../../src/sms/sms-port.ts';
import type { SmsOutcome, SmsSender, TrustLevel } from '../../src/sms.ts';
import { fakeClock } from './clock.ts';
import { fakeSms } from './sms.ts';
import { must } from './world.ts';

/** Makes a port before a fake sender. Two messages start in a minute, and two of each trust level wait. */
export function testPort(
  options: Partial<PacerOptions & BreakerOptions> = {},
  more: Partial<SmsSender> = {},
) {
  const clock = fakeClock();
  const sms = fakeSms();
  const events: string[] = [];
  const lines: OutageLine[] = [];
  const log: BreakerOptions['log'] = (line) => {
    events.push(line.event);
    lines.push(line);
  };
  const port = createSmsPort(
    { ...sms, ...more },
    { perMinute: 2, maxWaiting: 2, cooldownSeconds: 30, log, ...options },
    clock,
  );
  const send = (trust: TrustLevel = 'stranger', to = '+12025550123') => port.sms.send(to, 'text', trust);
  const sendDecoy = async () => must(await port.sms.sendDecoy?.('+12025550123', 'text', 'stranger'));
  const answered = async (...outcomes: SmsOutcome[]) => {
    for (const outcome of outcomes) {
      sms.answerNext(outcome);
      await send();
    }
  };
  return { ...port, clock, sms, events, lines, send, sendDecoy, answered };
}

/** Settles once everything has run that doesn't wait for the clock. */
export const settle = () => new Promise((resolve) => setImmediate(resolve));
