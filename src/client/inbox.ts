/** The developer's inbox: the messages that the console sender keeps, as a phone shows them. */
import $ from 'jquery';
import { aroundCode, readableNumber } from './readable.ts';

interface Message {
  to: string;
  text: string;
  at: string | number;
}

const POLL_MS = 2000;

let shown = '';

/** Keeps the inbox fresh for as long as its page is open; does nothing on other pages. */
export function watchInbox(): void {
  const inbox = $('#inbox');
  if (inbox.length === 0) return;
  dress(inbox);
  setInterval(() => {
    if (!document.hidden) void refresh(inbox);
  }, POLL_MS);
}

async function refresh(inbox: JQuery): Promise<void> {
  const messages = await fetchMessages();
  $('#inbox-stale').prop('hidden', messages !== undefined);
  if (!messages || JSON.stringify(messages) === shown) return;
  shown = JSON.stringify(messages);
  inbox.empty().append(messages.map(bubble));
  dress(inbox);
  $('#inbox-empty').prop('hidden', messages.length > 0);
}

async function fetchMessages(): Promise<Message[] | undefined> {
  return $.getJSON('/dev/messages.json').then(
    (list: unknown) => (Array.isArray(list) ? (list as Message[]) : undefined),
    () => undefined,
  );
}

function bubble({ to, text, at }: Message): JQuery {
  return $('<li class="message">').append(
    $('<p class="meta">').append(
      $('<span class="to">').text(to),
      ' ',
      $('<time>').attr('datetime', new Date(at).toISOString()),
    ),
    $('<p class="bubble">').text(text),
  );
}

/** Makes the messages easy to read: times of this place, numbers in groups, and codes that one click selects. */
function dress(inbox: JQuery): void {
  inbox.find('.to').text((_, to) => readableNumber(to));
  inbox.find('.bubble').each((_, bubble) => {
    const [before, code, after] = aroundCode($(bubble).text());
    if (code) $(bubble).empty().append(before, $('<strong class="code">').text(code), after);
  });
  inbox.find<HTMLTimeElement>('time').each((_, time) => {
    $(time).text(new Date(time.dateTime).toLocaleTimeString([], { timeStyle: 'medium' }));
  });
}
