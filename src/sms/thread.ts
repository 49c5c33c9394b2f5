import { Worker } from 'node:worker_threads';
import type { DeliveryResult, SmsOutcome, SmsSender } from '../sms.ts';

/** What the thread is asked. */
export type Question =
  | { ask: 'send' | 'sendDecoy'; to: string; text: string }
  | { ask: 'trackDelivery'; messageId: string }
  | { ask: 'check' | 'isReady' };

/** A question, under a number that its answer comes back with. */
export type Call = Question & { id: number };

/** What the thread tells: the answer to a call, and for a check what is wrong, in a line. */
export type Answer = { id: number; answer: SmsOutcome | DeliveryResult | string | boolean | undefined };

/** A sender that works in a thread of its own, so that a message that leaves holds the loop no longer than one that does not. */
export interface ThreadedSms extends Required<SmsSender> {
  /** Answers what is wrong with the configuration, in a line, or undefined. Never rejects. */
  check(): Promise<string | undefined>;
  /** Ends the thread. What it was asked and has not answered counts as unknown. */
  end(): Promise<void>;
}

/** Runs the sender of the module `url`, which is given `options`, in a thread; one that fails is started again for the next call. */
export function threadedSms(url: URL, options: object, onFault: (error: Error) => void): ThreadedSms {
  const waiting = new Map<number, (answer: unknown) => void>();
  let lastId = 0;
  let worker: Worker | undefined;

  function start(): Worker {
    const started = new Worker(url, { workerData: options });
    started.on('message', ({ id, answer }: Answer) => {
      waiting.get(id)?.(answer);
      waiting.delete(id);
    });
    started.on('error', onFault);
    started.on('exit', () => {
      if (worker === started) worker = undefined;
      for (const settle of waiting.values()) settle(undefined);
      waiting.clear();
    });
    return started;
  }

  function ask<Result>(question: Question): Promise<Result | undefined> {
    worker ??= start();
    lastId += 1;
    const id = lastId;
    const answered = new Promise<Result | undefined>((resolve) => {
      waiting.set(id, resolve as (answer: unknown) => void);
    });
    worker.postMessage({ ...question, id } satisfies Call);
    return answered;
  }

  const unknown = { kind: 'unknown' } as const;
  return {
    send: async (to, text) => (await ask<SmsOutcome>({ ask: 'send', to, text })) ?? unknown,
    sendDecoy: async (to, text) => (await ask<SmsOutcome>({ ask: 'sendDecoy', to, text })) ?? unknown,
    trackDelivery: async (messageId) =>
      (await ask<DeliveryResult>({ ask: 'trackDelivery', messageId })) ?? unknown,
    check: () => ask<string>({ ask: 'check' }),
    isReady: async () => (await ask<boolean>({ ask: 'isReady' })) ?? false,
    async end() {
      await worker?.terminate();
    },
  };
}
