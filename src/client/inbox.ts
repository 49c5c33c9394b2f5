/** The developer's inbox: the messages of the console sender, as a phone shows them. */
import $ from 'jquery';
import { aroundCode, readableNumber } from './readable.ts';

const POLL_MS = 2000;

/** Keeps the inbox up to date while its page is open. Does nothing on other pages. */
export function watchInbox(): void {
  const inbox = $('#inbox');
  if (inbox.length === 0) return;
  let shown = inbox.html();
  formatMessages(inbox);

  const refresh = async () => {
    const latest = await fetchInbox();
    $('#inbox-stale').prop('hidden', latest !== undefined);
    if (latest === undefined || latest === shown) return;
    shown = latest;
    formatMessages(inbox.html(latest));
  };
  setInterval(() => {
    if (!document.hidden) void refresh();
  }, POLL_MS);
}

/** Returns the inbox as the server renders it now, or undefined if the server doesn't answer. */
async function fetchInbox(): Promise<string | undefined> {
  const page = $.get({ url: '/dev/messages', dataType: 'html' });
  return page.then(
    (html: string) => $('<div>').append($.parseHTML(html)).find('#inbox').html(),
    () => undefined,
  );
}

/** Shows local times, groups the digits of numbers, and makes codes selectable with one click. */
function formatMessages(inbox: JQuery): void {
  inbox.find('.to').text((_, to) => readableNumber(to));
  inbox.find('.bubble').each((_, bubble) => {
    const [before, code, after] = aroundCode($(bubble).text());
    if (code) $(bubble).empty().append(before, $('<strong class="code">').text(code), after);
  });
  inbox.find<HTMLTimeElement>('time').each((_, time) => {
    $(time).text(new Date(time.dateTime).toLocaleTimeString([], { timeStyle: 'medium' }));
  });
}
