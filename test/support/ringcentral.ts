import { inspect } from 'node:util';
import { afterEach, beforeEach, expect, vi } from 'vitest';
import { type RingCentralOptions, ringCentralSms } from '../../src/sms/ringcentral/sender.ts';
import { account, RingCentralStandIn } from './ringcentral-standin.ts';

export const PHONE = '+16505550123';
export const CODE = '271828';
export const TEXT = `Two-Factor Demo: ${CODE} unlocks your account for 1 hour.\n@localhost #${CODE}`;

const facts = expect.any(Object);
export const SENT = { kind: 'sent', messageId: expect.any(String), facts };
export const BUSY = { kind: 'refused', reason: 'busy', facts };
export const MISCONFIGURED = { kind: 'refused', reason: 'misconfigured', facts };
export const UNKNOWN = { kind: 'unknown', facts };

type Sender = ReturnType<typeof ringCentralSms>;

/** The kind of an outcome with its facts, or the end of the tracking. */
type Line = Record<string, unknown>;

/** A stand-in for RingCentral, and the outcomes of its senders. */
export interface RingCentralBench {
  /** The stand-in of this test. A test that closes it starts another. */
  ringCentral: RingCentralStandIn;
  nowMs: number;
  lines: Line[];
  advanceSeconds(seconds: number): void;
  sender(options?: Partial<RingCentralOptions>): Sender;
  /** Returns a sender that has logged in and sent one message. Clears the messages and the log. */
  warmSender(options?: Partial<RingCentralOptions>): Promise<Sender>;
}

/**
 * Gives every test of a file a stand-in. Fails a test that writes to the console or has an unhandled rejection. Also fails
 * it if the log has a code, a secret or a complete number.
 */
export function ringCentralBench(): RingCentralBench {
  const printed: unknown[] = [];
  const unhandled: unknown[] = [];
  const keepUnhandled = (reason: unknown) => unhandled.push(reason);
  const bench = {
    lines: [] as Line[],
    advanceSeconds(seconds: number) {
      this.nowMs += seconds * 1000;
    },
    sender(options = {}) {
      const sms = ringCentralSms({
        serverUrl: bench.ringCentral.url,
        ...account,
        log: (line) => bench.lines.push({ ...line }),
        nowMs: () => bench.nowMs,
        trackingDelaysMs: [0, 0, 0, 0],
        ...options,
      });
      const noted = <Outcome extends { kind: string; facts?: object }>(outcome: Outcome) => {
        const { facts, ...rest } = outcome;
        bench.lines.push({ ...rest, ...facts });
        return outcome;
      };
      return {
        ...sms,
        send: async (to, text) => noted(await sms.send(to, text)),
        trackDelivery: async (messageId) => noted(await sms.trackDelivery(messageId)),
      };
    },
    async warmSender(options) {
      const sms = bench.sender(options);
      expect(await sms.send(PHONE, TEXT)).toEqual(SENT);
      bench.ringCentral.messages.length = 0;
      bench.lines.length = 0;
      return sms;
    },
  } as RingCentralBench;

  beforeEach(async () => {
    bench.ringCentral = await RingCentralStandIn.start();
    bench.nowMs = Date.parse('2025-06-01T12:00:00.000Z');
    for (const list of [bench.lines, printed, unhandled]) list.length = 0;
    for (const method of ['debug', 'error', 'info', 'log', 'trace', 'warn'] as const) {
      vi.spyOn(console, method).mockImplementation((...words) => printed.push(words));
    }
    process.on('unhandledRejection', keepUnhandled);
  });

  afterEach(async () => {
    await bench.ringCentral.close();
    await new Promise(setImmediate);
    process.off('unhandledRejection', keepUnhandled);
    expect(unhandled).toEqual([]);
    expect(printed).toEqual([]);
    expectNoSecrets(bench.lines, bench.ringCentral);
  });

  return bench;
}

/** Fails if `value` contains a code, a secret of the app, a token or a complete number. */
export function expectNoSecrets(value: unknown, ringCentral: RingCentralStandIn): void {
  const basic = Buffer.from(`${account.clientId}:${account.clientSecret}`).toString('base64');
  const numbers = [PHONE, account.fromNumber].map((number) => number.slice(1));
  const secrets = [CODE, account.jwt, account.clientSecret, basic, ...numbers, ...ringCentral.tokens];
  const shown = inspect(value, { depth: 20, showHidden: true }) + JSON.stringify(value);
  for (const secret of secrets) expect(shown).not.toContain(secret);
}
