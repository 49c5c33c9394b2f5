/** The block of a code: its form, what became of its message, and the countdown to a new one. */
import $ from 'jquery';
import type { CodeAsked } from '../engine/outcomes.ts';
import { disableFor, secondsUntil } from './countdown.ts';
import { watchDelivery } from './delivery.ts';
import { clearMessages, type Form, fill, typed, updateTitle } from './forms.ts';
import { tellOtherTabs } from './other-tabs.ts';
import {
  type CodeRefusal,
  codeKey,
  deleteCode,
  findCode,
  type PendingCode,
  type Purpose,
  saveCode,
  usableCode,
} from './tab-storage.ts';
import { receiveCode } from './web-otp.ts';

const SENDING = 'Sending the text…';
/** An older message is no longer being sent. */
const SENDING_MS = 10_000;
const REFUSALS: Record<CodeRefusal, string> = {
  wrong_code: 'That code is wrong, so it no longer works.',
  expired_code: 'This code has expired or was already used.',
};
/** The codes that a right code makes void, also in other tabs. */
const VOIDED: Partial<Record<Purpose, readonly Purpose[]>> = { reset: ['reset', 'unlock', 'signin'] };

let current: PendingCode | undefined;
let watch = new AbortController();

/** Returns the code that the page waits for, if any. */
export function currentCode(): PendingCode | undefined {
  return current;
}

/** Returns the form of the screen or block with that id. */
export function formOf(id: string): Form {
  return $(`#${id} form`) as Form;
}

/** Returns the code that an answer of the server is about. Without a new flow, an older one may still work. */
export function codeFrom(purpose: Purpose, username: string, asked: CodeAsked): PendingCode {
  const now = Date.now();
  const older = asked.flow ? undefined : usableCode(codeKey({ purpose, username }));
  return {
    purpose,
    username,
    flow: asked.flow ?? older?.flow,
    phone: asked.phone,
    resendAtMs: now + asked.resendIn * 1000,
    resendIn: asked.resendIn,
    askedAtMs: older?.askedAtMs ?? now,
    refusal: asked.flow && asked.flow === current?.flow ? current.refusal : undefined,
  };
}

/** Fills in the block with that id, calls `show`, and then counts down and follows the message. */
export function startCodeBlock(id: string, code: PendingCode, show: () => void): void {
  const form = formOf(id);
  current = code;
  saveCode(code);
  fill(form, 'username', code.username);
  fill(form, 'passcode', '');
  setRefused(form, code.refusal);
  $(`#${id} .phone`).text(code.phone);
  $(`#${id} .username`).text(code.username);
  show();
  disableFor(form.find('.again'), secondsUntil(code.resendAtMs, code.resendIn));
  showDelivery(code);
}

/** Ends the block of a code. The code stays saved, so the user can come back to it. */
export function leaveCodeBlock(): void {
  current = undefined;
  watch.abort();
  $('input[name=passcode]').val('');
}

/** Saves what an answer says about a code: done or refused. The user may be on another screen by now. */
export function recordResult(
  code: PendingCode,
  { status, message }: { status: string; message: string },
): void {
  const saved = findCode(codeKey(code));
  if (!saved || saved.flow !== code.flow) return;
  if (status === 'ok' || status === 'code_sent' || status === 'not_locked' || status === 'perhaps_done') {
    for (const purpose of VOIDED[code.purpose] ?? [code.purpose]) {
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
  (resend.length > 0 ? resend : form.closest('.screen, .block').find('h1, h3')).trigger('focus');
}

/** Disables the button for a new code for some seconds from now. */
export function delayResend(code: PendingCode, seconds: number): void {
  current = { ...code, resendAtMs: Date.now() + seconds * 1000, resendIn: seconds };
  saveCode(current);
  disableFor(formOf(code.purpose).find('.again'), seconds);
}

/** Disables the passcode field and the submit button after a refusal, and highlights the button for a new code. */
export function setRefused(form: Form, refusal: CodeRefusal | undefined): void {
  const isRefused = refusal !== undefined;
  form.toggleClass('is-refused', isRefused);
  form.find('.refusal').prop('hidden', !isRefused);
  form.find('.reason').text(isRefused ? REFUSALS[refusal] : '');
  if (isRefused) form.closest('.screen, .block').find('.delivery').text('').removeClass('form-error');
  form.find('input[name=passcode]').prop('disabled', isRefused);
  form.find('button[type=submit]:not(.again)').prop('disabled', isRefused).prop('hidden', isRefused);
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
