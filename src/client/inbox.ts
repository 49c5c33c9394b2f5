/** The developer's inbox: the messages of the console sender, as a phone shows them. */
import $ from 'jquery';
import { aroundCode, readableNumber } from './readable.ts';

/** The browser opens a stream again that broke. This one is for a stream that the server refused. */
const RETRY_MS = 2000;

/** Keeps the inbox up to date while its page is visible. Does nothing on other pages. */
export function watchInbox(): void {
  const inbox = $('#inbox');
  if (inbox.length === 0) return;
  let shown = inbox.html();
  let fetches = 0;
  formatMessages(inbox);

  const refresh = async () => {
    fetches += 1;
    const fetch = fetches;
    const latest = await fetchInbox();
    // A later fetch knows more.
    if (fetch !== fetches) return;
    $('#inbox-stale').prop('hidden', latest !== undefined);
    if (latest === undefined || latest === shown) return;
    shown = latest;
    formatMessages(inbox.html(latest));
  };
  inbox.on('click', '.code', ({ currentTarget }) => void copyCode($(currentTarget).text()));
  onNewMessages(() => void refresh());
}

/**
 * Calls `refresh` when a message came, and when the stream of events begins or breaks. A hidden page has no stream, because a
 * browser opens only six connections to a host.
 */
function onNewMessages(refresh: () => void): void {
  let events: EventSource | undefined;
  const open = () => {
    events?.close();
    events = undefined;
    if (document.hidden) return;
    const stream = new EventSource('/dev/messages/events');
    events = stream;
    $(stream).on('open message error', ({ type }) => {
      refresh();
      if (type === 'error' && stream.readyState === EventSource.CLOSED) setTimeout(open, RETRY_MS);
    });
  };
  $(document).on('visibilitychange', open);
  open();
}

/** Returns the inbox as the server renders it now, or undefined if the server doesn't answer. */
async function fetchInbox(): Promise<string | undefined> {
  const page = $.get({ url: '/dev/messages', dataType: 'html' });
  return page.then(
    (html: string) => $('<div>').append($.parseHTML(html)).find('#inbox').html(),
    () => undefined,
  );
}

/** Shows local times, groups the digits of numbers, and makes each code a button that copies it. */
function formatMessages(inbox: JQuery): void {
  inbox.find('.to').text((_, to) => readableNumber(to));
  inbox.find('.bubble').each((_, bubble) => {
    const [before, code, after] = aroundCode($(bubble).text());
    if (code) bubble.replaceChildren(before, codeButton(code), after);
  });
  inbox.find<HTMLTimeElement>('time').each((_, time) => {
    $(time).text(new Date(time.dateTime).toLocaleTimeString([], { timeStyle: 'medium' }));
  });
}

function codeButton(code: string): HTMLElement {
  const label = `Copy code ${code}`;
  return $<HTMLElement>('<button type="button" class="code">')
    .text(code)
    .attr({ 'aria-label': label, title: label })[0] as HTMLElement;
}

/** Copies a code, and says so. Browsers allow it on loopback and https pages only. */
async function copyCode(code: string): Promise<void> {
  const said = await navigator.clipboard.writeText(code).then(
    () => `Copied ${code}.`,
    () => `The browser does not allow copying. The code is ${code}.`,
  );
  $('#inbox-copied').text(said);
}
