/** Shows one screen of the index page at a time, and the pending code that it is about. */
import $ from 'jquery';
import type { CodeAsked } from '../engine/outcomes.ts';
import { codeFrom, currentCode, formOf, leaveCodeBlock, setRefused, startCodeBlock } from './code-block.ts';
import { disableFor } from './countdown.ts';
import { abandonForms, clearMessages, clearPassword, fill, focusFirstEmpty, showNote } from './forms.ts';
import { setting } from './settings.ts';
import {
  codeKey,
  deleteCode,
  findCode,
  type PendingCode,
  savedUsername,
  saveUsername,
  takeFirstCode,
  takeNote,
  usableCode,
} from './tab-storage.ts';

type ScreenName = 'login' | 'wait' | PendingCode['purpose'];

/** A screen as the browser's history stores it, with the key of its pending code or an empty string. */
interface HistoryEntry {
  screen: ScreenName;
  codeKey: string;
}

const STILL_GOOD = "We can't send another code right now. The code that you asked for still works.";

let here: HistoryEntry = { screen: 'login', codeKey: '' };

/** Shows the first screen: the one before a reload, or login with the previous page's note. Then follows Back and Forward. */
export function startScreens(): void {
  if ($('.screen').length === 0) return;
  const note = takeNote();
  // The script may come late. A user who is typing by then keeps the screen and the focus.
  const login = formOf('login').find<HTMLInputElement>('input');
  const username = login.filter('[name=username]').val();
  if (username) saveUsername(username);
  const code = takeFirstCode();
  if (code) showCode(code);
  else if (note || login.is(':focus')) showLogin(note);
  else if (location.search === '?reset' && history.state === null) showReset();
  else showFromHistory();
  $(window).on('popstate', () => {
    // A jump within the page, for example by the skip link, adds an entry without a state.
    if (history.state === null) history.replaceState(here, '');
    else showFromHistory();
  });
}

/** Shows the login screen, with a sentence about what went well. */
export function showLogin(note = ''): void {
  leaveCode();
  $('.to-code').prop('hidden', !usableCode());
  showWithUsername('login', note);
}

/** Shows the first step of the reset, with the email address only, and a sentence that says why. */
export function showReset(note = ''): void {
  leaveCode();
  setResetStep(1);
  showWithUsername('reset', note);
}

/** Shows the screen for the code that the user asked for. If the server sends no code, shows how long to wait. */
export function showCodeScreen(purpose: PendingCode['purpose'], username: string, asked: CodeAsked): void {
  const code = codeFrom(purpose, username, asked);
  saveUsername(username);
  showCode(code);
  if (code.flow && !asked.flow) showNote(formOf(purpose), STILL_GOOD);
}

/** Shows the screen of the newest usable code again. */
export function returnToCode(): void {
  const code = usableCode();
  if (code) showCode(code);
}

/** Ends a code that the user has given in another tab. */
export function endCode(key: string, note: string): void {
  const code = findCode(key);
  if (!code || $('.screen').length === 0) return;
  deleteCode(code);
  const current = currentCode();
  if (current && codeKey(current) === key) showLogin(note);
}

/** Shows the screen that the browser's history names, or login if its code is done. */
function showFromHistory(): void {
  const entry = history.state as HistoryEntry | null;
  const code = entry ? findCode(entry.codeKey) : undefined;
  if (code) {
    showCode(code);
  } else if (entry?.screen === 'reset' && entry.codeKey === '') {
    showReset();
  } else {
    history.replaceState(null, '');
    showLogin();
  }
}

function showCode(code: PendingCode): void {
  const screen = code.flow ? code.purpose : 'wait';
  clearPassword(formOf('login'));
  if (screen === 'reset') setResetStep(2);
  $('#wait .for-signin').prop('hidden', code.purpose !== 'signin');
  startCodeBlock(screen, code, () => show(screen, codeKey(code)));
}

/** Ends the screen of a code. The code stays saved, so the user can come back to it. */
function leaveCode(): void {
  leaveCodeBlock();
  clearPassword(formOf('reset'));
}

/** Sets the step of the reset form. Step 1 has the address only, step 2 the entire form with a fixed address. */
function setResetStep(step: 1 | 2): void {
  const form = formOf('reset');
  const button = form.find('button[type=submit]');
  form
    .find('input[name=username]')
    .prop('readonly', step === 2)
    .toggleClass('fixed', step === 2);
  form.find('fieldset').prop('disabled', step === 1);
  $('#reset .first-step').prop('hidden', step === 2);
  $('#reset .second-step').prop('hidden', step === 1);
  button.find('.label').text(String(form.data(step === 1 ? 'ask' : 'set')));
  if (step === 2) disableFor(button, 0);
  else setRefused(form, undefined);
}

function showWithUsername(screen: ScreenName, note: string): void {
  const isTyping = formOf(screen).find('input[name=username]').is(':focus');
  if (savedUsername() && !isTyping) fill(formOf(screen), 'username', savedUsername());
  show(screen);
  showNote(formOf(screen), note);
}

function show(screen: ScreenName, key = ''): void {
  if (screen !== here.screen || key !== here.codeKey) abandonForms();
  here = { screen, codeKey: key };
  recordInHistory(here);
  $('.screen').prop('hidden', true);
  $(`#${screen}`).prop('hidden', false);
  document.title = [$(`#${screen} h1`).text(), setting('serviceName')].join(' · ');
  clearMessages(formOf(screen));
  if (formOf(screen).find('input:not(.fixed)').is(':focus')) return;
  $(`#${screen} h1`).trigger('focus');
  focusFirstEmpty(formOf(screen));
}

/** Adds a history entry between login and the other screens, so that Back leads to login. */
function recordInHistory(entry: HistoryEntry): void {
  const previous = history.state as HistoryEntry | null;
  const isNewEntry = previous !== null && (previous.screen === 'login') !== (entry.screen === 'login');
  history[isNewEntry ? 'pushState' : 'replaceState'](entry, '');
}
