/** Shows one screen of the index page at a time, and the pending code that it is about. */
import $ from 'jquery';
import type { CodeAsked } from '../engine/outcomes.ts';
import { disableFor, secondsUntil } from './countdown.ts';
import { watchDelivery } from './delivery.ts';
import {
  abandonForms,
  clearMessages,
  clearPassword,
  type Form,
  fill,
  focusFirstEmpty,
  showNote,
  typed,
  updateTitle,
} from './forms.ts';
import { tellOtherTabs } from './other-tabs.ts';
import { setting } from './settings.ts';
import {
  type CodeRefusal,
  codeKey,
  deleteCode,
  findCode,
  type PendingCode,
  saveCode,
  savedUsername,
  saveUsername,
  takeNote,
  usableCode,
} from './tab-storage.ts';
import { receiveCode } from './web-otp.ts';

export type ScreenName = 'login' | 'reset' | 'unlock' | 'wait';

/** A screen as the browser's history stores it, with the key of its pending code or an empty string. */
interface HistoryEntry {
  screen: ScreenName;
  codeKey: string;
}

const STILL_GOOD = "We can't send another code right now. The code that you asked for still works.";
const SENDING = 'Sending the text…';
/** An older message is no longer being sent. */
const SENDING_MS = 10_000;
const REFUSALS: Record<CodeRefusal, string> = {
  wrong_code: 'That code is wrong, so it no longer works.',
  expired_code: 'This code has expired or was already used.',
};

let here: HistoryEntry = { screen: 'login', codeKey: '' };
let current: PendingCode | undefined;
let watch = new AbortController();

/** Returns the code that the screen waits for, if any. */
export function currentCode(): PendingCode | undefined {
  return current;
}

/** Returns the form of a screen. */
export function formOf(screen: ScreenName): Form {
  return $(`#${screen} form`) as Form;
}

/** Shows the first screen: the one before a reload, or login with the previous page's note. Then follows Back and Forward. */
export function startScreens(): void {
  if ($('.screen').length === 0) return;
  const note = takeNote();
  // The script may come late. A user who is typing by then keeps the screen and the focus.
  const login = formOf('login').find<HTMLInputElement>('input');
  const username = login.filter('[name=username]').val();
  if (username) saveUsername(username);
  if (note || login.is(':focus')) showLogin(note);
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
  const now = Date.now();
  const older = asked.flow ? undefined : usableCode(codeKey({ purpose, username }));
  saveUsername(username);
  showCode({
    purpose,
    username,
    flow: asked.flow ?? older?.flow,
    phone: asked.phone,
    resendAtMs: now + asked.resendIn * 1000,
    resendIn: asked.resendIn,
    askedAtMs: older?.askedAtMs ?? now,
    refusal: asked.flow && asked.flow === current?.flow ? current.refusal : undefined,
  });
  if (older) showNote(formOf(purpose), STILL_GOOD);
}

/** Shows the screen of the newest usable code again. */
export function returnToCode(): void {
  const code = usableCode();
  if (code) showCode(code);
}

/** Ends a code that the user has given in another tab. */
export function endCode(key: string, note: string): void {
  const code = findCode(key);
  if (!code) return;
  deleteCode(code);
  if (current && codeKey(current) === key) showLogin(note);
}

/** Saves what an answer says about a code: done or refused. The user may be on another screen by now. */
export function recordResult(
  code: PendingCode,
  { status, message }: { status: string; message: string },
): void {
  const saved = findCode(codeKey(code));
  if (!saved || saved.flow !== code.flow) return;
  if (status === 'ok' || status === 'not_locked' || status === 'perhaps_done') {
    // A new password removes the lock, and makes its code void.
    const purposes = code.purpose === 'reset' ? (['reset', 'unlock'] as const) : (['unlock'] as const);
    for (const purpose of purposes) {
      const done: PendingCode = { ...code, purpose };
      deleteCode(done);
      // If it is only perhaps done, a code of another tab may still be valid.
      if (status !== 'perhaps_done') tellOtherTabs({ kind: 'code', key: codeKey(done), message });
    }
  } else if (status === 'wrong_code' || status === 'expired_code') {
    const refused: PendingCode = { ...saved, refusal: status };
    saveCode(refused);
    if (current?.flow !== code.flow) return;
    current = refused;
    watch.abort();
  }
}

/** Shows that the code was refused, and focuses the button for a new one. */
export function showRefusal(form: Form): void {
  clearMessages(form);
  fill(form, 'passcode', '');
  setRefused(form, current?.refusal);
  updateTitle();
  const resend = form.find('.again:enabled');
  (resend.length > 0 ? resend : form.closest('.screen').find('h1')).trigger('focus');
}

/** Disables the button for a new code for some seconds from now. */
export function delayResend(code: PendingCode, seconds: number): void {
  current = { ...code, resendAtMs: Date.now() + seconds * 1000, resendIn: seconds };
  saveCode(current);
  disableFor(formOf(code.purpose).find('.again'), seconds);
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
  const form = formOf(screen);
  current = code;
  saveCode(code);
  clearPassword(formOf('login'));
  if (screen === 'reset') setResetStep(2);
  fill(form, 'username', code.username);
  fill(form, 'passcode', '');
  setRefused(form, code.refusal);
  $(`#${screen} .phone`).text(code.phone);
  $(`#${screen} .username`).text(code.username);
  show(screen, codeKey(code));
  disableFor(form.find('.again'), secondsUntil(code.resendAtMs, code.resendIn));
  showDelivery(code);
}

/** Shows the delivery status of the code's message, until another code or screen is shown. */
function showDelivery({ purpose, flow, refusal, askedAtMs }: PendingCode): void {
  watch.abort();
  watch = new AbortController();
  const isNew = flow && !refusal && Date.now() - askedAtMs < SENDING_MS;
  const form = formOf(purpose).removeClass('has-failed');
  const line = $(`#${purpose} .delivery`).text(isNew ? SENDING : '');
  line.removeClass('form-error');
  if (!flow || refusal) return;
  void watchDelivery(flow, watch.signal, ({ message, delivery, resendIn }) => {
    const hasFailed = delivery === 'failed';
    line.text(message).toggleClass('form-error', hasFailed);
    form.toggleClass('has-failed', hasFailed);
    if (!current || resendIn === undefined) return;
    // Only a failure shortens the wait, because other limits may need a longer one than this answer says.
    const secondsLeft = secondsUntil(current.resendAtMs, current.resendIn);
    if (hasFailed ? resendIn !== secondsLeft : resendIn > secondsLeft) delayResend(current, resendIn);
  });
  void receiveCode(watch.signal).then((passcode) => {
    if (passcode && typed(form, 'passcode') === '') fill(form, 'passcode', passcode);
  });
}

/** Disables the passcode field and the submit button after a refusal, and highlights the button for a new code. */
function setRefused(form: Form, refusal: CodeRefusal | undefined): void {
  const isRefused = refusal !== undefined;
  form.toggleClass('is-refused', isRefused);
  form.find('.refusal').prop('hidden', !isRefused);
  form.find('.reason').text(isRefused ? REFUSALS[refusal] : '');
  if (isRefused) form.closest('.screen').find('.delivery').text('').removeClass('form-error');
  form.find('input[name=passcode]').prop('disabled', isRefused);
  form.find('button[type=submit]:not(.again)').prop('disabled', isRefused).prop('hidden', isRefused);
}

/** Ends the screen of a code. The code stays saved, so the user can come back to it. */
function leaveCode(): void {
  current = undefined;
  watch.abort();
  clearPassword(formOf('reset'));
  fill(formOf('reset'), 'passcode', '');
  fill(formOf('unlock'), 'passcode', '');
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
