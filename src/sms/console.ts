import type { Inbox, InboxMessage, SmsSender } from '../sms.ts';

const KEPT_MESSAGES = 100;
const NOT_SENT =
  'No text message: the address has no account, or a limit of its number, its country or all messages is reached.';
const RULE = '─'.repeat(60);

/** Prints each message and sends none. Keeps the last 100 in memory. */
export function consoleSms(print: (text: string) => void, nowMs: () => number): SmsSender & Inbox {
  const inbox: InboxMessage[] = [];
  const listeners: (() => void)[] = [];
  let sentCount = 0;

  return {
    async send(to, text) {
      const message = { to, text, at: new Date(nowMs()).toISOString() };
      inbox.unshift(message);
      inbox.length = Math.min(inbox.length, KEPT_MESSAGES);
      sentCount += 1;
      try {
        print(framed(message));
      } catch {
        // The message is in the inbox.
      }
      for (const listener of listeners) listener();
      return { kind: 'sent', messageId: `console-${sentCount}` };
    },
    async sendDecoy(_to, text) {
      try {
        // As long as a message's frame, because printing takes time.
        print(NOT_SENT.padEnd(framed({ to: '', text, at: '' }).length));
      } catch {
        // Only the line is lost.
      }
      return { kind: 'sent', messageId: 'console-none' };
    },
    messages: () => inbox.map((message) => ({ ...message })),
    onMessage: (listener) => void listeners.push(listener),
  };
}

function framed({ to, text, at }: InboxMessage): string {
  const lines = [`Text message to ${to} at ${at}`, '', ...text.split(/\r\n|\r|\n/)];
  return [`┌${RULE}`, ...lines.map((line) => `│ ${line}`), `└${RULE}`].join('\n');
}
