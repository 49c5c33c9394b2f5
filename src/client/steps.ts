/** Which block of the index page is shown, and which code it waits for. */
import $ from 'jquery';
import { holdButton } from './countdown.ts';
import { watchDelivery } from './delivery.ts';
import {
  clearErrors,
  type Form,
  fill,
  focusFirstEmpty,
  forgetPassword,
  leaveForms,
  showNote,
} from './forms.ts';
import {
  type CodeStep,
  dropStep,
  keepStep,
  keepUsername,
  keptUsername,
  placeOf,
  type Refusal,
  stepAt,
  stepToTry,
  takeNote,
} from './kept.ts';

export type Block = 'login' | 'reset' | 'unlock' | 'wait';

/** Where the person is, as the browser's history keeps it: a block, and the step that it is about. */
interface Place {
  block: Block;
  step: string;
}

/** What a code that was asked for is answered with. */
interface CodeAsked {
  phone: string;
  resendIn: number;
  flow?: string;
}

const STILL_GOOD = 'No further code can be sent just now. The one that you have asked for is still good.';
const REFUSALS: Record<Refusal, string> = {
  wrong_code: 'That was not the code, and it no longer works here.',
  expired_code: 'This code no longer works here.',
};

let here: Place = { block: 'login', step: '' };
let current: CodeStep | undefined;
let watches = 0;

/** The code that is waited for where the person is, if any. */
export function codeStep(): CodeStep | undefined {
  return current;
}

/** The form of a block. */
export function formOf(block: Block): Form {
  return $(`#${block} form`) as Form;
}

/** Shows what a reload interrupted, or with the page before's sentence the login block; and follows Back and Forward. */
export function resume(): void {
  if ($('.block').length === 0) return;
  const note = takeNote();
  if (note) showLogin(note);
  else showPlace();
  $(window).on('popstate', () => {
    // A jump within the page, as by the link to its content, has no place of its own.
    if (history.state === null) history.replaceState(here, '');
    else showPlace();
  });
}

/** Shows the login block, with a sentence about what went well. */
export function showLogin(note = ''): void {
  leaveCode();
  $('.to-code').prop('hidden', !stepToTry());
  fillUsername('login');
  showBlock('login');
  showNote(formOf('login'), note);
}

/** Shows the first step of the reset: the form with its email address alone, and a sentence about why. */
export function showReset(note = ''): void {
  leaveCode();
  setResetStep(1);
  fillUsername('reset');
  showBlock('reset');
  showNote(formOf('reset'), note);
}

/** Shows where to enter the code that was asked for, or how long to wait where none can be had. */
export function enterCode(purpose: CodeStep['purpose'], username: string, asked: CodeAsked): void {
  const now = Date.now();
  const left = asked.flow ? undefined : stepToTry(placeOf({ purpose, username }));
  keepUsername(username);
  showCode({
    purpose,
    username,
    flow: asked.flow ?? left?.flow,
    phone: asked.phone,
    resendAtMs: now + asked.resendIn * 1000,
    askedAtMs: left?.askedAtMs ?? now,
    refusal: asked.flow && asked.flow === current?.flow ? current.refusal : undefined,
  });
  if (left) showNote(formOf(purpose), STILL_GOOD);
}

/** Shows again where to enter the newest code that can still be tried. */
export function returnToCode(): void {
  const step = stepToTry();
  if (step) showCode(step);
}

/** Keeps what an answer tells of a code, wherever the person is by now: its work is done, or its one try is gone. */
export function settleCode(step: CodeStep, status: string): void {
  const kept = stepAt(placeOf(step));
  if (!kept || kept.flow !== step.flow) return;
  if (status === 'ok' || status === 'not_locked') {
    dropStep(step);
    // A new password lifts the lock, and voids its code.
    if (step.purpose === 'reset') dropStep({ ...step, purpose: 'unlock' });
  } else if (status === 'wrong_code' || status === 'expired_code') {
    const refused: CodeStep = { ...kept, refusal: status };
    keepStep(refused);
    if (current?.flow === step.flow) current = refused;
    watches += 1;
  }
}

/** Says that the code can't be used any more: from here only a new one goes on. */
export function showRefusal(form: Form): void {
  clearErrors(form);
  fill(form, 'passcode', '');
  setSpent(form, current?.refusal);
  const again = form.find('.again:enabled');
  (again.length > 0 ? again : form.closest('.block').find('h1')).trigger('focus');
}

/** Lets the next code wait for so many seconds from now. */
export function holdResend(step: CodeStep, seconds: number): void {
  current = { ...step, resendAtMs: Date.now() + seconds * 1000 };
  keepStep(current);
  holdButton(formOf(step.purpose).find('.again'), current.resendAtMs);
}

/** Shows the place that the browser's history names, or the login block where its code is done with. */
function showPlace(): void {
  const place = history.state as Place | null;
  const step = place ? stepAt(place.step) : undefined;
  if (step) {
    showCode(step);
  } else if (place?.block === 'reset' && place.step === '') {
    showReset();
  } else {
    history.replaceState(null, '');
    showLogin();
  }
}

function showCode(step: CodeStep): void {
  const block = step.flow ? step.purpose : 'wait';
  const form = formOf(block);
  current = step;
  keepStep(step);
  forgetPassword(formOf('login'));
  if (block === 'reset') setResetStep(2);
  fill(form, 'username', step.username);
  fill(form, 'passcode', '');
  setSpent(form, step.refusal);
  $(`#${block} .phone`).text(step.phone);
  $(`#${block} .who`).text(step.username);
  showBlock(block, placeOf(step));
  holdButton(form.find('.again'), step.resendAtMs);
  watchMessage(step);
}

/** Shows in the step's card what became of its message. */
function watchMessage({ purpose, flow, refusal }: CodeStep): void {
  watches += 1;
  const watch = watches;
  const line = formOf(purpose).find('.delivery').text('').removeClass('has-failed');
  if (!flow || refusal) return;
  void watchDelivery(
    flow,
    () => watch === watches,
    ({ message, hasFailed, resendIn }) => {
      line.text(message).toggleClass('has-failed', hasFailed);
      if (!current || resendIn === undefined) return;
      // Only a failure brings the next code nearer: the wait may have another reason, of which this answer knows nothing.
      const secondsLeft = Math.ceil((current.resendAtMs - Date.now()) / 1000);
      if (hasFailed || resendIn > secondsLeft) holdResend(current, resendIn);
    },
  );
}

/** A code that was tried can't be typed again; the button for a new one comes to the front. */
function setSpent(form: Form, refusal: Refusal | undefined): void {
  const isSpent = refusal !== undefined;
  form.toggleClass('is-spent', isSpent);
  form
    .find('.spent')
    .prop('hidden', !isSpent)
    .find('.why')
    .text(isSpent ? REFUSALS[refusal] : '');
  form.find('input[name=passcode]').prop('disabled', isSpent);
  form.find('button[type=submit]:not(.again)').prop('disabled', isSpent);
}

/** The step stays kept, for the way back to it. */
function leaveCode(): void {
  current = undefined;
  watches += 1;
  forgetPassword(formOf('reset'));
  fill(formOf('reset'), 'passcode', '');
  fill(formOf('unlock'), 'passcode', '');
}

/** The reset form has two steps: its address alone, then the entire form with the address fixed. */
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
  if (step === 2) holdButton(button, 0);
  else setSpent(form, undefined);
}

function fillUsername(block: Block): void {
  if (keptUsername()) fill(formOf(block), 'username', keptUsername());
}

function showBlock(block: Block, step = ''): void {
  if (block !== here.block || step !== here.step) leaveForms();
  here = { block, step };
  remember(here);
  $('.block').prop('hidden', true);
  $(`#${block}`).prop('hidden', false);
  document.title = [$(`#${block} h1`).text(), $('body').data('service-name')].join(' · ');
  clearErrors(formOf(block));
  $(`#${block} h1`).trigger('focus');
  focusFirstEmpty(formOf(block));
}

/** Lets the browser's Back lead from any other block to the login block. */
function remember(place: Place): void {
  const was = history.state as Place | null;
  const isOtherSide = was !== null && (was.block === 'login') !== (place.block === 'login');
  history[isOtherSide ? 'pushState' : 'replaceState'](place, '');
}
