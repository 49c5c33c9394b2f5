import type { SmsSender } from '../sms.ts';

/** A message as the developer's stand-in for a phone keeps it: `to` in E.164, `at` in ISO 8601. */
export interface InboxMessage {
  to: string;
  text: string;
  at: string;
}

const KEPT_MESSAGES = 100;
const NOT_SENT =
  'No text message: nobody has signed up with that address, or a limit of its number, country or all is reached.';
const RULE = '─'.repeat(60);

/** Prints each message in place of sending it, and keeps the last 100, in memory alone, for `messages()`: newest first. */
export function consoleSms(
  print: (text: string) => void,
  nowMs: () => number,
): SmsSender & { messages(): InboxMessage[] } {
  const inbox: InboxMessage[] = [];
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
        // The message is in the inbox, and `send` never rejects.
      }
      return { kind: 'sent', messageId: `console-${sentCount}` };
    },
    async sendDecoy(_to, text) {
      try {
        // As much as a message's frame, since printing takes time.
        print(NOT_SENT.padEnd(framed({ to: '', text, at: '' }).length));
      } catch {
        // As above.
      }
      return { kind: 'sent', messageId: 'console-none' };
    },
    messages: () => inbox.map((message) => ({ ...message })),
  };
}

function framed({ to, text, at }: InboxMessage): string {
  const lines = [`Text message to ${to} at ${at}`, '', ...text.split(/\r\n|\r|\n/)];
  return [`┌${RULE}`, ...lines.map((line) => `│ ${line}`), `└${RULE}`].join('\n');
}
