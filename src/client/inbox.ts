/** The developer's inbox: the messages that the console sender keeps, as a phone shows them. */
import $ from 'jquery';

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
  localTimes(inbox);
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
  localTimes(inbox);
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
      $('<time>').attr('datetime', new Date(at).toISOString()),
    ),
    $('<p class="bubble">').text(text),
  );
}

function localTimes(inbox: JQuery): void {
  inbox.find<HTMLTimeElement>('time').each((_, time) => {
    $(time).text(new Date(time.dateTime).toLocaleTimeString([], { timeStyle: 'medium' }));
  });
}
