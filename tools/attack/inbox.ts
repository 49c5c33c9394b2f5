import { setTimeout as pause } from 'node:timers/promises';
import type { Target } from './target.ts';
import { NotTried } from './verdict.ts';

/** A text message as the inbox of the console sender shows it. */
export interface TextMessage {
  readonly to: string;
  readonly text: string;
  readonly at: string;
}

/** Every message of the run, although the inbox shows the newest hundred alone: it must be read often enough. */
export interface Inbox {
  /** Reads what is new. */
  read(): Promise<void>;
  /** Reads until nothing new has come for a moment. */
  settle(): Promise<void>;
  /** The messages that were seen of a number, or of all, oldest first. */
  messages(phone?: string): readonly TextMessage[];
  /** The code of the next message to a number that nobody has taken from here yet; NotTried where none comes. */
  takeCode(phone: string): Promise<string>;
}

const QUIET_MS = 250;
const PATIENCE_MS = 3000;

/** The six digits of the line `@host #code`, or undefined where a message has no code. */
export function codeIn({ text }: TextMessage): string | undefined {
  return /#(\d{6})$/.exec(text)?.[1];
}

/** The inbox of a target; without one, each use is NotTried. What it holds at the first reading is not counted. */
export function openInbox(target: Target): Inbox {
  const seen = new Map<string, TextMessage[]>();
  const taken = new Set<TextMessage>();
  const old = new Set<TextMessage>();
  let isFirst = true;

  const read = async (): Promise<number> => {
    if (!target.hasInbox) throw new NotTried('needs the inbox of the console sender, on this machine');
    // Each reading from an address of its own, so that reading is no part of any limit.
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
