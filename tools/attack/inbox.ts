import { setTimeout as pause } from 'node:timers/promises';
import { NotTried } from './not-tried.ts';
import type { Target } from './target.ts';

/** A text message in the inbox of the console sender. */
export interface TextMessage {
  readonly to: string;
  readonly text: string;
  readonly at: string;
}

/** All messages of the run. The inbox shows only the newest hundred, so it must be read often. */
export interface Inbox {
  /** Reads the new messages. */
  read(): Promise<void>;
  /** Reads until no new message has come for a moment. */
  settle(): Promise<void>;
  /** Returns the messages to a number, or to all numbers, oldest first. */
  messages(phone?: string): readonly TextMessage[];
  /** Takes the code of the next message to a number. Throws NotTried if no message comes. */
  takeCode(phone: string): Promise<string>;
}

const QUIET_MS = 250;
const PATIENCE_MS = 3000;

/** Returns the six digits of the line `@host #code`; undefined for a message without a code. */
export function codeIn({ text }: TextMessage): string | undefined {
  return /#(\d{6})$/.exec(text)?.[1];
}

/** Opens the inbox of a target. Messages of the first reading do not count. Without an inbox, each use throws NotTried. */
export function openInbox(target: Target): Inbox {
  const seen = new Map<string, TextMessage[]>();
  const taken = new Set<TextMessage>();
  const old = new Set<TextMessage>();
  let isFirst = true;

  const read = async (): Promise<number> => {
    if (!target.hasInbox) throw new NotTried('needs the inbox of the console sender, on this machine');
    // Each reading has its own address, so it uses up no limit.
    const browser = target.browser(target.newAddress());
    const { text } = await browser.get('/dev/messages.json').finally(() => browser.close());
    const counts = new Map<string, TextMessage[]>();
    for (const message of JSON.parse(text) as TextMessage[]) {
      const key = `${message.to}\n${message.at}\n${message.text}`;
      counts.set(key, [...(counts.get(key) ?? []), message]);
    }
    let fresh = 0;
    for (const [key, messages] of counts) {
      const known = seen.get(key) ?? [];
      const more = messages.slice(known.length);
      fresh += more.length;
      if (isFirst) for (const message of more) old.add(message);
      seen.set(key, [...known, ...more]);
    }
    isFirst = false;
    return fresh;
  };

  const self: Inbox = {
    read: async () => void (await read()),
    async settle() {
      do await pause(QUIET_MS);
      while ((await read()) > 0);
    },
    messages(phone) {
      return [...seen.values()]
        .flat()
        .filter((message) => !old.has(message) && (phone === undefined || message.to === phone))
        .sort((left, right) => left.at.localeCompare(right.at));
    },
    async takeCode(phone) {
      for (const giveUpAt = Date.now() + PATIENCE_MS; Date.now() < giveUpAt; await pause(30)) {
        await read();
        const message = self.messages(phone).find((each) => !taken.has(each) && codeIn(each) !== undefined);
        if (message === undefined) continue;
        taken.add(message);
        return codeIn(message) ?? '';
      }
      throw new NotTried("no message came: this hour's limits may be used up");
    },
  };
  return self;
}
